/* The numbers of a snapshot as JSON: /api/v1/stats and the "stats" event. */
#include "api/json_views.h"
#include "api/snapshot.h"

static json_t *view_counts(const struct jobs_counts *counts) {
    json_t *view = json_object();
    for (int status = 0; status < JOB_STATUS_COUNT; status++) {
        json_object_set_new(view, job_status_name((enum job_status)status), json_integer(counts->by_status[status]));
    }
    json_object_set_new(view, "total", json_integer(counts->total));
    return view;
}

static json_t *view_totals(const struct totals *totals) {
    json_t *documents = json_object(), *runs = json_object();
    for (int state = DOCUMENT_STORED; state <= DOCUMENT_MISSING; state++) {
        json_object_set_new(documents, document_state_name((enum document_state)state),
                            json_integer(totals->documents[state]));
    }
    for (int outcome = RUN_PENDING; outcome <= RUN_LOST; outcome++) {
        json_object_set_new(runs, run_outcome_name((enum run_outcome)outcome), json_integer(totals->runs[outcome]));
    }
    return json_pack("{s:I, s:o, s:I, s:I, s:o}", "jobsPlaced", (json_int_t)totals->jobs_placed, "documents", documents,
                     "documentBytes", (json_int_t)totals->document_bytes, "pages", (json_int_t)totals->pages, "runs",
                     runs);
}

json_t *view_stats(const struct snapshot_data *data) {
    const struct snapshot_rates *rates = &data->rates;
    json_t *per_minute =
        json_pack("{s:I, s:I, s:I, s:I}", "jobsPlaced", (json_int_t)rates->created_per_minute, "jobsCompleted",
                  (json_int_t)rates->finished_per_minute, "documents", (json_int_t)rates->documents_per_minute,
                  "failedRuns", (json_int_t)rates->failed_runs_per_minute);
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:I, s:b, s:o}", "jobs", view_counts(&data->counts), "claimable",
                     (json_int_t)data->counts.claimable, "workersActive", (json_int_t)data->counts.leased,
                     "oldestWaitingMs", (json_int_t)data->counts.oldest_waiting_ms, "totals",
                     view_totals(&data->totals), "perMinute", per_minute, "meanRunMs", (json_int_t)rates->mean_run_ms,
                     "storeUp", data->store_up, "asOf", time_json(data->counts.now_ms));
}
