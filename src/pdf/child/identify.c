/* Identifiers, by hand-written scanners: no backtracking, so that hostile text costs what its length is. */
#include "pdf/child/identify.h"

#include <string.h>
#include <strings.h>

struct scan {
    const char *text;
    size_t size_bytes;
    const char *label;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
static bool is_word(char c) {
    return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z');
}

/* strchr finds the NUL at the end of the set, too. */
static bool is_one_of(char c, const char *set) {
    return c != '\0' && strchr(set, c);
}

/* Length of `pattern` at `at` (A letter, 9 digit, anything else itself), 0 when it is not there. */
static size_t match(const struct scan *scan, size_t at, const char *pattern) {
    size_t length = strlen(pattern);
    if (length > scan->size_bytes - at) {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        char c = scan->text[at + i];
        bool ok = pattern[i] == 'A' ? is_upper(c) : pattern[i] == '9' ? is_digit(c) : c == pattern[i];
        if (!ok) {
            return 0;
        }
    }
    return length;
}

static bool ends_word(const struct scan *scan, size_t at) {
    return at >= scan->size_bytes || !is_word(scan->text[at]);
}

static bool has_word(const char *text, size_t size_bytes, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= size_bytes; i++) {
        bool starts = i == 0 || !is_word(text[i - 1]);
        bool ends = i + length == size_bytes || !is_word(text[i + length]);
        if (starts && ends && strncasecmp(text + i, word, length) == 0) {
            return true;
        }
    }
    return false;
}

/* One of the words stands within 80 bytes before, or in the label. */
static bool labelled(const struct scan *scan, size_t at, const char *const *words) {
    size_t back = at < 80 ? at : 80;
    for (; *words; words++) {
        if (has_word(scan->text + at - back, back, *words) ||
            has_word(scan->label, strnlen(scan->label, 200), *words)) {
            return true;
        }
    }
    return false;
}

static bool take(const struct scan *scan, size_t from, size_t to, uint32_t kind, uint32_t confidence,
                 struct found *ret) {
    if (to - from >= FOUND_VALUE_MAX) {
        return false;
    }
    *ret = (struct found){.from = from, .to = to, .kind = kind, .confidence = confidence};
    memcpy(ret->value, scan->text + from, to - from);
    return true;
}

static bool cin_at(const struct scan *scan, size_t at, struct found *ret) {
    size_t length = match(scan, at, "A99999AA9999AAA999999");
    if (!length || !ends_word(scan, at + length) || (scan->text[at] != 'L' && scan->text[at] != 'U')) {
        return false;
    }
    return take(scan, at, at + length, WIRE_CIN, 99, ret);
}

static size_t two_letters_and_digits(const struct scan *scan, size_t at) {
    size_t length = match(scan, at, "AA9999999");
    while (length && length < 26 && at + length < scan->size_bytes && is_digit(scan->text[at + length])) {
        length++;
    }
    return length;
}

