/* JSON on jansson. This header is the only place that includes it; everybody uses json_t through
 * here. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

enum { JSON_DEPTH_MAX = 32 };

/* Strict: duplicate keys, trailing garbage, bad UTF-8, NUL in strings, more than JSON_DEPTH_MAX
 * levels are INVALID "bad_json" with line and column in the message. The caller bounds the size.
 * *ret is the caller's (AUTO_JSON). */
MUST_USE enum outcome json_parse(const char *bytes, size_t size_bytes, json_t **ret, struct error *err);

/* Appends compact JSON. False when the buffer is full. */
bool json_append(struct buf *out, const json_t *value);
/* Appends a quoted, escaped JSON string (valid UTF-8 expected; bad bytes become U+FFFD). */
bool json_append_string(struct buf *out, const char *text, size_t size_bytes);

/* Members of an object; NULL / fallback when missing or of another type. Strings stay owned by the
 * object. */
const char *json_member_string(const json_t *object, const char *key);
int64_t json_member_int(const json_t *object, const char *key, int64_t fallback);
bool json_member_bool(const json_t *object, const char *key, bool fallback);
/* A string of at most out_size-1 bytes copied; false when missing, of another type or too long. */
bool json_member_copy(const json_t *object, const char *key, char *out, size_t out_size);

void cleanup_json(json_t **value);
#define AUTO_JSON CLEANUP(cleanup_json)
