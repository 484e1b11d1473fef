/* Suspended connections, what waits for a time, and the deadlines of requests coming in. See internal.h. */
#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "httpd/internal.h"

enum { LOOK_AGAIN_MS = 1000 };

static void timer_notify(struct httpd *httpd, int64_t at_ms) {
    if (at_ms < httpd->timer_next_ms) {
        httpd->timer_next_ms = at_ms;
        pthread_cond_signal(&httpd->timer_changed);
    }
}

static void held_add(struct http_exchange *exchange, int64_t until_ms) {
    struct httpd *httpd = exchange->httpd;
    exchange->hold = HOLD_TIME;
    exchange->wake_ms = until_ms;
    exchange->held_previous = NULL;
    exchange->held_next = httpd->held;
    if (httpd->held) {
        httpd->held->held_previous = exchange;
    }
    httpd->held = exchange;
    timer_notify(httpd, until_ms);
}

/* From here on libmicrohttpd's thread may end the exchange at any moment. */
static void held_resume(struct http_exchange *exchange) {
    struct httpd *httpd = exchange->httpd;
    if (exchange->hold == HOLD_TIME) {
        if (exchange->held_previous) {
            exchange->held_previous->held_next = exchange->held_next;
        } else {
            httpd->held = exchange->held_next;
        }
        if (exchange->held_next) {
            exchange->held_next->held_previous = exchange->held_previous;
        }
    }
    exchange->hold = HOLD_NONE;
    MHD_resume_connection(exchange->connection);
}

bool hold_for_work(struct http_exchange *exchange) {
    struct httpd *httpd = exchange->httpd;
    pthread_mutex_lock(&httpd->lock);
    bool waits = httpd->phase != ENDING;
    if (waits) {
        exchange->hold = HOLD_WORK;
        MHD_suspend_connection(exchange->connection);
        workers_push(httpd, exchange);
    }
    pthread_mutex_unlock(&httpd->lock);
    return waits;
}

bool hold_for_time(struct http_exchange *exchange, int64_t until_ms) {
    struct httpd *httpd = exchange->httpd;
    pthread_mutex_lock(&httpd->lock);
    bool waits = httpd->phase == RUNNING;
    if (waits) {
        MHD_suspend_connection(exchange->connection);
        held_add(exchange, until_ms);
    }
    pthread_mutex_unlock(&httpd->lock);
    return waits;
}

void hold_work_done(struct http_exchange *exchange, int64_t until_ms) {
    struct httpd *httpd = exchange->httpd;
    pthread_mutex_lock(&httpd->lock);
    if (httpd->phase == RUNNING && until_ms > clock_monotonic_ms()) {
        held_add(exchange, until_ms);
    } else {
        held_resume(exchange);
    }
    pthread_mutex_unlock(&httpd->lock);
}

void hold_wake(struct http_exchange *exchange) {
    struct httpd *httpd = exchange->httpd;
    pthread_mutex_lock(&httpd->lock);
    if (exchange->hold == HOLD_TIME) {
        held_resume(exchange);
    }
    pthread_mutex_unlock(&httpd->lock);
}

void hold_wake_all(struct httpd *httpd) {
    while (httpd->held) {
        held_resume(httpd->held);
    }
}

/* libmicrohttpd does not look at suspended connections, so nobody would notice. */
static bool has_gone(struct http_exchange *exchange) {
    char byte;
    if (exchange->watches_peer) {
        ssize_t seen = recv(exchange->wire->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        exchange->peer_gone = seen == 0 || (seen < 0 && errno != EAGAIN && errno != EINTR);
    }
    return exchange->peer_gone;
}

static int64_t resume_due(struct httpd *httpd, int64_t now_ms) {
    int64_t next_ms = INT64_MAX;
    for (struct http_exchange *each = httpd->held, *next = NULL; each; each = next) {
        next = each->held_next;
        if (each->wake_ms <= now_ms || has_gone(each)) {
            held_resume(each);
        } else if (each->wake_ms < next_ms) {
            next_ms = each->wake_ms;
        }
    }
    return next_ms;
}

/* libmicrohttpd knows only a timeout without any byte: a request that drips in is ended here. */
static void end_slow_requests(struct httpd *httpd, int64_t now_ms) {
    for (struct wire *wire = httpd->wires; wire; wire = wire->next) {
        int64_t deadline_ms = atomic_load(&wire->deadline_ms);
        if (deadline_ms != 0 && deadline_ms <= now_ms) {
            shutdown(wire->fd, SHUT_RDWR);
        }
    }
}

void *hold_timer_run(void *context) {
    struct httpd *httpd = context;
    pthread_mutex_lock(&httpd->lock);
    while (!httpd->timer_end) {
        int64_t now_ms = clock_monotonic_ms();
        int64_t next_ms = resume_due(httpd, now_ms);
        end_slow_requests(httpd, now_ms);
        if (httpd->wires && next_ms > now_ms + LOOK_AGAIN_MS) {
            next_ms = now_ms + LOOK_AGAIN_MS;
        }
        httpd->timer_next_ms = next_ms;
        while (!httpd->timer_end && httpd->timer_next_ms == next_ms && clock_monotonic_ms() < next_ms) {
            httpd_condition_wait(&httpd->timer_changed, &httpd->lock, next_ms);
        }
    }
    pthread_mutex_unlock(&httpd->lock);
    return NULL;
}

struct wire *wire_add(struct httpd *httpd, int fd) {
    struct wire *wire = x_alloc(sizeof(*wire));
    int64_t now_ms = clock_monotonic_ms();
    wire->fd = fd;
    atomic_init(&wire->deadline_ms, now_ms + httpd->config.receive_timeout_s * INT64_C(1000));
    pthread_mutex_lock(&httpd->lock);
    wire->next = httpd->wires;
    if (httpd->wires) {
        httpd->wires->previous = wire;
    }
    httpd->wires = wire;
    timer_notify(httpd, now_ms + LOOK_AGAIN_MS);
    pthread_mutex_unlock(&httpd->lock);
    return wire;
}

void wire_remove(struct httpd *httpd, struct wire *wire) {
    pthread_mutex_lock(&httpd->lock);
    if (wire->previous) {
        wire->previous->next = wire->next;
    } else {
        httpd->wires = wire->next;
    }
    if (wire->next) {
        wire->next->previous = wire->previous;
    }
    pthread_mutex_unlock(&httpd->lock);
    free(wire);
}
