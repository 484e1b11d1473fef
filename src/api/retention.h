/* What the keeper removes: jobs that ended RETENTION_DAYS ago, and what any purge has left behind. Every pass is short,
 * so that the keeper's other steps are not held up, and may run in several processes at once. */
#pragma once

#include "blobs/blobs.h"
#include "jobs/jobs.h"

enum { RETENTION_PASS_JOBS = 50, RETENTION_PASS_MS = 250 }; /* a pass begins nothing more after either */

struct retention {
    struct blobs *blobs;
    int64_t keep_ms;             /* how long finished jobs are kept; 0: for ever */
    bool (*stop)(void *context); /* true: begin nothing more */
    void *context;
    char *finished_to; /* OBJECT_ID_MAX bytes, "" at first: where retention_finish goes on in its next pass */
};

/* *ret_more: it is worth while to go on at once. A store that is open for reading only and a container that is not
 * there leave nothing to do: OK. */
typedef enum outcome retention_pass(const struct retention *retention, struct jobs *jobs, int *ret_count,
                                    bool *ret_more, struct error *err);
/* Purges jobs whose time is over, the longest finished first, by the store's clock. */
retention_pass retention_purge;
/* Removes the blobs of purged jobs and forgets their ids. All blobs of one job go without a look at `stop` or the time:
 * what is cut short there is only found again one by one. */
retention_pass retention_finish;
