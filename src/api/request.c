/* What handlers have in common: store calls, ids, query parameters, replies. */
#include <string.h>

#include "api/api.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/str.h"

enum { JSON_REPLY_MAX = 64 * 1024 * 1024 };

const char *api_actor(const struct http_exchange *exchange) {
    (void)exchange;
    return "http";
}

void reply_unavailable(struct http_exchange *exchange, const char *detail) {
    char seconds[16];
    (void)str_format(seconds, sizeof(seconds), "%d", RETRY_AFTER_S);
    http_add_header(exchange, "Retry-After", seconds);
    http_reply_problem(exchange, 503, "store_unavailable", detail, NULL);
}

bool begin_store(struct api *api, struct http_exchange *exchange, enum store_kind kind, const char *operation,
                 struct store_call *ret) {
    if (store_begin(api->store, kind, operation, ret)) {
        return true;
    }
    reply_unavailable(exchange, "the job store does not answer");
    return false;
}

static int status_of(const struct error *err) {
    static const struct {
        const char *code;
        int status;
    } others[] = {
        {"idempotency_mismatch", 422},
        {"not_cancellable", 409},
        {"not_retryable", 409},
        {"company_has_open_job", 409},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (str_eq(err->code, others[i].code)) {
            return others[i].status;
        }
    }
    return outcome_http_status(err->outcome);
}

bool end_store(struct http_exchange *exchange, struct store_call *call, enum outcome outcome, const struct error *err) {
    if (store_end(call, outcome, err) == OK) {
        return true;
    }
    if (outcome == RETRY || outcome == FATAL) {
        reply_unavailable(exchange, "the job store does not answer");
    } else {
        http_reply_problem(exchange, status_of(err), err->code, err->message, NULL);
    }
    return false;
}

bool says_json(const struct http_exchange *exchange) {
    return http_header(exchange, "Content-Type") != NULL;
}

bool path_job_id(struct http_exchange *exchange, const char **ret) {
    const char *id = http_param(exchange, "id");
    if (!object_id_valid(id)) {
        http_reply_problem(exchange, 404, "unknown_job", "there is no such job: an id has 24 hex digits", NULL);
        return false;
    }
    *ret = id;
    return true;
}

bool query_int(struct http_exchange *exchange, const char *name, int64_t min, int64_t max, int64_t fallback,
               int64_t *ret) {
    const char *text = http_query(exchange, name);
    *ret = fallback;
    if (!text || num_parse(text, min, max, ret)) {
        return true;
    }
    char detail[128];
    (void)str_format(detail, sizeof(detail), "%s must be an integer from %lld to %lld", name, (long long)min,
                     (long long)max);
    http_reply_problem(exchange, 400, "bad_query", detail, NULL);
    return false;
}

struct view_clock api_clock(struct api *api) {
    struct snapshot_data data;
    struct view_clock clock = {.no_worker_after_ms = VIEW_NO_WORKER_AFTER_MS};
    if (snapshot_get(api->snapshot, &data)) {
        clock.active_leases = data.counts.leased;
        clock.claimable = data.counts.claimable;
        clock.mean_run_ms = data.rates.mean_run_ms;
    }
    clock.now_ms = snapshot_now_ms(api->snapshot);
    return clock;
}

void reply_json_cached(struct http_exchange *exchange, const json_t *value) {
    AUTO_BUF struct buf body = BUF_INIT(JSON_REPLY_MAX);
    if (!json_append(&body, value)) {
        http_reply_problem(exchange, 500, "too_large", "the answer is too large", NULL);
        return;
    }
    char digest[HASH_HEX_MAX], etag[40];
    hash_hex(HASH_SHA256, body.data, body.size_bytes, digest);
    (void)str_format(etag, sizeof(etag), "\"%.32s\"", digest);
    http_add_header(exchange, "Cache-Control", "private, no-cache");
    if (!http_not_modified(exchange, etag)) {
        http_reply(exchange, 200, "application/json", body.data, body.size_bytes);
    }
}

void reply_json_fresh(struct http_exchange *exchange, int status, const json_t *value) {
    http_add_header(exchange, "Cache-Control", "no-store");
    http_reply_json(exchange, status, value);
}
