/* libmicrohttpd's callbacks: from its polling thread, so nothing here blocks. The guards of the wire are here and in
 * head.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "httpd/internal.h"

enum { LINGER_MS = 3000, LINGER_BYTES_MAX = 16 * 1024 * 1024 };

static bool refuse(struct refusal *why, int status, const char *code, const char *detail) {
    *why = (struct refusal){.status = status, .code = code, .detail = detail};
    return false;
}

/* ---- connections ---- */

void wire_connection(void *context, struct MHD_Connection *connection, void **wire,
                     enum MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *wire = wire_add(context, info->connect_fd);
    } else if (*wire) {
        wire_remove(context, *wire);
        *wire = NULL;
    }
}

static void set_client_address(struct http_exchange *exchange) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    char *out = exchange->client_address;
    if (address && address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, out,
                  sizeof(exchange->client_address));
    } else if (address && address->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool four = IN6_IS_ADDR_V4MAPPED(six);
        inet_ntop(four ? AF_INET : AF_INET6, four ? (const void *)(six->s6_addr + 12) : six, out,
                  sizeof(exchange->client_address));
    }
}

/* ---- the start of a request ---- */

void *wire_request_line(void *context, const char *target, struct MHD_Connection *connection) {
    struct httpd *httpd = context;
    struct http_exchange *exchange = x_alloc(sizeof(*exchange));
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    int64_t now_ms = clock_monotonic_ms();
    int64_t deadline_ms = now_ms + httpd->config.receive_timeout_s * INT64_C(1000);
    exchange->httpd = httpd;
    exchange->connection = connection;
    exchange->wire = info->socket_context;
    exchange->begin_ms = now_ms;
    exchange->raw_target = x_strdup(target);
    if (deadline_ms < atomic_load(&exchange->wire->deadline_ms)) {
        atomic_store(&exchange->wire->deadline_ms, deadline_ms);
    }
    /* libmicrohttpd would parse the query next, which fails in a bad way with very many parameters; target_parse does
     * it. The string is its own, writable buffer. */
    char *query = strchr((char *)(uintptr_t)target, '?');
    if (query) {
        query[1] = '\0';
    }
    pthread_mutex_lock(&httpd->lock);
    httpd->exchanges++;
    pthread_mutex_unlock(&httpd->lock);
    return exchange;
}

void wire_completed(void *context, struct MHD_Connection *connection, void **exchange_at,
                    enum MHD_RequestTerminationCode code) {
    struct httpd *httpd = context;
    struct http_exchange *exchange = *exchange_at;
    (void)connection;
    (void)code;
    if (exchange == NULL) {
        return;
    }
    *exchange_at = NULL;
    if (exchange->on_end) {
        exchange->on_end(exchange->on_end_context);
    }
    if (exchange->response) {
        MHD_destroy_response(exchange->response);
    }
    atomic_store(&exchange->wire->deadline_ms,
                 clock_monotonic_ms() +
                     (httpd->config.idle_timeout_s + httpd->config.receive_timeout_s) * INT64_C(1000));
    exchange_free_headers(exchange);
    buf_finish(&exchange->body);
    free(exchange->raw_target);
    free(exchange->path);
    free(exchange);
    pthread_mutex_lock(&httpd->lock);
    if (--httpd->exchanges == 0) {
        pthread_cond_broadcast(&httpd->drained);
    }
    pthread_mutex_unlock(&httpd->lock);
}

static bool has_body(const struct http_exchange *exchange) {
    return exchange->facts.chunked || exchange->facts.content_length > 0;
}

