/* HTTP client: the only user of libcurl. A client is used by one thread at a time; make one per thread. Connections are
 * reused for up to 60 s; one that turns out to be closed by then costs no failure, whatever the body. No redirects,
 * http and https only, no proxy from the environment, TLS verified. A URL goes out as it is (no dots resolved). */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct http_client;

struct http_request {
    const char *method; /* "GET" … */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
    const void *body;           /* not copied; one of 4 MiB and more waits up to 1 s for "100 Continue" */
    size_t body_size;
    size_t max_body_bytes; /* of the answer; more is INVALID "too_large" */
    int timeout_ms;        /* whole exchange */
    int connect_ms;        /* until connected; 0: 10 s */
    int stall_s;           /* less than 1 KiB in this time is "stalled"; 0: 15 */
    /* Optional: gets body bytes as they come (status already known) in place of the answer's buffer; false ends the
     * exchange, which is then INVALID "ended_by_caller". */
    bool (*on_body)(void *context, int status, const void *bytes, size_t size_bytes);
    void *context;
};
struct http_response {
    int status;
    struct buf body;
    struct buf head; /* for http_response_header */
    char content_type[128];
    char etag[256];
    char location[1024];
    char link[1024];
    char content_range[128];
    int64_t content_length; /* -1: not said */
    int retry_after_ms;     /* from Retry-After in seconds (capped at 1 h); 0: none */
    char cookie[512];       /* "name=value" of the first Set-Cookie */
};
void http_response_finish(struct http_response *response);
/* Any other header: the trimmed value of the first one of that name. False, and out empty, when there is none or it is
 * too long for out. */
bool http_response_header(const struct http_response *response, const char *name, char *out, size_t out_size);

MUST_USE enum outcome http_client_create(const char *user_agent, struct http_client **ret, struct error *err);
void http_client_destroy(struct http_client *client);
/* A response of any status is OK. *ret is set up whatever the outcome, holds what has come (status 0: nothing) and is
 * the caller's to finish. RETRY "transport" (with what broke; never the host), "timeout", "cut_short" when the answer
 * ends before its end, "stopped" after http_client_stop. A transfer under 1 KiB in stall_s is "stalled". INVALID
 * "too_large", "bad_url", "bad_header". */
MUST_USE enum outcome http_client_send(struct http_client *client, const struct http_request *request,
                                       struct http_response *ret, struct error *err);
/* From any thread or signal-safe flag: exchanges under way and later ones end within 200 ms. */
void http_client_stop(struct http_client *client);
