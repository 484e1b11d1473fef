/* Clocks and times. Times are int64_t milliseconds since 1970-01-01T00:00:00Z. Rules never read a
 * clock: time is passed in. */
#pragma once

#include "base/macros.h"

int64_t clock_real_ms(void);      /* wall clock: log lines and certificates only, never a decision about a lease */
int64_t clock_monotonic_ms(void); /* for measuring */
int64_t clock_boot_ms(void);      /* CLOCK_BOOTTIME: goes on in suspend; lease deadlines */

enum { CLOCK_TEXT_MAX = 32 };
void clock_format(int64_t time_ms, char out[CLOCK_TEXT_MAX]); /* 2026-11-25T10:00:00.123Z (RFC 3339) */
bool clock_parse(const char *text, int64_t *ret_ms);          /* RFC 3339 with Z, or a plain date = its midnight */
bool date_valid(const char *text);                            /* YYYY-MM-DD that exists in the calendar */
