/* What the files of this folder share.
 *
 * Every exchange goes portal_exchange: take one of the `parallel` connections when there is one and no Retry-After
 * runs, see to the session, send, and open another session once when the answer is 401. portal_pause sits between two
 * attempts. */
#pragma once

#include <pthread.h>

#include "base/url.h"
#include "net/http_client.h"
#include "portal/portal.h"
#include "portal/portal_parse.h"

enum { PORTAL_CONNECTIONS_MAX = 16, BAD_ANSWERS_MAX = 3, MISSING_ANSWERS = 3 };

struct connection {
    struct http_client *client;
    bool busy;
};

struct missing {
    char srn[SRN_MAX];
    int answers;
};

struct portal {
    struct portal_config config;
    char *url; /* base, without a trailing '/' */
    struct url base;
    struct connection connections[PORTAL_CONNECTIONS_MAX];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a connection is free, a session is there, stopped */
    bool stopped;
    char cookie[512]; /* empty: no session */
    unsigned session; /* counts sessions, so that a late 401 does not end a newer one */
    bool session_opening;
    int64_t not_before_ms; /* the portal asked for silence until then */
    struct portal_numbers numbers;
    struct missing *missing;
    int missing_count;
};

struct portal_call {
    const char *path;       /* after the base */
    const char *headers[4]; /* NULL-terminated */
    size_t max_body_bytes;
    bool (*on_body)(void *context, int status, const void *bytes, size_t size_bytes);
    void *context;
};

/* One call of the public interface: how long it may go on, how often it has tried. */
struct attempts {
    int64_t until_ms;
    int count;
    int bad_answers;
};

struct attempts attempts_start(const struct portal *portal);
/* OK: an answer that is not 401; *ret is the caller's to finish in any case. */
MUST_USE enum outcome portal_exchange(struct portal *portal, const struct portal_call *call,
                                      const struct attempts *attempts, struct http_response *ret, struct error *err);
/* Statuses that no call can use: RETRY "rate_limited" or "portal_down", INVALID "portal_answer". OK: 200, 206, 404,
 * 410, 416. */
MUST_USE enum outcome portal_status(const struct http_response *response, struct error *err);
/* After a failure in *err: waits with full jitter, at least as long as the portal asked. Anything but OK is the failure
 * again: it cannot be retried, the time is over, or the client was stopped. */
MUST_USE enum outcome portal_pause(struct portal *portal, struct attempts *attempts, struct error *err);
/* The answer came but is wrong: RETRY "portal_answer" a few times, then INVALID. */
enum outcome portal_bad_answer(struct attempts *attempts, struct error *err, const char *what);
void portal_count_bytes(struct portal *portal, size_t size_bytes);
int portal_count_missing(struct portal *portal, const char *srn); /* how often by now */
