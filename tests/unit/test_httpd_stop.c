/* Stopping, with every kind of connection there can be; and handlers that run at the same time. */
#include "support/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "httpd/sse.h"
#include "support/raw_http.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: test\r\n\r\n"
enum { TOGETHER = 64 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int inside;
    bool open;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static struct sse_channel *channel;

/* Waits until `inside` handlers are there, or the gate is open. */
static bool gate_wait(int inside) {
    int64_t until_ms = raw_deadline_ms();
    pthread_mutex_lock(&gate.lock);
    while (gate.inside < inside && !gate.open && clock_monotonic_ms() < until_ms) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec += 1;
        pthread_cond_timedwait(&gate.changed, &gate.lock, &soon);
    }
    bool reached = gate.inside >= inside || gate.open;
    pthread_mutex_unlock(&gate.lock);
    return reached;
}

static void gate_enter(void) {
    pthread_mutex_lock(&gate.lock);
    gate.inside++;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_open(void) {
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void quick(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply(exchange, 200, "text/plain", "quick", 5);
}

static void together(struct http_exchange *exchange, void *context) {
    (void)context;
    gate_enter();
    http_reply(exchange, gate_wait(TOGETHER) ? 200 : 500, "text/plain", "all", 3);
}

static void working(struct http_exchange *exchange, void *context) {
    (void)context;
    gate_enter();
    http_reply(exchange, gate_wait(1000) ? 200 : 500, "text/plain", "done", 4);
}

static void delayed(struct http_exchange *exchange, void *context) {
    (void)context;
    http_set_delay(exchange, 600000);
    http_reply(exchange, 200, "text/plain", "late", 4);
}

static void hang(struct http_exchange *exchange, void *context) {
    (void)context;
    http_cut(exchange, 200, "text/plain", "abc", 3, 1000, 600000);
}

static void late_reset(struct http_exchange *exchange, void *context) {
    (void)context;
    http_cut(exchange, 0, NULL, NULL, 0, 0, 600000);
}

static int64_t read_zeros(void *context, int64_t offset, char *out, size_t out_size) {
    (void)context;
    (void)offset;
    memset(out, '0', out_size);
    return (int64_t)out_size;
}

static void huge(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply_stream(exchange, 200, "text/plain", INT64_C(1) << 40, read_zeros, NULL, NULL);
}

static void paced(struct http_exchange *exchange, void *context) {
    (void)context;
    http_set_pace(exchange, 10);
    http_reply(exchange, 200, "text/plain", "0123456789012345678901234567890123456789", 40);
}

static void events(struct http_exchange *exchange, void *context) {
    (void)context;
    sse_reply(channel, exchange);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/quick", .handler = quick},
    {.method = "GET", .path = "/together", .handler = together},
    {.method = "GET", .path = "/working", .handler = working},
    {.method = "GET", .path = "/delayed", .handler = delayed},
    {.method = "GET", .path = "/hang", .handler = hang},
    {.method = "GET", .path = "/late-reset", .handler = late_reset},
    {.method = "GET", .path = "/huge", .handler = huge},
    {.method = "GET", .path = "/paced", .handler = paced},
    {.method = "GET", .path = "/events", .handler = events},
};

static struct httpd *start(int threads) {
    const struct httpd_config config = {.listen = "127.0.0.1:0",
                                        .routes = routes,
                                        .routes_count = COUNT_OF(routes),
                                        .threads = threads,
                                        .max_connections = 256};
    struct httpd *httpd = NULL;
    struct error err;
    gate.inside = 0;
    gate.open = false;
    assert_int_equal(httpd_start(&config, &httpd, &err), OK);
    return httpd;
}

static int open_with(struct httpd *httpd, const char *text) {
    int fd = raw_connect(httpd_address(httpd));
    raw_send_text(fd, text);
    return fd;
}

static void must_end(struct httpd *httpd) {
    int64_t begin_ms = clock_monotonic_ms();
    httpd_stop(httpd);
    int64_t took_ms = clock_monotonic_ms() - begin_ms;
    if (took_ms > 2000 + (raw_deadline_ms() - clock_monotonic_ms()) / 10)
        fail_msg("the stop took %lld ms", (long long)took_ms);
}

static void handlers_run_together(void **state) {
    (void)state;
    struct httpd *httpd = start(TOGETHER);
    int fds[TOGETHER];
    struct raw_answer answer;
    for (int i = 0; i < TOGETHER; i++)
        fds[i] = open_with(httpd, GET("/together"));
    for (int i = 0; i < TOGETHER; i++) {
        raw_read_reply(fds[i], false, &answer);
        assert_int_equal(answer.status, 200);
        raw_finish(&answer);
        close(fds[i]);
    }
    must_end(httpd);
}

/* The time for replies under way is not waited out: ten times that would be far more than what is allowed here. */
static void idle_server_stops_at_once(void **state) {
    (void)state;
    int64_t begin_ms = clock_monotonic_ms();
    for (int i = 0; i < 5; i++) {
        httpd_stop(start(4));
        struct httpd *httpd = start(4);
        struct raw_answer answer;
        int fd = open_with(httpd, GET("/quick")); /* and stays open */
        raw_read_reply(fd, false, &answer);
        raw_finish(&answer);
        httpd_stop(httpd);
        raw_read_to_end(fd, &answer);
        assert_int_equal(answer.all.size_bytes, 0);
        raw_finish(&answer);
    }
    assert_true(clock_monotonic_ms() - begin_ms < 5000);
}

static void every_kind_of_connection_ends(void **state) {
    static const char *const requests[] = {
        "",
        "GET /qu",
        "POST /quick HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nx",
        GET("/hang"),
        GET("/late-reset"),
        GET("/huge"),
        GET("/delayed"),
        GET("/paced"),
        GET("/events"),
        GET("/events"), /* the last one asked, and answered at once */
    };
    (void)state;
    int fds[COUNT_OF(requests)];
    char address[64];
    struct buf all = BUF_INIT(1024 * 1024);
    channel = sse_channel_create(10, 10);
    struct httpd *httpd = start(2);
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        fds[i] = open_with(httpd, requests[i]);
    assert_true(raw_wait_text(fds[3], &all, "abc")); /* all of them have been looked at once the last ones answer */
    buf_clear(&all);
    assert_true(raw_wait_text(fds[COUNT_OF(requests) - 1], &all, "retry: "));
    (void)str_copy(address, sizeof(address), httpd_address(httpd));
    must_end(httpd);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct raw_answer answer;
        raw_read_to_end(fds[i], &answer);
        if (strcmp(requests[i], GET("/delayed")) == 0)
            assert_string_equal(answer.body ? answer.body : "", "late"); /* it was ready: only its delay is cut */
        raw_finish(&answer);
    }
    sse_channel_destroy(channel);
    buf_finish(&all);
}

static void *stop_run(void *httpd) {
    httpd_stop(httpd);
    return NULL;
}

static bool refuses_connections(const char *address) {
    struct raw_answer answer;
    const char *colon = strrchr(address, ':');
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0;
    if (refused) {
        close(fd);
        return true;
    }
    raw_send_text(fd, GET("/quick"));
    raw_read_to_end(fd, &answer);
    refused = answer.status != 200;
    raw_finish(&answer);
    return refused;
}

static void reply_under_way_ends(void **state) {
    (void)state;
    struct httpd *httpd = start(2);
    struct raw_answer answer;
    pthread_t stopper;
    int fd = open_with(httpd, GET("/working"));
    assert_true(gate_wait(1));
    pthread_create(&stopper, NULL, stop_run, httpd);

    gate_open();
    raw_read_to_end(fd, &answer);
    pthread_join(stopper, NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "done");
    raw_finish(&answer);
}

static void ask(int fd, struct raw_answer *answer) {
    raw_send_text(fd, GET("/quick"));
    raw_read_reply(fd, false, answer);
}

/* Two connections that the server has taken: the first is asked until it is told of the stop, the second is asked only
 * then, and refused. */
static void a_kept_connection_is_told_of_the_stop(void **state) {
    (void)state;
    struct httpd *httpd = start(2);
    struct raw_answer answer;
    pthread_t stopper;
    int busy = open_with(httpd, GET("/working"));
    assert_true(gate_wait(1));
    int kept[2];
    for (int i = 0; i < 2; i++) {
        kept[i] = raw_connect(httpd_address(httpd));
        ask(kept[i], &answer);
        assert_int_equal(answer.status, 200);
        raw_finish(&answer);
    }
    pthread_create(&stopper, NULL, stop_run, httpd);
    for (bool told = false; !told;) {
        ask(kept[0], &answer);
        assert_true(answer.status == 200 || answer.status == 503); /* 200: it came in just before the stop */
        const char *connection = raw_header(&answer, "Connection");
        told = connection && strcasecmp(connection, "close") == 0;
        assert_true(told || answer.status == 200);
        raw_finish(&answer);
    }
    ask(kept[1], &answer);
    assert_int_equal(answer.status, 503);
    raw_finish(&answer);
    gate_open();
    pthread_join(stopper, NULL);
    close(busy);
    close(kept[0]);
    close(kept[1]);
}

static void nothing_new_once_stopped(void **state) {
    (void)state;
    struct httpd *httpd = start(2);
    char address[64];
    (void)str_copy(address, sizeof(address), httpd_address(httpd));
    httpd_stop(httpd);
    assert_true(refuses_connections(address));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handlers_run_together),         cmocka_unit_test(idle_server_stops_at_once),
        cmocka_unit_test(every_kind_of_connection_ends), cmocka_unit_test(reply_under_way_ends),
        cmocka_unit_test(nothing_new_once_stopped),      cmocka_unit_test(a_kept_connection_is_told_of_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
