/* Answers and the faults that meet them: see routes.h. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "portalsim/routes.h"

static const char no_session[] = "there is no session, or it has expired: POST /session first";

static void add_retry_after(struct http_exchange *exchange, int seconds) {
    char text[16];
    str_format(text, sizeof text, "%d", seconds);
    http_add_header(exchange, "Retry-After", text);
}

static void play_status(struct http_exchange *exchange, const struct fault *fault) {
    if (fault->status == 429 || fault->status == 503) {
        add_retry_after(exchange, fault->retry_after_s);
    }
    const char *message = fault->status == 404   ? "not found"
                          : fault->status == 410 ? "the filing was withdrawn"
                          : fault->status == 429 ? "too many requests"
                          : fault->status == 503 ? "the portal is under maintenance"
                                                 : "the portal has failed";
    http_reply_error(exchange, fault->status, message);
}

/* Faults in place of an answer. False: there is to be an answer. */
static bool play_instead(struct call *call) {
    static const char page[] = "<!DOCTYPE html>\n<html><head><title>Registry</title></head><body><h1>Scheduled "
                               "maintenance</h1><p>Please try again later.</p></body></html>\n";
    switch (call->fault.kind) {
    case FAULT_STATUS:
        play_status(call->exchange, &call->fault);
        return true;
    case FAULT_RESET:
        http_cut(call->exchange, 0, NULL, NULL, 0, 0, 0);
        return true;
    case FAULT_HANG:
        http_cut(call->exchange, 0, NULL, NULL, 0, 0, call->fault.hang_ms);
        return true;
    case FAULT_HTML:
        http_reply(call->exchange, 200, "text/html; charset=utf-8", page, strlen(page));
        return true;
    case FAULT_SESSION:
        sessions_end(call->server->sessions, call->session);
        http_reply_error(call->exchange, 401, no_session);
        return true;
    case FAULT_DRIP:
        http_set_pace(call->exchange, call->fault.bytes_per_second);
        return false;
    default:
        return false;
    }
}

static void set_speed(const struct options *options, struct http_exchange *exchange) {
    uint64_t spread = (uint64_t)(options->latency_to_ms - options->latency_from_ms) + 1;
    int64_t delay_ms = options->latency_from_ms + (int64_t)random_below(spread);
    if (delay_ms > 0) {
        http_set_delay(exchange, delay_ms);
    }
    if (options->bytes_per_second > 0) {
        http_set_pace(exchange, options->bytes_per_second);
    }
}

bool call_begin(struct call *call, struct portal_server *server, struct http_exchange *exchange, enum fault_route route,
                const char *target, const char *cin) {
    *call = (struct call){.server = server, .exchange = exchange};
    set_speed(&server->options, exchange);
    if (route != ROUTE_SESSION &&
        !sessions_find(server->sessions, http_header(exchange, "Cookie"), clock_boot_ms(), call->session)) {
        http_reply_error(exchange, 401, no_session);
        return false;
    }
    faults_of_request(server->faults, route, target, cin, &call->fault);
    return !play_instead(call);
}

static int64_t truncated(const struct fault *fault, int64_t size_bytes) {
    int64_t after = fault->after_bytes < 0 ? size_bytes / 2 : fault->after_bytes;
    return after < size_bytes ? after : size_bytes;
}

void call_reply_json(struct call *call, int status, json_t *value) {
    AUTO_BUF struct buf body = BUF_INIT(1024 * 1024);
    const char *type = call->fault.kind == FAULT_CONTENT_TYPE ? "text/plain" : "application/json";
    json_append(&body, value);
    json_decref(value);
    if (call->fault.kind == FAULT_TRUNCATE) {
        int64_t part = truncated(&call->fault, (int64_t)body.size_bytes);
        http_cut(call->exchange, status, type, body.data, (size_t)part, (int64_t)body.size_bytes, 0);
    } else {
        http_reply(call->exchange, status, type, body.data, body.size_bytes);
    }
}

void call_reply_error(struct call *call, enum outcome outcome, const char *message) {
    call_reply_json(call, outcome_http_status(outcome), json_pack("{s:s}", "error", message));
}

/* A document being sent. */
struct sending {
    struct sessions *sessions;
    char session[SESSION_ID_MAX];
    struct buf bytes;
    bool truncate;
    struct fault fault;
    int64_t until; /* truncate: where it ends; -1: not known before the first byte is asked for */
};

static int64_t sending_read(void *context, int64_t offset, char *out, size_t out_size) {
    struct sending *sending = context;
    int64_t end = (int64_t)sending->bytes.size_bytes;
    if (sending->truncate) {
        if (sending->until < 0) {
            sending->until = offset + truncated(&sending->fault, end - offset);
        }
        end = sending->until;
    }
    if (offset >= end) {
        return -1;
    }
    size_t size = (size_t)(end - offset) < out_size ? (size_t)(end - offset) : out_size;
    memcpy(out, sending->bytes.data + offset, size);
    return (int64_t)size;
}

static void sending_free(void *context) {
    struct sending *sending = context;
    sessions_end_document(sending->sessions, sending->session);
    buf_finish(&sending->bytes);
    free(sending);
}

void call_reply_document(struct call *call, struct buf *bytes, const char *md5) {
    struct sending *sending = x_alloc(sizeof *sending);
    sending->sessions = call->server->sessions;
    memcpy(sending->session, call->session, sizeof sending->session);
    sending->bytes = *bytes;
    *bytes = (struct buf){.max_bytes = bytes->max_bytes};
    sending->truncate = call->fault.kind == FAULT_TRUNCATE;
    sending->fault = call->fault;
    sending->until = -1;
    size_t size = sending->bytes.size_bytes;
    if (call->fault.kind == FAULT_MD5 && size > 0) {
        sending->bytes.data[size / 2] ^= 1;
    }
    char etag[80];
    if (call->fault.kind == FAULT_ETAG) {
        str_format(etag, sizeof etag, "\"%s-%llu\"", md5, (unsigned long long)call->fault.request);
    } else {
        str_format(etag, sizeof etag, "\"%s\"", md5);
    }
    const char *type = call->fault.kind == FAULT_CONTENT_TYPE ? "text/plain" : "application/pdf";
    if (http_not_modified(call->exchange, etag)) {
        sending_free(sending);
        return;
    }
    http_reply_stream(call->exchange, 200, type, (int64_t)size, sending_read, sending, sending_free);
}