/* The text just before `at`, else the label, is a name of the filing's own number and not, say, of a related form's. */
static bool names_own_srn(const struct scan *scan, size_t at) {
    static const char *const names[] = {"srn",
                                        "srnc",
                                        "srnno",
                                        "servicerequestnumber",
                                        "servicerequestnumbersrn",
                                        "eformservicerequestnumbersrn",
                                        "servicerequestnosrn"};
    char letters[64];
    size_t used = 0;
    const char *from = scan->text;
    size_t size = at;
    for (int source = 0; source < 2 && used == 0; source++) {
        for (size_t i = 0; i < size; i++) {
            char c = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] + 32) : from[i];
            if (c >= 'a' && c <= 'z') {
                if (used + 1 == sizeof(letters)) {
                    return false;
                }
                letters[used++] = c;
            }
        }
        from = scan->label;
        size = strnlen(scan->label, 200);
    }
    letters[used] = '\0';
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(letters, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool srn_at(const struct scan *scan, size_t at, struct found *ret) {
    static const char *const words[] = {"SRN", "service request number", "service request no", NULL};
    static const char mark[] = "_SRN_FORM_";
    size_t length = two_letters_and_digits(scan, at);
    if (length && match(scan, at + length, mark)) {
        return take(scan, at, at + length, WIRE_SRN, 99, ret);
    }
    length = length ? length : match(scan, at, "A99999999");
    if (!length || !ends_word(scan, at + length) || !labelled(scan, at, words)) {
        return false;
    }
    return take(scan, at, at + length, WIRE_SRN, names_own_srn(scan, at) ? 95 : 70, ret);
}

static bool pan_at(const struct scan *scan, size_t at, struct found *ret) {
    static const char *const words[] = {"PAN", "permanent account number", "income tax PAN", NULL};
    static const char pattern[] = "AAAAA9999A";
    int stars = 0;
    if (at + 10 > scan->size_bytes || !ends_word(scan, at + 10) ||
        (at + 10 < scan->size_bytes && scan->text[at + 10] == '*')) {
        return false;
    }
    for (size_t i = 0; i < 10; i++) {
        char c = scan->text[at + i];
        stars += c == '*';
        if (c != '*' && !(pattern[i] == 'A' ? is_upper(c) : is_digit(c))) {
            return false;
        }
    }
    char holder = scan->text[at + 3];
    if ((stars > 0 && (stars < 4 || stars > 9)) || (holder != '*' && !is_one_of(holder, "ABCFGHJKLPT"))) {
        return false;
    }
    bool named = labelled(scan, at, words);
    return take(scan, at, at + 10, WIRE_PAN, named ? 95 : stars ? 60 : 80, ret);
}

static bool din_at(const struct scan *scan, size_t at, struct found *ret) {
    static const char *const words[] = {"DIN", "director identification number", "DPIN", NULL};
    size_t length = match(scan, at, "99999999");
    if (!length || !ends_word(scan, at + length) || !labelled(scan, at, words)) {
        return false;
    }
    return take(scan, at, at + length, WIRE_DIN, 90, ret);
}

static bool frn_at(const struct scan *scan, size_t at, struct found *ret) {
    static const char *const words[] = {"FRN",
                                        "firm registration number",
                                        "firm registration no",
                                        "firm's registration number",
                                        "firm's registration no",
                                        "registration number of the firm",
                                        NULL};
    size_t length = match(scan, at, "999999A");
    length = length ? length : match(scan, at, "A999999");
    if (!length) {
        return false;
    }
    size_t end = at + length;
    if (end < scan->size_bytes && scan->text[end] == '/') {
        size_t more = match(scan, end + 1, "A999999");
        more = more ? more : match(scan, end + 1, "A-999999");
        end += more ? more + 1 : 0;
    }
    if (!ends_word(scan, end) || !labelled(scan, at, words)) {
        return false;
    }
    return take(scan, at, end, WIRE_FRN, 90, ret);
}

static bool is_local(char c) {
    return is_word(c) || is_one_of(c, "._%+-*");
}

static bool email_at(const struct scan *scan, size_t at, struct found *ret) {
    size_t end = at;
    while (end < scan->size_bytes && end - at <= 64 && is_local(scan->text[end])) {
        end++;
    }
    if (end == at || end >= scan->size_bytes || scan->text[end] != '@' || scan->text[at] == '.') {
        return false;
    }
    size_t domain = ++end;
    size_t dot = 0;
    while (end < scan->size_bytes && end - domain <= 190 &&
           (is_word(scan->text[end]) || is_one_of(scan->text[end], ".-*"))) {
        dot = scan->text[end] == '.' ? end : dot;
        end++;
    }
    while (end > domain && is_one_of(scan->text[end - 1], ".-")) { /* the full stop of the sentence */
        end--;
        dot = 0;
        for (size_t i = domain; i < end; i++) {
            dot = scan->text[i] == '.' ? i : dot;
        }
    }
    if (!dot || dot == domain || end - dot < 3) {
        return false;
    }
    return take(scan, at, end, WIRE_EMAIL, memchr(scan->text + at, '*', end - at) ? 80 : 95, ret);
}

bool identify_next(const char *text, size_t size_bytes, const char *label, size_t *at, struct found *ret) {
    static bool (*const kinds[])(const struct scan *, size_t, struct found *) = {
        cin_at, srn_at, pan_at, frn_at, din_at, email_at,
    };
    const struct scan scan = {text, size_bytes, label ? label : ""};
    size_t i = *at;
    while (i < size_bytes) {
        bool starts = (is_word(text[i]) || text[i] == '*') && (i == 0 || (!is_word(text[i - 1]) && text[i - 1] != '*'));
        for (size_t kind = 0; starts && kind < COUNT_OF(kinds); kind++) {
            if (kinds[kind](&scan, i, ret)) {
                *at = ret->to;
                return true;
            }
        }
        i++;
    }
    *at = size_bytes;
    return false;
}
