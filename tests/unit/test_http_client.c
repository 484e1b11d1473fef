/* The HTTP client against a scripted server: what it makes of every way in which an answer can go wrong. */
#include "support/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/http_client.h"
#include "support/fake_http.h"
#include "support/raw_http.h"

struct fixture {
    struct http_client *client;
    struct fake_http *fake;
    pthread_mutex_t lock;
    const char *kind; /* what the script plays */
    char seen[4096];  /* head of the last request */
    char seen_body[256];
    char big[200000];
    int last_connection;
    bool drops_old; /* closes a connection that has been used before, without an answer */
};

static void play_bytes(const struct fixture *fixture, struct fake_reply *reply) {
    const char *kind = fixture->kind;
    if (str_eq(kind, "hello")) {
        fake_answer_text(reply, 200,
                         "Content-Type: text/plain\r\nETag: \"v1\"\r\nLink: </a>; rel=\"next\"\r\nLink-Template: "
                         "x\r\nRetry-After: 7\r\n"
                         "Set-Cookie: s=abc; HttpOnly; Path=/\r\nSet-Cookie: t=2\r\nContent-Range: bytes 0-4/5\r\n",
                         "hello");
    } else if (str_eq(kind, "status")) {
        fake_answer_text(reply, 503, "Retry-After: 999999\r\n", "down");
    } else if (str_eq(kind, "redirect")) {
        fake_answer_text(reply, 302, "Location: /elsewhere\r\n", "");
    } else if (str_eq(kind, "big")) {
        fake_answer(reply, 200, "", fixture->big, sizeof(fixture->big));
    } else if (str_eq(kind, "chunked")) {
        (void)buf_append_str(&reply->bytes,
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    } else if (str_eq(kind, "continue")) {
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 103 Early\r\nETag: \"early\"\r\n\r\n");
        fake_answer_text(reply, 200, "", "late");
    } else if (str_eq(kind, "many headers")) {
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 3000; i++)
            (void)buf_append_str(&reply->bytes, "X-Filling: abcdefghijklmnopqrstuvwxyz\r\n");
        (void)buf_append_str(&reply->bytes, "Content-Length: 0\r\n\r\n");
    } else if (str_eq(kind, "long header")) {
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 200 OK\r\nETag: \"");
        (void)buf_append(&reply->bytes, fixture->big, 400);
        (void)buf_append_str(&reply->bytes, "\"\r\nContent-Length: 0\r\n\r\n");
    } else if (str_eq(kind, "nonsense")) {
        (void)buf_append_str(&reply->bytes, "SMTP ready\r\n\r\n");
    }
}

static void play_faults(const struct fixture *fixture, struct fake_reply *reply) {
    const char *kind = fixture->kind;
    reply->then = FAKE_CLOSE;
    if (str_eq(kind, "cut")) {
        fake_answer_claiming(reply, 200, "ETag: \"v1\"\r\n", "abc", 3, 10);
    } else if (str_eq(kind, "cut chunked")) {
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    } else if (str_eq(kind, "cut head")) {
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 200 OK\r\nContent-Le");
    } else if (str_eq(kind, "reset")) {
        reply->then = FAKE_RESET;
    } else if (str_eq(kind, "hang")) {
        reply->then = FAKE_HANG;
    } else if (str_eq(kind, "hang in body")) {
        fake_answer_claiming(reply, 200, "", "abc", 3, 10);
        reply->then = FAKE_HANG;
    } else if (str_eq(kind, "drip")) {
        fake_answer(reply, 200, "", fixture->big, 5000);
        reply->drip_ms = 20; /* 50 bytes a second */
    } else if (str_eq(kind, "no length")) {
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 200 OK\r\n\r\nto the end");
    } else {
        reply->then = FAKE_KEEP;
        play_bytes(fixture, reply);
    }
}

static void script(void *context, const struct fake_request *request, struct fake_reply *reply) {
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->lock);
    (void)str_copy(fixture->seen, sizeof(fixture->seen), request->head);
    (void)str_format(fixture->seen_body, sizeof(fixture->seen_body), "%.*s", (int)request->body_size, request->body);
    if (fixture->drops_old && request->connection == fixture->last_connection) {
        reply->then = FAKE_CLOSE;
    } else {
        play_faults(fixture, reply);
    }
    fixture->last_connection = request->connection;
    pthread_mutex_unlock(&fixture->lock);
}

