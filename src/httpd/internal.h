/* What the files of this folder share. Nobody else includes it.
 *
 * Threads: one of libmicrohttpd polls all connections and calls wire.c; config.threads of our own run the handlers and
 * the readers of streams (workers.c), so that nothing that may block runs in the polling thread; one more wakes what
 * waits for a time and ends slow requests (hold.c).
 *
 * An exchange:   RECEIVING -> HANDLING -> ANSWERED -> SENDING      (LINGERING: refused before its body was read)
 *                 wire.c      workers.c   reply.c      stream.c
 * While a connection is suspended ("held"), libmicrohttpd does not touch it nor its exchange:
 *   HOLD_WORK: a worker has it and will resume it;   HOLD_TIME: it waits for its time or for http_wake. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "httpd/head.h"
#include "httpd/httpd.h"

enum { HTTPD_THREADS_MAX = 64, HTTPD_STOP_MS = 2000 };

enum exchange_state { RECEIVING, HANDLING, ANSWERED, SENDING, LINGERING };
enum hold { HOLD_NONE, HOLD_WORK, HOLD_TIME };
enum httpd_phase { RUNNING, DRAINING, ENDING };

struct stream;

/* A connection; owned by hold.c's list. */
struct wire {
    struct wire *previous, *next;
    int fd;
    _Atomic int64_t deadline_ms; /* a request must have come in by then; 0: none is being received */
};

struct reply_header {
    struct reply_header *next;
    char *value; /* in the same allocation, as is name */
    char name[];
};

struct http_exchange {
    struct httpd *httpd;
    struct MHD_Connection *connection;
    struct wire *wire;
    enum exchange_state state;
    int64_t begin_ms;

    /* request */
    char *raw_target; /* storage of target */
    char *path;       /* decoded */
    struct target target;
    struct head_facts facts;
    char method[16];
    bool head_seen;
    const struct http_route *route; /* NULL: none */
    const char *style;
    char allow[128]; /* methods of the path; empty: unknown path */
    struct buf body;
    char client_address[64];

    /* reply */
    struct reply_header *headers;
    bool replied;
    struct MHD_Response *response;
    int status; /* 0: the connection is reset in place of a reply */
    int64_t lingered_bytes;
    int64_t delay_ms;
    int64_t bytes_per_second;
    struct stream *stream;         /* being filled by a worker */
    void (*on_end)(void *context); /* called before the exchange is freed */
    void *on_end_context;
    bool watches_peer; /* woken when its client has gone, too */
    bool peer_gone;

    /* under httpd->lock */
    enum hold hold;
    int64_t wake_ms;
    struct http_exchange *held_previous, *held_next; /* HOLD_TIME */
    struct http_exchange *queue_next;                /* HOLD_WORK, not yet taken */
};

struct httpd {
    struct httpd_config config;
    struct MHD_Daemon *daemon;
    int listen_fd;
    char address[80];

    pthread_mutex_t lock;
    enum httpd_phase phase;
    atomic_bool draining;   /* phase != RUNNING */
    int exchanges;          /* open ones */
    pthread_cond_t drained; /* exchanges became 0 */
    struct wire *wires;

    struct http_exchange *queue_head, *queue_tail;
    int queued;
    pthread_cond_t queue_filled;
    pthread_t workers[HTTPD_THREADS_MAX];
    int workers_started, workers_idle;
    bool workers_end;

    struct http_exchange *held; /* HOLD_TIME */
    pthread_t timer;
    bool timer_started;
    pthread_cond_t timer_changed;
    int64_t timer_next_ms;
    bool timer_end;
};

/* server.c */
bool httpd_thread_start(pthread_t *ret, void *(*run)(void *), void *context); /* small stack */
void httpd_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms);

/* hold.c. The hold functions may be called from libmicrohttpd's callbacks only; false: the server ends, do not wait. */
bool hold_for_work(struct http_exchange *exchange); /* suspends and queues for the workers */
bool hold_for_time(struct http_exchange *exchange, int64_t until_ms);
void hold_work_done(struct http_exchange *exchange, int64_t until_ms); /* by the worker; until_ms 0: resume at once */
void hold_wake(struct http_exchange *exchange); /* any thread; no effect when it is not HOLD_TIME */
void hold_wake_all(struct httpd *httpd);        /* under the lock */
void *hold_timer_run(void *httpd);
struct wire *wire_add(struct httpd *httpd, int fd);
void wire_remove(struct httpd *httpd, struct wire *wire);

/* workers.c */
void workers_push(struct httpd *httpd, struct http_exchange *exchange); /* under the lock */
bool workers_start_one(struct httpd *httpd);
void workers_stop(struct httpd *httpd);

/* wire.c: libmicrohttpd's callbacks */
enum MHD_Result wire_handle(void *httpd, struct MHD_Connection *connection, const char *url, const char *method,
                            const char *version, const char *upload, size_t *upload_size, void **context);
void *wire_request_line(void *httpd, const char *target, struct MHD_Connection *connection);
void wire_completed(void *httpd, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode code);
void wire_connection(void *httpd, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode code);

/* router.c */
void router_match(struct http_exchange *exchange); /* sets route, style, allow */
bool router_method_known(const char *method);
void router_refusal(const struct http_exchange *exchange,
                    struct refusal *why);           /* 404 or 405 of an exchange without route */
void router_handle(struct http_exchange *exchange); /* before, handler, 404, 405, OPTIONS */

/* reply.c */
void exchange_refuse(struct http_exchange *exchange, const struct refusal *why); /* in the route's style */
void exchange_free_headers(struct http_exchange *exchange);
void exchange_set_response(struct http_exchange *exchange, int status, const char *content_type,
                           struct MHD_Response *response);
void refusal_body(const struct http_exchange *exchange, const struct refusal *why, struct buf *out,
                  const char **ret_type);

/* stream.c */
void stream_fill(struct http_exchange *exchange); /* by a worker */
void stream_set_bytes(struct http_exchange *exchange, int status, const char *content_type, const void *bytes,
                      size_t size_bytes);
