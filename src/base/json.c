/* JSON on jansson. */
#include "base/json.h"

#include <string.h>

#include "base/str.h"

/* jansson's own limit is 2,048 levels, too many for a stack that a client may grow: counted before
 * it starts. */
static bool depth_fits(const char *bytes, size_t size_bytes, size_t *ret_line) {
    int depth = 0;
    bool in_string = false;
    size_t line = 1;
    for (size_t i = 0; i < size_bytes; i++) {
        char byte = bytes[i];
        line += byte == '\n';
        if (in_string) {
            if (byte == '\\') {
                i++;
            } else if (byte == '"') {
                in_string = false;
            }
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '[' || byte == '{') {
            if (++depth > JSON_DEPTH_MAX) {
                *ret_line = line;
                return false;
            }
        } else if (byte == ']' || byte == '}') {
            depth--;
        }
    }
    return true;
}

enum outcome json_parse(const char *bytes, size_t size_bytes, json_t **ret, struct error *err) {
    size_t line = 0;
    if (!depth_fits(bytes, size_bytes, &line)) {
        return error_set(err, INVALID, "bad_json", "line %zu: more than %d levels", line, (int)JSON_DEPTH_MAX);
    }
    json_error_t reason;
    json_t *value = json_loadb(bytes ? bytes : "", size_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &reason);
    if (!value) {
        return error_set(err, INVALID, "bad_json", "line %d, column %d: %s", reason.line, reason.column, reason.text);
    }
    *ret = value;
    return OK;
}

static int append_piece(const char *bytes, size_t size_bytes, void *out) {
    return buf_append(out, bytes, size_bytes) ? 0 : -1;
}

bool json_append(struct buf *out, const json_t *value) {
    return json_dump_callback(value, append_piece, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0;
}

static bool append_escaped(struct buf *out, unsigned char byte) {
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = byte ? strchr(plain, byte) : NULL;
    if (at) {
        char pair[2] = {'\\', letters[at - plain]};
        return buf_append(out, pair, sizeof(pair));
    }
    return buf_printf(out, "\\u%04x", byte);
}

bool json_append_string(struct buf *out, const char *text, size_t size_bytes) {
    bool fits = buf_append_char(out, '"');
    size_t start = 0; /* of the stretch that needs no escaping */
    for (size_t i = 0; i < size_bytes && fits;) {
        unsigned char byte = (unsigned char)text[i];
        size_t length = utf8_char(text + i, size_bytes - i);
        if (length > 0 && byte >= 0x20 && byte != '"' && byte != '\\') {
            i += length;
            continue;
        }
        fits = buf_append(out, text + start, i - start) &&
               (length == 0 ? buf_append_str(out, "\xef\xbf\xbd") : append_escaped(out, byte));
        start = ++i;
    }
    if (fits && size_bytes > start) {
        fits = buf_append(out, text + start, size_bytes - start);
    }
    return fits && buf_append_char(out, '"');
}

const char *json_member_string(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

int64_t json_member_int(const json_t *object, const char *key, int64_t fallback) {
    const json_t *member = json_object_get(object, key);
    return json_is_integer(member) ? (int64_t)json_integer_value(member) : fallback;
}

bool json_member_bool(const json_t *object, const char *key, bool fallback) {
    const json_t *member = json_object_get(object, key);
    return json_is_boolean(member) ? json_is_true(member) : fallback;
}

bool json_member_copy(const json_t *object, const char *key, char *out, size_t out_size) {
    const char *text = json_member_string(object, key);
    return text && strlen(text) < out_size && str_copy(out, out_size, text);
}

void cleanup_json(json_t **value) {
    json_decref(*value);
}
