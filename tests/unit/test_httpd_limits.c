/* Bodies, sizes, times and numbers of connections, over a bare socket. */
#include "httpd/httpd.h"

#include "unit/httpd_fixture.h"

static void media_types(void **state) {
    static const struct row rows[] = {
        {"other type", TEXT("POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"),
         415},
        {"longer type",
         TEXT("POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/jsonx\r\nContent-Length: 2\r\n\r\n{}"), 415},
        {"no type", TEXT("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"), 415},
        {"no type, chunked",
         TEXT("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 415},
        {"other type, no body", TEXT("POST /echo HTTP/1.1\r\n" HOST CLOSE "Content-Type: text/plain\r\n\r\n"), 415},
        {"encoded body", TEXT("POST /any HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
         415},
    };
    struct raw_answer answer;
    refuse_rows(httpd_address(*state), rows, COUNT_OF(rows));
    raw_ask_text(httpd_address(*state),
                 "POST /echo HTTP/1.1\r\n" HOST CLOSE
                 "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
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
        {"more than 64 bits", TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 99999999999999999999\r\n\r\n"),
         413},
        {"with Expect",
         TEXT("POST /echo HTTP/1.1\r\n" HOST JSON "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n"), 413},
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

/* The client of a refused upload is still writing: it must be able to end and get the answer, not a reset. */
static void refused_upload_is_answered(void **state) {
    char bytes[65536];
    struct raw_answer answer;
    memset(bytes, 'x', sizeof(bytes));
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 6553600\r\n\r\n");
    for (int i = 0; i < 100; i++)
        assert_true(
            raw_send(fd, bytes, sizeof(bytes))); /* most clients do not look for an answer before they are done */
    raw_read_to_end(fd, &answer);
    assert_int_equal(answer.status, 413);
    assert_false(answer.reset);
    raw_finish(&answer);
}

static void refused_upload_is_not_swallowed_for_ever(void **state) {
    enum { CHUNKS_MAX = 1600 }; /* 100 MiB; 16 are swallowed, and some fit into buffers */
    static char bytes[65536];
    int fd = raw_connect(httpd_address(*state));
    raw_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 6553600000\r\n\r\n");
    int sent = 0;
    while (sent < CHUNKS_MAX && raw_send(fd, bytes, sizeof(bytes)))
        sent++;
    close(fd);
    assert_true(sent < CHUNKS_MAX);
}

static void bodies_pass(void **state) {
    struct raw_answer answer;
    struct buf all = BUF_INIT(65536);
    raw_ask_text(httpd_address(*state),
                 "POST /echo HTTP/1.1\r\n" HOST CLOSE JSON
                 "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\n\r\n",
                 &answer);
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

static int start_few(void **state) {
    struct httpd_config few = config;
    struct error err;
    few.max_connections_per_address = 2;
    __atomic_store_n(&handled, 0, __ATOMIC_SEQ_CST);
    return httpd_start(&few, (struct httpd **)state, &err) == OK ? 0 : -1;
}

static void connections_of_one_address_are_limited(void **state) {
    const char *address = httpd_address(*state);
    struct raw_answer answer;
    int kept[2];
    for (int i = 0; i < 2; i++) {
        kept[i] = raw_connect(address);
        raw_send_text(kept[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        raw_read_reply(kept[i], false, &answer);
        assert_int_equal(answer.status, 200);
        raw_finish(&answer);
    }
    int third = raw_connect(address);
    (void)raw_send(third, "GET / HTTP/1.1\r\n" HOST CLOSE "\r\n", sizeof("GET / HTTP/1.1\r\n" HOST CLOSE "\r\n") - 1);
    raw_read_to_end(third, &answer);
    assert_int_equal(answer.status, 0);
    raw_finish(&answer);
    close(kept[0]);
    close(kept[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(media_types, start, stop),
        cmocka_unit_test_setup_teardown(too_large_by_length, start, stop),
        cmocka_unit_test_setup_teardown(too_large_while_reading, start, stop),
        cmocka_unit_test_setup_teardown(refused_upload_is_answered, start, stop),
        cmocka_unit_test_setup_teardown(refused_upload_is_not_swallowed_for_ever, start, stop),
        cmocka_unit_test_setup_teardown(bodies_pass, start, stop),
        cmocka_unit_test_setup_teardown(slow_requests_end, start_impatient, stop),
        cmocka_unit_test_setup_teardown(idle_connections_end, start_quick_idle, stop),
        cmocka_unit_test_setup_teardown(connections_are_limited, start_small, stop),
        cmocka_unit_test_setup_teardown(connections_of_one_address_are_limited, start_few, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
