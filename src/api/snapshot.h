/* A background thread that looks at the job store twice a second, so that counts, /metrics and events cost requests
 * nothing: it opens the store when it can be reached, keeps the latest numbers, and feeds the event stream. */
#pragma once

#include "api/store.h"
#include "httpd/sse.h"

struct snapshot;

struct snapshot_rates { /* over the last minute */
    int64_t created_per_minute, finished_per_minute, documents_per_minute, failed_runs_per_minute;
    int64_t mean_run_ms; /* over every run; 0: none yet */
};
struct snapshot_data {
    struct jobs_counts counts;
    struct totals totals;
    struct snapshot_rates rates;
    bool store_up; /* the last look at the store was answered */
};

struct snapshot *snapshot_start(struct store *store, struct api_metrics *metrics, struct sse_channel *events);
/* How opening the store went: what it answered, or RETRY when it has not within wait_ms (it goes on trying). */
MUST_USE enum outcome snapshot_wait_open(struct snapshot *snapshot, int64_t wait_ms, struct error *err);
void snapshot_ask_to_stop(struct snapshot *snapshot); /* returns at once; it stays usable */
/* False when it did not end within wait_ms (the store hangs): nothing it uses may be freed then. NULL: true. */
bool snapshot_stop(struct snapshot *snapshot, int64_t wait_ms);
/* False before the first look. */
bool snapshot_get(struct snapshot *snapshot, struct snapshot_data *ret);
/* The store's time now, from the last look and this machine's monotonic clock. */
int64_t snapshot_now_ms(struct snapshot *snapshot);
/* How long ago the store last answered; -1: never. */
int64_t snapshot_contact_age_ms(struct snapshot *snapshot);
/* A job was placed or changed here: look soon. NULL: some job. */
void snapshot_touch(struct snapshot *snapshot, const char *job_id);
