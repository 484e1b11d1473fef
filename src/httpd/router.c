/* Finds the route of a request and runs it. */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "httpd/internal.h"

static const char *const known_methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};

bool router_method_known(const char *method) {
    for (size_t i = 0; i < COUNT_OF(known_methods); i++) {
        if (strcmp(known_methods[i], method) == 0) {
            return true;
        }
    }
    return false;
}

/* The next segment of a pattern, without its '/'. */
static bool pattern_next(const char **pattern, const char **ret_text, size_t *ret_size) {
    if (**pattern != '/') {
        return false;
    }
    *ret_text = *pattern + 1;
    *ret_size = strcspn(*ret_text, "/");
    *pattern = *ret_text + *ret_size;
    return true;
}

static bool is_parameter(const char *text, size_t size_bytes) {
    return size_bytes > 2 && text[0] == '{' && text[size_bytes - 1] == '}';
}

static bool pattern_matches(const char *pattern, const struct target *target) {
    const char *text = NULL;
    size_t size = 0;
    size_t i = 0;
    for (; pattern_next(&pattern, &text, &size); i++) {
        if (i == target->segment_count) {
            return false;
        }
        const char *segment = target->segments[i];
        bool same = strlen(segment) == size && memcmp(segment, text, size) == 0;
        if (is_parameter(text, size) ? *segment == '\0' : !same) {
            return false;
        }
    }
    return i == target->segment_count;
}

static void allow_add(struct http_exchange *exchange, const char *method) {
    size_t used = strlen(exchange->allow);
    if (strstr(exchange->allow, method) == NULL) {
        (void)str_format(exchange->allow + used, sizeof(exchange->allow) - used, "%s%s", used ? ", " : "", method);
    }
}

static void match_asterisk(struct http_exchange *exchange) {
    for (size_t i = 0; i < COUNT_OF(known_methods); i++) {
        allow_add(exchange, known_methods[i]);
    }
}

void router_match(struct http_exchange *exchange) {
    const struct httpd_config *config = &exchange->httpd->config;
    const char *method = strcmp(exchange->method, "HEAD") == 0 ? "GET" : exchange->method;
    if (exchange->target.asterisk) {
        match_asterisk(exchange);
        return;
    }
    for (size_t i = 0; i < config->routes_count; i++) {
        const struct http_route *route = &config->routes[i];
        if (!pattern_matches(route->path, &exchange->target)) {
            continue;
        }
        if (exchange->route == NULL && strcmp(route->method, method) == 0) {
            exchange->route = route;
        }
        if (exchange->style == NULL) {
            exchange->style = route->problem_style;
        }
        allow_add(exchange, route->method);
        if (strcmp(route->method, "GET") == 0) {
            allow_add(exchange, "HEAD");
        }
    }
    if (exchange->allow[0] != '\0') {
        allow_add(exchange, "OPTIONS");
    }
    if (exchange->route && exchange->route->problem_style) {
        exchange->style = exchange->route->problem_style;
    }
}

void router_refusal(const struct http_exchange *exchange, struct refusal *why) {
    if (exchange->allow[0] == '\0') {
        *why = (struct refusal){.status = 404, .code = "not_found", .detail = "there is nothing at this path"};
    } else {
        *why = (struct refusal){.status = 405, .code = "method_not_allowed", .detail = "this path has no such method"};
    }
}

static void reply_without_route(struct http_exchange *exchange) {
    struct refusal why;
    if (exchange->allow[0] != '\0') {
        http_add_header(exchange, "Allow", exchange->allow);
    }
    if (exchange->allow[0] != '\0' && strcmp(exchange->method, "OPTIONS") == 0) {
        http_reply(exchange, 204, NULL, NULL, 0);
        return;
    }
    router_refusal(exchange, &why);
    exchange_refuse(exchange, &why);
}

void router_handle(struct http_exchange *exchange) {
    const struct httpd_config *config = &exchange->httpd->config;
    bool goes_on = config->before == NULL || config->before(exchange, config->context);
    if (goes_on && exchange->route) {
        exchange->route->handler(exchange, config->context);
    } else if (goes_on) {
        reply_without_route(exchange);
    }
    if (!exchange->replied) {
        static const struct refusal why = {.status = 500, .code = "no_reply", .detail = "the request was not answered"};
        exchange_refuse(exchange, &why);
    }
}

const char *http_param(const struct http_exchange *exchange, const char *name) {
    const char *pattern = exchange->route ? exchange->route->path : "";
    const char *text = NULL;
    size_t size = 0;
    for (size_t i = 0; pattern_next(&pattern, &text, &size); i++) {
        if (is_parameter(text, size) && strlen(name) == size - 2 && memcmp(text + 1, name, size - 2) == 0) {
            return exchange->target.segments[i];
        }
    }
    return NULL;
}
