/* Jobs: list, one, cancel, retry. */
#include <string.h>

#include "api/api.h"
#include "api/bodies.h"
#include "api/feed.h"
#include "base/log.h"
#include "base/str.h"
#include "base/url.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 500, PREFIX_MAX_BYTES = 200, LINK_MAX_BYTES = 2048 };

static bool read_filter(struct http_exchange *exchange, struct jobs_filter *ret) {
    static const char *const allowed[] = {"status", "cin", "q", "limit", "cursor", NULL};
    int64_t limit;
    if (!http_query_only(exchange, allowed) || !query_int(exchange, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit)) {
        return false;
    }
    *ret = (struct jobs_filter){.status = http_query(exchange, "status"),
                                .cin = http_query(exchange, "cin"),
                                .prefix = http_query(exchange, "q"),
                                .cursor = http_query(exchange, "cursor"),
                                .limit = (int)limit};
    enum job_status status;
    struct error err = {0};
    if (ret->status && !job_status_parse(ret->status, &status)) {
        http_reply_problem(exchange, 400, "bad_query",
                           "status must be pending, processing, completed, failed or cancelled", NULL);
        return false;
    }
    if (ret->cin && cin_check(ret->cin, &err) != OK) {
        error_prefix(&err, "cin");
        http_reply_problem(exchange, 400, "bad_query", err.message, NULL);
        return false;
    }
    if (ret->prefix && strlen(ret->prefix) > PREFIX_MAX_BYTES) {
        http_reply_problem(exchange, 400, "bad_query", "q is too long: at most 200 bytes", NULL);
        return false;
    }
    ret->prefix = ret->prefix && *ret->prefix ? ret->prefix : NULL;
    return true;
}

static void add_parameter(struct buf *url, const char *name, const char *value) {
    if (value) {
        (void)buf_printf(url, "%s%s=", strchr(buf_str(url), '?') ? "&" : "?", name);
        (void)url_escape(url, value);
    }
}

/* RFC 8288: the same query with the next cursor. */
static void add_link(struct http_exchange *exchange, const struct jobs_filter *filter, const char *next) {
    char limit[16];
    (void)str_format(limit, sizeof(limit), "%d", filter->limit);
    AUTO_BUF struct buf link = BUF_INIT(LINK_MAX_BYTES);
    (void)buf_append_str(&link, "</api/v1/jobs");
    add_parameter(&link, "status", filter->status);
    add_parameter(&link, "cin", filter->cin);
    add_parameter(&link, "q", filter->prefix);
    add_parameter(&link, "limit", limit);
    add_parameter(&link, "cursor", next);
    if (buf_append_str(&link, ">; rel=\"next\"")) {
        http_add_header(exchange, "Link", buf_str(&link));
    }
}

void route_list_jobs(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    struct jobs_filter filter;
    struct error err = {0};
    struct store_call call;
    struct job_list list = {0};
    if (!read_filter(exchange, &filter) || !begin_store(api, exchange, STORE_READ, "list", &call) ||
        !end_store(exchange, &call, jobs_list(call.jobs, &filter, &list, &err), &err)) {
        return;
    }
    const struct view_clock clock = api_clock(api);
    AUTO_JSON json_t *jobs = json_array();
    for (int i = 0; i < list.count; i++) {
        json_array_append_new(jobs, view_job(&list.items[i], &clock));
    }
    AUTO_JSON json_t *answer =
        json_pack("{s:O, s:o}", "jobs", jobs, "next", *list.next ? json_string(list.next) : json_null());
    if (*list.next) {
        add_link(exchange, &filter, list.next);
    }
    job_list_finish(&list);
    reply_json_fresh(exchange, 200, answer);
}

void route_get_job(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    const char *id;
    struct error err = {0};
    struct store_call call;
    struct job job;
    if (!http_query_only(exchange, (const char *const[]){NULL}) || !path_job_id(exchange, &id) ||
        !begin_store(api, exchange, STORE_READ, "get", &call)) {
        return;
    }
    struct run_list runs = {0};
    enum outcome outcome = jobs_get(call.jobs, id, &job, &err);
    if (outcome == OK) {
        outcome = jobs_list_runs(call.jobs, id, &runs, &err);
    }
    if (outcome == OK) {
        feed_fill_progress(call.jobs, &job);
    }
    if (!end_store(exchange, &call, outcome, &err)) {
        return;
    }
    const struct view_clock clock = api_clock(api);
    AUTO_JSON json_t *view = view_job_detail(&job, &clock, &runs);
    run_list_finish(&runs);
    reply_json_cached(exchange, view);
}

/* What cancel and retry share: the id, an empty body, the change, and the job as it is then. */
static void change_job(struct http_exchange *exchange, struct api *api, const char *operation,
                       enum outcome (*change)(struct jobs *, const char *, const char *, enum job_status *,
                                              struct error *)) {
    const char *id, *bytes;
    size_t size_bytes;
    struct error err = {0};
    struct store_call call;
    if (!path_job_id(exchange, &id)) {
        return;
    }
    http_body(exchange, &bytes, &size_bytes);
    if (empty_body_read(bytes, size_bytes, &err) != OK) {
        http_reply_problem(exchange, 400, err.code, err.message, NULL);
        return;
    }
    enum job_status status;
    struct job job;
    if (!begin_store(api, exchange, STORE_WRITE, operation, &call) ||
        !end_store(exchange, &call, change(call.jobs, id, api_actor(exchange), &status, &err), &err)) {
        return;
    }
    snapshot_touch(api->snapshot, id);
    log_info(operation, log_str("job", id), log_str("status", job_status_name(status)));
    const struct view_clock clock = api_clock(api);
    bool got = store_begin(api->store, STORE_READ, "get", &call) &&
               store_end(&call, jobs_get(call.jobs, id, &job, &err), &err) == OK;
    AUTO_JSON json_t *view =
        got ? view_job(&job, &clock) : json_pack("{s:s, s:s}", "jobId", id, "status", job_status_name(status));
    reply_json_fresh(exchange, 200, view);
}

void route_cancel_job(struct http_exchange *exchange, void *context) {
    change_job(exchange, context, "cancel", jobs_cancel);
}

void route_retry_job(struct http_exchange *exchange, void *context) {
    change_job(exchange, context, "retry", jobs_retry);
}
