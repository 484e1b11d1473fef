/* Signing requests to Azure Blob Storage; see azure_sign.h. */
#include "blobs/azure_sign.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/str.h"
#include "base/url.h"

#define METADATA "x-ms-meta-"

void azure_add_query(struct azure_message *message, const char *name, const char *value) {
    assert(message->query_count < AZURE_PAIRS_MAX);
    message->query[message->query_count++] = (struct azure_pair){name, value};
}

void azure_add_header(struct azure_message *message, const char *name, const char *value) {
    assert(message->header_count < AZURE_PAIRS_MAX);
    message->headers[message->header_count++] = (struct azure_pair){name, value};
}

/* ---- the string to sign ---- */

static bool append_lower(struct buf *out, const char *text) {
    bool fits = true;
    for (; *text && fits; text++) {
        fits = buf_append_char(out, *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text);
    }
    return fits;
}

static bool append_trimmed(struct buf *out, const char *text) {
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t", text[size - 1])) {
        size--;
    }
    return buf_append(out, text, size);
}

static const char *header(const struct azure_message *message, const char *name) {
    for (size_t i = 0; i < message->header_count; i++) {
        if (strcasecmp(message->headers[i].name, name) == 0) {
            return message->headers[i].value;
        }
    }
    return "";
}

static bool append_standard_headers(struct buf *out, const struct azure_message *message) {
    static const char *const before[] = {"Content-Encoding", "Content-Language"};
    static const char *const behind[] = {"Content-MD5",         "Content-Type", "Date",
                                         "If-Modified-Since",   "If-Match",     "If-None-Match",
                                         "If-Unmodified-Since", "Range"};
    bool fits = buf_append_str(out, message->method) && buf_append_char(out, '\n');
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        fits = fits && append_trimmed(out, header(message, before[i])) && buf_append_char(out, '\n');
    }
    if (message->content_length > 0) { /* since version 2015-02-21 a length of 0 is signed as nothing */
        fits = fits && buf_printf(out, "%zu", message->content_length);
    }
    fits = fits && buf_append_char(out, '\n');
    for (size_t i = 0; i < COUNT_OF(behind); i++) {
        fits = fits && append_trimmed(out, header(message, behind[i])) && buf_append_char(out, '\n');
    }
    return fits;
}

static int by_name(const void *a, const void *b) {
    const struct azure_pair *one = a;
    const struct azure_pair *two = b;
    int order = strcasecmp(one->name, two->name);
    return order ? order : strcmp(one->value, two->value);
}

static bool append_service_headers(struct buf *out, const struct azure_message *message) {
    struct azure_pair sorted[AZURE_PAIRS_MAX];
    size_t count = 0;
    bool fits = true;
    for (size_t i = 0; i < message->header_count; i++) {
        if (strncasecmp(message->headers[i].name, "x-ms-", 5) == 0) {
            sorted[count++] = message->headers[i];
        }
    }
    qsort(sorted, count, sizeof(*sorted), by_name);
    for (size_t i = 0; i < count; i++) {
        fits = fits && append_lower(out, sorted[i].name) && buf_append_char(out, ':') &&
               append_trimmed(out, sorted[i].value) && buf_append_char(out, '\n');
    }
    return fits;
}

static bool append_resource(struct buf *out, const struct azure_message *message, const char *account) {
    struct azure_pair sorted[AZURE_PAIRS_MAX];
    bool fits = buf_append_char(out, '/') && buf_append_str(out, account) && buf_append_str(out, message->path);
    memcpy(sorted, message->query, message->query_count * sizeof(*sorted));
    qsort(sorted, message->query_count, sizeof(*sorted), by_name);
    for (size_t i = 0; i < message->query_count; i++) {
        fits = fits && buf_append_char(out, '\n') && append_lower(out, sorted[i].name) && buf_append_char(out, ':') &&
               buf_append_str(out, sorted[i].value);
    }
    return fits;
}

static bool metadata_valid(const char *name) {
    bool letter = *name >= 'a' && *name <= 'z';
    return letter && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0';
}

