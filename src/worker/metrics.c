/* The worker's metrics: one table, and the server that shows them. */
#include "worker/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/stop.h"
#include "httpd/httpd.h"

enum { LABELS_MAX = 4, LINGER_LOOK_MS = 20, RENDER_BYTES_MAX = 256 * 1024 };

static const double job_seconds[] = {0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800};
static const double batch_filings[] = {1, 2, 5, 10, 15, 20, 30, 50, 100, 500, 2000};

static const struct row {
    const char *name;
    enum { COUNTER, GAUGE, HISTOGRAM } type;
    const char *label;
    const char *values[LABELS_MAX]; /* of the label, shown as 0 from the start */
    const double *buckets;          /* NULL: metric_seconds_buckets */
    size_t buckets_count;
    const char *help;
} table[WORKER_METRIC_COUNT] = {
    [METRIC_JOBS_FOUND] = {"jobs_found_total", COUNTER, .help = "Jobs this worker found to be run."},
    [METRIC_JOBS_LOCKED] = {"jobs_locked_total", COUNTER, .help = "Leases this worker adopted."},
    [METRIC_JOBS_PROCESSED] = {"jobs_processed_total",
                               COUNTER,
                               "status",
                               {"completed", "pending", "failed", "cancelled"},
                               .help = "Runs this worker ended, by what became of the run."},
    [METRIC_JOBS_FAILED] = {"jobs_failed_total", COUNTER, .help = "Runs this worker ended as failed."},
    [METRIC_DOCUMENTS_DOWNLOADED] = {"documents_downloaded_total", COUNTER,
                                     .help = "Filings downloaded from the registry."},
    [METRIC_DOCUMENTS_UPLOADED] = {"documents_uploaded_total", COUNTER,
                                   .help = "Documents whose blobs and row are stored."},
    [METRIC_BLOB_OPERATIONS] =
        {"blob_operations_total", COUNTER, "operation", {"upload"}, .help = "Calls to the blob store."},
    [METRIC_BLOB_SECONDS] = {"blob_operation_duration_seconds",
                             HISTOGRAM,
                             "operation",
                             {"upload"},
                             .help = "Time of calls to the blob store."},
    [METRIC_JOB_SECONDS] = {"job_processing_duration_seconds", HISTOGRAM, .buckets = job_seconds,
                            .buckets_count = COUNT_OF(job_seconds), .help = "Time of a run from adoption to its end."},
    [METRIC_LOCK_CLEANUP] = {"lock_cleanup_total", COUNTER, .help = "Leases that had run out and were taken over."},
    [METRIC_ACTIVE_JOBS] = {"active_jobs", GAUGE, .help = "Jobs this worker runs now."},
    [METRIC_PENDING_JOBS] = {"pending_jobs", GAUGE, .help = "Pending jobs in the store, as of the last heartbeat."},
    [METRIC_COMPLETED_JOBS] = {"completed_jobs", GAUGE,
                               .help = "Completed jobs in the store, as of the last heartbeat."},
    [METRIC_BATCH_SIZE] = {"download_batch_size", HISTOGRAM, .buckets = batch_filings,
                           .buckets_count = COUNT_OF(batch_filings), .help = "Filings a run set out to fetch."},
};

struct worker_metrics {
    struct metrics *registry;
    struct metric *families[WORKER_METRIC_COUNT];
    struct httpd *server;
    atomic_bool ended; /* what is rendered from here on is final */
    atomic_bool final_seen;
};

static struct metric *make_family(struct metrics *registry, const struct row *row) {
    const char *const labels[] = {row->label, NULL};
    const char *const *names = row->label ? labels : NULL;
    struct metric *family = NULL;
    switch (row->type) {
    case COUNTER:
        family = metric_counter(registry, row->name, row->help, names);
        break;
    case GAUGE:
        family = metric_gauge(registry, row->name, row->help, names);
        break;
    case HISTOGRAM:
        family = metric_histogram(registry, row->name, row->help, names,
                                  row->buckets ? row->buckets : metric_seconds_buckets,
                                  row->buckets ? row->buckets_count : metric_seconds_buckets_count);
        break;
    }
    for (size_t i = 0; i < LABELS_MAX && row->values[i] && row->type == COUNTER; i++) {
        metric_add(family, METRIC_LABELS(row->values[i]), 0);
    }
    return family;
}

struct worker_metrics *worker_metrics_create(void) {
    struct worker_metrics *metrics = x_alloc(sizeof(*metrics));
    metrics->registry = metrics_create();
    for (size_t i = 0; i < WORKER_METRIC_COUNT; i++) {
        metrics->families[i] = make_family(metrics->registry, &table[i]);
    }
    return metrics;
}

void worker_metrics_destroy(struct worker_metrics *metrics) {
    if (metrics) {
        httpd_stop(metrics->server);
        metrics_destroy(metrics->registry);
        free(metrics);
    }
}

void worker_metric(struct worker_metrics *metrics, enum worker_metric which, const char *label, double value) {
    assert(!label == !table[which].label);
    struct metric *family = metrics->families[which];
    const char *const values[] = {label, NULL};
    const char *const *labels = label ? values : NULL;
    switch (table[which].type) {
    case COUNTER:
        metric_add(family, labels, value);
        break;
    case GAUGE:
        metric_set(family, labels, value);
        break;
    case HISTOGRAM:
        metric_observe(family, labels, value);
        break;
    }
}

void worker_metrics_counts(struct worker_metrics *metrics, const struct jobs_counts *counts) {
    worker_metric(metrics, METRIC_PENDING_JOBS, NULL, (double)counts->by_status[JOB_PENDING]);
    worker_metric(metrics, METRIC_COMPLETED_JOBS, NULL, (double)counts->by_status[JOB_COMPLETED]);
}

static void get_metrics(struct http_exchange *exchange, void *context) {
    struct worker_metrics *metrics = context;
    bool final = metrics->ended;
    AUTO_BUF struct buf text = BUF_INIT(RENDER_BYTES_MAX);
    if (!metrics_render(metrics->registry, &text)) {
        http_reply_error(exchange, 500, "the metrics do not fit");
        return;
    }
    http_reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.size_bytes);
    if (final) {
        metrics->final_seen = true;
    }
}

enum outcome worker_metrics_serve(struct worker_metrics *metrics, const char *listen, struct error *err) {
    static const struct http_route routes[] = {
        {.method = "GET", .path = "/metrics", .handler = get_metrics, .problem_style = "error"},
    };
    const struct httpd_config config = {
        .listen = listen,
        .routes = routes,
        .routes_count = COUNT_OF(routes),
        .context = metrics,
        .threads = 1,
        .max_connections = 16,
        .idle_timeout_s = 30,
        .server_name = "filesure-worker",
    };
    return httpd_start(&config, &metrics->server, err);
}

const char *worker_metrics_address(const struct worker_metrics *metrics) {
    return metrics->server ? httpd_address(metrics->server) : NULL;
}

void worker_metrics_linger(struct worker_metrics *metrics, int seconds) {
    metrics->ended = true;
    int64_t until_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;
    while (metrics->server && !metrics->final_seen && clock_monotonic_ms() < until_ms &&
           !stop_wait_ms(LINGER_LOOK_MS)) {
    }
}
