/* The guards of the wire, each over a bare socket: what a handler must never see, and that the connection ends. */
#include "httpd/httpd.h"

#include "unit/httpd_fixture.h"

static void framing(void **state) {
    static const struct row rows[] = {
        {"length and chunked",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         400},
        {"chunked and length",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
         400},
        {"two lengths", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
         400},
        {"two equal lengths",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400},
        {"length list", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2, 2\r\n\r\n{}"), 400},
        {"length with sign", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: +2\r\n\r\n{}"), 400},
        {"length below zero", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: -2\r\n\r\n{}"), 400},
        {"length in hex", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 0x2\r\n\r\n{}"), 400},
        {"empty length", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: \r\n\r\n{}"), 400},
        {"gzip", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: gzip\r\n\r\n{}"), 400},
        {"gzip and chunked",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400},
        {"chunked twice",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON
              "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         400},
        {"chunked, then identity",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON
              "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
         400},
        {"identity", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: identity\r\n\r\n"), 400},
        {"chunked in 1.0", TEXT("POST /echo HTTP/1.0\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
        {"bad chunk size",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), 400},
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
        {"NULs that look like line ends",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "X: a\0\0Transfer-Encoding\0 chunked\r\n\r\n"), 400},
        {"NULs that hide a length", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 2\0\0X\0 1\r\n\r\n{}"),
         400},
    };
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows));
}

static void repeated_headers(void **state) {
    static const struct row rows[] = {
        {"two media types", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON JSON "Content-Length: 2\r\n\r\n{}"), 400},
        {"two different media types",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "content-type: text/plain\r\nContent-Length: 2\r\n\r\n{}"), 400},
        {"two content encodings",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON
              "Content-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
         400},
        {"two idempotency keys",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON
              "Idempotency-Key: a\r\nX: y\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}"),
         400},
        {"two authorizations", TEXT("GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: a\r\n\r\n"), 400},
        {"two origins", TEXT("GET / HTTP/1.1\r\n" HOST "Origin: http://test\r\nOrigin: null\r\n\r\n"), 400},
        {"two fetch sites",
         TEXT("GET / HTTP/1.1\r\n" HOST "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n\r\n"), 400},
        {"two ranges", TEXT("GET / HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\nRange: bytes=1-2\r\n\r\n"), 400},
        {"two expectations",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON
              "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"),
         400},
        {"another expectation",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}"), 417},
        {"an expectation more",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Expect: 100-continue, x\r\nContent-Length: 2\r\n\r\n{}"), 417},
        {"no expectation", TEXT("GET / HTTP/1.1\r\n" HOST "Expect:\r\n\r\n"), 417},
    };
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows));
}

#define CHUNKED "POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"

/* What comes after the last chunk is not looked at by any guard of the head. */
static void trailers(void **state) {
    static const struct row rows[] = {
        {"length", TEXT(CHUNKED "Content-Length: 5\r\n\r\n"), 400},
        {"length and a control byte", TEXT(CHUNKED "Content-Length: 5\r\nX\001: 1\r\n\r\n"), 400},
        {"harmless", TEXT(CHUNKED "X: y\r\n\r\n"), 400},
        {"without value", TEXT(CHUNKED "X:\r\n\r\n"), 400},
        {"without name", TEXT(CHUNKED ": x\r\n\r\n"), 400},
        {"without colon", TEXT(CHUNKED "x\r\n\r\n"), 400},
        {"with a request behind", TEXT(CHUNKED "X: y\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400},
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(framing, start, stop),
        cmocka_unit_test_setup_teardown(headers, start, stop),
        cmocka_unit_test_setup_teardown(repeated_headers, start, stop),
        cmocka_unit_test_setup_teardown(trailers, start, stop),
        cmocka_unit_test_setup_teardown(request_lines, start, stop),
        cmocka_unit_test_setup_teardown(sizes, start, stop),
        cmocka_unit_test_setup_teardown(counts, start, stop),
        cmocka_unit_test_setup_teardown(pipelined_and_kept_alive, start, stop),
        cmocka_unit_test_setup_teardown(nothing_after_a_refusal, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
