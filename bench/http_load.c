/* Load generator of bench/run: keep-alive clients that each place one order after the other.
 *
 *   http_load PORT CLIENTS SECONDS FIRST
 *
 * One thread, epoll. Every order is for a company of its own, numbered from FIRST. Prints one JSON line: orders that
 * were acknowledged with 2xx, other answers, seconds, and how long an answer took (milliseconds). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, ANSWER_MAX = 16384, TIMES_MAX = 4000000 };

struct client {
    int fd;
    bool busy;
    int64_t sent_ns;
    size_t size;
    char answer[ANSWER_MAX];
};

static struct client clients[CLIENTS_MAX];
static float *times_ms;
static int64_t acknowledged, refused, next_company;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_order(struct client *client) {
    char body[128], request[512];
    int64_t n = next_company++;
    int body_size = snprintf(body, sizeof(body), "{\"companies\":[{\"cin\":\"U%05dKA2015PTC%06d\"}]}",
                             (int)(10000 + n / 1000000 % 80000), (int)(n % 1000000));
    int size = snprintf(request, sizeof(request),
                        "POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        "Content-Length: %d\r\n\r\n%s",
                        body_size, body);
    client->sent_ns = now_ns();
    client->size = 0;
    client->busy = true;
    if (send(client->fd, request, (size_t)size, MSG_NOSIGNAL) != size)
        fail("send");
}

/* The length of a whole answer at the start of the buffer; 0: not all of it is there. */
static size_t whole_answer(const struct client *client) {
    const char *end = memmem(client->answer, client->size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - client->answer) + 4, body = 0;
    for (const char *line = client->answer; line < end; line = (const char *)memchr(line, '\n', head) + 1)
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            body = strtoul(line + 15, NULL, 10);
    return client->size >= head + body ? head + body : 0;
}

/* True: the answer is complete. */
static bool read_answer(struct client *client) {
    ssize_t size = recv(client->fd, client->answer + client->size, sizeof(client->answer) - client->size, 0);
    if (size < 0 && errno == EAGAIN)
        return false;
    if (size <= 0)
        fail("the server closed a connection");
    client->size += (size_t)size;
    if (whole_answer(client) == 0)
        return false;
    int64_t count = acknowledged + refused;
    if (count < TIMES_MAX)
        times_ms[count] = (float)((double)(now_ns() - client->sent_ns) / 1e6);
    bool good = memcmp(client->answer, "HTTP/1.1 2", 10) == 0;
    if (!good && refused == 0)
        fprintf(stderr, "http_load: %.*s\n", (int)client->size, client->answer);
    acknowledged += good;
    refused += !good;
    client->busy = false;
    return true;
}

static void connect_all(int port, int count, int poller) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
            fail("connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        fcntl(fd, F_SETFL, O_NONBLOCK);
        clients[i].fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
            fail("epoll_ctl");
    }
}

static int by_time(const void *a, const void *b) {
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

static void report(int64_t began_ns) {
    double seconds = (double)(now_ns() - began_ns) / 1e9;
    int64_t count = acknowledged + refused < TIMES_MAX ? acknowledged + refused : TIMES_MAX;
    qsort(times_ms, (size_t)count, sizeof(*times_ms), by_time);
    double p50 = count ? (double)times_ms[count / 2] : 0, p99 = count ? (double)times_ms[count * 99 / 100] : 0;
    printf("{\"acknowledged\": %lld, \"refused\": %lld, \"seconds\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           (long long)acknowledged, (long long)refused, seconds, p50, p99);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: http_load PORT CLIENTS SECONDS FIRST\n");
        return 2;
    }
    int port = (int)strtol(argv[1], NULL, 10), count = (int)strtol(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    next_company = strtoll(argv[4], NULL, 10);
    if (count < 1 || count > CLIENTS_MAX)
        return 2;
    times_ms = calloc(TIMES_MAX, sizeof(*times_ms));
    int poller = epoll_create1(EPOLL_CLOEXEC), busy = count;
    if (!times_ms || poller < 0)
        fail("start");
    connect_all(port, count, poller);
    int64_t began_ns = now_ns(), end_ns = began_ns + (int64_t)(seconds * 1e9);
    for (int i = 0; i < count; i++)
        send_order(&clients[i]);
    while (busy > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, 10000);
        if (ready <= 0)
            fail("no answer within 10 s");
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!read_answer(client))
                continue;
            if (now_ns() < end_ns)
                send_order(client);
            else
                busy--;
        }
    }
    report(began_ns);
    return refused ? 1 : 0;
}
