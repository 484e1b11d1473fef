/* Grammars of identifiers; the child's own finder is child/identify.c. */
#include "pdf/grammar.h"

#include <string.h>

#include "core/company.h"

/* `pattern`: A upper-case letter, 9 digit, others themselves; `masked`: '*' stands for any of them. */
static bool fits(const char *text, const char *pattern, bool masked) {
    for (; *pattern; pattern++, text++) {
        bool upper = *text >= 'A' && *text <= 'Z';
        bool digit = *text >= '0' && *text <= '9';
        bool ok = *pattern == 'A' ? upper : *pattern == '9' ? digit : *text == *pattern;
        if (!ok && !(masked && *text == '*')) {
            return false;
        }
    }
    return *text == '\0';
}

static size_t span_digits(const char *text) {
    return strspn(text, "0123456789");
}

static bool is_srn(const char *text) {
    size_t letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    size_t digits = span_digits(text + letters);
    bool lengths = letters == 1 ? digits == 8 : letters == 2 && digits >= 7 && digits <= 24;
    return lengths && text[letters + digits] == '\0';
}

static bool is_frn(const char *text) {
    static const char *const patterns[] = {"999999A", "A999999", "999999A/A999999", "999999A/A-999999"};
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        if (fits(text, patterns[i], false)) {
            return true;
        }
    }
    return false;
}

static bool is_email(const char *text) {
    static const char local[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+*-";
    static const char domain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.*-";
    size_t before = strspn(text, local);
    const char *after = text + before + 1;
    return before > 0 && text[before] == '@' && strlen(text) <= 254 && strspn(after, domain) == strlen(after) &&
           strchr(after, '.') && after[0] != '.';
}

bool grammar_identifier(enum wire_identifier_kind kind, const char *value) {
    switch (kind) {
    case WIRE_CIN:
        return cin_valid(value);
    case WIRE_SRN:
        return is_srn(value);
    case WIRE_PAN:
        return fits(value, "AAAAA9999A", true);
    case WIRE_DIN:
        return fits(value, "99999999", false);
    case WIRE_FRN:
        return is_frn(value);
    case WIRE_EMAIL:
        return is_email(value);
    case WIRE_IDENTIFIER_KINDS:
        break;
    }
    return false;
}

bool grammar_form(const char *number) {
    if (*number == '\0') {
        return true;
    }
    size_t letters = strspn(number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *at = number + letters + 1;
    if (letters < 2 || letters > 4 || number[letters] != '-') {
        return false;
    }
    size_t digits = span_digits(at);
    at += digits;
    at += *at >= 'A' && *at <= 'Z';
    return digits >= 1 && digits <= 2 && *at == '\0';
}

bool grammar_parser(const char *text) {
    static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-";
    size_t length = strlen(text);
    return length > 0 && length < WIRE_PARSER_MAX && strspn(text, set) == length;
}

bool grammar_code(const char *text) {
    size_t length = strlen(text);
    return length > 0 && length <= 48 && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == length;
}
