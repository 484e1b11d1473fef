#include "cli/chaos_portal.h"

#include <string.h>

#include "base/str.h"
#include "net/http_client.h"

enum { FAULTS_MAX = 64 * 1024, TIMEOUT_MS = 5000 };

/* *ret: the portal's answer. */
static enum outcome ask(struct chaos_portal *portal, const char *method, const json_t *document, json_t **ret,
                        struct error *err) {
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char url[300];
    AUTO_BUF struct buf body = BUF_INIT(FAULTS_MAX);
    if (!str_format(url, sizeof(url), "%s/_faults", portal->url) || (document && !json_append(&body, document)))
        return error_set(err, INVALID, "too_large", "the portal's URL or its faults are too long");
    const struct http_request request = {
        .method = method,
        .url = url,
        .headers = document ? headers : NULL,
        .body = document ? buf_str(&body) : NULL,
        .body_size = body.size_bytes,
        .max_body_bytes = FAULTS_MAX,
        .timeout_ms = TIMEOUT_MS,
    };
    struct http_response response = {0};
    enum outcome outcome = http_client_send(portal->client, &request, &response, err);
    if (outcome == OK && response.status != 200)
        outcome = error_set(err, DENIED, "no_faults", "the portal answers %d to %s /_faults", response.status, method);
    if (outcome == OK)
        outcome = json_parse(buf_str(&response.body), response.body.size_bytes, ret, err);
    http_response_finish(&response);
    return outcome;
}

enum outcome chaos_portal_open(struct chaos_portal *portal, const char *url, struct error *err) {
    AUTO_JSON json_t *now = NULL;
    if (!str_copy(portal->url, sizeof(portal->url), url))
        return error_set(err, INVALID, "too_large", "the portal's URL is too long");
    size_t length = strlen(portal->url);
    while (length > 0 && portal->url[length - 1] == '/')
        portal->url[--length] = '\0';
    enum outcome outcome = OK;
    if (!portal->client)
        outcome = http_client_create("filesure-chaos", &portal->client, err);
    return outcome == OK ? ask(portal, "GET", NULL, &now, err) : outcome;
}

void chaos_portal_finish(struct chaos_portal *portal) {
    http_client_destroy(portal->client);
    cleanup_json(&portal->before);
    *portal = (struct chaos_portal){0};
}

enum outcome chaos_portal_break(struct chaos_portal *portal, const char *fault, struct error *err) {
    AUTO_JSON json_t *before = NULL;
    AUTO_JSON json_t *answer = NULL;
    AUTO_JSON json_t *document = json_pack("{s:[{s:s, s:s}]}", "rules", "fault", fault, "route", "any");
    enum outcome outcome = ask(portal, "GET", NULL, &before, err);
    if (outcome != OK)
        return outcome;
    portal->before = take_ptr(before); /* also when the answer to what follows is lost */
    return ask(portal, "PUT", document, &answer, err);
}

enum outcome chaos_portal_mend(struct chaos_portal *portal, struct error *err) {
    AUTO_JSON json_t *answer = NULL;
    if (!portal->before)
        return OK;
    enum outcome outcome = ask(portal, "PUT", portal->before, &answer, err);
    if (outcome == OK) {
        cleanup_json(&portal->before);
        portal->before = NULL;
    }
    return outcome;
}
