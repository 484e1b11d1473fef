/* Text helpers. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool str_eq(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix) {
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

bool str_copy(char *out, size_t out_size, const char *text) {
    size_t length = text ? strlen(text) : 0;
    if (out_size == 0) {
        return false;
    }
    size_t kept = length < out_size ? length : out_size - 1;
    if (kept) {
        memcpy(out, text, kept);
    }
    out[kept] = '\0';
    return kept == length;
}

bool str_format(char *out, size_t out_size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(out, out_size, format, args);
    va_end(args);
    return length >= 0 && (size_t)length < out_size;
}

static bool is_blank(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

char *str_trim(char *text) {
    while (is_blank(*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && is_blank(text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return text;
}

void str_lower(char *text) {
    for (; *text; text++) {
        if (*text >= 'A' && *text <= 'Z') {
            *text = (char)(*text - 'A' + 'a');
        }
    }
}

bool str_is_hex(const char *text, size_t digits) {
    for (size_t i = 0; i < digits; i++) {
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (!hex) {
            return false;
        }
    }
    return text[digits] == '\0';
}

void str_hex(char *out, const void *bytes, size_t size_bytes) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < size_bytes; i++) {
        *out++ = digits[from[i] >> 4];
        *out++ = digits[from[i] & 15];
    }
    *out = '\0';
}

static bool is_continuation(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

size_t utf8_char(const void *bytes, size_t size_bytes) {
    const unsigned char *at = bytes;
    if (size_bytes == 0) {
        return 0;
    }
    if (at[0] < 0x80) {
        return 1;
    }
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || size_bytes < length) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if (!is_continuation(at[i])) {
            return 0;
        }
    }
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] >= 0xa0;
    bool beyond = at[0] == 0xf4 && at[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

bool utf8_valid(const void *bytes, size_t size_bytes) {
    const unsigned char *at = bytes;
    while (size_bytes > 0) {
        size_t length = utf8_char(at, size_bytes);
        if (length == 0) {
            return false;
        }
        at += length;
        size_bytes -= length;
    }
    return true;
}

size_t utf8_cut(const char *text, size_t max_bytes) {
    size_t length = strnlen(text, max_bytes);
    if (length < max_bytes || text[length] == '\0') {
        return length;
    }
    size_t cut = length;
    while (cut > 0 && length - cut < 3 && is_continuation((unsigned char)text[cut])) {
        cut--;
    }
    return cut;
}
