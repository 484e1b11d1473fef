/* Clocks and the text form of times. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

static int64_t read_clock_ms(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_real_ms(void) {
    return read_clock_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void) {
    return read_clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void) {
    return read_clock_ms(CLOCK_BOOTTIME);
}

void clock_format(int64_t time_ms, char out[CLOCK_TEXT_MAX]) {
    int64_t seconds = time_ms / 1000;
    int milliseconds = (int)(time_ms % 1000);
    if (milliseconds < 0) {
        milliseconds += 1000;
        seconds--;
    }
    time_t at = (time_t)seconds;
    struct tm parts;
    (void)gmtime_r(&at, &parts);
    (void)str_format(out, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds);
}

/* Reads exactly `digits` digits at *at and moves on. */
static bool read_digits(const char **at, int digits, int *ret) {
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        value = value * 10 + (**at - '0');
    }
    *ret = value;
    return true;
}

static bool read_char(const char **at, char expected) {
    return *(*at)++ == expected;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_date(const char **at, struct tm *parts) {
    int year = 0;
    int month = 0;
    int day = 0;
    if (!read_digits(at, 4, &year) || !read_char(at, '-') || !read_digits(at, 2, &month) || !read_char(at, '-') ||
        !read_digits(at, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    *parts = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return true;
}

static bool read_fraction_ms(const char **at, int *ret_ms) {
    int milliseconds = 0;
    int digits = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++, digits++) {
        if (digits < 3) {
            milliseconds = milliseconds * 10 + (**at - '0');
        }
    }
    for (int i = digits; i < 3; i++) {
        milliseconds *= 10;
    }
    *ret_ms = milliseconds;
    return digits >= 1 && digits <= 9;
}

bool date_valid(const char *text) {
    struct tm parts;
    return text && read_date(&text, &parts) && *text == '\0';
}

bool clock_parse(const char *text, int64_t *ret_ms) {
    struct tm parts;
    if (!text || !read_date(&text, &parts)) {
        return false;
    }
    int milliseconds = 0;
    if (*text) {
        if (!read_char(&text, 'T') || !read_digits(&text, 2, &parts.tm_hour) || !read_char(&text, ':') ||
            !read_digits(&text, 2, &parts.tm_min) || !read_char(&text, ':') || !read_digits(&text, 2, &parts.tm_sec)) {
            return false;
        }
        if (parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 59) {
            return false;
        }
        if (*text == '.') {
            text++;
            if (!read_fraction_ms(&text, &milliseconds)) {
                return false;
            }
        }
        if (!str_eq(text, "Z")) {
            return false;
        }
    }
    *ret_ms = (int64_t)timegm(&parts) * 1000 + milliseconds;
    return true;
}
