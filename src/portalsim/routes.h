/* What the handlers of the portal's routes share: used by server.c, call.c and routes.c only. */
#pragma once

#include "httpd/httpd.h"
#include "portalsim/catalog.h"
#include "portalsim/faults.h"
#include "portalsim/options.h"
#include "portalsim/sessions.h"

struct portal_server {
    struct options options;
    struct httpd *httpd;
    struct sessions *sessions;
    struct faults *faults;
    struct catalog *catalog;
};

/* One request on its way through a handler. */
struct call {
    struct portal_server *server;
    struct http_exchange *exchange;
    struct fault fault; /* what is to happen to its answer */
    char session[SESSION_ID_MAX];
};

/* Latency, speed, session and the faults that come before an answer. False: it has replied. target and cin: as in
 * faults_of_request. */
bool call_begin(struct call *call, struct portal_server *server, struct http_exchange *exchange, enum fault_route route,
                const char *target, const char *cin);
/* An answer with the faults that come with one. */
void call_reply_json(struct call *call, int status, json_t *value); /* takes the reference */
void call_reply_error(struct call *call, enum outcome outcome, const char *message);
/* The bytes are taken over. Counts the session's document down when they have been sent. */
void call_reply_document(struct call *call, struct buf *bytes, const char *md5);

extern const struct http_route portal_routes[];
extern const size_t portal_routes_count;
