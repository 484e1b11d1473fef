/* HTTP server: the only user of libmicrohttpd. Guards the wire (sizes, framing, methods, media types, slow clients) so
 * that a handler sees only well-formed requests. One thread polls; handlers and readers of streams run on a pool of
 * `threads` and may block for as long as the others can do without that thread. The configuration's strings and routes
 * outlive the server. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/metric.h"

struct httpd;
struct http_exchange; /* one request and its reply */

typedef void http_handler(struct http_exchange *exchange, void *context);

/* A route. Path segments in braces are parameters: "/api/v1/jobs/{id}/documents". One row per method; a path known
 * under other methods answers 405 with Allow. HEAD follows GET; OPTIONS is answered with Allow. */
struct http_route {
    const char *method;
    const char *path;
    http_handler *handler;
    size_t max_body_bytes;     /* 0: a body is refused with 413 */
    const char *content_type;  /* media type a body must have (415); NULL: any */
    const char *problem_style; /* "problem" (RFC 9457) or "error" ({"error":…}) for what the server itself refuses */
};

struct httpd_config {
    const char *listen; /* "127.0.0.1:0" … */
    const struct http_route *routes;
    size_t routes_count;
    void *context;                    /* handed to every handler */
    int threads;                      /* 1..64: how many handlers may run at once; they are started when needed */
    int max_connections;              /* more wait unaccepted; 0: 256 */
    int max_connections_per_address;  /* 0: no such limit */
    int idle_timeout_s;               /* without a byte on a connection; 0: 30 */
    int receive_timeout_s;            /* for one whole request to come in; 0: 30 */
    const char *server_name;          /* "Server" header; NULL: none */
    const char *const *reply_headers; /* "Name: value" of every reply, also of what the server itself refuses;
                                         NULL-terminated, or NULL */
    /* optional: called for each reply just before it goes out, with the route's pattern ("unmatched" when none), the
     * method
     * ("other" when unknown), status (0: reset) and the seconds since the request line came. From the polling thread:
     * must not block. */
    void (*on_reply)(void *context, const char *route, const char *method, int status, double seconds);
    /* optional: first look at every request that has come in whole, also those without a route; false = it has replied
     * itself (access, draining, fault injection). What is refused before its body is read does not come here: 400, 413,
     * 414, 415, 417, 431, 501, 503 while stopping, and 404 or 405 of a request with a body; nor do trailers (400). */
    bool (*before)(struct http_exchange *exchange, void *context);
};
MUST_USE enum outcome httpd_start(const struct httpd_config *config, struct httpd **ret, struct error *err);
const char *httpd_address(const struct httpd *httpd); /* "127.0.0.1:40213": the port that was got */
void httpd_stop(struct httpd *httpd); /* stops accepting, lets replies under way end (max 2 s), frees; NULL ok */

/* ---- request ---- */
const char *http_method(const struct http_exchange *exchange);
const char *http_path(const struct http_exchange *exchange); /* decoded, without query */
const char *http_param(const struct http_exchange *exchange,
                       const char *name); /* from the pattern; never NULL for a named one */
const char *http_query(const struct http_exchange *exchange,
                       const char *name); /* decoded; NULL: not there; "" : empty */
bool http_query_only(struct http_exchange *exchange,
                     const char *const *allowed); /* false: replied 400 naming the unknown one */
const char *http_header(const struct http_exchange *exchange, const char *name);
const char *http_client_address(const struct http_exchange *exchange);
void http_body(const struct http_exchange *exchange, const char **ret_bytes, size_t *ret_size);

/* ---- reply: exactly one per exchange ---- */
void http_add_header(struct http_exchange *exchange, const char *name,
                     const char *value); /* before the reply; CR/LF asserted away */
void http_reply(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
                size_t size_bytes); /* copies */
void http_reply_static(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
                       size_t size_bytes);
void http_reply_json(struct http_exchange *exchange, int status, const json_t *value); /* application/json */
/* RFC 9457: type = "/problems/<code>", title, status, detail. extra: further members or NULL. */
void http_reply_problem(struct http_exchange *exchange, int status, const char *code, const char *detail,
                        const json_t *extra);
void http_reply_error(struct http_exchange *exchange, int status, const char *message); /* {"error": message} */
/* Streams size_bytes from a reader (called in order, may be called from another thread than the handler's). Negative =
 * broken off. Honours Range (single range; 206/416) and adds Accept-Ranges, so the reader gets any offset. free_context
 * at the end. */
void http_reply_stream(struct http_exchange *exchange, int status, const char *content_type, int64_t size_bytes,
                       int64_t (*read)(void *context, int64_t offset, char *out, size_t out_size), void *context,
                       void (*free_context)(void *context));
/* ETag / If-None-Match: true = replied 304. etag with its quotes; the header is added either way. */
bool http_not_modified(struct http_exchange *exchange, const char *etag);
/* Faults a simulator wants: the connection is cut without a (complete) reply. */
void http_cut(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
              size_t size_bytes, int64_t claimed_length_bytes, int64_t hang_ms);
/* A stream of bytes a simulator paces: as http_reply_stream, at most bytes_per_second. */
void http_set_pace(struct http_exchange *exchange, int64_t bytes_per_second);
/* Holds the reply back by latency_ms without holding a thread of others: call before the reply. */
void http_set_delay(struct http_exchange *exchange, int64_t delay_ms);
