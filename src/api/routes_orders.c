/* POST /api/v1/jobs: orders, all or none, once for each Idempotency-Key. */
#include <string.h>

#include "api/api.h"
#include "api/bodies.h"
#include "base/hash.h"
#include "base/log.h"

enum { KEY_MAX_BYTES = 255 };

/* Printable ASCII; RFC draft "Idempotency-Key": a client's unique text. */
static bool key_valid(const char *key) {
    size_t length = strlen(key);
    for (const char *at = key; *at; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return length >= 1 && length <= KEY_MAX_BYTES;
}

static bool read_order(struct http_exchange *exchange, struct order_body *ret, char ret_sha256[HASH_HEX_MAX]) {
    const char *bytes;
    size_t size_bytes;
    http_body(exchange, &bytes, &size_bytes);
    struct error err = {0};
    AUTO_JSON json_t *errors = NULL;
    if (order_body_read(bytes, size_bytes, ret, &errors, &err) != OK) {
        AUTO_JSON json_t *extra = errors ? json_pack("{s:O}", "errors", errors) : NULL;
        http_reply_problem(exchange, 400, err.code, err.message, extra);
        return false;
    }
    hash_hex(HASH_SHA256, bytes, size_bytes, ret_sha256);
    return true;
}

static void reply_placed(struct api *api, struct http_exchange *exchange, const struct jobs_placed *placed) {
    if (placed->replayed) {
        http_add_header(exchange, "Idempotency-Replayed", "true");
    } else {
        snapshot_touch(api->snapshot, NULL);
        log_debug("order placed", log_int("count", placed->count));
    }
    AUTO_JSON json_t *answer = json_pack("{s:o, s:i}", "jobs", view_placed(placed), "totalJobs", placed->count);
    reply_json_fresh(exchange, 200, answer);
}

void route_place_orders(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    const char *key = http_header(exchange, "Idempotency-Key");
    if (!says_json(exchange)) {
        http_reply_problem(exchange, 415, "media_type", "Content-Type must be application/json", NULL);
        return;
    }
    if (key && !key_valid(key)) {
        http_reply_problem(exchange, 400, "bad_idempotency_key",
                           "Idempotency-Key must be 1 to 255 printable ASCII characters", NULL);
        return;
    }
    struct order_body body;
    char sha256[HASH_HEX_MAX];
    if (!read_order(exchange, &body, sha256)) {
        return;
    }
    struct error err = {0};
    struct store_call call;
    struct jobs_placed placed = {0};
    if (begin_store(api, exchange, STORE_WRITE, "place", &call)) {
        const struct jobs_order order = {.companies = body.companies,
                                         .count = body.count,
                                         .priority = body.priority,
                                         .force = body.force,
                                         .idempotency_key = key,
                                         .body_sha256 = key ? sha256 : NULL,
                                         .actor = api_actor(exchange)};
        if (end_store(exchange, &call, jobs_place(call.jobs, &order, &placed, &err), &err)) {
            reply_placed(api, exchange, &placed);
            jobs_placed_finish(&placed);
        }
    }
    order_body_finish(&body);
}
