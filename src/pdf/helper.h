/* The helper process filesure-pdf: started, spoken to, ended. Not thread-safe; reader.c holds a lock. */
#pragma once

#include "base/error.h"
#include "pdf/wire.h"

struct helper {
    int control_fd; /* -1: none running */
    int pid;
    char parser[WIRE_PARSER_MAX];
};
#define HELPER_NONE ((struct helper){.control_fd = -1})

/* Path of filesure-pdf beside the running program. FATAL "reader_unavailable". */
MUST_USE enum outcome helper_find(char *out, size_t out_size, struct error *err);
/* Starts it with an empty environment, nothing open but the control socket and /dev/null, and waits for its hello.
 * FATAL "reader_unavailable": it cannot be started, does not answer in time, or refuses (message: why). */
MUST_USE enum outcome helper_start(const char *program, struct helper *ret, struct error *err);
/* Hands a document over; the descriptors stay the caller's. False: the helper is gone or does not take it. */
MUST_USE bool helper_ask(const struct helper *helper, const int fds[WIRE_REQUEST_FDS]);
/* Closes and reaps it, killed after a second; its children end before it, or with it when it is killed. Fine on
 * HELPER_NONE. */
void helper_stop(struct helper *helper);
