/* Names of blobs. */
#include "core/blob_name.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

enum { HEX_DIGITS = 16 };

static const struct {
    const char *extension;
    const char *content_type;
} kinds[] = {
    [BLOB_TEXT] = {"txt", "text/plain; charset=utf-8"},
    [BLOB_ORIGINAL] = {"pdf", "application/pdf"},
    [BLOB_FIELDS] = {"json", "application/json"},
};

void blob_name_document(const char *job_id, int number, enum blob_kind kind, const char *sha256_hex,
                        char ret[BLOB_NAME_MAX]) {
    assert(object_id_valid(job_id) && number >= 1 && str_is_hex(sha256_hex, 64));
    (void)str_format(ret, BLOB_NAME_MAX, "jobs/%s/document_%d.%.*s.%s", job_id, number, HEX_DIGITS, sha256_hex,
                     kinds[kind].extension);
}

void blob_name_manifest(const char *job_id, const char *sha256_hex, char ret[BLOB_NAME_MAX]) {
    assert(object_id_valid(job_id) && str_is_hex(sha256_hex, 64));
    (void)str_format(ret, BLOB_NAME_MAX, "jobs/%s/manifest.%.*s.json", job_id, HEX_DIGITS, sha256_hex);
}

void blob_name_prefix(const char *job_id, char ret[BLOB_NAME_MAX]) {
    (void)str_format(ret, BLOB_NAME_MAX, "jobs/%s/", job_id);
}

void document_file_name(int number, const char *extension, char ret[64]) {
    (void)str_format(ret, 64, "document_%d.%s", number, extension);
}

/* The number that ends at `end`, as blob_name_document writes it: no sign, no leading zero. */
static bool read_number(const char *text, const char *end, int *ret) {
    char digits[8];
    size_t length = (size_t)(end - text);
    int64_t number = 0;
    if (length == 0 || length >= sizeof(digits) || *text == '0') {
        return false;
    }
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (!num_parse(digits, 1, FILINGS_MAX, &number)) {
        return false;
    }
    *ret = (int)number;
    return true;
}

static bool is_extension(const char *text) {
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq(text, kinds[i].extension)) {
            return true;
        }
    }
    return false;
}

bool blob_name_parse(const char *name, char ret_job_id[OBJECT_ID_MAX], int *ret_number, char ret_hex[17],
                     char ret_extension[8]) {
    char job_id[OBJECT_ID_MAX] = "";
    char hex[HEX_DIGITS + 1] = "";
    int number = 0;
    if (!str_starts_with(name, "jobs/") || strnlen(name, 31) < 31 || name[29] != '/') {
        return false;
    }
    memcpy(job_id, name + 5, OBJECT_ID_MAX - 1);
    const char *file = name + 30;
    const char *dot = strchr(file, '.');
    bool manifest = str_starts_with(file, "manifest.");
    if (!object_id_valid(job_id) || !dot) {
        return false;
    }
    if (!manifest && (!str_starts_with(file, "document_") || !read_number(file + 9, dot, &number))) {
        return false;
    }
    if (strnlen(dot + 1, HEX_DIGITS + 1) < HEX_DIGITS + 1 || dot[HEX_DIGITS + 1] != '.') {
        return false;
    }
    memcpy(hex, dot + 1, HEX_DIGITS);
    const char *extension = dot + HEX_DIGITS + 2;
    if (!str_is_hex(hex, HEX_DIGITS) || !(manifest ? str_eq(extension, "json") : is_extension(extension))) {
        return false;
    }
    if (ret_job_id) {
        memcpy(ret_job_id, job_id, sizeof(job_id));
    }
    if (ret_number) {
        *ret_number = number;
    }
    if (ret_hex) {
        memcpy(ret_hex, hex, sizeof(hex));
    }
    if (ret_extension) {
        (void)str_copy(ret_extension, 8, extension);
    }
    return true;
}

bool blob_name_matches(const char *name, const char *sha256_hex) {
    char hex[HEX_DIGITS + 1];
    return str_is_hex(sha256_hex, 64) && blob_name_parse(name, NULL, NULL, hex, NULL) &&
           memcmp(hex, sha256_hex, HEX_DIGITS) == 0;
}

const char *blob_content_type(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (dot && str_eq(dot + 1, kinds[i].extension)) {
            return kinds[i].content_type;
        }
    }
    return "application/octet-stream";
}
