/* The heartbeat: keeps the lease of a run with a store connection of its own, every third of the lease, and tells
 * `halt` what it learns (renewed, cancelled, lost). It falls silent when the run hangs, so that a hung run loses its
 * lease. */
#pragma once

#include "core/job.h"
#include "jobs/jobs.h"
#include "worker/halt.h"

struct heartbeat;
struct heartbeat_config {
    const char *data_dir;
    const char *job_id, *token;
    int lease_seconds;
    int64_t step_ms; /* silent after so long without heartbeat_step; 0 = 5 minutes */
    struct halt *halt;
    void (*numbers)(void *context, struct run_numbers *ret); /* the run's own numbers, for the store */
    void (*after)(void *context, struct jobs *jobs);         /* optional: after each good beat */
    void *context;
};

/* The texts must live until the heartbeat was joined. The first beat goes out at once. */
struct heartbeat *heartbeat_start(const struct heartbeat_config *config);
void heartbeat_step(struct heartbeat *heartbeat); /* the run got something done */
/* The run is over: what beats say from here on changes nothing. */
void heartbeat_ending(struct heartbeat *heartbeat);
/* Ends the thread and frees. False: it hangs in the store and goes on using its memory and that of the config; it may
 * be asked again. NULL: true. */
bool heartbeat_stop(struct heartbeat *heartbeat, int64_t wait_ms);
