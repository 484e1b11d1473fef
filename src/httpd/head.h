/* The head of a request as libmicrohttpd leaves it in memory, and the request target. Pure: no I/O, no libmicrohttpd.
 *
 * libmicrohttpd forgives much that a proxy before us may read differently: bare LF, folded lines, blanks before the
 * colon, NUL bytes, doubled framing headers. It parses in place, so what is left can be walked again: after the version
 * the bytes are, for a well-formed head, exactly NUL NUL  ( name NUL value NUL NUL )*  NUL NUL because it overwrites
 * each CR LF by two NULs, a bare LF by one, and the colon by one. Anything else was malformed. */
#pragma once

#include "base/macros.h"

enum {
    HEAD_TARGET_MAX = 8 * 1024 - 32, /* request line of 8 KiB less method and version */
    HEAD_MAX = 16 * 1024,
    HEAD_LINES_MAX = 100,
    TARGET_PARTS_MAX = 64,
};

struct refusal {
    int status;
    const char *code;
    const char *detail;
};

struct head_facts {
    int lines;
    bool chunked;
    bool expects_continue;
    int64_t content_length; /* -1: none */
    size_t host_count;
    unsigned seen; /* a bit for each header that may come once only */
};

/* Walks the bytes between the version's last character and the body (RFC 9112 sections 5, 6.1, 6.3; RFC 9110 sections
 * 5.3, 10.1.1). False: *why is set. */
bool head_check(const char *bytes, size_t size_bytes, bool http_1_0, struct head_facts *ret, struct refusal *why);

bool head_is_token(const char *text, size_t size_bytes); /* RFC 9110 section 5.6.2 */

struct target_pair {
    char *name;
    char *value;
};

/* A request target in origin form, split and decoded in place of `storage` (a copy of the target, kept by the caller).
 */
struct target {
    char *segments[TARGET_PARTS_MAX]; /* decoded; "/" is one empty segment */
    size_t segment_count;
    struct target_pair query[TARGET_PARTS_MAX];
    size_t query_count;
    bool asterisk; /* "*" */
};

/* Bad escapes, %00, control bytes, invalid UTF-8, anything but origin form or "*": false. */
bool target_parse(char *storage, struct target *ret, struct refusal *why);
