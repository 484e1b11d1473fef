/* Dates in text. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "pdf/child/identify.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

struct scan {
    const char *text;
    size_t size_bytes, at;
};

static char peek(const struct scan *scan) {
    return scan->at < scan->size_bytes ? scan->text[scan->at] : '\0';
}

/* 1..most digits; -1 when there is none or one more follows. */
static int number(struct scan *scan, int least, int most) {
    int value = 0;
    int digits = 0;
    while (is_digit(peek(scan)) && digits < most) {
        value = value * 10 + (peek(scan) - '0');
        scan->at++;
        digits++;
    }
    return digits < least || is_digit(peek(scan)) ? -1 : value;
}

static void skip(struct scan *scan, const char *set) {
    while (peek(scan) != '\0' && strchr(set, peek(scan))) {
        scan->at++;
    }
}

/* 1..12 for a month's name or its first three letters, else 0. */
static int month_name(struct scan *scan) {
    static const char *const names[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
    size_t length = 0;
    while (scan->at + length < scan->size_bytes && is_letter(scan->text[scan->at + length])) {
        length++;
    }
    for (int i = 0; i < 12 && length >= 3; i++) {
        bool whole = length == strlen(names[i]);
        bool brief = length == 3 || (length == 4 && i == 8);
        if ((whole || brief) && strncasecmp(scan->text + scan->at, names[i], length) == 0) {
            scan->at += length;
            return i + 1;
        }
    }
    return 0;
}

static bool take(struct scan *scan, size_t from, int year, int month, int day, uint32_t confidence, struct found *ret) {
    if (year < 1850 || year > 2199 || month < 1 || month > 12 || day < 1 || day > 31 || is_digit(peek(scan)) ||
        is_letter(peek(scan))) {
        return false;
    }
    *ret = (struct found){.from = from, .to = scan->at, .confidence = confidence};
    (void)snprintf(ret->value, sizeof(ret->value), "%04d-%02d-%02d", year, month, day);
    return date_valid(ret->value);
}

/* 31/12/2024, 31-12-2024, 31.12.2024; month first only where it cannot be the day. */
static bool numeric(struct scan scan, struct found *ret) {
    size_t from = scan.at;
    int first = number(&scan, 1, 2);
    char separator = peek(&scan);
    if (first < 0 || separator == '\0' || !strchr("/-.", separator)) {
        return false;
    }
    scan.at++;
    int second = number(&scan, 1, 2);
    if (second < 0 || peek(&scan) != separator) {
        return false;
    }
    scan.at++;
    int year = number(&scan, 4, 4);
    if (second > 12) {
        return take(&scan, from, year, first, second, 60, ret);
    }
    return take(&scan, from, year, second, first, 90, ret);
}

static bool iso(struct scan scan, struct found *ret) {
    size_t from = scan.at;
    int year = number(&scan, 4, 4);
    if (year < 0 || peek(&scan) != '-') {
        return false;
    }
    scan.at++;
    int month = number(&scan, 2, 2);
    if (month < 0 || peek(&scan) != '-') {
        return false;
    }
    scan.at++;
    int day = number(&scan, 2, 2);
    if (peek(&scan) == 'T') { /* a time follows */
        struct scan before = scan;
        before.size_bytes = scan.at;
        return take(&before, from, year, month, day, 95, ret);
    }
    return take(&scan, from, year, month, day, 95, ret);
}

/* 12 March 2024, 12th day of March, 2024, 12-Mar-2024 */
static bool day_first(struct scan scan, struct found *ret) {
    static const char *const endings[] = {"st", "nd", "rd", "th"};
    size_t from = scan.at;
    int day = number(&scan, 1, 2);
    if (day < 0) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        if (scan.size_bytes - scan.at >= 2 && strncasecmp(scan.text + scan.at, endings[i], 2) == 0) {
            scan.at += 2;
            break;
        }
    }
    skip(&scan, " ,-/.");
    if (scan.size_bytes - scan.at > 7 && strncasecmp(scan.text + scan.at, "day of ", 7) == 0) {
        scan.at += 7;
    }
    int month = month_name(&scan);
    skip(&scan, " ,-/.");
    int year = month ? number(&scan, 4, 4) : -1;
    return year >= 0 && take(&scan, from, year, month, day, 90, ret);
}

/* March 12, 2024 */
static bool month_first(struct scan scan, struct found *ret) {
    size_t from = scan.at;
    int month = month_name(&scan);
    if (!month) {
        return false;
    }
    skip(&scan, " .");
    int day = number(&scan, 1, 2);
    skip(&scan, " ,");
    int year = day >= 0 ? number(&scan, 4, 4) : -1;
    return year >= 0 && take(&scan, from, year, month, day, 90, ret);
}

bool date_next(const char *text, size_t size_bytes, size_t *at, struct found *ret) {
    for (size_t i = *at; i < size_bytes; i++) {
        char before = i ? text[i - 1] : ' ';
        if (is_digit(before) || is_letter(before) ||
            (before != '\0' && strchr("/.-", before) && i > 1 && is_digit(text[i - 2]))) {
            continue;
        }
        struct scan scan = {text, size_bytes, i};
        bool found = is_digit(text[i]) ? numeric(scan, ret) || iso(scan, ret) || day_first(scan, ret)
                                       : is_letter(text[i]) && month_first(scan, ret);
        if (found) {
            *at = ret->to;
            return true;
        }
    }
    *at = size_bytes;
    return false;
}