static bool check_head(struct http_exchange *exchange, const char *method, const char *version, struct refusal *why) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *head = version + strlen("HTTP/1.1");
    size_t size = (size_t)(method + info->header_size - head);
    if (!head_check(head, size, strcmp(version, "HTTP/1.0") == 0, &exchange->facts, why)) {
        return false;
    }
    int known = MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, NULL, NULL);
    if (known != exchange->facts.lines) {
        return refuse(why, 400, "bad_header", "a header line is malformed or holds control bytes");
    }
    if (!head_is_token(method, strlen(method))) {
        return refuse(why, 400, "bad_request_line", "malformed method");
    }
    if (!str_copy(exchange->method, sizeof(exchange->method), method) || !router_method_known(method)) {
        return refuse(why, 501, "method_unknown", "this server does not know the method");
    }
    if (!target_parse(exchange->raw_target, &exchange->target, why)) {
        return false;
    }
    if (exchange->target.asterisk && strcmp(method, "OPTIONS") != 0) {
        return refuse(why, 400, "bad_path", "only OPTIONS can ask for *");
    }
    return true;
}

static bool media_type_is(const char *value, const char *wanted) {
    size_t size = strcspn(value, "; \t");
    return size == strlen(wanted) && strncasecmp(value, wanted, size) == 0;
}

static bool check_body(struct http_exchange *exchange, struct refusal *why) {
    const struct http_route *route = exchange->route;
    const char *type = http_header(exchange, "Content-Type");
    const char *encoding = http_header(exchange, "Content-Encoding");
    if (route == NULL) {
        router_refusal(exchange, why);
        return !has_body(exchange);
    }
    if (has_body(exchange) &&
        (route->max_body_bytes == 0 || exchange->facts.content_length > (int64_t)route->max_body_bytes)) {
        return refuse(why, 413, "body_too_large", "the body is larger than this call accepts");
    }
    if (route->content_type && (has_body(exchange) || type) &&
        (type == NULL || !media_type_is(type, route->content_type))) {
        return refuse(why, 415, "media_type", "the body has another media type than this call accepts");
    }
    if (encoding && strcasecmp(encoding, "identity") != 0) {
        return refuse(why, 415, "content_encoding", "the body must not be encoded");
    }
    exchange->body.max_bytes = route->max_body_bytes;
    return true;
}

static void set_path(struct http_exchange *exchange) {
    struct buf path = BUF_INIT(HEAD_TARGET_MAX + 2);
    for (size_t i = 0; i < exchange->target.segment_count; i++) {
        (void)buf_append_char(&path, '/');
        (void)buf_append_str(&path, exchange->target.segments[i]);
    }
    exchange->path = buf_take(&path);
}

static bool examine(struct http_exchange *exchange, const char *method, const char *version, struct refusal *why) {
    if (!check_head(exchange, method, version, why)) {
        return false;
    }
    set_client_address(exchange);
    set_path(exchange);
    router_match(exchange);
    if (atomic_load(&exchange->httpd->draining)) {
        return refuse(why, 503, "stopping", "this server is being stopped");
    }
    return check_body(exchange, why);
}

/* ---- answers ---- */

static void report(struct http_exchange *exchange, int status) {
    const struct httpd_config *config = &exchange->httpd->config;
    if (config->on_reply) {
        const char *method = router_method_known(exchange->method) ? exchange->method : "other";
        const char *route = exchange->route ? exchange->route->path : "unmatched";
        config->on_reply(config->context, route, method, status,
                         (double)(clock_monotonic_ms() - exchange->begin_ms) / 1e3);
    }
}

/* Sends FIN's unfriendly sister: an aborted TCP connection. */
static void reset(int fd) {
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)connect(fd, &none, sizeof(none));
}

