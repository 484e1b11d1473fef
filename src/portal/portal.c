/* The portal's client: opening, closing, companies and lists. */
#include "portal/portal.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/str.h"
#include "build_info.h"
#include "portal/internal.h"

enum { JSON_BODY_MAX = 4 * 1024 * 1024 };

static void init_locks(struct portal *portal) {
    pthread_condattr_t attributes;
    pthread_mutex_init(&portal->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&portal->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum outcome portal_open(const struct portal_config *config, struct portal **ret, struct error *err) {
    struct url base;
    enum outcome outcome = url_parse(config->url, &base, err);
    if (outcome != OK) {
        return outcome;
    }
    if (config->parallel < 1 || config->parallel > PORTAL_CONNECTIONS_MAX) {
        return error_set(err, INVALID, "bad_config", "1 to %d connections to the portal", (int)PORTAL_CONNECTIONS_MAX);
    }
    struct portal *portal = x_alloc(sizeof(*portal));
    init_locks(portal);
    portal->config = *config;
    portal->base = base;
    portal->url = x_strdup(config->url);
    portal->config.url = portal->url;
    for (size_t size = strlen(portal->url); size > 0 && portal->url[size - 1] == '/'; size--) {
        portal->url[size - 1] = '\0';
    }
    for (int i = 0; i < config->parallel && outcome == OK; i++) {
        outcome = http_client_create("filesure/" FILESURE_VERSION, &portal->connections[i].client, err);
    }
    if (outcome != OK) {
        portal_close(portal);
        return outcome;
    }
    *ret = portal;
    return OK;
}

void portal_close(struct portal *portal) {
    if (portal == NULL) {
        return;
    }
    for (int i = 0; i < PORTAL_CONNECTIONS_MAX; i++) {
        http_client_destroy(portal->connections[i].client);
    }
    pthread_cond_destroy(&portal->changed);
    pthread_mutex_destroy(&portal->lock);
    free(portal->missing);
    free(portal->url);
    free(portal);
}

void portal_stop(struct portal *portal) {
    pthread_mutex_lock(&portal->lock);
    portal->stopped = true;
    pthread_cond_broadcast(&portal->changed);
    pthread_mutex_unlock(&portal->lock);
    for (int i = 0; i < portal->config.parallel; i++) {
        http_client_stop(portal->connections[i].client);
    }
}

void portal_numbers(struct portal *portal, struct portal_numbers *ret) {
    pthread_mutex_lock(&portal->lock);
    *ret = portal->numbers;
    pthread_mutex_unlock(&portal->lock);
}

void portal_count_bytes(struct portal *portal, size_t size_bytes) {
    pthread_mutex_lock(&portal->lock);
    portal->numbers.bytes += (int64_t)size_bytes;
    pthread_mutex_unlock(&portal->lock);
}

int portal_count_missing(struct portal *portal, const char *srn) {
    int at = 0;
    pthread_mutex_lock(&portal->lock);
    while (at < portal->missing_count && strcmp(portal->missing[at].srn, srn) != 0) {
        at++;
    }
    if (at == portal->missing_count) {
        portal->missing = x_realloc(portal->missing, (size_t)at + 1, sizeof(*portal->missing));
        portal->missing[at] = (struct missing){0};
        (void)str_copy(portal->missing[at].srn, sizeof(portal->missing[at].srn), srn);
        portal->missing_count++;
    }
    int answers = ++portal->missing[at].answers;
    pthread_mutex_unlock(&portal->lock);
    return answers;
}

/* ---- JSON answers ---- */

typedef enum outcome parse_answer(void *context, const struct http_response *response, struct error *err);

static bool is_json(const struct http_response *response) {
    static const char type[] = "application/json";
    size_t size = sizeof(type) - 1;
    return strncasecmp(response->content_type, type, size) == 0 && strchr("; ", response->content_type[size]) != NULL;
}

static enum outcome use_answer(struct attempts *attempts, const struct http_response *response, parse_answer *use,
                               void *context, struct error *err) {
    enum outcome outcome = portal_status(response, err);
    if (outcome != OK) {
        return outcome;
    }
    if (response->status == 404 || response->status == 410) {
        return error_set(err, GONE, "unknown_company", "the portal does not know this company");
    }
    if (response->status != 200) {
        return error_set(err, INVALID, "portal_answer", "the portal answered %d", response->status);
    }
    if (!is_json(response)) {
        return portal_bad_answer(attempts, err, "it is not JSON");
    }
    outcome = use(context, response, err);
    if (outcome == INVALID && ++attempts->bad_answers < BAD_ANSWERS_MAX) {
        err->outcome = outcome = RETRY;
    }
    return outcome;
}

/* One answer within the time of `attempts`, which its caller may share among several. */
static enum outcome get_json(struct portal *portal, struct attempts attempts, const char *path, parse_answer *use,
                             void *context, struct error *err) {
    struct portal_call call = {.path = path, .max_body_bytes = JSON_BODY_MAX, .headers = {"Accept: application/json"}};
    while (true) {
        struct http_response response;
        enum outcome outcome = portal_exchange(portal, &call, &attempts, &response, err);
        portal_count_bytes(portal, response.body.size_bytes);
        if (outcome == INVALID && str_eq(err->code, "too_large")) {
            outcome = portal_bad_answer(&attempts, err, "it is too large");
        } else if (outcome == OK) {
            outcome = use_answer(&attempts, &response, use, context, err);
        }
        http_response_finish(&response);
        if (outcome == OK) {
            return OK;
        }
        outcome = portal_pause(portal, &attempts, err);
        if (outcome != OK) {
            return outcome;
        }
    }
}

struct company_answer {
    const char *cin;
    struct portal_company *ret;
};

static enum outcome use_company(void *context, const struct http_response *response, struct error *err) {
    struct company_answer *answer = context;
    return portal_parse_company(buf_str(&response->body), response->body.size_bytes, answer->cin, answer->ret, err);
}

enum outcome portal_get_company(struct portal *portal, const char *cin, struct portal_company *ret, struct error *err) {
    struct company_answer answer = {.cin = cin, .ret = ret};
    struct error own;
    char path[64];
    err = err ? err : &own;
    enum outcome outcome = cin_check(cin, err);
    if (outcome != OK) {
        return outcome;
    }
    (void)str_format(path, sizeof(path), "/companies/%s", cin);
    return get_json(portal, attempts_start(portal), path, use_company, &answer, err);
}

struct page_answer {
    const struct portal *portal;
    const char *cin;
    int page;
    int next;
    struct filing_list *list;
};

static enum outcome use_page(void *context, const struct http_response *response, struct error *err) {
    struct page_answer *answer = context;
    int next = 0;
    int before = answer->list->count;
    enum outcome outcome =
        portal_parse_next(response->link, &answer->portal->base, answer->cin, answer->page, &next, err);
    if (outcome == OK) {
        outcome = portal_parse_filings(buf_str(&response->body), response->body.size_bytes, answer->list, err);
    }
    if (outcome == OK && next > 0 && answer->list->count == before) {
        outcome = error_set(err, INVALID, "portal_answer",
                            "the portal's answer is not usable: an empty page is followed by another");
    }
    answer->next = next;
    return outcome;
}

enum outcome portal_list(struct portal *portal, const char *cin, struct filing_list *ret, struct error *err) {
    struct filing_list list CLEANUP(filing_list_finish) = {0};
    struct page_answer answer = {.portal = portal, .cin = cin, .next = 1, .list = &list};
    struct attempts attempts = attempts_start(portal);
    struct error own;
    err = err ? err : &own;
    enum outcome outcome = cin_check(cin, err);
    while (outcome == OK && answer.next > 0) {
        char path[96];
        answer.page = answer.next;
        (void)str_format(path, sizeof(path), "/companies/%s/filings?page=%d", cin, answer.page);
        outcome = get_json(portal, attempts, path, use_page, &answer, err);
    }
    if (outcome == OK) {
        outcome = filing_list_order(&list, err);
        if (outcome == INVALID) {
            (void)str_copy(err->code, sizeof(err->code), "portal_answer");
        }
    }
    if (outcome == OK) {
        *ret = list;
        list = (struct filing_list){0};
    }
    return outcome;
}
