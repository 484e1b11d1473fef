/* POST /create-job: the public starter's call, with its keys and texts. Errors here are {"error": …}. */
#include "api/api.h"
#include "api/bodies.h"
#include "base/log.h"
#include "base/str.h"

enum { TRIES_MAX = 20 };

static void reply_failure(struct api *api, struct http_exchange *exchange) {
    api_metrics_create_failed(api->metrics);
    char seconds[16];
    (void)str_format(seconds, sizeof(seconds), "%d", RETRY_AFTER_S);
    http_add_header(exchange, "Retry-After", seconds);
    http_reply_error(exchange, 503, "the job store does not answer, try again");
}

static bool drawn_before(const struct company *companies, int count, const char *cin) {
    for (int i = 0; i < count; i++) {
        if (str_eq(companies[i].cin, cin)) {
            return true;
        }
    }
    return false;
}

static void draw(struct company *companies, int count) {
    for (int i = 0; i < count;) {
        uint64_t seed;
        random_bytes(&seed, sizeof(seed));
        company_sample(seed, &companies[i]);
        i += !drawn_before(companies, i, companies[i].cin);
    }
}

/* Draws companies and places them until `wanted` jobs are new: one that is open already was not free. */
static enum outcome place_samples(struct jobs *jobs, int wanted, const char *actor, json_t *list, struct error *err) {
    for (int tries = 0; (int)json_array_size(list) < wanted; tries++) {
        if (tries == TRIES_MAX) {
            return error_set(err, RETRY, "no_free_company", "no company without an open job was drawn in %d tries",
                             tries);
        }
        struct company companies[SAMPLES_MAX];
        int missing = wanted - (int)json_array_size(list);
        draw(companies, missing);
        const struct jobs_order order = {.companies = companies, .count = missing, .actor = actor};
        struct jobs_placed placed = {0};
        enum outcome outcome = jobs_place(jobs, &order, &placed, err);
        if (outcome != OK) {
            return outcome;
        }
        AUTO_JSON json_t *views = view_placed(&placed);
        for (int i = 0; i < placed.count; i++) {
            if (placed.items[i].created) {
                json_array_append(list, json_array_get(views, (size_t)i));
            }
        }
        jobs_placed_finish(&placed);
    }
    return OK;
}

static enum outcome place_company(struct jobs *jobs, const struct company *company, const char *actor, json_t *list,
                                  struct error *err) {
    const struct jobs_order order = {.companies = company, .count = 1, .actor = actor};
    struct jobs_placed placed = {0};
    enum outcome outcome = jobs_place(jobs, &order, &placed, err);
    if (outcome == OK) {
        AUTO_JSON json_t *views = view_placed(&placed);
        json_array_extend(list, views);
        jobs_placed_finish(&placed);
    }
    return outcome;
}

void route_create_job(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    struct error err = {0};
    const char *bytes;
    size_t size_bytes;
    if (!says_json(exchange)) {
        http_reply_error(exchange, 415, "Content-Type must be application/json");
        return;
    }
    http_body(exchange, &bytes, &size_bytes);
    struct create_body body;
    if (create_body_read(bytes, size_bytes, &body, &err) != OK) {
        http_reply_error(exchange, 400, err.message);
        return;
    }
    struct store_call call;
    if (!store_begin(api->store, STORE_WRITE, "place", &call)) {
        reply_failure(api, exchange);
        return;
    }
    AUTO_JSON json_t *list = json_array();
    enum outcome outcome = body.has_cin ? place_company(call.jobs, &body.company, api_actor(exchange), list, &err)
                                        : place_samples(call.jobs, body.num_jobs, api_actor(exchange), list, &err);
    if (store_end(&call, outcome, &err) != OK) {
        reply_failure(api, exchange);
        return;
    }
    int count = (int)json_array_size(list);
    api_metrics_created(api->metrics, body.num_jobs);
    snapshot_touch(api->snapshot, NULL);
    log_debug("jobs created", log_int("count", count));
    char message[64];
    (void)str_format(message, sizeof(message), "Successfully created %d job(s)", count);
    AUTO_JSON json_t *answer = json_pack("{s:s, s:O, s:i}", "message", message, "jobs", list, "totalJobs", count);
    http_reply_json(exchange, 200, answer);
}
