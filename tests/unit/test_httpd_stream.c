/* Streams, ranges, and the faults a simulator wants: pace, delay, cut, reset, hang. */
#include "support/test.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "httpd/httpd.h"
#include "support/raw_http.h"

#define HOST "Host: test\r\nConnection: close\r\n"
enum { SIZE = 300000 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int freed;
    bool blocked, open;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static char byte_at(int64_t offset) {
    return (char)('a' + offset % 23);
}

static int64_t read_pattern(void *context, int64_t offset, char *out, size_t out_size) {
    (void)context;
    for (size_t i = 0; i < out_size; i++)
        out[i] = byte_at(offset + (int64_t)i);
    return (int64_t)out_size;
}

static int64_t read_broken(void *context, int64_t offset, char *out, size_t out_size) {
    return offset > 100000 ? -1 : read_pattern(context, offset, out, out_size);
}

static int64_t read_blocked(void *context, int64_t offset, char *out, size_t out_size) {
    pthread_mutex_lock(&gate.lock);
    gate.blocked = true;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    return read_pattern(context, offset, out, out_size);
}

static void count_free(void *context) {
    (void)context;
    pthread_mutex_lock(&gate.lock);
    gate.freed++;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void wait_gate(const bool *flag, const int *number, int wanted) {
    int64_t until_ms = raw_deadline_ms();
    pthread_mutex_lock(&gate.lock);
    while (flag ? !*flag : *number < wanted) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec += 1;
        pthread_cond_timedwait(&gate.changed, &gate.lock, &soon);
        assert_true(clock_monotonic_ms() < until_ms);
    }
    pthread_mutex_unlock(&gate.lock);
}

static void stream(struct http_exchange *exchange, void *context) {
    (void)context;
    http_add_header(exchange, "ETag", "\"v1\"");
    http_reply_stream(exchange, 200, "application/pdf", SIZE, read_pattern, NULL, count_free);
}

static void empty(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply_stream(exchange, 200, "text/plain", 0, read_pattern, NULL, count_free);
}

static void broken(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply_stream(exchange, 200, "text/plain", SIZE, read_broken, NULL, count_free);
}

static void blocked(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply_stream(exchange, 200, "text/plain", SIZE, read_blocked, NULL, count_free);
}

static void paced(struct http_exchange *exchange, void *context) {
    (void)context;
    http_set_pace(exchange, 40000);
    http_reply_stream(exchange, 200, "text/plain", 20000, read_pattern, NULL, count_free);
}

static void paced_bytes(struct http_exchange *exchange, void *context) {
    (void)context;
    http_set_pace(exchange, 20);
    http_reply(exchange, 200, "text/plain", "12345", 5);
}

static void delayed(struct http_exchange *exchange, void *context) {
    (void)context;
    http_set_delay(exchange, 700);
    http_reply(exchange, 200, "text/plain", "late", 4);
}

static void quick(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply(exchange, 200, "text/plain", "quick", 5);
}

static void cut(struct http_exchange *exchange, void *context) {
    (void)context;
    http_add_header(exchange, "ETag", "\"v1\"");
    http_cut(exchange, 200, "text/plain", "abc", 3, 1000, 0);
}

static void hang(struct http_exchange *exchange, void *context) {
    (void)context;
    http_cut(exchange, 200, "text/plain", "abc", 3, 1000, 600000);
}

static void reset(struct http_exchange *exchange, void *context) {
    (void)context;
    http_cut(exchange, 0, NULL, NULL, 0, 0, 0);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/stream", .handler = stream},
    {.method = "GET", .path = "/empty", .handler = empty},
    {.method = "GET", .path = "/broken", .handler = broken},
    {.method = "GET", .path = "/blocked", .handler = blocked},
    {.method = "GET", .path = "/paced", .handler = paced},
    {.method = "GET", .path = "/paced-bytes", .handler = paced_bytes},
    {.method = "GET", .path = "/delayed", .handler = delayed},
    {.method = "GET", .path = "/quick", .handler = quick},
    {.method = "GET", .path = "/cut", .handler = cut},
    {.method = "GET", .path = "/hang", .handler = hang},
    {.method = "GET", .path = "/reset", .handler = reset},
};

static int start(void **state) {
    const struct httpd_config config = {.listen = "127.0.0.1:0",
                                        .routes = routes,
                                        .routes_count = COUNT_OF(routes),
                                        .threads = 2,
                                        .max_connections = 64};
    struct error err;
    gate.freed = 0;
    gate.blocked = gate.open = false;
    return httpd_start(&config, (struct httpd **)state, &err) == OK ? 0 : -1;
}

static int stop(void **state) {
    httpd_stop(*state);
    return 0;
}

static void ask(void **state, const char *path, const char *headers, struct raw_answer *answer) {
    char text[512];
    (void)str_format(text, sizeof(text), "GET %s HTTP/1.1\r\n" HOST "%s\r\n", path, headers);
    raw_ask_text(httpd_address(*state), text, answer);
}

static size_t body_size(const struct raw_answer *answer) {
    return answer->all.size_bytes - (size_t)(answer->body - answer->all.data);
}

static void whole(void **state) {
    struct raw_answer answer;
    ask(state, "/stream", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(body_size(&answer), SIZE);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal(answer.body[i], byte_at(i));
    assert_string_equal(raw_header(&answer, "Accept-Ranges"), "bytes");
    raw_finish(&answer);
    wait_gate(NULL, &gate.freed, 1);
    ask(state, "/empty", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(body_size(&answer), 0);
    raw_finish(&answer);
    wait_gate(NULL, &gate.freed, 2);
    raw_ask_text(httpd_address(*state), "HEAD /stream HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\n\r\n", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(raw_header(&answer, "Content-Length"), "300000");
    assert_int_equal(body_size(&answer), 0);
    raw_finish(&answer);
    wait_gate(NULL, &gate.freed, 3);
}

static void ranges(void **state) {
    static const struct {
        const char *headers;
        int status;
        const char *content_range;
        int first, size;
    } rows[] = {
        {"Range: bytes=0-0\r\n", 206, "bytes 0-0/300000", 0, 1},
        {"Range: bytes=100-199999\r\n", 206, "bytes 100-199999/300000", 100, 199900},
        {"Range: bytes=299999-\r\n", 206, "bytes 299999-299999/300000", 299999, 1},
        {"Range: bytes=10-999999999\r\n", 206, "bytes 10-299999/300000", 10, 299990},
        {"Range: bytes=-5\r\n", 206, "bytes 299995-299999/300000", 299995, 5},
        {"Range: bytes=-999999\r\n", 206, "bytes 0-299999/300000", 0, SIZE},
        {"Range: bytes=5-9\r\nIf-Range: \"v1\"\r\n", 206, "bytes 5-9/300000", 5, 5},
        {"Range: bytes=5-9\r\nIf-Range: \"v0\"\r\n", 200, NULL, 0, SIZE},
        {"Range: bytes=5-9\r\nIf-Range: Thu, 26 Nov 2026 00:00:00 GMT\r\n", 200, NULL, 0, SIZE},
        {"Range: bytes=300000-\r\n", 416, "bytes */300000", 0, -1},
        {"Range: bytes=-0\r\n", 416, "bytes */300000", 0, -1},
        {"Range: bytes=9-5\r\n", 200, NULL, 0, SIZE},
        {"Range: bytes=0-1,5-6\r\n", 200, NULL, 0, SIZE},
        {"Range: bytes=a-b\r\n", 200, NULL, 0, SIZE},
        {"Range: bytes=-\r\n", 200, NULL, 0, SIZE},
        {"Range: bytes=--5\r\n", 200, NULL, 0, SIZE},
        {"Range: bytes=99999999999999999999-\r\n", 200, NULL, 0, SIZE},
        {"Range: lines=1-2\r\n", 200, NULL, 0, SIZE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct raw_answer answer;
        ask(state, "/stream", rows[i].headers, &answer);
        const char *content_range = raw_header(&answer, "Content-Range");
        if (answer.status != rows[i].status || !str_eq(content_range, rows[i].content_range))
            fail_msg("%s: %d %s", rows[i].headers, answer.status, content_range);
        if (rows[i].size >= 0) {
            assert_int_equal(body_size(&answer), rows[i].size);
            assert_int_equal(answer.body[0], byte_at(rows[i].first));
            assert_int_equal(answer.body[rows[i].size - 1], byte_at(rows[i].first + rows[i].size - 1));
        }
        raw_finish(&answer);
        wait_gate(NULL, &gate.freed, (int)i + 1);
    }
}

static void broken_reader_ends_the_connection(void **state) {
    struct raw_answer answer;
    ask(state, "/broken", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(raw_header(&answer, "Content-Length"), "300000");
    assert_true(body_size(&answer) < SIZE);
    raw_finish(&answer);
    wait_gate(NULL, &gate.freed, 1);
}

static void blocked_reader_blocks_nobody_else(void **state) {
    struct raw_answer answer;
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "GET /blocked HTTP/1.1\r\n" HOST "\r\n");
    wait_gate(&gate.blocked, NULL, 0);
    ask(state, "/quick", "", &answer);
    assert_string_equal(answer.body, "quick");
    raw_finish(&answer);
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    raw_read_to_end(fd, &answer);
    assert_int_equal(body_size(&answer), SIZE);
    raw_finish(&answer);
}

static void client_that_leaves_frees_the_stream(void **state) {
    struct buf all = BUF_INIT(65536 * 8);
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "GET /paced HTTP/1.1\r\n" HOST "\r\n");
    assert_true(raw_wait_text(fd, &all, "\r\n\r\n"));
    close(fd);
    wait_gate(NULL, &gate.freed, 1);
    buf_finish(&all);
}

static void pace(void **state) {
    struct raw_answer answer;
    int64_t begin_ms = clock_monotonic_ms();
    ask(state, "/paced", "", &answer);
    assert_int_equal(body_size(&answer), 20000);
    assert_true(clock_monotonic_ms() - begin_ms >= 490); /* 20,000 bytes at 40,000 a second */
    raw_finish(&answer);
    begin_ms = clock_monotonic_ms();
    ask(state, "/paced-bytes", "", &answer);
    assert_string_equal(answer.body, "12345");
    assert_true(clock_monotonic_ms() - begin_ms >= 240);
    raw_finish(&answer);
}

static void delay_holds_nobody_else(void **state) {
    struct raw_answer answer;
    int64_t begin_ms = clock_monotonic_ms();
    int late[8];
    for (size_t i = 0; i < COUNT_OF(late); i++) { /* more than there are threads */
        late[i] = raw_connect(httpd_address(*state));
        raw_send_text(late[i], "GET /delayed HTTP/1.1\r\n" HOST "\r\n");
    }
    ask(state, "/quick", "", &answer);
    assert_string_equal(answer.body, "quick");
    raw_finish(&answer);
    for (size_t i = 0; i < COUNT_OF(late); i++) {
        raw_read_to_end(late[i], &answer);
        assert_string_equal(answer.body, "late");
        raw_finish(&answer);
    }
    int64_t took_ms = clock_monotonic_ms() - begin_ms;
    assert_true(took_ms >= 700);
    assert_true(took_ms < 8 * 700); /* not one after the other */
}

static void cuts(void **state) {
    struct raw_answer answer;
    struct buf all = BUF_INIT(65536);
    ask(state, "/cut", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(raw_header(&answer, "Content-Length"), "1000");
    assert_string_equal(raw_header(&answer, "ETag"), "\"v1\"");
    assert_string_equal(answer.body, "abc");
    raw_finish(&answer);
    ask(state, "/reset", "", &answer);
    assert_int_equal(answer.all.size_bytes, 0);
    assert_true(answer.reset);
    raw_finish(&answer);
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "GET /hang HTTP/1.1\r\n" HOST "\r\n");
    assert_true(raw_wait_text(fd, &all, "\r\n\r\nabc")); /* and then nothing, until the server stops */
    ask(state, "/quick", "", &answer);
    assert_int_equal(answer.status, 200);
    raw_finish(&answer);
    close(fd);
    buf_finish(&all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole, start, stop),
        cmocka_unit_test_setup_teardown(ranges, start, stop),
        cmocka_unit_test_setup_teardown(broken_reader_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(blocked_reader_blocks_nobody_else, start, stop),
        cmocka_unit_test_setup_teardown(client_that_leaves_frees_the_stream, start, stop),
        cmocka_unit_test_setup_teardown(pace, start, stop),
        cmocka_unit_test_setup_teardown(delay_holds_nobody_else, start, stop),
        cmocka_unit_test_setup_teardown(cuts, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
