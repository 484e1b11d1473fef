/* What operators ask: health, readiness, version, metrics, numbers and whether they add up. */
#include "api/api.h"
#include "base/clock.h"
#include "base/str.h"
#include "build_info.h"

enum { NOT_READY_AFTER_MS = 30000, METRICS_MAX_BYTES = 4 * 1024 * 1024, COUNTED_JOBS_MAX = 1000, PAGE = 200 };

static bool no_query(struct http_exchange *exchange) {
    return http_query_only(exchange, (const char *const[]){NULL});
}

void route_health(struct http_exchange *exchange, void *context) {
    (void)context;
    static const char text[] = "{\"status\":\"ok\"}";
    http_add_header(exchange, "Cache-Control", "no-store");
    http_reply_static(exchange, 200, "application/json", text, sizeof(text) - 1);
}

/* A name nobody has: GONE is an answer too. */
static bool blobs_answer(struct blobs *blobs) {
    struct error err;
    int64_t size_bytes;
    enum outcome outcome =
        blobs_size(blobs, "jobs/000000000000000000000000/manifest.0000000000000000.json", &size_bytes, &err);
    return outcome == OK || outcome == GONE;
}

void route_ready(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    int64_t age_ms = snapshot_contact_age_ms(api->snapshot);
    bool draining = api->draining;
    const char *reason = draining                      ? "draining"
                         : age_ms < 0                  ? "no contact with the job store yet"
                         : age_ms > NOT_READY_AFTER_MS ? "the job store has not answered for 30 s"
                                                       : NULL;
    json_t *contact = age_ms < 0 ? json_null() : json_integer(age_ms);
    AUTO_JSON json_t *view = json_pack("{s:b, s:o, s:{s:o}, s:{s:b}}", "ready", reason == NULL, "reason",
                                       reason ? json_string(reason) : json_null(), "jobStore", "msSinceAnswer", contact,
                                       "blobStore", "answers", blobs_answer(api->blobs));
    reply_json_fresh(exchange, reason ? 503 : 200, view);
}

void route_version(struct http_exchange *exchange, void *context) {
    (void)context;
    AUTO_JSON json_t *view =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", "filesure", "version", FILESURE_VERSION, "commit",
                  FILESURE_COMMIT, "license", "AGPL-3.0-or-later", "source", FILESURE_SOURCE);
    reply_json_fresh(exchange, 200, view);
}

void route_metrics(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    AUTO_BUF struct buf text = BUF_INIT(METRICS_MAX_BYTES);
    bool fits = api_metrics_render(api->metrics, &text);
    struct snapshot_data data;
    if (snapshot_get(api->snapshot, &data)) { /* before it, zeros would look like a counter that was reset */
        metrics_render_cluster(&data.counts, &data.totals, &text);
    }
    if (!fits || text.full) {
        http_reply_problem(exchange, 500, "too_large", "the metrics are too large", NULL);
        return;
    }
    http_add_header(exchange, "Cache-Control", "no-store");
    http_reply(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.size_bytes);
}

void route_stats(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    struct snapshot_data data;
    if (!no_query(exchange)) {
        return;
    }
    if (!snapshot_get(api->snapshot, &data)) {
        reply_unavailable(exchange, "no contact with the job store yet");
        return;
    }
    AUTO_JSON json_t *view = view_stats(&data);
    reply_json_fresh(exchange, 200, view);
}

/* ---- reconcile ---- */

static void add_row(json_t *rows, const char *name, int64_t counter, int64_t counted) {
    json_t *row = json_pack("{s:s, s:I}", "name", name, "counter", (json_int_t)counter);
    json_object_set_new(row, "counted", counted < 0 ? json_null() : json_integer(counted));
    json_object_set_new(row, "difference", counted < 0 ? json_null() : json_integer(counter - counted));
    json_array_append_new(rows, row);
}

/* Rows and runs of every job, job by job. */
static enum outcome count_facts(struct jobs *jobs, int64_t *ret_documents, int64_t *ret_runs, struct error *err) {
    char cursor[CURSOR_MAX] = "";
    int64_t documents = 0, runs = 0;
    do {
        struct jobs_filter filter = {.limit = PAGE, .cursor = *cursor ? cursor : NULL};
        struct job_list list = {0};
        enum outcome outcome = jobs_list(jobs, &filter, &list, err);
        for (int i = 0; outcome == OK && i < list.count; i++) {
            static _Thread_local bool have[FILINGS_MAX + 1];
            int rows = 0;
            outcome = jobs_have_rows(jobs, list.items[i].id, have, (int)COUNT_OF(have), &rows, err);
            documents += rows;
            runs += list.items[i].runs;
        }
        if (outcome != OK) {
            job_list_finish(&list);
            return outcome;
        }
        (void)str_copy(cursor, sizeof(cursor), list.next);
        job_list_finish(&list);
    } while (*cursor);
    *ret_documents = documents;
    *ret_runs = runs;
    return OK;
}

void route_reconcile(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    struct error err = {0};
    struct store_call call;
    if (!no_query(exchange) || !begin_store(api, exchange, STORE_READ, "reconcile", &call)) {
        return;
    }
    struct jobs_counts counts = {0};
    struct totals totals = {0};
    int64_t documents = -1, runs = -1;
    enum outcome outcome = jobs_count(call.jobs, &counts, &err);
    if (outcome == OK && counts.total <= COUNTED_JOBS_MAX) {
        outcome = count_facts(call.jobs, &documents, &runs, &err);
    }
    if (outcome == OK) {
        outcome = jobs_totals(call.jobs, &totals, &err);
    }
    if (!end_store(exchange, &call, outcome, &err)) {
        return;
    }
    int64_t documents_sum = totals.documents[0] + totals.documents[1] + totals.documents[2], runs_sum = 0;
    for (size_t i = 0; i < COUNT_OF(totals.runs); i++) {
        runs_sum += totals.runs[i];
    }
    AUTO_JSON json_t *rows = json_array();
    add_row(rows, "filesure_jobs_created_total", totals.jobs_placed, counts.total);
    add_row(rows, "filesure_documents_total", documents_sum, documents);
    add_row(rows, "filesure_runs_total", runs_sum, runs);
    /* a run under way is counted in its job, but is no fact yet */
    bool settled = counts.by_status[JOB_PROCESSING] == 0;
    AUTO_JSON json_t *view = json_pack("{s:O, s:b, s:o, s:o}", "counters", rows, "settled", settled, "upTo",
                                       time_json(totals.up_to_ms), "asOf", time_json(counts.now_ms));
    reply_json_fresh(exchange, 200, view);
}
