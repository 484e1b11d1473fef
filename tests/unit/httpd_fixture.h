/* A server with a few routes, and rows of requests that it must refuse; for the tests of the wire. */
#pragma once

#include "support/test.h"

#include <string.h>
#include <unistd.h>

#include "httpd/httpd.h"
#include "support/raw_http.h"

#define HOST "Host: test\r\n"
#define JSON "Content-Type: application/json\r\n"
#define CLOSE "Connection: close\r\n"
#define TEXT(literal) (literal), sizeof(literal) - 1

static int handled;

static inline void hello(struct http_exchange *exchange, void *context) {
    (void)context;
    __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
    http_reply(exchange, 200, "text/plain", "hello", 5);
}

static inline void echo(struct http_exchange *exchange, void *context) {
    const char *bytes = NULL;
    size_t size = 0;
    (void)context;
    __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
    http_body(exchange, &bytes, &size);
    http_reply(exchange, 201, "application/json", bytes, size);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/", .handler = hello, .problem_style = "problem"},
    {.method = "POST", .path = "/echo", .handler = echo, .max_body_bytes = 1000, .content_type = "application/json"},
    {.method = "POST", .path = "/any", .handler = echo, .max_body_bytes = 1000},
    {.method = "POST", .path = "/none", .handler = echo},
    {.method = "POST", .path = "/error", .handler = echo, .max_body_bytes = 10, .problem_style = "error"},
};

static struct httpd_config config = {
    .listen = "127.0.0.1:0",
    .routes = routes,
    .routes_count = COUNT_OF(routes),
    .threads = 2,
    .max_connections = 64,
};

static inline int start(void **state) {
    struct error err;
    __atomic_store_n(&handled, 0, __ATOMIC_SEQ_CST);
    return httpd_start(&config, (struct httpd **)state, &err) == OK ? 0 : -1;
}

static inline int stop(void **state) {
    httpd_stop(*state);
    return 0;
}

static inline int handled_count(void) {
    return __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
}

struct row {
    const char *what;
    const char *bytes;
    size_t size_bytes;
    int status;
};

/* Each row is refused with its status, the server closes by itself and no handler runs. Several statuses, and none, are
 * fine where libmicrohttpd itself refuses: given as 0. */
static inline void refuse_rows(const char *address, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct raw_answer answer;
        raw_ask(address, rows[i].bytes, rows[i].size_bytes, &answer);
        if (rows[i].status == 0 ? answer.status >= 200 && answer.status < 400 : answer.status != rows[i].status)
            fail_msg("%s: status %d, wanted %d", rows[i].what, answer.status, rows[i].status);
        if (handled_count() != 0)
            fail_msg("%s: a handler saw it", rows[i].what);
        raw_finish(&answer);
    }
}
