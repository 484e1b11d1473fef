/* What operators ask: health, readiness, version, metrics and numbers. */
#include "api/api.h"
#include "base/clock.h"
#include "base/str.h"
#include "build_info.h"

enum { NOT_READY_AFTER_MS = 30000, METRICS_MAX_BYTES = 4 * 1024 * 1024 };

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
