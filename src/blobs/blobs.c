/* The blob store: checks names and digests once for every implementation, then hands over to it. */
#include "blobs/blobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "blobs/blobs_backend.h"
#include "core/fault.h"

enum { CONTAINER_MIN = 3, CONTAINER_MAX = 63, REMOVE_PAGE = 500, JOB_PREFIX_LENGTH = 5 + OBJECT_ID_MAX - 1 + 1 };

struct blobs {
    const struct blobs_backend *backend;
    void *self;
};

/* 3..63 of [a-z0-9-], a letter or digit at both ends, no two hyphens in a row (Azure: naming containers). */
static bool container_valid(const char *name) {
    size_t length = name ? strlen(name) : 0;
    if (length < CONTAINER_MIN || length > CONTAINER_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        bool hyphen = name[i] == '-';
        if (!hyphen && !(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9')) {
            return false;
        }
        if (hyphen && (i == 0 || i + 1 == length || name[i + 1] == '-')) {
            return false;
        }
    }
    return true;
}

static enum outcome check_name(const char *name, struct error *err) {
    if (!blob_name_parse(name, NULL, NULL, NULL, NULL)) {
        return error_set(err, INVALID, "bad_blob_name", "not the name of a blob: %.100s", name);
    }
    return OK;
}

enum outcome blobs_open(const struct blobs_config *config, struct blobs **ret, struct error *err) {
    if (!container_valid(config->container)) {
        return error_set(err, INVALID, "bad_container",
                         "a container's name is 3 to 63 small letters, digits and single hyphens, not \"%.70s\"",
                         config->container ? config->container : "");
    }
    struct blobs opened = {0};
    bool azure = config->azure_conn || config->azure_conn_file;
    enum outcome outcome = azure ? blobs_azure_open(config, &opened.backend, &opened.self, err)
                                 : blobs_dir_open(config, &opened.backend, &opened.self, err);
    if (outcome != OK) {
        return outcome;
    }
    *ret = x_alloc(sizeof(**ret));
    **ret = opened;
    return OK;
}

void blobs_close(struct blobs *blobs) {
    if (blobs) {
        blobs->backend->close(blobs->self);
        free(blobs);
    }
}

enum outcome blobs_put(struct blobs *blobs, const char *name, const void *bytes, size_t size_bytes, bool *ret_created,
                       struct error *err) {
    char sha256[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, bytes, size_bytes, sha256);
    bool named_by_content = blob_name_matches(name, sha256);
    assert(named_by_content);
    enum outcome outcome = check_name(name, err);
    if (outcome != OK) {
        return outcome;
    }
    if (!named_by_content) {
        return error_set(err, INVALID, "bad_blob_name", "%s does not carry the digest of its bytes", name);
    }
    bool created = false;
    outcome = blobs->backend->put(blobs->self, name, bytes, size_bytes, &created, err);
    if (outcome == OK && ret_created) {
        *ret_created = created;
    }
    return outcome;
}

enum outcome blobs_get(struct blobs *blobs, const char *name, struct buf *ret, struct error *err) {
    enum outcome outcome = check_name(name, err);
    return outcome == OK ? blobs->backend->get(blobs->self, name, ret, err) : outcome;
}

enum outcome blobs_size(struct blobs *blobs, const char *name, int64_t *ret_size_bytes, struct error *err) {
    enum outcome outcome = check_name(name, err);
    return outcome == OK ? blobs->backend->size(blobs->self, name, ret_size_bytes, err) : outcome;
}

enum outcome blobs_read(struct blobs *blobs, const char *name, int64_t offset_bytes, void *out, size_t out_size,
                        size_t *ret_read, struct error *err) {
    enum outcome outcome = check_name(name, err);
    if (outcome != OK) {
        return outcome;
    }
    if (offset_bytes < 0) {
        return error_set(err, INVALID, "bad_range", "a range starts at 0 or later");
    }
    return blobs->backend->read(blobs->self, name, offset_bytes, out, out_size, ret_read, err);
}

enum outcome blobs_list(struct blobs *blobs, const char *prefix, const char *after, int limit, struct blob_names *ret,
                        struct error *err) {
    struct blob_names found = {0};
    enum outcome outcome =
        blobs->backend->list(blobs->self, prefix ? prefix : "", after ? after : "", limit, &found, err);
    if (outcome != OK) {
        blob_names_finish(&found);
        return outcome;
    }
    *ret = found;
    return OK;
}

static enum outcome settle_removals(struct blobs *blobs, const char *name, struct error *err) {
    return blobs->backend->removed ? blobs->backend->removed(blobs->self, name, err) : OK;
}

enum outcome blobs_remove(struct blobs *blobs, const char *name, struct error *err) {
    enum outcome outcome = check_name(name, err);
    if (outcome == OK) {
        outcome = blobs->backend->remove(blobs->self, name, err);
    }
    return outcome == OK ? settle_removals(blobs, name, err) : outcome;
}

static bool names_one_job(const char *prefix) {
    char job_id[OBJECT_ID_MAX] = "";
    if (!str_starts_with(prefix, "jobs/") || strnlen(prefix, JOB_PREFIX_LENGTH) < JOB_PREFIX_LENGTH) {
        return false;
    }
    memcpy(job_id, prefix + 5, OBJECT_ID_MAX - 1);
    return object_id_valid(job_id) && prefix[JOB_PREFIX_LENGTH - 1] == '/';
}

static enum outcome remove_page(struct blobs *blobs, const struct blob_names *page, int64_t *removed,
                                struct error *err) {
    enum outcome outcome = OK;
    for (int i = 0; outcome == OK && i < page->count; i++) {
        outcome = blobs->backend->remove(blobs->self, page->items[i], err);
        FAULT_POINT("blob_removed");
        *removed += outcome == OK;
    }
    return outcome;
}

enum outcome blobs_remove_under(struct blobs *blobs, const char *prefix, int64_t *ret_removed, struct error *err) {
    if (!names_one_job(prefix)) {
        return error_set(err, INVALID, "bad_prefix", "not the start of a job's blobs: %.100s", prefix);
    }
    char after[BLOB_NAME_MAX] = "";
    int64_t removed = 0;
    enum outcome outcome;
    int found;
    do {
        struct blob_names page = {0};
        outcome = blobs_list(blobs, prefix, after, REMOVE_PAGE, &page, err);
        found = outcome == OK ? page.count : 0;
        if (found > 0) {
            (void)str_copy(after, sizeof(after), page.items[found - 1]);
        }
        if (outcome == OK) {
            outcome = remove_page(blobs, &page, &removed, err);
        }
        blob_names_finish(&page);
    } while (outcome == OK && found == REMOVE_PAGE);
    if (outcome == OK) {
        outcome = settle_removals(blobs, prefix, err);
    }
    if (ret_removed) {
        *ret_removed = removed;
    }
    return outcome;
}

enum outcome blobs_any_under(struct blobs *blobs, const char *prefix, bool *ret_any, struct error *err) {
    struct blob_names first = {0};
    enum outcome outcome = blobs_list(blobs, prefix, NULL, 1, &first, err);
    if (outcome == OK) {
        *ret_any = first.count > 0;
    }
    blob_names_finish(&first);
    return outcome;
}

enum outcome blobs_sync(struct blobs *blobs, struct error *err) {
    return blobs->backend->sync ? blobs->backend->sync(blobs->self, err) : OK;
}

int64_t blobs_clock_offset_ms(struct blobs *blobs) {
    return blobs->backend->clock_offset_ms ? blobs->backend->clock_offset_ms(blobs->self) : 0;
}

enum outcome blobs_url(struct blobs *blobs, const char *name, char ret[BLOB_URL_MAX], struct error *err) {
    enum outcome outcome = check_name(name, err);
    return outcome == OK ? blobs->backend->url(blobs->self, name, ret, err) : outcome;
}

void blob_names_add(struct blob_names *names, const char *name) {
    size_t count = (size_t)names->count;
    if ((count & (count + 1)) == 0) { /* grows at 0, 1, 3, 7 … */
        names->items = x_realloc(names->items, count * 2 + 1, sizeof(*names->items));
    }
    (void)str_copy(names->items[count], sizeof(*names->items), name);
    names->count++;
}

void blob_names_finish(struct blob_names *names) {
    if (names) {
        free(names->items);
        *names = (struct blob_names){0};
    }
}
