/* How jobs, runs and documents look in JSON: the one place. Times are RFC 3339 or null. Values are the caller's
 * (AUTO_JSON). */
#pragma once

#include "base/json.h"
#include "core/blob_name.h"
#include "jobs/jobs.h"

struct snapshot_data;

enum { VIEW_NO_WORKER_AFTER_MS = 30000 };

struct view_clock {
    int64_t now_ms; /* the store's time */
    int64_t active_leases, claimable;
    int64_t mean_run_ms; /* 0: not known */
    int64_t no_worker_after_ms;
};

json_t *view_time(int64_t time_ms); /* null when 0 */
json_t *view_job(const struct job *job, const struct view_clock *clock);
/* view_job with "runs", newest last, and "errors" grouped by code. */
json_t *view_job_detail(const struct job *job, const struct view_clock *clock, const struct run_list *runs);
json_t *view_run(const struct run_record *run);
json_t *view_document(const struct document *document);
json_t *view_placed(const struct jobs_placed *placed); /* [{jobId, cin, companyName}…] */

json_t *view_stats(const struct snapshot_data *data);

/* Whole seconds until a queued job's run probably starts: the claimable ones before it shared by the workers there are.
 * -1: not known. Pure. */
int64_t view_estimate_s(const struct waiting *waiting, const struct view_clock *clock);
