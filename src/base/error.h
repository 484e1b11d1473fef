/* Verdicts and errors: every function that can fail returns an enum outcome and fills a
 * caller-owned struct error. */
#pragma once

#include "base/macros.h"

enum outcome {
    OK,      /* done */
    RETRY,   /* not now: the other side is busy, away or broken; the same call may succeed later */
    GONE,    /* the thing asked for does not exist (any more), or there is nothing to do */
    INVALID, /* the input is wrong; the same call can never succeed */
    DENIED,  /* not allowed: lease lost, access refused */
    FATAL,   /* this process or machine cannot go on (disk full, corrupt store, no helper program) */
};

enum { ERROR_CODE_MAX = 48, ERROR_MESSAGE_MAX = 512 };

struct error {
    enum outcome outcome;
    char code[ERROR_CODE_MAX];       /* stable machine word, e.g. "lease_lost"; never empty after a
                                        failure */
    char message[ERROR_MESSAGE_MAX]; /* one line for a person: what is wrong and where; no host
                                        names, no secrets */
    int retry_after_ms;              /* what the other side asked for; 0 = it said nothing */
};

/* Fills *err (which may be NULL) and returns `outcome`, so that a failure is one statement:
 *     return error_set(err, RETRY, "portal_down", "the portal answered %d", status);
 * A message too long is cut at a character boundary; control bytes become spaces. */
enum outcome error_set(struct error *err, enum outcome outcome, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Puts "prefix: " before the message that is there and returns err->outcome; err must not be NULL. */
enum outcome error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The one table outcome -> word (metric label, log field) and HTTP status. */
const char *outcome_name(enum outcome outcome);
int outcome_http_status(enum outcome outcome);
