/* GET /api/v1/reconcile: whether the counters add up. Each is what can be counted now, and what was purged. */
#include "api/api.h"
#include "base/str.h"

enum { COUNTED_JOBS_MAX = 1000, PAGE = 200 };

struct facts {
    int64_t documents, runs;
};

static void add_row(json_t *rows, const char *name, int64_t counter, const int64_t *counted, int64_t purged) {
    json_t *row = json_pack("{s:s, s:I}", "name", name, "counter", (json_int_t)counter);
    json_object_set_new(row, "counted", counted ? json_integer(*counted) : json_null());
    json_object_set_new(row, "purged", json_integer(purged));
    json_object_set_new(row, "difference", counted ? json_integer(counter - *counted - purged) : json_null());
    json_array_append_new(rows, row);
}

/* Rows and runs of every job, job by job. */
static enum outcome count_facts(struct jobs *jobs, struct facts *ret, struct error *err) {
    char cursor[CURSOR_MAX] = "";
    do {
        struct jobs_filter filter = {.limit = PAGE, .cursor = *cursor ? cursor : NULL};
        struct job_list list = {0};
        enum outcome outcome = jobs_list(jobs, &filter, &list, err);
        for (int i = 0; outcome == OK && i < list.count; i++) {
            static _Thread_local bool have[FILINGS_MAX + 1];
            int rows = 0;
            outcome = jobs_have_rows(jobs, list.items[i].id, have, (int)COUNT_OF(have), &rows, err);
            ret->documents += rows;
            ret->runs += list.items[i].runs;
        }
        if (outcome != OK) {
            job_list_finish(&list);
            return outcome;
        }
        (void)str_copy(cursor, sizeof(cursor), list.next);
        job_list_finish(&list);
    } while (*cursor);
    return OK;
}

void route_reconcile(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    struct error err = {0};
    struct store_call call;
    if (!http_query_only(exchange, (const char *const[]){NULL}) ||
        !begin_store(api, exchange, STORE_READ, "reconcile", &call)) {
        return;
    }
    struct jobs_counts counts = {0};
    struct totals totals = {0};
    struct facts counted = {0};
    struct purged_totals purged = {0};
    enum outcome outcome = jobs_count(call.jobs, &counts, &err);
    bool countable = counts.total <= COUNTED_JOBS_MAX;
    if (outcome == OK && countable) {
        outcome = count_facts(call.jobs, &counted, &err);
    }
    if (outcome == OK) {
        outcome = jobs_purged_totals(call.jobs, &purged, &err);
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
    add_row(rows, "filesure_jobs_created_total", totals.jobs_placed, &counts.total, purged.jobs);
    add_row(rows, "filesure_documents_total", documents_sum, countable ? &counted.documents : NULL, purged.documents);
    add_row(rows, "filesure_runs_total", runs_sum, countable ? &counted.runs : NULL, purged.runs);
    /* a run under way is counted in its job, but is no fact yet */
    bool settled = counts.by_status[JOB_PROCESSING] == 0;
    AUTO_JSON json_t *view = json_pack("{s:O, s:b, s:o, s:o}", "counters", rows, "settled", settled, "upTo",
                                       time_json(totals.up_to_ms), "asOf", time_json(counts.now_ms));
    reply_json_fresh(exchange, 200, view);
}
