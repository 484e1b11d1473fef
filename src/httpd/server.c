/* Starts and stops the server. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/str.h"
#include "base/url.h"
#include "httpd/internal.h"

#if UNDER_SANITIZER
enum { STACK_BYTES = 2 * 1024 * 1024 };
#else
enum { STACK_BYTES = 256 * 1024 };
#endif

/* A connection's memory at libmicrohttpd: the head, its table of headers, and the reply's head. */
enum {
    CONNECTION_BYTES = 48 * 1024,
    BACKLOG = 1024,
    THREADS_AT_START = 2,
    DEFAULT_TIMEOUT_S = 30,
    DEFAULT_CONNECTIONS = 256
};

bool httpd_thread_start(pthread_t *ret, void *(*run)(void *), void *context) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    bool started = pthread_create(ret, &attributes, run, context) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

void httpd_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms) {
    if (until_ms == INT64_MAX) {
        pthread_cond_wait(condition, lock);
        return;
    }
    cond_wait_until_ms(condition, lock, until_ms);
}

/* ---- the listening socket ---- */

static int bind_to(const struct addrinfo *address) {
    int yes = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void name_address(struct httpd *httpd) {
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    char host[64] = "";
    char port[8] = "";
    getsockname(httpd->listen_fd, (struct sockaddr *)&bound, &size);
    getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = bound.ss_family == AF_INET6;
    (void)str_format(httpd->address, sizeof(httpd->address), "%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port);
}

static enum outcome open_socket(struct httpd *httpd, struct error *err) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[64];
    char port_text[8];
    int port = 0;
    if (!address_parse(httpd->config.listen, host, &port)) {
        return error_set(err, INVALID, "bad_address", "\"%s\" is not an address to listen on", httpd->config.listen);
    }
    (void)str_format(port_text, sizeof(port_text), "%d", port);
    if (getaddrinfo(host, port_text, &hints, &found) != 0) {
        return error_set(err, INVALID, "bad_address", "the host of \"%s\" is not known", httpd->config.listen);
    }
    httpd->listen_fd = bind_to(found);
    int reason = errno;
    freeaddrinfo(found);
    if (httpd->listen_fd < 0) {
        return error_set(err, FATAL, "listen", "cannot listen on %s: %s", httpd->config.listen, strerror(reason));
    }
    name_address(httpd);
    return OK;
}

/* ---- start ---- */

static size_t unescape_nothing(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    return strlen(text);
}

/* Strict: libmicrohttpd itself refuses what it knows to be wrong (a missing Host, blanks in the target), before wire.c
 * and head.c refuse more. Some of its own refusals of version 0.9.75 carry their head twice; it closes the connection
 * after. */
static struct MHD_Daemon *start_daemon(struct httpd *httpd) {
    const struct httpd_config *config = &httpd->config;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, httpd->listen_fd, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, config->max_connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->max_connections_per_address, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, config->idle_timeout_s, NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)unescape_nothing, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)wire_request_line, httpd},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)wire_completed, httpd},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)wire_connection, httpd},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                            wire_handle, httpd, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static bool start_threads(struct httpd *httpd) {
    if (!httpd_thread_start(&httpd->timer, hold_timer_run, httpd)) {
        return false;
    }
    httpd->timer_started = true;
    pthread_mutex_lock(&httpd->lock);
    bool started = true;
    for (int i = 0; i < THREADS_AT_START && i < httpd->config.threads; i++) {
        started = workers_start_one(httpd) && started;
    }
    pthread_mutex_unlock(&httpd->lock);
    httpd->daemon = started ? start_daemon(httpd) : NULL;
    if (started && httpd->daemon == NULL) {
        httpd->listen_fd = -1; /* libmicrohttpd has closed it */
    }
    return httpd->daemon != NULL;
}

static void destroy(struct httpd *httpd) {
    workers_stop(httpd);
    pthread_mutex_lock(&httpd->lock);
    httpd->timer_end = true;
    pthread_cond_signal(&httpd->timer_changed);
    pthread_mutex_unlock(&httpd->lock);
    if (httpd->timer_started) {
        pthread_join(httpd->timer, NULL);
    }
    if (httpd->daemon) {
        MHD_stop_daemon(httpd->daemon);
    }
    if (httpd->listen_fd >= 0) {
        close(httpd->listen_fd);
    }
    pthread_cond_destroy(&httpd->timer_changed);
    pthread_cond_destroy(&httpd->queue_filled);
    pthread_cond_destroy(&httpd->drained);
    pthread_mutex_destroy(&httpd->lock);
    free(httpd);
}

static struct httpd *create(const struct httpd_config *config) {
    struct httpd *httpd = x_alloc(sizeof(*httpd));
    httpd->config = *config;
    httpd->listen_fd = -1;
    httpd->timer_next_ms = INT64_MAX;
    if (config->idle_timeout_s <= 0) {
        httpd->config.idle_timeout_s = DEFAULT_TIMEOUT_S;
    }
    if (config->max_connections <= 0) {
        httpd->config.max_connections = DEFAULT_CONNECTIONS;
    }
    if (config->receive_timeout_s <= 0) {
        httpd->config.receive_timeout_s = DEFAULT_TIMEOUT_S;
    }
    if (config->threads > HTTPD_THREADS_MAX || config->threads < 1) {
        httpd->config.threads = config->threads < 1 ? 1 : HTTPD_THREADS_MAX;
    }
    pthread_mutex_init(&httpd->lock, NULL);
    cond_init_monotonic(&httpd->drained);
    cond_init_monotonic(&httpd->queue_filled);
    cond_init_monotonic(&httpd->timer_changed);
    return httpd;
}

enum outcome httpd_start(const struct httpd_config *config, struct httpd **ret, struct error *err) {
    struct httpd *httpd = create(config);
    enum outcome outcome = open_socket(httpd, err);
    if (outcome != OK) {
        destroy(httpd);
        return outcome;
    }
    sigset_t all;
    sigset_t saved;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved); /* signals are for the program's own threads */
    bool started = start_threads(httpd);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (!started) {
        destroy(httpd);
        return error_set(err, FATAL, "httpd", "the HTTP server cannot start its threads");
    }
    *ret = httpd;
    return OK;
}

const char *httpd_address(const struct httpd *httpd) {
    return httpd->address;
}

/* ---- stop ---- */

void httpd_stop(struct httpd *httpd) {
    if (httpd == NULL) {
        return;
    }
    MHD_quiesce_daemon(httpd->daemon);
    int64_t until_ms = clock_monotonic_ms() + HTTPD_STOP_MS - 500;
    pthread_mutex_lock(&httpd->lock);
    httpd->phase = DRAINING;
    atomic_store(&httpd->draining, true);
    hold_wake_all(httpd);
    while (httpd->exchanges > 0 && clock_monotonic_ms() < until_ms) {
        httpd_condition_wait(&httpd->drained, &httpd->lock, until_ms);
    }
    httpd->phase = ENDING;
    pthread_mutex_unlock(&httpd->lock);
    destroy(httpd);
}
