/* The guards of the wire, each over a bare socket: what a handler must never see, and that the connection ends. */
#include "support/test.h"

#include <string.h>
#include <unistd.h>

#include "httpd/httpd.h"
#include "support/raw_http.h"

#define HOST "Host: test\r\n"
#define JSON "Content-Type: application/json\r\n"
#define CLOSE "Connection: close\r\n"
#define TEXT(literal) (literal), sizeof(literal) - 1

static int handled;

static void hello(struct http_exchange *exchange, void *context) {
    (void)context;
    __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
    http_reply(exchange, 200, "text/plain", "hello", 5);
}

static void echo(struct http_exchange *exchange, void *context) {
    const char *bytes = NULL;
    size_t size = 0;
    (void)context;
    __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
    http_body(exchange, &bytes, &size);
    http_reply(exchange, 201, "application/json", bytes, size);
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/", .handler = hello, .problem_style = "problem"},
    {.method = "POST", .path = "/echo", .handler = echo, .max_body_bytes = 1000, .content_type = "application/json"},
    {.method = "POST", .path = "/any", .handler = echo, .max_body_bytes = 1000},
    {.method = "POST", .path = "/none", .handler = echo},
    {.method = "POST", .path = "/error", .handler = echo, .max_body_bytes = 10, .problem_style = "error"},
};

static struct httpd_config config = {
    .listen = "127.0.0.1:0",
    .routes = routes,
    .routes_count = COUNT_OF(routes),
    .threads = 2,
    .max_connections = 64,
};

static int start(void **state) {
    struct error err;
    __atomic_store_n(&handled, 0, __ATOMIC_SEQ_CST);
    return httpd_start(&config, (struct httpd **)state, &err) == OK ? 0 : -1;
}

static int stop(void **state) {
    httpd_stop(*state);
    return 0;
}

static int handled_count(void) {
    return __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
}

struct row {
    const char *what;
    const char *bytes;
    size_t size_bytes;
    int status;
};

/* Each row is refused with its status, the server closes by itself and no handler runs. Several statuses, and none, are fine
 * where libmicrohttpd itself refuses: given as 0. */
static void refuse_rows(const char *address, const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct raw_answer answer;
        raw_ask(address, rows[i].bytes, rows[i].size_bytes, &answer);
        if (rows[i].status == 0 ? answer.status >= 200 && answer.status < 400 : answer.status != rows[i].status)
            fail_msg("%s: status %d, wanted %d", rows[i].what, answer.status, rows[i].status);
        if (handled_count() != 0)
            fail_msg("%s: a handler saw it", rows[i].what);
        raw_finish(&answer);
    }
}

