#include "support/fake_http.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "support/raw_http.h"

enum { CONNECTIONS_MAX = 256, INPUT_MAX = 16 * 1024 * 1024, REPLY_MAX = 64 * 1024 * 1024 };

struct fake_connection {
    struct fake_http *fake;
    int fd;
    int number;
    pthread_t thread;
};

struct fake_http {
    fake_script *script;
    void *context;
    int listen_fd;
    int stop_fd;
    char url[64];
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int requests, at_once, most_at_once, connections;
    struct fake_connection each[CONNECTIONS_MAX];
};

/* True: fd is readable; false: the fake is to stop, or the time has passed. */
static bool wait_readable(const struct fake_http *fake, int fd, int wait_ms) {
    struct pollfd ready[] = {{.fd = fake->stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    return poll(ready, 2, wait_ms) > 0 && ready[0].revents == 0;
}

static bool is_stopped(const struct fake_http *fake) {
    struct pollfd ready = {.fd = fake->stop_fd, .events = POLLIN};
    return poll(&ready, 1, 0) > 0;
}

bool fake_header(const struct fake_request *request, const char *name, char *out, size_t out_size) {
    size_t size = strlen(name);
    for (const char *line = strstr(request->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, size) == 0 && line[2 + size] == ':') {
            const char *value = line + 2 + size + 1 + strspn(line + 2 + size + 1, " ");
            char *copy = x_strndup(value, strcspn(value, "\r"));
            bool fits = str_copy(out, out_size, copy);
            free(copy);
            return fits;
        }
    }
    return false;
}

/* Reads one request into `input`, from its start. False: no more. */
static bool read_request(struct fake_connection *connection, struct buf *input, struct fake_request *ret,
                         char **ret_head) {
    size_t wanted = SIZE_MAX;
    size_t head_size = 0;
    char length[32];
    while (true) {
        const char *end = input->data ? memmem(input->data, input->size_bytes, "\r\n\r\n", 4) : NULL;
        if (end && wanted == SIZE_MAX) {
            head_size = (size_t)(end + 4 - input->data);
            *ret_head = x_strndup(input->data, head_size);
            ret->head = *ret_head;
            wanted = head_size;
            if (fake_header(ret, "Content-Length", length, sizeof(length)))
                wanted += strtoul(length, NULL, 10);
            char expect[32];
            if (fake_header(ret, "Expect", expect, sizeof(expect)))
                raw_send_text(connection->fd, "HTTP/1.1 100 Continue\r\n\r\n");
        }
        if (input->size_bytes >= wanted)
            break;
        char bytes[4096];
        if (!wait_readable(connection->fake, connection->fd, -1))
            return false;
        ssize_t count = recv(connection->fd, bytes, sizeof(bytes), 0);
        if (count <= 0 || !buf_append(input, bytes, (size_t)count))
            return false;
    }
    const char *space = strchr(ret->head, ' ');
    (void)str_format(ret->method, sizeof(ret->method), "%.*s", (int)(space - ret->head), ret->head);
    (void)str_format(ret->target, sizeof(ret->target), "%.*s", (int)strcspn(space + 1, " "), space + 1);
    ret->body = input->data + head_size;
    ret->body_size = wanted - head_size;
    return true;
}

static void send_all(struct fake_connection *connection, const struct fake_reply *reply) {
    if (reply->drip_ms == 0) {
        raw_send(connection->fd, buf_str(&reply->bytes), reply->bytes.size_bytes);
        return;
    }
    for (size_t i = 0; i < reply->bytes.size_bytes && !is_stopped(connection->fake); i++) {
        struct pollfd ready = {.fd = connection->fake->stop_fd, .events = POLLIN};
        if (send(connection->fd, reply->bytes.data + i, 1, MSG_NOSIGNAL) != 1)
            return;
        (void)poll(&ready, 1, reply->drip_ms);
    }
}

/* False: the connection ends. */
static bool serve_one(struct fake_connection *connection, struct buf *input) {
    struct fake_http *fake = connection->fake;
    struct fake_request request = {.connection = connection->number};
    struct fake_reply reply = {.bytes = BUF_INIT(REPLY_MAX)};
    char *head = NULL;
    if (!read_request(connection, input, &request, &head)) {
        free(head);
        return false;
    }
    pthread_mutex_lock(&fake->lock);
    request.number = ++fake->requests;
    fake->at_once++;
    fake->most_at_once = fake->at_once > fake->most_at_once ? fake->at_once : fake->most_at_once;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
    fake->script(fake->context, &request, &reply);
    pthread_mutex_lock(&fake->lock);
    fake->at_once--;
    pthread_mutex_unlock(&fake->lock);
    send_all(connection, &reply);
    if (reply.then == FAKE_HANG)
        (void)wait_readable(fake, connection->fd, -1);
    if (reply.then == FAKE_RESET) {
        struct linger now = {.l_onoff = 1};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    buf_clear(input);
    buf_finish(&reply.bytes);
    free(head);
    return reply.then == FAKE_KEEP;
}

static void *connection_run(void *context) {
    struct fake_connection *connection = context;
    struct buf input = BUF_INIT(INPUT_MAX);
    while (serve_one(connection, &input)) {
    }
    buf_finish(&input);
    close(connection->fd);
    return NULL;
}

static void *acceptor_run(void *context) {
    struct fake_http *fake = context;
    while (wait_readable(fake, fake->listen_fd, -1)) {
        int fd = accept4(fake->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 || fake->connections == CONNECTIONS_MAX)
            break;
        struct fake_connection *connection = &fake->each[fake->connections];
        *connection = (struct fake_connection){.fake = fake, .fd = fd, .number = fake->connections + 1};
        pthread_create(&connection->thread, NULL, connection_run, connection);
        pthread_mutex_lock(&fake->lock);
        fake->connections++;
        pthread_mutex_unlock(&fake->lock);
    }
    return NULL;
}

struct fake_http *fake_start(fake_script *script, void *context) {
    struct fake_http *fake = x_alloc(sizeof(*fake));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    fake->script = script;
    fake->context = context;
    fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fake->stop_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(bind(fake->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake->listen_fd, 64), 0);
    assert_int_equal(getsockname(fake->listen_fd, (struct sockaddr *)&address, &size), 0);
    (void)str_format(fake->url, sizeof(fake->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->changed, NULL);
    assert_int_equal(pthread_create(&fake->acceptor, NULL, acceptor_run, fake), 0);
    return fake;
}

void fake_stop(struct fake_http *fake) {
    uint64_t one = 1;
    assert_int_equal(write(fake->stop_fd, &one, sizeof(one)), sizeof(one));
    pthread_join(fake->acceptor, NULL);
    for (int i = 0; i < fake->connections; i++)
        pthread_join(fake->each[i].thread, NULL);
    close(fake->listen_fd);
    close(fake->stop_fd);
    pthread_cond_destroy(&fake->changed);
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

const char *fake_url(const struct fake_http *fake) {
    return fake->url;
}

static int locked(struct fake_http *fake, const int *number) {
    pthread_mutex_lock(&fake->lock);
    int value = *number;
    pthread_mutex_unlock(&fake->lock);
    return value;
}

int fake_requests(struct fake_http *fake) {
    return locked(fake, &fake->requests);
}

int fake_connections(struct fake_http *fake) {
    return locked(fake, &fake->connections);
}

int fake_most_at_once(struct fake_http *fake) {
    return locked(fake, &fake->most_at_once);
}

void fake_wait_requests(struct fake_http *fake, int count) {
    int64_t until_ms = raw_deadline_ms();
    pthread_mutex_lock(&fake->lock);
    while (fake->requests < count) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec += 1;
        pthread_cond_timedwait(&fake->changed, &fake->lock, &soon);
        if (clock_monotonic_ms() > until_ms)
            fail_msg("only %d of %d requests came", fake->requests, count);
    }
    pthread_mutex_unlock(&fake->lock);
}

void fake_answer_claiming(struct fake_reply *reply, int status, const char *headers, const void *body, size_t body_size,
                          size_t claimed) {
    (void)buf_printf(&reply->bytes, "HTTP/1.1 %d Scripted\r\n%sContent-Length: %zu\r\n\r\n", status, headers, claimed);
    (void)buf_append(&reply->bytes, body, body_size);
}

void fake_answer(struct fake_reply *reply, int status, const char *headers, const void *body, size_t body_size) {
    fake_answer_claiming(reply, status, headers, body, body_size, body_size);
}

void fake_answer_text(struct fake_reply *reply, int status, const char *headers, const char *body) {
    fake_answer(reply, status, headers, body, strlen(body));
}