static int start(void **state) {
    struct fixture *fixture = x_alloc(sizeof(*fixture));
    struct error err;
    pthread_mutex_init(&fixture->lock, NULL);
    memset(fixture->big, 'x', sizeof(fixture->big));
    fixture->fake = fake_start(script, fixture);
    *state = fixture;
    return http_client_create("filesure/test", &fixture->client, &err) == OK ? 0 : -1;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    http_client_destroy(fixture->client);
    fake_stop(fixture->fake);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

static enum outcome ask(struct fixture *fixture, const char *kind, struct http_request request,
                        struct http_response *response, struct error *err) {
    char url[128];
    (void)str_format(url, sizeof(url), "%s/path?x=1", fake_url(fixture->fake));
    pthread_mutex_lock(&fixture->lock);
    fixture->kind = kind;
    pthread_mutex_unlock(&fixture->lock);
    *err = (struct error){0};
    request.method = request.method ? request.method : "GET";
    request.url = request.url ? request.url : url;
    request.max_body_bytes = request.max_body_bytes ? request.max_body_bytes : 1000000;
    request.timeout_ms = request.timeout_ms ? request.timeout_ms : 60000;
    enum outcome outcome = http_client_send(fixture->client, &request, response, err);
    pthread_mutex_lock(&fixture->lock); /* what the script has seen is there */
    pthread_mutex_unlock(&fixture->lock);
    return outcome;
}

static void expect_error(void **state, const char *kind, struct http_request request, enum outcome outcome,
                         const char *code) {
    struct http_response response;
    struct error err;
    enum outcome got = ask(*state, kind, request, &response, &err);
    http_response_finish(&response);
    if (got != outcome || !str_eq(err.code, code))
        fail_msg("%s: %s %s (%s), wanted %s", kind, outcome_name(got), err.code, err.message, code);
    assert_null(strstr(err.message, "127.0.0.1")); /* no host in an error */
    assert_true(err.message[0] != '\0');
}

static void answers(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    assert_int_equal(ask(fixture, "hello", (struct http_request){0}, &response, &err), OK);
    assert_int_equal(response.status, 200);
    assert_string_equal(buf_str(&response.body), "hello");
    assert_string_equal(response.content_type, "text/plain");
    assert_string_equal(response.etag, "\"v1\"");
    assert_string_equal(response.link, "</a>; rel=\"next\"");
    assert_string_equal(response.cookie, "s=abc");
    assert_string_equal(response.content_range, "bytes 0-4/5");
    assert_int_equal(response.content_length, 5);
    assert_int_equal(response.retry_after_ms, 7000);
    http_response_finish(&response);
    assert_non_null(strstr(fixture->seen, "GET /path?x=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(fixture->seen, "User-Agent: filesure/test\r\n"));
    assert_int_equal(ask(fixture, "status", (struct http_request){0}, &response, &err), OK);
    assert_int_equal(response.status, 503);
    assert_int_equal(response.retry_after_ms, 3600000);
    assert_string_equal(buf_str(&response.body), "down");
    http_response_finish(&response);
    assert_int_equal(ask(fixture, "redirect", (struct http_request){0}, &response, &err), OK);
    assert_int_equal(response.status, 302);
    assert_string_equal(response.location, "/elsewhere");
    http_response_finish(&response);
    assert_int_equal(fake_requests(fixture->fake), 3); /* the redirect was not followed */
    assert_int_equal(ask(fixture, "chunked", (struct http_request){0}, &response, &err), OK);
    assert_string_equal(buf_str(&response.body), "abcde");
    assert_int_equal(response.content_length, -1);
    http_response_finish(&response);
    assert_int_equal(ask(fixture, "continue", (struct http_request){0}, &response, &err), OK);
    assert_string_equal(response.etag, "");
    assert_string_equal(buf_str(&response.body), "late");
    http_response_finish(&response);
    assert_int_equal(ask(fixture, "long header", (struct http_request){0}, &response, &err), OK);
    assert_string_equal(response.etag, ""); /* never half a value */
    http_response_finish(&response);
    assert_int_equal(fake_connections(fixture->fake), 1); /* one connection for all of them */
    assert_int_equal(ask(fixture, "no length", (struct http_request){0}, &response, &err), OK);
    assert_string_equal(buf_str(&response.body), "to the end");
    http_response_finish(&response);
}

static void requests(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    const char *const headers[] = {"X-One: 1", "Content-Type: application/json", NULL};
    struct http_request post = {.method = "POST", .body = "{\"a\":1}", .body_size = 7, .headers = headers};
    assert_int_equal(ask(fixture, "hello", post, &response, &err), OK);
    http_response_finish(&response);
    assert_non_null(strstr(fixture->seen, "POST /path?x=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(fixture->seen, "X-One: 1\r\n"));
    assert_non_null(strstr(fixture->seen, "Content-Type: application/json\r\n"));
    assert_null(strstr(fixture->seen, "x-www-form-urlencoded"));
    assert_null(strstr(fixture->seen, "Expect:"));
    assert_string_equal(fixture->seen_body, "{\"a\":1}");
    assert_int_equal(ask(fixture, "hello", (struct http_request){.method = "POST"}, &response, &err), OK);
    http_response_finish(&response);
    assert_non_null(strstr(fixture->seen, "Content-Length: 0\r\n"));
    assert_int_equal(
        ask(fixture, "hello", (struct http_request){.method = "PUT", .body = "xy", .body_size = 2}, &response, &err),
        OK);
    http_response_finish(&response);
    assert_non_null(strstr(fixture->seen, "PUT /path"));
    assert_null(strstr(fixture->seen, "Content-Type:"));
    assert_int_equal(ask(fixture, "hello", (struct http_request){.method = "DELETE"}, &response, &err), OK);
    http_response_finish(&response);
    assert_non_null(strstr(fixture->seen, "DELETE /path"));
    assert_null(strstr(fixture->seen, "Content-Length:"));
    const char *const evil[] = {"X-One: 1\r\nX-Two: 2", NULL};
    expect_error(state, "hello", (struct http_request){.headers = evil}, INVALID, "bad_header");
}

static void head_has_no_body(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    assert_int_equal(ask(fixture, "redirect", (struct http_request){.method = "HEAD"}, &response, &err), OK);
    assert_int_equal(response.status, 302);
    http_response_finish(&response);
    assert_non_null(strstr(fixture->seen, "HEAD /path"));
}

static void broken_answers(void **state) {
    struct http_request quick = {.timeout_ms = 300};
    struct http_request stalling = {.stall_s = 1};
    expect_error(state, "cut", (struct http_request){0}, RETRY, "cut_short");
    expect_error(state, "cut chunked", (struct http_request){0}, RETRY, "cut_short");
    expect_error(state, "cut head", (struct http_request){0}, RETRY, "cut_short");
    expect_error(state, "reset", (struct http_request){0}, RETRY, "transport");
    expect_error(state, "nonsense", (struct http_request){0}, RETRY, "transport");
    int64_t begin_ms = clock_monotonic_ms();
    expect_error(state, "hang", quick, RETRY, "timeout");
    expect_error(state, "hang in body", quick, RETRY, "timeout");
    assert_in_range(clock_monotonic_ms() - begin_ms, 500, 14000); /* not the 15 s of a stall */
    expect_error(state, "hang in body", stalling, RETRY, "stalled");
    expect_error(state, "drip", stalling, RETRY, "stalled");
}

static void what_has_come_is_there(void **state) {
    struct http_response response;
    struct error err;
    assert_int_equal(ask(*state, "cut", (struct http_request){0}, &response, &err), RETRY);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.etag, "\"v1\"");
    assert_string_equal(buf_str(&response.body), "abc");
    assert_int_equal(response.content_length, 10);
    http_response_finish(&response);
}

static void sizes(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    assert_int_equal(
        ask(fixture, "big", (struct http_request){.max_body_bytes = sizeof(fixture->big)}, &response, &err), OK);
    assert_int_equal(response.body.size_bytes, sizeof(fixture->big));
    http_response_finish(&response);
    expect_error(state, "big", (struct http_request){.max_body_bytes = sizeof(fixture->big) - 1}, INVALID, "too_large");
    expect_error(state, "chunked", (struct http_request){.max_body_bytes = 4}, INVALID, "too_large");
    expect_error(state, "many headers", (struct http_request){0}, INVALID, "too_large");
}

struct taken {
    size_t bytes;
    size_t stop_at;
    int status;
};

static bool take(void *context, int status, const void *bytes, size_t size_bytes) {
    struct taken *taken = context;
    assert_non_null(bytes);
    taken->status = status;
    taken->bytes += size_bytes;
    return taken->stop_at == 0 || taken->bytes < taken->stop_at;
}

static void bodies_as_they_come(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    struct taken taken = {0};
    struct http_request request = {.on_body = take, .context = &taken};
    assert_int_equal(ask(fixture, "big", request, &response, &err), OK);
    assert_int_equal(taken.bytes, sizeof(fixture->big));
    assert_int_equal(taken.status, 200);
    assert_int_equal(response.body.size_bytes, 0);
    http_response_finish(&response);
    taken = (struct taken){.stop_at = 1};
    expect_error(state, "big", request, INVALID, "ended_by_caller");
    taken = (struct taken){0};
    request.max_body_bytes = 1000;
    expect_error(state, "big", request, INVALID, "too_large");
    assert_true(taken.bytes <= 1000);
}

static void urls(void **state) {
    struct fixture *fixture = *state;
    char closed[64];
    expect_error(state, "hello", (struct http_request){.url = "file:///etc/hostname"}, INVALID, "bad_url");
    expect_error(state, "hello", (struct http_request){.url = "ftp://127.0.0.1/x"}, INVALID, "bad_url");
    expect_error(state, "hello", (struct http_request){.url = "http://127.0.0.1:x/"}, INVALID, "bad_url");
    struct fake_http *gone = fake_start(script, fixture);
    (void)str_copy(closed, sizeof(closed), fake_url(gone));
    fake_stop(gone);
    expect_error(state, "hello", (struct http_request){.url = closed}, RETRY, "transport");
    assert_int_equal(fake_requests(fixture->fake), 0);
}

static void other_headers(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    char value[32] = "x";
    assert_int_equal(ask(fixture, "hello", (struct http_request){0}, &response, &err), OK);
    assert_true(http_response_header(&response, "SET-cookie", value, sizeof(value)));
    assert_string_equal(value, "s=abc; HttpOnly; Path=/"); /* the first of them */
    assert_true(http_response_header(&response, "retry-after", value, sizeof(value)));
    assert_string_equal(value, "7");
    assert_false(http_response_header(&response, "Set", value, sizeof(value)));
    assert_string_equal(value, "");
    assert_false(http_response_header(&response, "Content-Type", value, 10)); /* never half a value */
    assert_string_equal(value, "");
    assert_true(http_response_header(&response, "Content-Type", value, 11));
    http_response_finish(&response);
    assert_int_equal(ask(fixture, "continue", (struct http_request){0}, &response, &err), OK);
    assert_false(http_response_header(&response, "ETag", value, sizeof(value))); /* of another head */
    http_response_finish(&response);
    assert_false(http_response_header(&(struct http_response){0}, "ETag", value, sizeof(value)));
}

/* What was sent last, and whether the answer came. */
static void send_body(struct fixture *fixture, const void *body, size_t size, const char *wanted) {
    struct http_response response;
    struct error err;
    struct http_request request = {.method = "PUT", .body = body, .body_size = size};
    if (ask(fixture, "hello", request, &response, &err) != OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(response.status, 200);
    assert_string_equal(buf_str(&response.body), "hello");
    http_response_finish(&response);
    if (wanted) {
        assert_non_null(strstr(fixture->seen, wanted));
    }
}

static void large_bodies_wait_for_100(void **state) {
    struct fixture *fixture = *state;
    enum { LARGE = 4 * 1024 * 1024 };
    char *body = x_alloc(LARGE);
    send_body(fixture, body, LARGE, "Expect: 100-continue\r\n");
    send_body(fixture, body, LARGE - 1, NULL);
    assert_null(strstr(fixture->seen, "Expect:"));
    free(body);
}

/* The server has given up a connection that was idle: the request goes over a new one, whatever its body. */
static void old_connections_cost_nothing(void **state) {
    struct fixture *fixture = *state;
    static const size_t sizes[] = {0, 10, 100 * 1000, 3 * 1024 * 1024};
    char *body = x_alloc(sizes[3]);
    fixture->drops_old = true;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        send_body(fixture, body, sizes[i], NULL);
    }
    assert_int_equal(fake_requests(fixture->fake), 4 + 3);
    assert_int_equal(fake_connections(fixture->fake), 4);
    free(body);
}

static void no_type_of_its_own(void **state) {
    struct fixture *fixture = *state;
    static const char *const methods[] = {"PUT", "POST"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct http_response response;
        struct error err;
        assert_int_equal(ask(fixture, "hello", (struct http_request){.method = methods[i]}, &response, &err), OK);
        http_response_finish(&response);
        assert_null(strstr(fixture->seen, "Content-Type:"));
        assert_non_null(strstr(fixture->seen, "Content-Length: 0\r\n"));
    }
}

static void paths_go_out_as_they_are(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    char url[128];
    (void)str_format(url, sizeof(url), "%s/a/./../b//c?x=%%2F..", fake_url(fixture->fake));
    assert_int_equal(ask(fixture, "hello", (struct http_request){.url = url}, &response, &err), OK);
    http_response_finish(&response);
    assert_true(str_starts_with(fixture->seen, "GET /a/./../b//c?x=%2F.. HTTP/1.1\r\n"));
}

/* A port whose queue of connections is full answers nothing. */
static void connecting_has_its_own_limit(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char url[64];
    int waiting[4];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&address, sizeof(address));
    }
    (void)str_format(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    int64_t begin_ms = clock_monotonic_ms();
    expect_error(state, "hello", (struct http_request){.url = url, .connect_ms = 300}, RETRY, "timeout");
    assert_in_range(clock_monotonic_ms() - begin_ms, 250, 9000);
    for (size_t i = 0; i < COUNT_OF(waiting); i++) {
        close(waiting[i]);
    }
    close(listener);
}

static void environment_is_ignored(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    enum outcome outcome = ask(fixture, "hello", (struct http_request){0}, &response, &err);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(outcome, OK);
    http_response_finish(&response);
}

static void *stop_when_asked(void *context) {
    struct fixture *fixture = context;
    fake_wait_requests(fixture->fake, 1);
    http_client_stop(fixture->client);
    return NULL;
}

static void stops(void **state) {
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err;
    pthread_t stopper;
    int64_t begin_ms = clock_monotonic_ms();
    pthread_create(&stopper, NULL, stop_when_asked, fixture);
    assert_int_equal(ask(fixture, "hang", (struct http_request){0}, &response, &err), RETRY);
    pthread_join(stopper, NULL);
    assert_string_equal(err.code, "stopped");
    assert_true(clock_monotonic_ms() - begin_ms < 10000); /* 200 ms; the machine may be slow */
    http_response_finish(&response);
    expect_error(state, "hello", (struct http_request){0}, RETRY, "stopped"); /* and stays stopped */
    assert_int_equal(fake_requests(fixture->fake), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, start, stop),
        cmocka_unit_test_setup_teardown(requests, start, stop),
        cmocka_unit_test_setup_teardown(head_has_no_body, start, stop),
        cmocka_unit_test_setup_teardown(broken_answers, start, stop),
        cmocka_unit_test_setup_teardown(what_has_come_is_there, start, stop),
        cmocka_unit_test_setup_teardown(sizes, start, stop),
        cmocka_unit_test_setup_teardown(bodies_as_they_come, start, stop),
        cmocka_unit_test_setup_teardown(urls, start, stop),
        cmocka_unit_test_setup_teardown(environment_is_ignored, start, stop),
        cmocka_unit_test_setup_teardown(other_headers, start, stop),
        cmocka_unit_test_setup_teardown(large_bodies_wait_for_100, start, stop),
        cmocka_unit_test_setup_teardown(old_connections_cost_nothing, start, stop),
        cmocka_unit_test_setup_teardown(no_type_of_its_own, start, stop),
        cmocka_unit_test_setup_teardown(paths_go_out_as_they_are, start, stop),
        cmocka_unit_test_setup_teardown(connecting_has_its_own_limit, start, stop),
        cmocka_unit_test_setup_teardown(stops, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
