/* Replies: exactly one per exchange. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "httpd/internal.h"

enum { JSON_REPLY_MAX = 64 * 1024 * 1024, PROBLEM_MAX = 64 * 1024 };

static bool is_header_text(const char *text) {
    return strpbrk(text, "\r\n") == NULL;
}

void http_add_header(struct http_exchange *exchange, const char *name, const char *value) {
    assert(is_header_text(name) && is_header_text(value) && !exchange->replied);
    size_t name_size = strlen(name) + 1;
    size_t value_size = strlen(value) + 1;
    struct reply_header *header = x_alloc(sizeof(*header) + name_size + value_size);
    memcpy(header->name, name, name_size);
    header->value = header->name + name_size;
    memcpy(header->value, value, value_size);
    struct reply_header **end = &exchange->headers;
    while (*end) {
        end = &(*end)->next;
    }
    *end = header;
}

void exchange_free_headers(struct http_exchange *exchange) {
    while (exchange->headers) {
        struct reply_header *header = exchange->headers;
        exchange->headers = header->next;
        free(header);
    }
}

static void add_config_headers(const struct httpd_config *config, struct MHD_Response *response) {
    for (const char *const *line = config->reply_headers; line && *line; line++) {
        char name[128];
        const char *colon = strchr(*line, ':');
        assert(colon != NULL && is_header_text(*line) && (size_t)(colon - *line) < sizeof(name));
        memcpy(name, *line, (size_t)(colon - *line));
        name[colon - *line] = '\0';
        (void)MHD_add_response_header(response, name, colon + 1 + strspn(colon + 1, " "));
    }
    if (config->server_name) {
        (void)MHD_add_response_header(response, "Server", config->server_name);
    }
}

void exchange_set_response(struct http_exchange *exchange, int status, const char *content_type,
                           struct MHD_Response *response) {
    assert(!exchange->replied && response != NULL);
    add_config_headers(&exchange->httpd->config, response);
    if (content_type) {
        (void)MHD_add_response_header(response, "Content-Type", content_type);
    }
    for (struct reply_header *each = exchange->headers; each; each = each->next) {
        (void)MHD_add_response_header(response, each->name, each->value);
    }
    if (atomic_load(&exchange->httpd->draining)) {
        (void)MHD_add_response_header(response, "Connection", "close");
    }
    exchange->response = response;
    exchange->status = status;
    exchange->replied = true;
}

static void reply_bytes(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
                        size_t size_bytes, enum MHD_ResponseMemoryMode mode) {
    static char nothing[1];
    void *memory = bytes ? (void *)(uintptr_t)bytes : nothing;
    exchange_set_response(exchange, status, content_type, MHD_create_response_from_buffer(size_bytes, memory, mode));
}

void http_reply(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
                size_t size_bytes) {
    if (exchange->bytes_per_second > 0) {
        stream_set_bytes(exchange, status, content_type, bytes, size_bytes);
    } else {
        reply_bytes(exchange, status, content_type, bytes, size_bytes, MHD_RESPMEM_MUST_COPY);
    }
}

void http_reply_static(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
                       size_t size_bytes) {
    reply_bytes(exchange, status, content_type, bytes, size_bytes, MHD_RESPMEM_PERSISTENT);
}

static void reply_json_as(struct http_exchange *exchange, int status, const char *content_type, const json_t *value) {
    struct buf out AUTO_BUF = BUF_INIT(JSON_REPLY_MAX);
    if (!json_append(&out, value)) {
        static const struct refusal why = {.status = 500, .code = "too_large", .detail = "the answer is too large"};
        exchange_refuse(exchange, &why);
        return;
    }
    http_reply(exchange, status, content_type, out.data, out.size_bytes);
}

void http_reply_json(struct http_exchange *exchange, int status, const json_t *value) {
    reply_json_as(exchange, status, "application/json", value);
}

static json_t *problem(int status, const char *code, const char *detail) {
    char type[128];
    (void)str_format(type, sizeof(type), "/problems/%s", code);
    const char *title = MHD_get_reason_phrase_for((unsigned)status);
    return json_pack("{s:s, s:s, s:i, s:s}", "type", type, "title", title, "status", status, "detail", detail);
}

void http_reply_problem(struct http_exchange *exchange, int status, const char *code, const char *detail,
                        const json_t *extra) {
    json_t *value AUTO_JSON = problem(status, code, detail);
    if (extra) {
        (void)json_object_update_missing(value, (json_t *)(uintptr_t)extra);
    }
    reply_json_as(exchange, status, "application/problem+json", value);
}

void http_reply_error(struct http_exchange *exchange, int status, const char *message) {
    json_t *value AUTO_JSON = json_pack("{s:s}", "error", message);
    reply_json_as(exchange, status, "application/json", value);
}

static bool is_error_style(const struct http_exchange *exchange) {
    return str_eq(exchange->style, "error");
}

void refusal_body(const struct http_exchange *exchange, const struct refusal *why, struct buf *out,
                  const char **ret_type) {
    bool error_style = is_error_style(exchange);
    json_t *value AUTO_JSON =
        error_style ? json_pack("{s:s}", "error", why->detail) : problem(why->status, why->code, why->detail);
    (void)json_append(out, value);
    *ret_type = error_style ? "application/json" : "application/problem+json";
}

void exchange_refuse(struct http_exchange *exchange, const struct refusal *why) {
    struct buf body AUTO_BUF = BUF_INIT(PROBLEM_MAX);
    const char *type = NULL;
    refusal_body(exchange, why, &body, &type);
    reply_bytes(exchange, why->status, type, body.data, body.size_bytes, MHD_RESPMEM_MUST_COPY);
}

static bool etag_listed(const char *list, const char *etag) {
    size_t size = strlen(etag);
    while (*list) {
        list += strspn(list, " \t,");
        list += str_starts_with(list, "W/") ? 2 : 0;
        if (*list == '*') {
            return true;
        }
        if (strncmp(list, etag, size) == 0 && strchr(" \t,", list[size]) != NULL) {
            return true; /* strchr finds the end of the text too */
        }
        list += strcspn(list, ",");
    }
    return false;
}

bool http_not_modified(struct http_exchange *exchange, const char *etag) {
    const char *known = http_header(exchange, "If-None-Match");
    http_add_header(exchange, "ETag", etag);
    if (known == NULL || !etag_listed(known, str_starts_with(etag, "W/") ? etag + 2 : etag)) {
        return false;
    }
    http_reply(exchange, 304, NULL, NULL, 0);
    return true;
}

void http_set_pace(struct http_exchange *exchange, int64_t bytes_per_second) {
    exchange->bytes_per_second = bytes_per_second;
}

void http_set_delay(struct http_exchange *exchange, int64_t delay_ms) {
    exchange->delay_ms = delay_ms;
}