enum outcome azure_string_to_sign(const struct azure_message *message, const char *account, struct buf *out,
                                  struct error *err) {
    for (size_t i = 0; i < message->header_count; i++) {
        const char *name = message->headers[i].name;
        if (strncasecmp(name, METADATA, strlen(METADATA)) == 0 && !metadata_valid(name + strlen(METADATA))) {
            return error_set(err, INVALID, "bad_metadata",
                             "a name of metadata is a small letter and then small letters and digits");
        }
    }
    if (!append_standard_headers(out, message) || !append_service_headers(out, message) ||
        !append_resource(out, message, account)) {
        return error_set(err, INVALID, "too_large", "a request is too large to be signed");
    }
    return OK;
}

void azure_signature(const void *key, size_t key_size, const char *text, char ret[AZURE_SIGNATURE_MAX]) {
    unsigned char raw[HASH_RAW_MAX];
    _Static_assert(BASE64_SIZE(sizeof(raw)) == AZURE_SIGNATURE_MAX, "a signature in base64");
    hmac_sha256(key, key_size, text, strlen(text), raw);
    base64_encode(ret, raw, sizeof(raw));
}

/* ---- URLs ---- */

bool azure_append_path(struct buf *out, const char *base, const char *container, const char *name) {
    bool fits = buf_append_str(out, base) && buf_append_char(out, '/') && url_escape(out, container);
    if (!name) {
        return fits;
    }
    char *copy AUTO_FREE = x_strdup(name);
    char *rest = copy;
    for (char *segment = strsep(&rest, "/"); segment; segment = strsep(&rest, "/")) {
        fits = fits && buf_append_char(out, '/') && url_escape(out, segment);
    }
    return fits;
}

bool azure_append_query(struct buf *out, const struct azure_message *message) {
    bool fits = true;
    for (size_t i = 0; i < message->query_count; i++) {
        fits = fits && buf_append_char(out, i == 0 ? '?' : '&') && url_escape(out, message->query[i].name) &&
               buf_append_char(out, '=') && url_escape(out, message->query[i].value);
    }
    return fits;
}

/* ---- dates ---- */

static const char weekdays[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

void azure_date_format(int64_t time_ms, char ret[AZURE_DATE_MAX]) {
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    (void)str_format(ret, AZURE_DATE_MAX, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                     weekdays + (ptrdiff_t)tm.tm_wday * 3, tm.tm_mday, months + (ptrdiff_t)tm.tm_mon * 3,
                     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool read_part(const char *text, size_t at, size_t digits, int64_t min, int64_t max, int *ret) {
    char part[8];
    int64_t number = 0;
    (void)str_format(part, sizeof(part), "%.*s", (int)digits, text + at);
    bool valid = part[0] != '-' && num_parse(part, min, max, &number);
    *ret = (int)number;
    return valid;
}

bool azure_date_parse(const char *text, int64_t *ret_ms) {
    static const char form[] = "Aaa, 00 Aaa 0000 00:00:00 GMT";
    struct tm tm = {0};
    if (strlen(text) != strlen(form)) {
        return false;
    }
    for (size_t i = 0; form[i]; i++) {
        if (!strchr("Aa0", form[i]) && text[i] != form[i]) {
            return false;
        }
    }
    for (tm.tm_mon = 0; tm.tm_mon < 12 && strncmp(months + (ptrdiff_t)tm.tm_mon * 3, text + 8, 3) != 0;) {
        tm.tm_mon++;
    }
    if (tm.tm_mon == 12 || !read_part(text, 5, 2, 1, 31, &tm.tm_mday) ||
        !read_part(text, 12, 4, 1970, 9999, &tm.tm_year) || !read_part(text, 17, 2, 0, 23, &tm.tm_hour) ||
        !read_part(text, 20, 2, 0, 59, &tm.tm_min) || !read_part(text, 23, 2, 0, 60, &tm.tm_sec)) {
        return false;
    }
    tm.tm_year -= 1900;
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}
