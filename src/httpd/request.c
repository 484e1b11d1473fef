/* What a handler asks about its request. */
#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "httpd/internal.h"

const char *http_method(const struct http_exchange *exchange) {
    return exchange->method;
}

const char *http_path(const struct http_exchange *exchange) {
    return exchange->path;
}

const char *http_query(const struct http_exchange *exchange, const char *name) {
    for (size_t i = 0; i < exchange->target.query_count; i++) {
        if (strcmp(exchange->target.query[i].name, name) == 0) {
            return exchange->target.query[i].value;
        }
    }
    return NULL;
}

static const char *query_fault(const struct http_exchange *exchange, size_t at, const char *const *allowed) {
    const char *name = exchange->target.query[at].name;
    for (size_t i = 0; i < at; i++) {
        if (strcmp(exchange->target.query[i].name, name) == 0) {
            return "is given twice";
        }
    }
    for (; *allowed; allowed++) {
        if (strcmp(*allowed, name) == 0) {
            return NULL;
        }
    }
    return "is not known";
}

bool http_query_only(struct http_exchange *exchange, const char *const *allowed) {
    for (size_t i = 0; i < exchange->target.query_count; i++) {
        const char *fault = query_fault(exchange, i, allowed);
        if (fault) {
            char detail[128];
            (void)str_format(detail, sizeof(detail), "the query parameter \"%.*s\" %s",
                             (int)utf8_cut(exchange->target.query[i].name, 64), exchange->target.query[i].name, fault);
            struct refusal why = {.status = 400, .code = "bad_query", .detail = detail};
            exchange_refuse(exchange, &why);
            return false;
        }
    }
    return true;
}

const char *http_header(const struct http_exchange *exchange, const char *name) {
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *http_client_address(const struct http_exchange *exchange) {
    return exchange->client_address;
}

void http_body(const struct http_exchange *exchange, const char **ret_bytes, size_t *ret_size) {
    *ret_bytes = buf_str(&exchange->body);
    *ret_size = exchange->body.size_bytes;
}
