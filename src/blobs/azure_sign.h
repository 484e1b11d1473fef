/* Signing requests to Azure Blob Storage with the key of the account (Microsoft: "Authorize with Shared Key", version
 * 2009-09-19 and later), and the forms of paths and dates that are signed. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#define AZURE_VERSION "2021-12-02" /* x-ms-version */

enum { AZURE_PAIRS_MAX = 32, AZURE_SIGNATURE_MAX = 45, AZURE_DATE_MAX = 32 };

struct azure_pair {
    const char *name;
    const char *value;
};

/* A request as it goes out. */
struct azure_message {
    const char *method;
    const char *path; /* percent-encoded, from its first '/'; with the emulator's account in front */
    struct azure_pair query[AZURE_PAIRS_MAX]; /* not encoded; names in lower case */
    size_t query_count;
    struct azure_pair headers[AZURE_PAIRS_MAX]; /* all but Host, User-Agent, Content-Length and Authorization */
    size_t header_count;
    size_t content_length;
};

/* Adds a pair; both texts stay the caller's. More than AZURE_PAIRS_MAX is a bug (assert). */
void azure_add_query(struct azure_message *message, const char *name, const char *value);
void azure_add_header(struct azure_message *message, const char *name, const char *value);

/* Appends what is signed. INVALID "bad_metadata": the service sorts x-ms-meta- names by other rules than bytes unless
 * they are [a-z][a-z0-9]*, so no others are signed; INVALID "too_large" when out is full. */
MUST_USE enum outcome azure_string_to_sign(const struct azure_message *message, const char *account, struct buf *out,
                                           struct error *err);
/* base64(HMAC-SHA256(key, text)): what follows "SharedKey <account>:". */
void azure_signature(const void *key, size_t key_size, const char *text, char ret[AZURE_SIGNATURE_MAX]);

/* "<base>/<container>[/<name>]", each segment of the name percent-encoded but its unreserved characters. name NULL: the
 * container. False when out is full. */
bool azure_append_path(struct buf *out, const char *base, const char *container, const char *name);
/* "?name=value&…", encoded; nothing without a query. */
bool azure_append_query(struct buf *out, const struct azure_message *message);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, IMF-fixdate), whatever the locale. */
void azure_date_format(int64_t time_ms, char ret[AZURE_DATE_MAX]);
bool azure_date_parse(const char *text, int64_t *ret_ms);
