/* Connections, the session, and the waiting between attempts. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/str.h"
#include "core/retry.h"
#include "portal/internal.h"

enum {
    RETRY_BASE_MS = 100,
    RETRY_CAP_MS = 5000,
    RETRY_FOR_MS = 30000,
    REQUEST_TIMEOUT_MS = 60000,
    SESSION_BODY_MAX = 64 * 1024
};

static enum outcome stopped_error(struct error *err) {
    return error_set(err, RETRY, "stopped", "the portal's client was stopped");
}

static void wait_until(struct portal *portal, int64_t until_ms) {
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_cond_timedwait(&portal->changed, &portal->lock, &until);
}

struct attempts attempts_start(const struct portal *portal) {
    int retry_for_ms = portal->config.retry_for_ms > 0 ? portal->config.retry_for_ms : RETRY_FOR_MS;
    return (struct attempts){.until_ms = clock_monotonic_ms() + retry_for_ms};
}

/* ---- connections ---- */

static struct connection *free_connection(struct portal *portal) {
    for (int i = 0; i < portal->config.parallel; i++) {
        if (!portal->connections[i].busy) {
            return &portal->connections[i];
        }
    }
    return NULL;
}

static enum outcome take_connection(struct portal *portal, const struct attempts *attempts, struct connection **ret,
                                    struct error *err) {
    enum outcome outcome = OK;
    pthread_mutex_lock(&portal->lock);
    while (!portal->stopped && outcome == OK) {
        int64_t now_ms = clock_monotonic_ms();
        struct connection *connection = free_connection(portal);
        if (portal->not_before_ms > attempts->until_ms) {
            outcome = error_set(err, RETRY, "rate_limited", "the portal asked for a pause");
            err->retry_after_ms = (int)(portal->not_before_ms - now_ms);
        } else if (portal->not_before_ms > now_ms) {
            wait_until(portal, portal->not_before_ms);
        } else if (connection == NULL) {
            pthread_cond_wait(&portal->changed, &portal->lock);
        } else {
            connection->busy = true;
            *ret = connection;
            break;
        }
    }
    outcome = portal->stopped ? stopped_error(err) : outcome;
    pthread_mutex_unlock(&portal->lock);
    return outcome;
}

static void give_back(struct portal *portal, struct connection *connection) {
    pthread_mutex_lock(&portal->lock);
    connection->busy = false;
    pthread_cond_broadcast(&portal->changed);
    pthread_mutex_unlock(&portal->lock);
}

/* ---- one request ---- */

static void note_answer(struct portal *portal, enum outcome outcome, const struct http_response *response,
                        bool is_session) {
    bool limited = response->status == 429 || response->status >= 500;
    bool answered = response->status > 0 && !limited && outcome != RETRY;
    pthread_mutex_lock(&portal->lock);
    portal->numbers.requests++;
    portal->numbers.errors += !answered || response->status == 408;
    portal->numbers.answered += answered && !is_session;
    if (response->status > 0 && limited && response->retry_after_ms > 0) {
        int64_t until_ms = clock_monotonic_ms() + response->retry_after_ms;
        portal->not_before_ms = until_ms > portal->not_before_ms ? until_ms : portal->not_before_ms;
    }
    pthread_mutex_unlock(&portal->lock);
}

static enum outcome send_request(struct portal *portal, struct http_client *client, const char *method,
                                 const struct portal_call *call, const char *cookie, struct http_response *ret,
                                 struct error *err) {
    char url[2048];
    char cookie_line[600];
    const char *headers[COUNT_OF(call->headers) + 2] = {0};
    size_t count = 0;
    *ret = (struct http_response){.content_length = -1};
    if (!str_format(url, sizeof(url), "%s%s", portal->url, call->path)) {
        return error_set(err, INVALID, "bad_url", "the portal's URL is too long");
    }
    for (; count < COUNT_OF(call->headers) && call->headers[count]; count++) {
        headers[count] = call->headers[count];
    }
    if (cookie && str_format(cookie_line, sizeof(cookie_line), "Cookie: %s", cookie)) {
        headers[count] = cookie_line;
    }
    struct http_request request = {
        .method = method,
        .url = url,
        .headers = headers,
        .max_body_bytes = call->max_body_bytes,
        .timeout_ms = portal->config.request_timeout_ms > 0 ? portal->config.request_timeout_ms : REQUEST_TIMEOUT_MS,
        .on_body = call->on_body,
        .context = call->context,
    };
    enum outcome outcome = http_client_send(client, &request, ret, err);
    note_answer(portal, outcome, ret, cookie == NULL);
    if (outcome == RETRY && !str_eq(err->code, "stopped")) {
        (void)str_copy(err->code, sizeof(err->code), "portal_down");
        (void)error_prefix(err, "the portal");
    }
    return outcome;
}

/* ---- the session ---- */

