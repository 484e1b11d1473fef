#include "support/raw_http.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/url.h"

enum { ALL_MAX = 64 * 1024 * 1024, DEADLINE_MS = 10000 };

int64_t raw_deadline_ms(void) {
    const char *factor = getenv("FILESURE_DEADLINE_FACTOR");
    return clock_monotonic_ms() + DEADLINE_MS * (factor ? strtol(factor, NULL, 10) : 1);
}

int raw_connect(const char *address) {
    char host[64];
    int port = 0;
    assert_true(address_parse(address, host, &port));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_int_equal(inet_pton(AF_INET, host, &to.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        fail_msg("connect: %s", strerror(errno));
    return fd;
}

bool raw_send(int fd, const void *bytes, size_t size_bytes) {
    const char *at = bytes;
    while (size_bytes > 0) {
        ssize_t sent = send(fd, at, size_bytes, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        size_bytes -= (size_t)sent;
    }
    return true;
}

void raw_send_text(int fd, const char *text) {
    raw_send(fd, text, strlen(text));
}

static void answer_start(struct raw_answer *answer) {
    *answer = (struct raw_answer){.all = BUF_INIT(ALL_MAX)};
}

static void answer_parse(struct raw_answer *answer) {
    const char *end = answer->all.data ? memmem(answer->all.data, answer->all.size_bytes, "\r\n\r\n", 4) : NULL;
    if (end == NULL || answer->all.size_bytes < 13 || strncmp(answer->all.data, "HTTP/1.1 ", 9) != 0)
        return;
    answer->status = (int)strtol(answer->all.data + 9, NULL, 10);
    answer->body = end + 4;
}

/* False: the connection has ended. */
static bool read_some(int fd, struct buf *all, bool *ret_reset) {
    char bytes[16384];
    int64_t until_ms = raw_deadline_ms();
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int64_t left_ms = until_ms - clock_monotonic_ms();
    if (poll(&ready, 1, (int)left_ms) <= 0)
        fail_msg("nothing came within the deadline; so far: %.300s", buf_str(all));
    ssize_t count = recv(fd, bytes, sizeof(bytes), 0);
    if (count < 0)
        *ret_reset = true;
    if (count <= 0)
        return false;
    assert_true(buf_append(all, bytes, (size_t)count));
    return true;
}

void raw_read_to_end(int fd, struct raw_answer *ret) {
    answer_start(ret);
    while (read_some(fd, &ret->all, &ret->reset)) {
    }
    close(fd);
    answer_parse(ret);
}

void raw_read_reply(int fd, bool head_only, struct raw_answer *ret) {
    answer_start(ret);
    while (true) {
        answer_parse(ret);
        const char *length = ret->body ? raw_header(ret, "Content-Length") : NULL;
        size_t wanted = length && !head_only ? strtoul(length, NULL, 10) : 0;
        if (ret->body && ret->all.size_bytes - (size_t)(ret->body - ret->all.data) >= wanted)
            return;
        if (!read_some(fd, &ret->all, &ret->reset))
            return;
    }
}

bool raw_wait_text(int fd, struct buf *all, const char *text) {
    bool reset = false;
    size_t from = 0;
    while (strstr(buf_str(all) + from, text) == NULL) {
        from = all->size_bytes > strlen(text) ? all->size_bytes - strlen(text) : 0;
        if (!read_some(fd, all, &reset))
            return false;
    }
    return true;
}

void raw_ask(const char *address, const void *bytes, size_t size_bytes, struct raw_answer *ret) {
    int fd = raw_connect(address);
    raw_send(fd, bytes, size_bytes);
    raw_read_to_end(fd, ret);
}

void raw_ask_text(const char *address, const char *text, struct raw_answer *ret) {
    raw_ask(address, text, strlen(text), ret);
}

const char *raw_header(const struct raw_answer *answer, const char *name) {
    static char value[4096];
    size_t size = strlen(name);
    if (answer->body == NULL)
        return NULL;
    for (const char *line = strstr(answer->all.data, "\r\n") + 2; line < answer->body - 2;
         line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            const char *from = line + size + 1 + strspn(line + size + 1, " ");
            size_t length = strcspn(from, "\r");
            assert_true(length < sizeof(value));
            memcpy(value, from, length);
            value[length] = '\0';
            return value;
        }
    }
    return NULL;
}

void raw_finish(struct raw_answer *answer) {
    buf_finish(&answer->all);
}
