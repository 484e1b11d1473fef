/* Jobs, runs and documents as JSON. */
#include "api/json_views.h"

#include "base/clock.h"
#include "base/str.h"

enum { RUNS_SHOWN_MAX = 200, ERRORS_SHOWN_MAX = 20 };

int64_t view_estimate_s(const struct waiting *waiting, const struct view_clock *clock) {
    if (waiting->reason != WAIT_QUEUED || clock->active_leases <= 0 || clock->mean_run_ms <= 0) {
        return -1;
    }
    int64_t rounds = (clock->claimable + clock->active_leases - 1) / clock->active_leases;
    return (rounds * clock->mean_run_ms + 999) / 1000;
}

static json_t *view_waiting(const struct job *job, const struct view_clock *clock) {
    int active = clock->active_leases > INT32_MAX ? INT32_MAX : (int)clock->active_leases;
    struct waiting waiting = job_waiting(job, clock->now_ms, active, clock->no_worker_after_ms);
    return waiting_json(&waiting, view_estimate_s(&waiting, clock));
}

json_t *view_job(const struct job *job, const struct view_clock *clock) {
    json_t *view = job_json(job);
    json_object_set_new(view, "waiting", view_waiting(job, clock));
    return view;
}

/* One entry for each code: how often, and the last message. */
static json_t *view_errors(const struct run_list *runs) {
    json_t *errors = json_array();
    for (int i = 0; i < runs->count; i++) {
        const struct run_record *run = &runs->items[i];
        if (!*run->error_code) {
            continue;
        }
        json_t *group = NULL;
        for (size_t k = 0; k < json_array_size(errors) && !group; k++) {
            json_t *other = json_array_get(errors, k);
            group = str_eq(json_member_string(other, "code"), run->error_code) ? other : NULL;
        }
        if (!group && json_array_size(errors) == ERRORS_SHOWN_MAX) {
            continue;
        }
        if (!group) {
            group = json_pack("{s:s, s:i}", "code", run->error_code, "count", 0);
            json_array_append_new(errors, group);
        }
        json_object_set_new(group, "count", json_integer(json_member_int(group, "count", 0) + 1));
        json_object_set_new(group, "message", json_string(run->error_message));
        json_object_set_new(group, "lastAt", time_json(run->ended_at_ms));
    }
    return errors;
}

json_t *view_job_detail(const struct job *job, const struct view_clock *clock, const struct run_list *runs) {
    json_t *view = view_job(job, clock);
    json_t *list = json_array();
    for (int i = runs->count > RUNS_SHOWN_MAX ? runs->count - RUNS_SHOWN_MAX : 0; i < runs->count; i++) {
        json_array_append_new(list, run_json(&runs->items[i]));
    }
    json_object_set_new(view, "runs", list);
    json_object_set_new(view, "errors", view_errors(runs));
    return view;
}

static void add_link(json_t *content, const struct document *document, const char *kind) {
    char href[96];
    (void)str_format(href, sizeof(href), "/api/v1/documents/%s/content?as=%s", document->id, kind);
    if (json_is_object(content)) {
        json_object_set_new(content, "href", json_string(href));
    }
}

json_t *view_document(const struct document *document) {
    json_t *view = document_json(document);
    add_link(json_object_get(view, "text"), document, "text");
    add_link(json_object_get(view, "original"), document, "pdf");
    add_link(json_object_get(view, "fields"), document, "json");
    /* a file:// URL would name a folder of the server */
    if (!str_starts_with(document->text_url, "http")) {
        json_object_set_new(view, "blobUrl", json_null());
    }
    return view;
}

json_t *view_placed(const struct jobs_placed *placed) {
    json_t *list = json_array();
    for (int i = 0; i < placed->count; i++) {
        const struct jobs_placed_item *item = &placed->items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "jobId", item->job_id, "cin", item->company.cin,
                                              "companyName", item->company.name));
    }
    return list;
}
