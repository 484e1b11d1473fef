/* Names of the model's blobs and manifests, made by the real rules: a reading is a text, its name carries its digest, a
 * manifest follows from list and rows. The model then works with numbers for them. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "core/blob_name.h"
#include "core/manifest.h"
#include "model/world.h"

enum { PER_LIST = 27, MANIFESTS = 2 * PER_LIST }; /* 3 filings, each with no row or one of 2 readings */
#define JOB_ID "65a000000000000000000001"
#define CIN "U72200MH2020PTC123456"

static char text_names[M_FILINGS][M_READINGS][BLOB_NAME_MAX];
static char manifest_names[MANIFESTS + 1][BLOB_NAME_MAX];

static void name_text(int n, int reading) {
    char text[64];
    char sha256[HASH_HEX_MAX];
    (void)str_format(text, sizeof(text), "filing %d as reader %d understands it", n + 1, reading + 1);
    hash_hex(HASH_SHA256, text, strlen(text), sha256);
    blob_name_document(JOB_ID, n + 1, BLOB_TEXT, sha256, text_names[n][reading]);
    assert(blob_name_matches(text_names[n][reading], sha256));
}

static void fill_row(int n, int reading, struct document *ret) {
    *ret = (struct document){.number = n + 1, .state = DOCUMENT_STORED, .text_bytes = 33};
    (void)str_copy(ret->text_name, sizeof(ret->text_name), text_names[n][reading]);
    (void)str_format(ret->text_md5, sizeof(ret->text_md5), "%032d", n * M_READINGS + reading);
}

/* `code` holds the reading of filing n as its digit n in base 3; nothing when a row is missing or one too many. */
static void name_manifest(int id, int code, int count) {
    struct filing filings[M_FILINGS] = {0};
    struct document rows[M_FILINGS];
    const struct filing_list list = {.items = filings, .count = count};
    AUTO_BUF struct buf bytes = BUF_INIT(MANIFEST_MAX_BYTES);
    char sha256[HASH_HEX_MAX];
    struct error err = {0};
    for (int n = 0; n < count; n++, code /= 3) {
        if (code % 3 == 0) {
            return;
        }
        filings[n].number = n + 1;
        fill_row(n, code % 3 - 1, &rows[n]);
    }
    enum outcome outcome = manifest_build(JOB_ID, CIN, &list, rows, count, &bytes, &err);
    assert(outcome == OK);
    (void)outcome;
    hash_hex(HASH_SHA256, bytes.data, bytes.size_bytes, sha256);
    blob_name_manifest(JOB_ID, sha256, manifest_names[id]);
}

static int power_of_3(int exponent) {
    return exponent == 0 ? 1 : 3 * power_of_3(exponent - 1);
}

/* Every name is another one, so numbers stand for them. A list that is short is one of fewer filings: its manifests are
 * numbered apart. Manifests are named when they are first asked for. */
void names_make(void) {
    memset(manifest_names, 0, sizeof(manifest_names));
    for (int n = 0; n < M_FILINGS; n++) {
        name_text(n, 0);
        name_text(n, 1);
        assert(!str_eq(text_names[n][0], text_names[n][1]));
    }
}

uint8_t manifest_id(const struct model_config *config, uint8_t list, const uint8_t rows[M_FILINGS]) {
    int count = world_list_count(config, list);
    int code = 0;
    for (int n = count; n-- > 0;) {
        code = code * 3 + rows[n];
    }
    int id = 1 + code + (list == LIST_SHORT ? PER_LIST : 0);
    if (!*manifest_names[id]) {
        assert(code < power_of_3(count));
        name_manifest(id, code, count);
    }
    return (uint8_t)id;
}

const char *manifest_name(uint8_t id) {
    return manifest_names[id];
}

uint8_t manifest_find(const char *name) {
    for (int id = 1; id <= MANIFESTS && *name; id++) {
        if (str_eq(manifest_names[id], name)) {
            return (uint8_t)id;
        }
    }
    assert(!*name);
    return 0;
}

int blob_slot(const struct model_config *config, uint8_t reading) {
    return off(config, GUARD_BLOB_NAME) ? 0 : reading - 1;
}