static enum MHD_Result send_response(struct http_exchange *exchange) {
    exchange->state = SENDING;
    report(exchange, exchange->status);
    if (exchange->response == NULL) {
        reset(exchange->wire->fd);
        return MHD_NO;
    }
    struct MHD_Response *response = take_ptr(exchange->response);
    enum MHD_Result queued = MHD_queue_response(exchange->connection, (unsigned)exchange->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Refuses a request whose body is still coming: answers on the socket at once, then swallows what comes for a while,
 * because closing a socket with unread bytes would reset it and could take the answer away from the client.
 * libmicrohttpd can answer either before it reads any of the body, closing at once, or after all of it. */
static enum MHD_Result refuse_and_linger(struct http_exchange *exchange, const struct refusal *why) {
    struct buf body = BUF_INIT(4096);
    struct buf reply = BUF_INIT(8192);
    const char *type = NULL;
    refusal_body(exchange, why, &body, &type);
    (void)buf_printf(&reply, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
                     why->status, MHD_get_reason_phrase_for((unsigned)why->status), type, body.size_bytes);
    if (why->status == 405) {
        (void)buf_printf(&reply, "Allow: %s\r\n", exchange->allow);
    }
    for (const char *const *line = exchange->httpd->config.reply_headers; line && *line; line++) {
        (void)buf_printf(&reply, "%s\r\n", *line);
    }
    (void)buf_printf(&reply, "\r\n%s", strcmp(exchange->method, "HEAD") == 0 ? "" : buf_str(&body));
    bool sent = send(exchange->wire->fd, reply.data, reply.size_bytes, MSG_NOSIGNAL) == (ssize_t)reply.size_bytes;
    (void)shutdown(exchange->wire->fd, SHUT_WR);
    buf_finish(&body);
    buf_finish(&reply);
    report(exchange, why->status);
    exchange->state = LINGERING;
    atomic_store(&exchange->wire->deadline_ms, clock_monotonic_ms() + LINGER_MS);
    return sent ? MHD_YES : MHD_NO;
}

static enum MHD_Result first_call(struct http_exchange *exchange, const char *method, const char *version) {
    struct refusal why;
    if (examine(exchange, method, version, &why)) {
        return MHD_YES;
    }
    bool framing_known = exchange->path != NULL;
    if (framing_known && has_body(exchange) && !exchange->facts.expects_continue) {
        return refuse_and_linger(exchange, &why);
    }
    if (why.status == 405) {
        http_add_header(exchange, "Allow", exchange->allow);
    }
    exchange_refuse(exchange, &why);
    return send_response(exchange);
}

static enum MHD_Result take_body(struct http_exchange *exchange, const char *bytes, size_t *size) {
    size_t size_bytes = *size;
    *size = 0;
    if (exchange->state == LINGERING) {
        exchange->lingered_bytes += (int64_t)size_bytes;
        return exchange->lingered_bytes > LINGER_BYTES_MAX ? MHD_NO : MHD_YES;
    }
    if (!buf_append(&exchange->body, bytes, size_bytes)) {
        struct refusal why;
        (void)refuse(&why, 413, "body_too_large", "the body is larger than this call accepts");
        return refuse_and_linger(exchange, &why);
    }
    return MHD_YES;
}

/* Trailers: none of the guards of the head has looked at them, and nothing here needs any. */
static enum MHD_Result refuse_trailers(struct http_exchange *exchange) {
    struct refusal why;
    (void)refuse(&why, 400, "trailers", "a chunked body must not have trailers");
    http_add_header(exchange, "Connection", "close");
    exchange_refuse(exchange, &why);
    return send_response(exchange);
}

static enum MHD_Result whole_request(struct http_exchange *exchange) {
    switch (exchange->state) {
    case RECEIVING:
        atomic_store(&exchange->wire->deadline_ms, 0);
        if (MHD_get_connection_values(exchange->connection, MHD_FOOTER_KIND, NULL, NULL) > 0) {
            return refuse_trailers(exchange);
        }
        exchange->state = HANDLING;
        return hold_for_work(exchange) ? MHD_YES : MHD_NO;
    case HANDLING:
        return MHD_YES;
    case ANSWERED:
        return send_response(exchange);
    case SENDING:
    case LINGERING:
        break;
    }
    return MHD_NO;
}

enum MHD_Result wire_handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                            const char *version, const char *upload, size_t *upload_size, void **exchange_at) {
    struct http_exchange *exchange = *exchange_at;
    (void)context;
    (void)connection;
    (void)url;
    if (exchange == NULL) {
        return MHD_NO;
    }
    if (!exchange->head_seen) {
        exchange->head_seen = true;
        return first_call(exchange, method, version);
    }
    if (*upload_size > 0) {
        return take_body(exchange, upload, upload_size);
    }
    return whole_request(exchange);
}
