/* Whether a run may go on. The first reason to stop is kept; from then on nothing more is written but the end of the
 * run.
 *
 * A thread of its own watches for SIGTERM and for a lease that nobody renewed in time, because the calls that would
 * notice may hang (a store that is away, a portal that says nothing). halt_reason looks at the clock itself, so that a
 * process that was stopped (SIGSTOP, a suspended machine) knows it at its first look, before it writes anything. */
#pragma once

#include "base/macros.h"

enum halt_reason {
    HALT_NONE,
    HALT_STOP,     /* SIGTERM */
    HALT_CANCEL,   /* a person cancelled the job */
    HALT_LOST,     /* the store says that the lease is another's */
    HALT_OVERDUE,  /* no good heartbeat for 2/3 of the lease */
    HALT_RUN_TIME, /* the run took RUN_SECONDS */
};
const char *halt_reason_name(enum halt_reason reason);

struct halt;
/* Starts watching. stop_fd: of stop_install. exit_after_ms: a SIGTERM that is not followed by halt_destroy within this
 * time ends the process with exit code 0; 0: never. */
struct halt *halt_create(int stop_fd, int64_t exit_after_ms);
void halt_destroy(struct halt *halt); /* ends the thread; NULL ok */

/* From here the run's time counts: CLOCK_BOOTTIME at which it must be over. */
void halt_set_run_deadline(struct halt *halt, int64_t deadline_boot_ms);
/* The lease was good: counted from before the request was sent. */
void halt_lease_renewed(struct halt *halt, int64_t sent_boot_ms, int64_t lease_ms);
/* Somebody found a reason. The first one stays. */
void halt_set(struct halt *halt, enum halt_reason reason);
enum halt_reason halt_reason(struct halt *halt);

/* Called once, by the watching thread, when the run is halted: cuts what is under way. At once when it is halted
 * already. */
void halt_on(struct halt *halt, void (*cut)(void *context), void *context);
void halt_off(struct halt *halt); /* `cut` is not called, and not running any more, after this returns */
