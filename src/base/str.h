/* Text helpers. All of them bound what they write and say when something did not fit. */
#pragma once

#include "base/macros.h"

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);
bool str_copy(char *out, size_t out_size, const char *text); /* false: cut; always terminated; NULL text = "" */
bool str_format(char *out, size_t out_size, const char *format, ...) PRINTF_LIKE(3, 4); /* false: cut */
char *str_trim(char *text);                                    /* in place, ASCII blanks at both ends */
void str_lower(char *text);                                    /* ASCII only */
bool str_is_hex(const char *text, size_t digits);              /* exactly that many lower-case hex digits and the end */
void str_hex(char *out, const void *bytes, size_t size_bytes); /* writes 2*size+1 */
bool utf8_valid(const void *bytes, size_t size_bytes);  /* RFC 3629: no surrogates, no overlong forms; NUL allowed */
size_t utf8_char(const void *bytes, size_t size_bytes); /* length of the character the bytes start with; 0: none */
size_t utf8_cut(const char *text, size_t max_bytes);    /* largest length <= max that ends at a character */
