/* Server-sent events over a bare socket. */
#include "support/test.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "httpd/sse.h"
#include "support/raw_http.h"

enum { LISTENERS = 6, KEPT = 4 };

struct fixture {
    struct sse_channel *channel;
    struct httpd *httpd;
};

static void events(struct http_exchange *exchange, void *context) {
    sse_reply(((struct fixture *)context)->channel, exchange);
}

static const struct http_route routes[] = {{.method = "GET", .path = "/events", .handler = events}};

static int start(void **state) {
    struct fixture *fixture = x_alloc(sizeof(*fixture));
    const struct httpd_config config = {.listen = "127.0.0.1:0",
                                        .routes = routes,
                                        .routes_count = 1,
                                        .threads = 2,
                                        .max_connections = 64,
                                        .context = fixture};
    struct error err;
    fixture->channel = sse_channel_create(LISTENERS, KEPT);
    *state = fixture;
    return httpd_start(&config, &fixture->httpd, &err) == OK ? 0 : -1;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    httpd_stop(fixture->httpd);
    sse_channel_destroy(fixture->channel);
    free(fixture);
    return 0;
}

/* A listener whose stream has begun. */
static int listen_from(const struct fixture *fixture, const char *last_id, struct buf *all) {
    char text[256];
    char id_line[128] = "";
    if (last_id)
        (void)str_format(id_line, sizeof(id_line), "Last-Event-ID: %s\r\n", last_id);
    (void)str_format(text, sizeof(text), "GET /events HTTP/1.1\r\nHost: test\r\n%s\r\n", id_line);
    int fd = raw_connect(httpd_address(fixture->httpd));
    *all = BUF_INIT(16 * 1024 * 1024);
    raw_send_text(fd, text);
    assert_true(raw_wait_text(fd, all, "retry: "));
    return fd;
}

static void id_of(const struct buf *all, const char *data, char *out, size_t out_size) {
    const char *at = strstr(all->data, data);
    assert_non_null(at);
    const char *id = NULL;
    for (const char *each = all->data; (each = strstr(each, "id: ")) != NULL && each < at; each += 4)
        id = each + 4;
    assert_non_null(id);
    (void)str_format(out, out_size, "%.*s", (int)strcspn(id, "\n"), id);
}

static void follows(void **state) {
    const struct fixture *fixture = *state;
    struct buf all;
    struct buf second;
    sse_publish(fixture->channel, "job", "before");
    int fd = listen_from(fixture, NULL, &all);
    int other = listen_from(fixture, NULL, &second);
    assert_non_null(strstr(all.data, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(all.data, "Cache-Control: no-store\r\n"));
    sse_publish(fixture->channel, "job", "{\"a\":1}");
    assert_true(raw_wait_text(fd, &all, "\nevent: job\ndata: {\"a\":1}\n\n"));
    assert_true(raw_wait_text(other, &second, "\nevent: job\ndata: {\"a\":1}\n\n"));
    sse_publish(fixture->channel, "note", "one\ntwo\r\nthree");
    assert_true(raw_wait_text(fd, &all, "\nevent: note\ndata: one\ndata: two\ndata: three\n\n"));
    assert_null(strstr(all.data, "before"));
    close(fd);
    close(other);
    buf_finish(&all);
    buf_finish(&second);
}

static void replays(void **state) {
    const struct fixture *fixture = *state;
    struct buf all;
    char id[64];
    int fd = listen_from(fixture, NULL, &all);
    sse_publish(fixture->channel, "e", "first");
    sse_publish(fixture->channel, "e", "second");
    sse_publish(fixture->channel, "e", "third");
    assert_true(raw_wait_text(fd, &all, "third\n\n"));
    id_of(&all, "first", id, sizeof(id));
    close(fd);
    buf_finish(&all);
    fd = listen_from(fixture, id, &all);
    assert_true(raw_wait_text(fd, &all, "third\n\n"));
    assert_non_null(strstr(all.data, "second"));
    assert_null(strstr(all.data, "first"));
    close(fd);
    buf_finish(&all);
}

static void unknown_ids_get_what_is_kept(void **state) {
    static const char *const ids[] = {"00000000-1", "nonsense", "-1", "", "99999999999999999999"};
    const struct fixture *fixture = *state;
    char text[8];
    for (int i = 1; i <= KEPT + 2; i++) {
        (void)str_format(text, sizeof(text), "n%d", i);
        sse_publish(fixture->channel, "e", text);
    }
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct buf all;
        int fd = listen_from(fixture, ids[i], &all);
        assert_true(raw_wait_text(fd, &all, "data: n6\n\n"));
        assert_non_null(strstr(all.data, "data: n3\n"));
        assert_null(strstr(all.data, "data: n2\n"));
        close(fd);
        buf_finish(&all);
    }
}

static void listeners_are_limited(void **state) {
    const struct fixture *fixture = *state;
    struct buf all[LISTENERS];
    int fds[LISTENERS];
    struct raw_answer answer;
    for (int i = 0; i < LISTENERS; i++)
        fds[i] = listen_from(fixture, NULL, &all[i]);
    raw_ask_text(httpd_address(fixture->httpd), "GET /events HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
                 &answer);
    assert_int_equal(answer.status, 503);
    assert_string_equal(raw_header(&answer, "Retry-After"), "5");
    raw_finish(&answer);
    close(fds[0]);
    int64_t until_ms = raw_deadline_ms();
    int status = 503;
    while (status == 503 &&
           clock_monotonic_ms() < until_ms) { /* the one that left is noticed although nothing is sent */
        raw_ask_text(httpd_address(fixture->httpd), "HEAD /events HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
                     &answer);
        status = answer.status;
        raw_finish(&answer);
    }
    assert_int_equal(status, 200);
    for (int i = 0; i < LISTENERS; i++)
        buf_finish(&all[i]);
    for (int i = 1; i < LISTENERS; i++)
        close(fds[i]);
}

static void slow_listeners_are_cut(void **state) {
    const struct fixture *fixture = *state;
    struct buf all;
    char *big = x_alloc(200001);
    memset(big, 'x', 200000);
    int fd = listen_from(fixture, NULL, &all);
    for (int i = 0; i < 200; i++) /* 40 MB: more than the sockets hold */
        sse_publish(fixture->channel, "e", big);
    sse_publish(fixture->channel, "e", "the last");
    assert_true(raw_wait_text(fd, &all, "\r\n0\r\n\r\n")); /* the end of the body */
    assert_null(strstr(all.data, "the last"));
    close(fd);
    buf_finish(&all);
    free(big);
}

static void ends_with_its_channel(void **state) {
    struct fixture *fixture = *state;
    struct buf all;
    int fd = listen_from(fixture, NULL, &all);
    sse_channel_destroy(fixture->channel);
    assert_true(raw_wait_text(fd, &all, "\r\n0\r\n\r\n"));
    close(fd);
    buf_finish(&all);
    fixture->channel = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows, start, stop),
        cmocka_unit_test_setup_teardown(replays, start, stop),
        cmocka_unit_test_setup_teardown(unknown_ids_get_what_is_kept, start, stop),
        cmocka_unit_test_setup_teardown(listeners_are_limited, start, stop),
        cmocka_unit_test_setup_teardown(slow_listeners_are_cut, start, stop),
        cmocka_unit_test_setup_teardown(ends_with_its_channel, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
