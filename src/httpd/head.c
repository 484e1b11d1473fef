/* Checks of a request's head and target; see head.h. */
#include "httpd/head.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/str.h"
#include "base/url.h"

static bool refuse(struct refusal *why, int status, const char *code, const char *detail) {
    *why = (struct refusal){.status = status, .code = code, .detail = detail};
    return false;
}

static bool is_token_char(unsigned char c) {
    bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alpha || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool head_is_token(const char *text, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; i++) {
        if (!is_token_char((unsigned char)text[i])) {
            return false;
        }
    }
    return size_bytes > 0;
}

static bool is_field_text(const char *text, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

struct walk {
    const char *at;
    const char *end;
};

/* The bytes up to the next NUL, which is stepped over. False: there is none. */
static bool walk_text(struct walk *walk, const char **ret_text, size_t *ret_size) {
    const char *nul = memchr(walk->at, '\0', (size_t)(walk->end - walk->at));
    if (nul == NULL) {
        return false;
    }
    *ret_text = walk->at;
    *ret_size = (size_t)(nul - walk->at);
    walk->at = nul + 1;
    return true;
}

static bool walk_nul(struct walk *walk) {
    return walk->at < walk->end && *walk->at++ == '\0';
}

static bool name_is(const char *name, size_t size_bytes, const char *wanted) {
    return strlen(wanted) == size_bytes && strncasecmp(name, wanted, size_bytes) == 0;
}

static bool is_host(const char *text) {
    for (; *text; text++) {
        if (!is_token_char((unsigned char)*text) && strchr(":[]()=,;", *text) == NULL) {
            return false;
        }
    }
    return true;
}

/* Headers of one value that decide something here: of two, a proxy before us may have looked at the other one. */
static bool note_once(struct head_facts *facts, const char *name, size_t name_size, struct refusal *why) {
    static const char *const once[] = {"authorization", "content-encoding", "content-type", "expect", "idempotency-key",
                                       "if-range",      "last-event-id",    "origin",       "range",  "sec-fetch-site"};
    for (size_t i = 0; i < COUNT_OF(once); i++) {
        if (name_is(name, name_size, once[i])) {
            if (facts->seen & 1U << i) {
                return refuse(why, 400, "repeated_header", "a header that may come only once came twice");
            }
            facts->seen |= 1U << i;
        }
    }
    return true;
}

static bool note_framing(struct head_facts *facts, const char *name, size_t name_size, const char *value,
                         struct refusal *why) {
    if (name_is(name, name_size, "content-length")) {
        int64_t length = 0;
        if (facts->content_length >= 0) {
            return refuse(why, 400, "bad_framing", "more than one Content-Length");
        }
        if (value[0] == '-' || !num_parse(value, 0, INT64_MAX, &length)) {
            return refuse(why, 400, "bad_framing", "malformed Content-Length");
        }
        facts->content_length = length;
    } else if (name_is(name, name_size, "transfer-encoding")) {
        if (facts->chunked || strcasecmp(value, "chunked") != 0) {
            return refuse(why, 400, "bad_framing", "Transfer-Encoding must be chunked, once");
        }
        facts->chunked = true;
    } else if (name_is(name, name_size, "host")) {
        if (facts->host_count++ > 0) {
            return refuse(why, 400, "bad_host", "more than one Host");
        }
        if (!is_host(value)) {
            return refuse(why, 400, "bad_host", "malformed Host");
        }
    } else if (name_is(name, name_size, "expect")) {
        if (strcasecmp(value, "100-continue") != 0) {
            return refuse(why, 417, "expectation", "the only expectation met here is 100-continue");
        }
        facts->expects_continue = true;
    }
    return true;
}

static bool walk_line(struct walk *walk, struct head_facts *facts, struct refusal *why) {
    const char *name = NULL;
    const char *value = NULL;
    size_t name_size = 0;
    size_t value_size = 0;
    bool whole = walk_text(walk, &name, &name_size) && walk_text(walk, &value, &value_size) && walk_nul(walk);
    if (!whole || !head_is_token(name, name_size) || !is_field_text(value, value_size)) {
        return refuse(why, 400, "bad_header", "a header line is malformed or holds control bytes");
    }
    if (++facts->lines > HEAD_LINES_MAX) {
        return refuse(why, 431, "headers_too_large", "more than 100 header lines");
    }
    while (*value == ' ' || *value == '\t') {
        value++;
        value_size--;
    }
    while (value_size > 0 && (value[value_size - 1] == ' ' || value[value_size - 1] == '\t')) {
        value_size--;
    }
    char text[64];
    bool fits = value_size < sizeof(text);
    if (fits) {
        memcpy(text, value, value_size);
        text[value_size] = '\0';
    }
    return note_once(facts, name, name_size, why) && note_framing(facts, name, name_size, fits ? text : value, why);
}

bool head_check(const char *bytes, size_t size_bytes, bool http_1_0, struct head_facts *ret, struct refusal *why) {
    struct walk walk = {.at = bytes, .end = bytes + size_bytes};
    struct head_facts facts = {.content_length = -1};
    if (size_bytes > HEAD_MAX) {
        return refuse(why, 431, "headers_too_large", "more than 16 KiB of headers");
    }
    if (!walk_nul(&walk) || !walk_nul(&walk)) {
        return refuse(why, 400, "bad_request_line", "the request line does not end with CR LF");
    }
    while (walk.end - walk.at > 2) {
        if (!walk_line(&walk, &facts, why)) {
            return false;
        }
    }
    if (!walk_nul(&walk) || !walk_nul(&walk)) {
        return refuse(why, 400, "bad_header", "the headers do not end with CR LF");
    }
    if (facts.chunked && (facts.content_length >= 0 || http_1_0)) {
        return refuse(why, 400, "bad_framing", "Transfer-Encoding together with Content-Length or in HTTP/1.0");
    }
    if (facts.host_count == 0 && !http_1_0) {
        return refuse(why, 400, "bad_host", "no Host");
    }
    *ret = facts;
    return true;
}

static bool is_target_text(const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= 0x20 || c >= 0x7f || c == '#') {
            return false;
        }
    }
    return true;
}