static void framing(void **state) {
    static const struct row rows[] = {
        {"length and chunked", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
        {"chunked and length", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 400},
        {"two lengths", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400},
        {"two equal lengths", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400},
        {"length list", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2, 2\r\n\r\n{}"), 400},
        {"length with sign", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: +2\r\n\r\n{}"), 400},
        {"length below zero", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: -2\r\n\r\n{}"), 400},
        {"length in hex", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 0x2\r\n\r\n{}"), 400},
        {"empty length", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: \r\n\r\n{}"), 400},
        {"gzip", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: gzip\r\n\r\n{}"), 400},
        {"gzip and chunked", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400},
        {"chunked twice", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
        {"chunked, then identity", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"), 400},
        {"identity", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: identity\r\n\r\n"), 400},
        {"chunked in 1.0", TEXT("POST /echo HTTP/1.0\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
        {"bad chunk size", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), 400},
    };
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows));
}

static void headers(void **state) {
    static const struct row rows[] = {
        {"no Host", TEXT("GET / HTTP/1.1\r\n\r\n"), 400},
        {"two Hosts", TEXT("GET / HTTP/1.1\r\n" HOST HOST "\r\n"), 400},
        {"Host with a blank", TEXT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
        {"Host with a path", TEXT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
        {"NUL in a value", TEXT("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"), 400},
        {"NUL in a name", TEXT("GET / HTTP/1.1\r\n" HOST "X\0Y: a\r\n\r\n"), 400},
        {"control byte in a value", TEXT("GET / HTTP/1.1\r\n" HOST "X: a\001b\r\n\r\n"), 400},
        {"DEL in a value", TEXT("GET / HTTP/1.1\r\n" HOST "X: a\177b\r\n\r\n"), 400},
        {"CR in a value", TEXT("GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"), 400},
        {"control byte in a name", TEXT("GET / HTTP/1.1\r\n" HOST "X\001: a\r\n\r\n"), 400},
        {"blank before the colon", TEXT("GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n"), 400},
        {"tab before the colon", TEXT("GET / HTTP/1.1\r\n" HOST "X\t: a\r\n\r\n"), 400},
        {"blank before the first name", TEXT("GET / HTTP/1.1\r\n X: a\r\n" HOST "\r\n"), 400},
        {"folded line", TEXT("GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"), 400},
        {"folded framing", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "X: a\r\n Content-Length: 2\r\n\r\n"), 400},
        {"no colon", TEXT("GET / HTTP/1.1\r\n" HOST "nothing\r\n\r\n"), 400},
        {"no name", TEXT("GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n"), 400},
        {"bare LF", TEXT("GET / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n"), 400},
        {"bare LF after the request line", TEXT("GET / HTTP/1.1\n" HOST "\r\n"), 400},
        {"bare LF at the end", TEXT("GET / HTTP/1.1\r\nHost: test\n\n"), 400},
        {"NULs that look like line ends", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "X: a\0\0Transfer-Encoding\0 chunked\r\n\r\n"), 400},
        {"NULs that hide a length", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\0\0X\0 1\r\n\r\n{}"), 400},
    };
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows));
}

static void request_lines(void **state) {
    static const struct row rows[] = {
        {"%00", TEXT("GET /%00 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"half an escape", TEXT("GET /a%2 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"escape without hex", TEXT("GET /%zz HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"escaped line break", TEXT("GET /a%0d%0ab HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"bad UTF-8", TEXT("GET /%ff HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"overlong UTF-8", TEXT("GET /%c0%af HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"bare byte over 127", TEXT("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"control byte", TEXT("GET /\001 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"fragment", TEXT("GET /#a HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"no slash", TEXT("GET a HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"absolute form", TEXT("GET http://test/ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"asterisk with GET", TEXT("GET * HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"%00 in the query", TEXT("GET /?a=%00 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"bad escape in the query", TEXT("GET /?%4 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"blank in the target", TEXT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"unknown method", TEXT("BREW / HTTP/1.1\r\n" HOST "\r\n"), 501},
        {"TRACE", TEXT("TRACE / HTTP/1.1\r\n" HOST "\r\n"), 501},
        {"CONNECT", TEXT("CONNECT /x HTTP/1.1\r\n" HOST "\r\n"), 501},
        {"small letters", TEXT("get / HTTP/1.1\r\n" HOST "\r\n"), 501},
        {"long method", TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\n" HOST "\r\n"), 501},
        {"method that is no word", TEXT("G(T / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"HTTP/0.9", TEXT("GET /\r\n\r\n"), 0},
        {"HTTP/2.0", TEXT("GET / HTTP/2.0\r\n" HOST "\r\n"), 505},
        {"other protocol", TEXT("GET / RTSP/1.1\r\n" HOST "\r\n"), 400},
        {"TLS hello", TEXT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), 0},
    };
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows));
}

static void ask_sized(const char *address, const char *before, size_t filling, const char *after, int wanted) {
    struct buf request = BUF_INIT(1024 * 1024);
    struct raw_answer answer;
    assert_true(buf_append_str(&request, before));
    for (size_t i = 0; i < filling; i++)
        assert_true(buf_append_char(&request, 'a'));
    assert_true(buf_append_str(&request, after));
    raw_ask(address, request.data, request.size_bytes, &answer);
    if (answer.status != wanted)
        fail_msg("%zu bytes: status %d, wanted %d", filling, answer.status, wanted);
    raw_finish(&answer);
    buf_finish(&request);
}

static void sizes(void **state) {
    const char *address = httpd_address(*state);
    static const char end[] = " HTTP/1.1\r\n" HOST CLOSE "\r\n";
    ask_sized(address, "GET /?", 8000, end, 200);
    ask_sized(address, "GET /?", 8192, end, 414);
    ask_sized(address, "GET /", 9000, end, 414);
    ask_sized(address, "GET /", 200000, end, 414);
    ask_sized(address, "GET / HTTP/1.1\r\n" HOST CLOSE "X: ", 16000, "\r\n\r\n", 200);
    ask_sized(address, "GET / HTTP/1.1\r\n" HOST CLOSE "X: ", 16384, "\r\n\r\n", 431);
    ask_sized(address, "GET / HTTP/1.1\r\n" HOST CLOSE "X: ", 200000, "\r\n\r\n", 431);
    assert_int_equal(handled_count(), 2);
}

static void counts(void **state) {
    struct buf request = BUF_INIT(1024 * 1024);
    struct raw_answer answer;
    assert_true(buf_append_str(&request, "GET / HTTP/1.1\r\n" HOST));
    for (int i = 0; i < 100; i++)
        assert_true(buf_append_str(&request, "X: y\r\n"));
    assert_true(buf_append_str(&request, "\r\n"));
    raw_ask(httpd_address(*state), request.data, request.size_bytes, &answer);
    assert_int_equal(answer.status, 431);
    raw_finish(&answer);
    buf_clear(&request);
    assert_true(buf_append_str(&request, "GET /?a"));
    for (int i = 0; i < 4000; i++)
        assert_true(buf_append_str(&request, "&a"));
    assert_true(buf_append_str(&request, " HTTP/1.1\r\n" HOST "\r\n"));
    raw_ask(httpd_address(*state), request.data, request.size_bytes, &answer);
    assert_int_equal(answer.status, 414);
    raw_finish(&answer);
    buf_clear(&request);
    assert_true(buf_append_str(&request, "GET /"));
    for (int i = 0; i < 100; i++)
        assert_true(buf_append_str(&request, "/a"));
    assert_true(buf_append_str(&request, " HTTP/1.1\r\n" HOST "\r\n"));
    raw_ask(httpd_address(*state), request.data, request.size_bytes, &answer);
    assert_int_equal(answer.status, 414);
    raw_finish(&answer);
    buf_finish(&request);
    assert_int_equal(handled_count(), 0);
}

static void media_types(void **state) {
    static const struct row rows[] = {
        {"other type", TEXT("POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"), 415},
        {"longer type", TEXT("POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/jsonx\r\nContent-Length: 2\r\n\r\n{}"), 415},
        {"no type", TEXT("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"), 415},
        {"no type, chunked", TEXT("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 415},
        {"other type, no body", TEXT("POST /echo HTTP/1.1\r\n" HOST CLOSE "Content-Type: text/plain\r\n\r\n"), 415},
        {"encoded body", TEXT("POST /any HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), 415},
    };
    struct raw_answer answer;
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows));
    raw_ask_text(httpd_address(*state),
                 "POST /echo HTTP/1.1\r\n" HOST CLOSE "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
                 &answer);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body, "{}");
    raw_finish(&answer);
}

static void too_large_by_length(void **state) {
    struct raw_answer answer;
    static const struct row rows[] = {
        {"a byte too many", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 1001\r\n\r\n"), 413},
        {"no body wanted", TEXT("POST /none HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n"), 413},
        {"no body wanted, chunked", TEXT("POST /none HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"), 413},
        {"GET with a body", TEXT("GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n"), 413},
        {"more than 64 bits", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 99999999999999999999\r\n\r\n"), 413},
        {"with Expect", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n"), 413},
    };
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows)); /* none of them sends a byte of its body */
    raw_ask_text(httpd_address(*state), "POST /error HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n", &answer);
    assert_int_equal(answer.status, 413);
    assert_non_null(strstr(answer.body, "{\"error\":"));
    assert_string_equal(raw_header(&answer, "Content-Type"), "application/json");
    assert_string_equal(raw_header(&answer, "Connection"), "close");
    raw_finish(&answer);
}

static void too_large_while_reading(void **state) {
    static const char head[] = "POST /any HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
    char chunk[512 + 7];
    struct buf all = BUF_INIT(65536);
    memcpy(chunk, "200\r\n", 5);
    memset(chunk + 5, 'x', 512);
    memcpy(chunk + 5 + 512, "\r\n", 2);
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, head);
    raw_send(fd, chunk, sizeof(chunk));
    raw_send(fd, chunk, sizeof(chunk)); /* 1,024 bytes of a body that never ends */
    assert_true(raw_wait_text(fd, &all, "\r\n\r\n"));
    assert_non_null(strstr(all.data, "HTTP/1.1 413 "));
    close(fd);
    buf_finish(&all);
    assert_int_equal(handled_count(), 0);
}

/* The client of a refused upload is still writing: it must get the answer, not a reset. */
static void refused_upload_is_answered(void **state) {
    char bytes[65536];
    struct raw_answer answer;
    memset(bytes, 'x', sizeof(bytes));
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 6553600\r\n\r\n");
    for (int i = 0; i < 100; i++)
        raw_send(fd, bytes, sizeof(bytes));
    raw_read_to_end(fd, &answer);
    assert_int_equal(answer.status, 413);
    assert_false(answer.reset);
    raw_finish(&answer);
}

static void bodies_pass(void **state) {
    struct raw_answer answer;
    struct buf all = BUF_INIT(65536);
    raw_ask_text(httpd_address(*state),
                 "POST /echo HTTP/1.1\r\n" HOST CLOSE JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n", &answer);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body, "{} ");
    raw_finish(&answer);
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST CLOSE JSON "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_true(raw_wait_text(fd, &all, "100 Continue\r\n\r\n"));
    raw_send_text(fd, "[]");
    assert_true(raw_wait_text(fd, &all, "\r\n\r\n[]"));
    close(fd);
    buf_finish(&all);
    raw_ask_text(httpd_address(*state), "GET / HTTP/1.0\r\n\r\n", &answer);
    assert_int_equal(answer.status, 200);
    raw_finish(&answer);
}

static void pipelined_and_kept_alive(void **state) {
    struct raw_answer answer;
    int fd = raw_connect(httpd_address(*state));
    for (int i = 0; i < 3; i++) {
        raw_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}");
        raw_read_reply(fd, false, &answer);
        assert_int_equal(answer.status, 201);
        raw_finish(&answer);
    }
    raw_send_text(fd, "GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST CLOSE "\r\n");
    raw_read_to_end(fd, &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "helloHTTP/1.1 200 OK"));
    raw_finish(&answer);
}

/* A refused request must not let the bytes after it pass as another one. */
static void nothing_after_a_refusal(void **state) {
    struct raw_answer answer;
    raw_ask_text(httpd_address(*state),
                 "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                 "GET / HTTP/1.1\r\n" HOST "\r\n",
                 &answer);
    assert_int_equal(answer.status, 400);
    assert_null(strstr(answer.body, "HTTP/1.1"));
    raw_finish(&answer);
    assert_int_equal(handled_count(), 0);
}

static int start_impatient(void **state) {
    struct httpd_config impatient = config;
    struct error err;
    impatient.receive_timeout_s = 1;
    impatient.idle_timeout_s = 600;
    __atomic_store_n(&handled, 0, __ATOMIC_SEQ_CST);
    return httpd_start(&impatient, (struct httpd **)state, &err) == OK ? 0 : -1;
}

/* All but the last two bytes. The timeout without any byte is far away here. */
static void send_unfinished(const char *address, const char *request) {
    struct raw_answer answer;
    int fd = raw_connect(address);
    raw_send(fd, request, strlen(request) - 2);
    raw_read_to_end(fd, &answer);
    assert_int_equal(answer.status, 0);
    raw_finish(&answer);
}

static void slow_requests_end(void **state) {
    const char *address = httpd_address(*state);
    send_unfinished(address, "GET / HTTP/1.1\r\n");
    send_unfinished(address, "GET / HTTP/1.1\r\n" HOST "\r\n");
    send_unfinished(address, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 10\r\n\r\n0123456789");
    assert_int_equal(handled_count(), 0);
}

static int start_quick_idle(void **state) {
    struct httpd_config impatient = config;
    struct error err;
    impatient.receive_timeout_s = 600;
    impatient.idle_timeout_s = 1;
    return httpd_start(&impatient, (struct httpd **)state, &err) == OK ? 0 : -1;
}

static void idle_connections_end(void **state) {
    struct raw_answer answer;
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
    raw_read_to_end(fd, &answer);
    assert_int_equal(answer.status, 200);
    raw_finish(&answer);
}

static int start_small(void **state) {
    struct httpd_config small = config;
    struct error err;
    small.max_connections = 2;
    __atomic_store_n(&handled, 0, __ATOMIC_SEQ_CST);
    return httpd_start(&small, (struct httpd **)state, &err) == OK ? 0 : -1;
}

static void connections_are_limited(void **state) {
    const char *address = httpd_address(*state);
    struct raw_answer answer;
    int first = raw_connect(address);
    int second = raw_connect(address);
    raw_send_text(first, "GET / HTTP/1.1\r\n" HOST "\r\n");
    raw_read_reply(first, false, &answer);
    raw_finish(&answer);
    raw_send_text(second, "GET / HTTP/1.1\r\n" HOST "\r\n");
    raw_read_reply(second, false, &answer);
    raw_finish(&answer);
    int third = raw_connect(address);
    raw_send_text(third, "GET / HTTP/1.1\r\n" HOST CLOSE "\r\n");
    for (int i = 0; i < 50; i++) { /* the third has its chance meanwhile */
        raw_send_text(first, "GET / HTTP/1.1\r\n" HOST "\r\n");
        raw_read_reply(first, false, &answer);
        raw_finish(&answer);
    }
    assert_int_equal(handled_count(), 52);
    close(first);
    raw_read_to_end(third, &answer); /* waited in the queue, or was closed */
    assert_true(answer.status == 200 || answer.status == 0);
    raw_finish(&answer);
    close(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(framing, start, stop),
        cmocka_unit_test_setup_teardown(headers, start, stop),
        cmocka_unit_test_setup_teardown(request_lines, start, stop),
        cmocka_unit_test_setup_teardown(sizes, start, stop),
        cmocka_unit_test_setup_teardown(counts, start, stop),
        cmocka_unit_test_setup_teardown(media_types, start, stop),
        cmocka_unit_test_setup_teardown(too_large_by_length, start, stop),
        cmocka_unit_test_setup_teardown(too_large_while_reading, start, stop),
        cmocka_unit_test_setup_teardown(refused_upload_is_answered, start, stop),
        cmocka_unit_test_setup_teardown(bodies_pass, start, stop),
        cmocka_unit_test_setup_teardown(pipelined_and_kept_alive, start, stop),
        cmocka_unit_test_setup_teardown(nothing_after_a_refusal, start, stop),
        cmocka_unit_test_setup_teardown(slow_requests_end, start_impatient, stop),
        cmocka_unit_test_setup_teardown(idle_connections_end, start_quick_idle, stop),
        cmocka_unit_test_setup_teardown(connections_are_limited, start_small, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