static enum outcome open_session(struct portal *portal, struct http_client *client, char cookie[512],
                                 struct error *err) {
    static const struct portal_call call = {.path = "/session", .max_body_bytes = SESSION_BODY_MAX};
    struct http_response response;
    enum outcome outcome = send_request(portal, client, "POST", &call, NULL, &response, err);
    if (outcome == OK && response.status != 201 && response.status != 200) {
        outcome = portal_status(&response, err);
        outcome = outcome == OK
                      ? error_set(err, INVALID, "portal_answer", "the portal opens no session (%d)", response.status)
                      : outcome;
    } else if (outcome == OK && response.cookie[0] == '\0') {
        outcome = error_set(err, INVALID, "portal_answer", "the portal's session has no cookie");
    } else if (outcome == OK) {
        (void)str_copy(cookie, sizeof(response.cookie), response.cookie);
    }
    http_response_finish(&response);
    return outcome;
}

/* The session there is, or a new one: only one thread opens it, the others wait for it. */
static enum outcome get_session(struct portal *portal, struct http_client *client, char cookie[512],
                                unsigned *ret_session, struct error *err) {
    enum outcome outcome = OK;
    pthread_mutex_lock(&portal->lock);
    while (portal->session_opening) {
        pthread_cond_wait(&portal->changed, &portal->lock);
    }
    if (portal->cookie[0] == '\0') {
        portal->session_opening = true;
        pthread_mutex_unlock(&portal->lock);
        outcome = open_session(portal, client, cookie, err);
        pthread_mutex_lock(&portal->lock);
        portal->session_opening = false;
        if (outcome == OK) {
            (void)str_copy(portal->cookie, sizeof(portal->cookie), cookie);
            portal->session++;
        }
        pthread_cond_broadcast(&portal->changed);
    }
    if (outcome == OK) {
        (void)str_copy(cookie, sizeof(portal->cookie), portal->cookie);
        *ret_session = portal->session;
    }
    pthread_mutex_unlock(&portal->lock);
    return outcome;
}

static void drop_session(struct portal *portal, unsigned session) {
    pthread_mutex_lock(&portal->lock);
    if (portal->session == session) {
        portal->cookie[0] = '\0';
    }
    pthread_mutex_unlock(&portal->lock);
}

static enum outcome exchange_on(struct portal *portal, struct http_client *client, const struct portal_call *call,
                                struct http_response *ret, struct error *err) {
    for (int tries = 0; tries < 2; tries++) {
        char cookie[512];
        unsigned session = 0;
        enum outcome outcome = get_session(portal, client, cookie, &session, err);
        if (outcome != OK) {
            return outcome;
        }
        http_response_finish(ret);
        outcome = send_request(portal, client, "GET", call, cookie, ret, err);
        if (ret->status != 401) {
            return outcome;
        }
        drop_session(portal, session);
    }
    return error_set(err, RETRY, "portal_down", "the portal refuses the session it has just opened");
}

enum outcome portal_exchange(struct portal *portal, const struct portal_call *call, const struct attempts *attempts,
                             struct http_response *ret, struct error *err) {
    struct connection *connection = NULL;
    *ret = (struct http_response){.content_length = -1};
    enum outcome outcome = take_connection(portal, attempts, &connection, err);
    if (outcome != OK) {
        return outcome;
    }
    err->retry_after_ms = 0;
    outcome = exchange_on(portal, connection->client, call, ret, err);
    give_back(portal, connection);
    return outcome;
}

/* ---- verdicts and waiting ---- */

enum outcome portal_status(const struct http_response *response, struct error *err) {
    int status = response->status;
    switch (status) {
    case 200:
    case 206:
    case 404:
    case 410:
    case 416:
        return OK;
    case 429:
        (void)error_set(err, RETRY, "rate_limited", "the portal asks for fewer requests (429)");
        break;
    case 408:
        (void)error_set(err, RETRY, "portal_down", "the portal answered 408");
        break;
    default:
        (void)error_set(err, status >= 500 ? RETRY : INVALID, status >= 500 ? "portal_down" : "portal_answer",
                        "the portal answered %d", status);
        break;
    }
    err->retry_after_ms = response->retry_after_ms;
    return err->outcome;
}

enum outcome portal_bad_answer(struct attempts *attempts, struct error *err, const char *what) {
    enum outcome outcome = ++attempts->bad_answers < BAD_ANSWERS_MAX ? RETRY : INVALID;
    return error_set(err, outcome, "portal_answer", "the portal's answer is not usable: %s", what);
}

enum outcome portal_pause(struct portal *portal, struct attempts *attempts, struct error *err) {
    if (err->outcome != RETRY || str_eq(err->code, "stopped")) {
        return err->outcome;
    }
    uint64_t random = 0;
    random_bytes(&random, sizeof(random));
    int64_t wait_ms = jitter_ms(RETRY_BASE_MS, RETRY_CAP_MS, attempts->count++, random);
    wait_ms = wait_ms > err->retry_after_ms ? wait_ms : err->retry_after_ms;
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    if (until_ms > attempts->until_ms) {
        return err->outcome;
    }
    pthread_mutex_lock(&portal->lock);
    while (!portal->stopped && clock_monotonic_ms() < until_ms) {
        wait_until(portal, until_ms);
    }
    bool stopped = portal->stopped;
    pthread_mutex_unlock(&portal->lock);
    return stopped ? stopped_error(err) : OK;
}
