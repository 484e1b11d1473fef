/* What the API adds to core/job_json.h: estimates, links, groups of errors, stats. Values are the caller's (AUTO_JSON).
 */
#pragma once

#include "base/json.h"
#include "core/job_json.h"
#include "jobs/jobs.h"

struct snapshot_data;

enum { VIEW_NO_WORKER_AFTER_MS = 30000 };

struct view_clock {
    int64_t now_ms; /* the store's time */
    int64_t active_leases, claimable;
    int64_t mean_run_ms; /* 0: not known */
    int64_t no_worker_after_ms;
};

/* job_json with "waiting". */
json_t *view_job(const struct job *job, const struct view_clock *clock);
/* view_job with "runs", newest last, and "errors" grouped by code. */
json_t *view_job_detail(const struct job *job, const struct view_clock *clock, const struct run_list *runs);
/* document_json with links to the contents; a blobUrl that is no http URL is null. */
json_t *view_document(const struct document *document);
json_t *view_placed(const struct jobs_placed *placed); /* [{jobId, cin, companyName}…] */

json_t *view_stats(const struct snapshot_data *data);

/* Whole seconds until a queued job's run probably starts: the claimable ones before it shared by the workers there are.
 * -1: not known. Pure. */
int64_t view_estimate_s(const struct waiting *waiting, const struct view_clock *clock);
