/* The cluster's truth as Prometheus text: current numbers, and sums over every fact, the same from each replica. */
#include "api/metrics.h"

#include "base/metric.h"

static void family(struct buf *out, const char *name, const char *type, const char *help) {
    (void)buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(struct buf *out, const char *name, const char *type, const char *help, int64_t value) {
    family(out, name, type, help);
    (void)buf_printf(out, "%s %lld\n", name, (long long)value);
}

static void labelled(struct buf *out, const char *name, const char *label, const char *value, int64_t count) {
    (void)buf_printf(out, "%s{%s=\"%s\"} %lld\n", name, label, value, (long long)count);
}

/* label: "stage=\"read\"," or "" */
static void histogram(struct buf *out, const char *name, const char *label, const struct totals_histogram *sums) {
    int64_t below = 0;
    for (int i = 0; i < TOTALS_BUCKETS; i++) {
        below += sums->counts[i];
        (void)buf_printf(out, "%s_bucket{%sle=\"%g\"} %lld\n", name, label, (double)totals_buckets_ms[i] / 1000,
                         (long long)below);
    }
    below += sums->counts[TOTALS_BUCKETS];
    (void)buf_printf(out, "%s_bucket{%sle=\"+Inf\"} %lld\n", name, label, (long long)below);
    int length = 0;
    while (label[length] && label[length + 1]) {
        length++; /* without the comma at the end */
    }
    const char *open = *label ? "{" : "", *close = *label ? "}" : "";
    (void)buf_printf(out, "%s_sum%s%.*s%s %lld.%03lld\n", name, open, length, label, close,
                     (long long)(sums->sum_ms / 1000), (long long)(sums->sum_ms % 1000));
    (void)buf_printf(out, "%s_count%s%.*s%s %lld\n", name, open, length, label, close, (long long)below);
}

static void render_now(const struct jobs_counts *counts, struct buf *out) {
    family(out, "filesure_jobs", "gauge", "Jobs in each state now.");
    for (int status = 0; status < JOB_STATUS_COUNT; status++) {
        labelled(out, "filesure_jobs", "status", job_status_name((enum job_status)status), counts->by_status[status]);
    }
    number(out, "filesure_jobs_claimable", "gauge", "Jobs that a worker could take now.", counts->claimable);
    number(out, "filesure_workers_active", "gauge", "Leases held now: workers at work.", counts->leased);
    family(out, "filesure_job_oldest_waiting_seconds", "gauge",
           "Age of the job that has been claimable longest; 0: none.");
    (void)buf_printf(out, "filesure_job_oldest_waiting_seconds %lld.%03lld\n",
                     (long long)(counts->oldest_waiting_ms / 1000), (long long)(counts->oldest_waiting_ms % 1000));
}

static void render_runs(const struct totals *totals, struct buf *out) {
    family(out, "filesure_runs_total", "counter", "Runs that ended, by how.");
    for (int outcome = RUN_PENDING; outcome <= RUN_LOST; outcome++) {
        labelled(out, "filesure_runs_total", "outcome", run_outcome_name((enum run_outcome)outcome),
                 totals->runs[outcome]);
    }
    family(out, "filesure_jobs_finished_total", "counter", "Jobs that a run completed or failed for good.");
    labelled(out, "filesure_jobs_finished_total", "status", "completed", totals->runs[RUN_COMPLETED]);
    labelled(out, "filesure_jobs_finished_total", "status", "failed", totals->runs[RUN_EXHAUSTED]);
    number(out, "filesure_leases_expired_total", "counter", "Leases that ran out or were taken over.",
           totals->runs[RUN_LOST]);
    family(out, "filesure_portal_requests_total", "counter", "Requests of ended runs to the registry portal.");
    labelled(out, "filesure_portal_requests_total", "result", "ok",
             totals->attempts_portal_requests - totals->portal_errors);
    labelled(out, "filesure_portal_requests_total", "result", "error", totals->portal_errors);
    family(out, "filesure_run_seconds", "histogram", "Length of a run.");
    histogram(out, "filesure_run_seconds", "", &totals->run);
}

static void render_documents(const struct totals *totals, struct buf *out) {
    family(out, "filesure_documents_total", "counter", "Documents recorded, by result.");
    for (int state = DOCUMENT_STORED; state <= DOCUMENT_MISSING; state++) {
        labelled(out, "filesure_documents_total", "result", document_state_name((enum document_state)state),
                 totals->documents[state]);
    }
    family(out, "filesure_document_bytes_total", "counter", "Bytes of documents stored.");
    labelled(out, "filesure_document_bytes_total", "kind", "original", totals->document_bytes);
    number(out, "filesure_pages_total", "counter", "Pages of the documents stored.", totals->pages);
    family(out, "filesure_document_seconds", "histogram", "Time a document took in each stage.");
    histogram(out, "filesure_document_seconds", "stage=\"download\",", &totals->download);
    histogram(out, "filesure_document_seconds", "stage=\"parse\",", &totals->read);
    histogram(out, "filesure_document_seconds", "stage=\"store\",", &totals->store);
}

void metrics_render_cluster(const struct jobs_counts *counts, const struct totals *totals, struct buf *out) {
    render_now(counts, out);
    number(out, "filesure_jobs_created_total", "counter", "Jobs ever placed.", totals->jobs_placed);
    render_runs(totals, out);
    render_documents(totals, out);
}
