/* Finds jobs that changed and publishes them as "job" events. The store has no "changed since", so the feed compares
 * what can change: jobs being processed, jobs that were a moment ago, the newest ones, and those it is told of. Used by
 * one thread. */
#pragma once

#include "api/json_views.h"
#include "httpd/sse.h"

enum { FEED_TOUCHED_MAX = 64 };

struct feed;
struct feed_touched {
    char ids[FEED_TOUCHED_MAX][OBJECT_ID_MAX];
    int count;
};

struct feed *feed_create(struct sse_channel *events);
void feed_destroy(struct feed *feed);
/* The first call only learns what is there. Skips its reads when the counts say that nothing can have changed. */
MUST_USE enum outcome feed_tick(struct feed *feed, struct jobs *jobs, const struct jobs_counts *counts,
                                const struct view_clock *clock, const struct feed_touched *touched, struct error *err);

/* A job being processed tells its numbers by heartbeat only: the rows there are now say more. A failure leaves it as it
 * is. */
void feed_fill_progress(struct jobs *jobs, struct job *job);
