/* filesure-api: what its files share. One struct api is the context of every handler. */
#pragma once

#include <stdatomic.h>

#include "api/json_views.h"
#include "api/metrics.h"
#include "api/snapshot.h"
#include "api/store.h"
#include "blobs/blobs.h"
#include "httpd/httpd.h"
#include "httpd/sse.h"

/* Where the running program's source can be had (AGPL section 13): a changed build names its own. */
#ifndef FILESURE_SOURCE
#define FILESURE_SOURCE "https://github.com/filesure/filesure"
#endif

enum { ORIGIN_MAX = 300, RETRY_AFTER_S = 1 };

struct api {
    struct store *store;
    struct blobs *blobs;
    struct api_metrics *metrics;
    struct snapshot *snapshot;
    struct sse_channel *events;
    bool loopback;                  /* listens on loopback only: foreign Host names are refused */
    char public_origin[ORIGIN_MAX]; /* of API_PUBLIC_URL; "" when not set */
    atomic_bool draining;
};

/* ---- routes ---- */
extern const struct http_route api_routes[]; /* without the files of web/ */
extern const size_t api_routes_count;
/* api_routes and a route for each file of web/; the caller frees it. */
struct http_route *api_all_routes(size_t *ret_count);
/* The OpenAPI document as it is served. */
const char *api_openapi(size_t *ret_size_bytes);

/* ---- guard.c: the first look at every request ---- */
extern const char *const api_reply_headers[]; /* of every reply */
bool api_before(struct http_exchange *exchange, void *context);
/* True when a browser may send this write: by Sec-Fetch-Site, else by Origin against Host or the public origin. Pure.
 */
bool guard_same_site(const char *fetch_site, const char *origin, const char *host, const char *public_origin);
/* True for localhost, loopback addresses and the host of the public origin, with any port. Pure. */
bool guard_host_known(const char *host, const char *public_origin);

/* ---- request.c: what handlers have in common ---- */
/* Starts a call to the job store. False: 503 has been replied, because the store is known to be down. */
bool begin_store(struct api *api, struct http_exchange *exchange, enum store_kind kind, const char *operation,
                 struct store_call *ret);
/* Ends it. False: the problem has been replied. */
bool end_store(struct http_exchange *exchange, struct store_call *call, enum outcome outcome, const struct error *err);
/* Without a body no media type was checked yet: a request that must have one says JSON all the same. */
bool says_json(const struct http_exchange *exchange);
void reply_unavailable(struct http_exchange *exchange, const char *detail);
/* Who asks, for the audit log: nothing that the client says. As long as nobody logs in, "http". */
const char *api_actor(const struct http_exchange *exchange);
/* The job id in the path. False: 404 has been replied. */
bool path_job_id(struct http_exchange *exchange, const char **ret);
/* An integer query parameter; fallback when it is not there. False: 400 has been replied. */
bool query_int(struct http_exchange *exchange, const char *name, int64_t min, int64_t max, int64_t fallback,
               int64_t *ret);
/* What views need to know about the present; from the snapshot, so it costs nothing. */
struct view_clock api_clock(struct api *api);
/* JSON with an ETag of its content: 200, or 304 when the client has it. */
void reply_json_cached(struct http_exchange *exchange, const json_t *value);
/* 200 with Cache-Control: no-store. */
void reply_json_fresh(struct http_exchange *exchange, int status, const json_t *value);

/* ---- handlers ---- */
http_handler route_create_job, route_place_orders, route_list_jobs, route_get_job, route_cancel_job, route_retry_job,
    route_list_documents, route_get_document, route_get_content, route_stats, route_events, route_reconcile,
    route_list_audit, route_health, route_ready, route_version, route_metrics, route_web_file;
