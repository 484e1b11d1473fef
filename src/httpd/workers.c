/* The pool that runs handlers and fills streams. Threads are started when there is work and none is idle. */
#include "base/clock.h"
#include "httpd/internal.h"

static struct http_exchange *pop(struct httpd *httpd) {
    struct http_exchange *exchange = httpd->queue_head;
    if (exchange) {
        httpd->queue_head = exchange->queue_next;
        if (httpd->queue_head == NULL) {
            httpd->queue_tail = NULL;
        }
        exchange->queue_next = NULL;
        httpd->queued--;
    }
    return exchange;
}

static void work(struct http_exchange *exchange) {
    if (exchange->stream) {
        stream_fill(exchange);
        hold_work_done(exchange, 0);
        return;
    }
    router_handle(exchange);
    exchange->state = ANSWERED;
    hold_work_done(exchange, exchange->delay_ms > 0 ? clock_monotonic_ms() + exchange->delay_ms : 0);
}

static void *worker_run(void *context) {
    struct httpd *httpd = context;
    pthread_mutex_lock(&httpd->lock);
    while (true) {
        struct http_exchange *exchange = pop(httpd);
        if (exchange == NULL && httpd->workers_end) {
            break;
        }
        if (exchange == NULL) {
            httpd->workers_idle++;
            pthread_cond_wait(&httpd->queue_filled, &httpd->lock);
            httpd->workers_idle--;
            continue;
        }
        pthread_mutex_unlock(&httpd->lock);
        work(exchange);
        pthread_mutex_lock(&httpd->lock);
    }
    pthread_mutex_unlock(&httpd->lock);
    return NULL;
}

bool workers_start_one(struct httpd *httpd) {
    bool started = httpd_thread_start(&httpd->workers[httpd->workers_started], worker_run, httpd);
    httpd->workers_started += started;
    return started;
}

void workers_push(struct httpd *httpd, struct http_exchange *exchange) {
    if (httpd->queue_tail) {
        httpd->queue_tail->queue_next = exchange;
    } else {
        httpd->queue_head = exchange;
    }
    httpd->queue_tail = exchange;
    httpd->queued++;
    if (httpd->queued > httpd->workers_idle && httpd->workers_started < httpd->config.threads) {
        (void)workers_start_one(httpd);
    }
    pthread_cond_signal(&httpd->queue_filled);
}

void workers_stop(struct httpd *httpd) {
    pthread_mutex_lock(&httpd->lock);
    httpd->workers_end = true;
    pthread_cond_broadcast(&httpd->queue_filled);
    pthread_mutex_unlock(&httpd->lock);
    for (int i = 0; i < httpd->workers_started; i++) {
        pthread_join(httpd->workers[i], NULL);
    }
}
