/* The first look at every request: content security policy, foreign host names, cross-site writes. */
#include <string.h>
#include <strings.h>

#include "api/api.h"
#include "base/str.h"
#include "base/url.h"

const char *const api_reply_headers[] = {"X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
                                         "Cross-Origin-Resource-Policy: same-origin", NULL};

/* No inline script or style, nothing from elsewhere. */
#define PAGE_POLICY                                                                                                    \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "   \
    "form-action 'none'; frame-ancestors 'none'"
/* A browser's own PDF viewer must work: no policy for what it loads, the bytes are no page of ours. */
#define CONTENT_POLICY "frame-ancestors 'none'"

static void add_policy(struct http_exchange *exchange) {
    bool content = str_ends_with(http_path(exchange), "/content");
    http_add_header(exchange, "Content-Security-Policy", content ? CONTENT_POLICY : PAGE_POLICY);
}

static bool origin_is_host(const char *origin, const char *host) {
    const char *at = strstr(origin, "://");
    return at && host && (str_starts_with(origin, "http://") || str_starts_with(origin, "https://")) &&
           strcasecmp(at + 3, host) == 0;
}

bool guard_same_site(const char *fetch_site, const char *origin, const char *host, const char *public_origin) {
    if (fetch_site && !str_eq(fetch_site, "same-origin") && !str_eq(fetch_site, "none")) {
        return false;
    }
    if (!origin) {
        return true; /* no browser, or one that said "same-origin" */
    }
    return origin_is_host(origin, host) || (*public_origin && strcasecmp(origin, public_origin) == 0);
}

bool guard_host_known(const char *host, const char *public_origin) {
    if (!host) {
        return true; /* HTTP/1.0: no browser */
    }
    if (*public_origin && origin_is_host(public_origin, host)) {
        return true;
    }
    char name[256], plain[64];
    int port = 0;
    /* address_parse wants a port; "localhost" alone has none */
    bool has_port = strrchr(host, ':') && !str_ends_with(host, "]");
    return str_format(name, sizeof(name), "%s%s", host, has_port ? "" : ":80") && address_parse(name, plain, &port) &&
           (address_is_loopback(plain) || strcasecmp(plain, "localhost") == 0);
}

static bool is_write(const char *method) {
    return !str_eq(method, "GET") && !str_eq(method, "HEAD") && !str_eq(method, "OPTIONS");
}

/* Probes and scrapers come by any name; these routes tell nothing about companies. */
static bool is_probe(const char *path) {
    static const char *const probes[] = {"/healthz", "/readyz", "/metrics", "/version"};
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        if (str_eq(path, probes[i])) {
            return true;
        }
    }
    return false;
}

static void refuse(struct http_exchange *exchange, const char *code, const char *detail) {
    if (str_eq(http_path(exchange), "/create-job")) {
        http_reply_error(exchange, 403, detail);
    } else {
        http_reply_problem(exchange, 403, code, detail, NULL);
    }
}

bool api_before(struct http_exchange *exchange, void *context) {
    const struct api *api = context;
    add_policy(exchange);
    const char *host = http_header(exchange, "Host");
    if (api->loopback && !is_probe(http_path(exchange)) && !guard_host_known(host, api->public_origin)) {
        refuse(exchange, "foreign_host",
               "this server listens on loopback and knows no such host name: set API_PUBLIC_URL");
        return false;
    }
    if (is_write(http_method(exchange)) &&
        !guard_same_site(http_header(exchange, "Sec-Fetch-Site"), http_header(exchange, "Origin"), host,
                         api->public_origin)) {
        refuse(exchange, "cross_site", "a page of another site may not write here");
        return false;
    }
    return true;
}
