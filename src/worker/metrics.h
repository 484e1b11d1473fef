/* What a worker serves on /metrics while it runs: the names of contract.md. The counters that survive the pod are the
 * API's. */
#pragma once

#include "base/error.h"
#include "jobs/jobs.h"

enum worker_metric {
    METRIC_JOBS_FOUND,
    METRIC_JOBS_LOCKED,
    METRIC_JOBS_PROCESSED, /* label status */
    METRIC_JOBS_FAILED,
    METRIC_DOCUMENTS_DOWNLOADED,
    METRIC_DOCUMENTS_UPLOADED,
    METRIC_BLOB_OPERATIONS, /* label operation */
    METRIC_BLOB_SECONDS,    /* label operation */
    METRIC_JOB_SECONDS,
    METRIC_LOCK_CLEANUP,
    METRIC_ACTIVE_JOBS,
    METRIC_PENDING_JOBS,
    METRIC_COMPLETED_JOBS,
    METRIC_BATCH_SIZE,
    WORKER_METRIC_COUNT,
};

struct worker_metrics;
struct worker_metrics *worker_metrics_create(void);          /* every series is there from the start, at 0 */
void worker_metrics_destroy(struct worker_metrics *metrics); /* stops serving; NULL ok */

/* Counters add, gauges are set, histograms observe. label: NULL for a metric that has none. */
void worker_metric(struct worker_metrics *metrics, enum worker_metric which, const char *label, double value);
void worker_metrics_counts(struct worker_metrics *metrics, const struct jobs_counts *counts);

/* Serves GET /metrics. A port that is taken is no reason not to run: the caller logs it and goes on. */
MUST_USE enum outcome worker_metrics_serve(struct worker_metrics *metrics, const char *listen, struct error *err);
const char *worker_metrics_address(const struct worker_metrics *metrics); /* NULL: not served */
/* Goes on serving until the final values were scraped once, SIGTERM, or the seconds are over. */
void worker_metrics_linger(struct worker_metrics *metrics, int seconds);
