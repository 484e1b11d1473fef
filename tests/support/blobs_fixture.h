/* A blob store of a test's own, and calls on it that must succeed. */
#pragma once

#include "support/test.h"

#include <limits.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "blobs/blobs.h"
#include "support/folder.h"

struct fixture {
    const char *name;
    char folder[FOLDER_PATH_MAX];
    struct blobs_config config;
    struct blobs *blobs;
    /* puts other bytes where a blob is, as a broken disk would */
    void (*damage)(struct fixture *fixture, const char *name, const char *bytes);
};

static inline void blob_path(const struct fixture *fixture, const char *name, char out[PATH_MAX]) {
    assert_true(str_format(out, PATH_MAX, "%s/blobs/documents/%s", fixture->folder, name));
}

static inline void blobs_fixture_open(struct fixture *fixture) {
    struct error err = {0};
    folder_make(fixture->folder);
    fixture->config = (struct blobs_config){.data_dir = fixture->folder, .container = "documents", .create = true};
    assert_int_equal(blobs_open(&fixture->config, &fixture->blobs, &err), OK);
}

static inline void blobs_fixture_close(struct fixture *fixture) {
    blobs_close(fixture->blobs);
    folder_remove(fixture->folder);
}

static inline void name_of(const char *job, int number, enum blob_kind kind, const char *bytes,
                           char out[BLOB_NAME_MAX]) {
    char sha256[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, bytes, strlen(bytes), sha256);
    blob_name_document(job, number, kind, sha256, out);
}

static inline bool put(struct fixture *fixture, const char *name, const char *bytes) {
    struct error err = {0};
    bool created = false;
    enum outcome outcome = blobs_put(fixture->blobs, name, bytes, strlen(bytes), &created, &err);
    if (outcome != OK) {
        fail_msg("put %s: %s", name, err.message);
    }
    return created;
}

static inline void assert_bytes(struct fixture *fixture, const char *name, const char *bytes) {
    AUTO_BUF struct buf got = BUF_INIT(1 << 20);
    struct error err = {0};
    assert_int_equal(blobs_get(fixture->blobs, name, &got, &err), OK);
    assert_int_equal(got.size_bytes, strlen(bytes));
    assert_string_equal(buf_str(&got), bytes);
}

static inline void assert_absent(struct fixture *fixture, const char *name) {
    AUTO_BUF struct buf got = BUF_INIT(100);
    struct error err = {0};
    int64_t size = 0;
    assert_int_equal(blobs_get(fixture->blobs, name, &got, &err), GONE);
    assert_string_equal(err.code, "no_blob");
    assert_int_equal(blobs_size(fixture->blobs, name, &size, &err), GONE);
}