static bool decode(char *text) {
    if (!url_unescape(text) || !utf8_valid(text, strlen(text))) {
        return false;
    }
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool parse_path(char *path, struct target *target, struct refusal *why) {
    char *rest = path + 1;
    while (rest) {
        char *segment = strsep(&rest, "/");
        if (target->segment_count == TARGET_PARTS_MAX) {
            return refuse(why, 414, "target_too_long", "too many path segments");
        }
        if (!decode(segment)) {
            return refuse(why, 400, "bad_path", "the path holds a bad escape or bytes that are not allowed");
        }
        target->segments[target->segment_count++] = segment;
    }
    return true;
}

static bool parse_query(char *query, struct target *target, struct refusal *why) {
    char *rest = query;
    while (rest) {
        char *value = strsep(&rest, "&");
        if (*value == '\0') {
            continue;
        }
        for (char *plus = value; (plus = strchr(plus, '+')) != NULL;) {
            *plus = ' ';
        }
        char *name = strsep(&value, "=");
        if (target->query_count == TARGET_PARTS_MAX) {
            return refuse(why, 414, "target_too_long", "too many query parameters");
        }
        if (!decode(name) || (value && !decode(value))) {
            return refuse(why, 400, "bad_query", "the query holds a bad escape or bytes that are not allowed");
        }
        target->query[target->query_count++] =
            (struct target_pair){.name = name, .value = value ? value : name + strlen(name)};
    }
    return true;
}

bool target_parse(char *storage, struct target *ret, struct refusal *why) {
    ret->segment_count = 0;
    ret->query_count = 0;
    ret->asterisk = strcmp(storage, "*") == 0;
    if (ret->asterisk) {
        return true;
    }
    if (strlen(storage) > HEAD_TARGET_MAX) {
        return refuse(why, 414, "target_too_long", "the request target is too long");
    }
    if (storage[0] != '/' || !is_target_text(storage)) {
        return refuse(why, 400, "bad_path", "the request target must be a path");
    }
    char *query = storage;
    char *path = strsep(&query, "?");
    return parse_path(path, ret, why) && parse_query(query, ret, why);
}
