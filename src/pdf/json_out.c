/* JSON text by hand: the structure is fixed and a tree of it would be ten times its size. */
#include "pdf/json_out.h"

#include <inttypes.h>

#include "base/json.h"

void json_out_comma(struct buf *out) {
    char last = out->size_bytes ? out->data[out->size_bytes - 1] : '[';
    if (last != '[' && last != '{') {
        buf_append_char(out, ',');
    }
}

void json_out_text(struct buf *out, struct wire_text text) {
    json_append_string(out, text.data, text.size_bytes);
}

void json_out_key(struct buf *out, const char *key) {
    json_out_comma(out);
    buf_append_char(out, '"');
    buf_append_str(out, key);
    buf_append_str(out, "\":");
}

void json_out_key_text(struct buf *out, const char *key, struct wire_text text) {
    json_out_key(out, key);
    json_out_text(out, text);
}

void json_out_key_number(struct buf *out, const char *key, uint64_t number) {
    json_out_key(out, key);
    buf_printf(out, "%" PRIu64, number);
}

void json_out_key_bool(struct buf *out, const char *key, bool value) {
    json_out_key(out, key);
    buf_append_str(out, value ? "true" : "false");
}

void json_out_hundredths(struct buf *out, int64_t hundredths) {
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t rest = hundredths < 0 ? (uint64_t)-hundredths : (uint64_t)hundredths;
    int place = 0;
    bool wrote = false;
    while (rest > 0 || place < 3) {
        int digit = (int)(rest % 10);
        rest /= 10;
        if (place == 2 && wrote) {
            digits[--at] = '.';
        }
        if (place >= 2 || digit != 0 || wrote) {
            digits[--at] = (char)('0' + digit);
            wrote = true;
        }
        place++;
    }
    if (hundredths < 0) {
        digits[--at] = '-';
    }
    buf_append(out, digits + at, sizeof(digits) - at);
}

void json_out_box(struct buf *out, struct wire_box box) {
    buf_append_char(out, '[');
    json_out_hundredths(out, box.x0);
    buf_append_char(out, ',');
    json_out_hundredths(out, box.y0);
    buf_append_char(out, ',');
    json_out_hundredths(out, box.x1);
    buf_append_char(out, ',');
    json_out_hundredths(out, box.y1);
    buf_append_char(out, ']');
}

void json_out_where(struct buf *out, const struct wire_where *where) {
    json_out_key(out, "where");
    buf_append_char(out, '{');
    if (where->page) {
        json_out_key_number(out, "page", where->page);
        json_out_key(out, "box");
        json_out_box(out, where->box);
    }
    if (where->acroform.size_bytes) {
        json_out_key_text(out, "acroform", where->acroform);
    }
    if (where->xfa.size_bytes) {
        json_out_key_text(out, "xfa", where->xfa);
    }
    buf_append_char(out, '}');
}
