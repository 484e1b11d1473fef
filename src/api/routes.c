/* The table of routes. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/str.h"
#include "web_files.h"

#define MIB ((size_t)1024 * 1024)
#define JSON "application/json"

/* clang-format off */
const struct http_route api_routes[] = {
    {"POST", "/create-job",                     route_create_job,     1 * MIB, JSON, "error"},
    {"POST", "/api/v1/jobs",                    route_place_orders,   4 * MIB, JSON, "problem"},
    {"GET",  "/api/v1/jobs",                    route_list_jobs,      0,       NULL, "problem"},
    {"GET",  "/api/v1/jobs/{id}",               route_get_job,        0,       NULL, "problem"},
    {"POST", "/api/v1/jobs/{id}/cancel",        route_cancel_job,     1 * MIB, NULL, "problem"},
    {"POST", "/api/v1/jobs/{id}/retry",         route_retry_job,      1 * MIB, NULL, "problem"},
    {"GET",  "/api/v1/jobs/{id}/documents",     route_list_documents, 0,       NULL, "problem"},
    {"GET",  "/api/v1/documents/{id}",          route_get_document,   0,       NULL, "problem"},
    {"GET",  "/api/v1/documents/{id}/content",  route_get_content,    0,       NULL, "problem"},
    {"GET",  "/api/v1/stats",                   route_stats,          0,       NULL, "problem"},
    {"GET",  "/api/v1/events",                  route_events,         0,       NULL, "problem"},
    {"GET",  "/api/v1/audit",                   route_list_audit,     0,       NULL, "problem"},
    {"GET",  "/api/v1/reconcile",               route_reconcile,      0,       NULL, "problem"},
    {"GET",  "/healthz",                        route_health,         0,       NULL, "problem"},
    {"GET",  "/readyz",                         route_ready,          0,       NULL, "problem"},
    {"GET",  "/version",                        route_version,        0,       NULL, "problem"},
    {"GET",  "/metrics",                        route_metrics,        0,       NULL, "problem"},
    {"GET",  "/",                               route_web_file,       0,       NULL, "problem"},
};
/* clang-format on */
const size_t api_routes_count = COUNT_OF(api_routes);

struct http_route *api_all_routes(size_t *ret_count) {
    struct http_route *routes = x_alloc((api_routes_count + web_files_count) * sizeof(*routes));
    memcpy(routes, api_routes, sizeof(api_routes));
    for (size_t i = 0; i < web_files_count; i++) {
        routes[api_routes_count + i] = (struct http_route){
            .method = "GET", .path = web_files[i].path, .handler = route_web_file, .problem_style = "problem"};
    }
    *ret_count = api_routes_count + web_files_count;
    return routes;
}

static const struct web_file *find_file(const char *path) {
    for (size_t i = 0; i < web_files_count; i++) {
        if (str_eq(path, web_files[i].path)) {
            return &web_files[i];
        }
    }
    return NULL;
}

const char *api_openapi(size_t *ret_size_bytes) {
    const struct web_file *file = find_file("/openapi.json");
    *ret_size_bytes = file ? file->size : 0;
    return file ? (const char *)file->bytes : "";
}

void route_web_file(struct http_exchange *exchange, void *context) {
    (void)context;
    const char *path = http_path(exchange);
    const struct web_file *file = find_file(str_eq(path, "/") ? "/index.html" : path);
    if (!file) {
        http_reply_problem(exchange, 404, "not_found", "there is no such page", NULL);
        return;
    }
    http_add_header(exchange, "Cache-Control", "no-cache");
    if (!http_not_modified(exchange, file->etag)) {
        http_reply_static(exchange, 200, file->content_type, file->bytes, file->size);
    }
}
