/* Routes, methods, parameters, queries and the forms of replies. */
#include "support/test.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "httpd/httpd.h"
#include "support/raw_http.h"

#define HOST "Host: test\r\nConnection: close\r\n"

struct reported {
    pthread_mutex_t lock;
    char text[512];
};
static struct reported reported = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_reply(void *context, const char *route, const char *method, int status, double seconds) {
    (void)context;
    pthread_mutex_lock(&reported.lock);
    (void)str_format(reported.text, sizeof(reported.text), "%s %s %d %s", method, route, status,
                     seconds >= 0 ? "" : "negative");
    pthread_mutex_unlock(&reported.lock);
}

static bool before(struct http_exchange *exchange, void *context) {
    (void)context;
    if (http_header(exchange, "X-Deny")) {
        http_reply_problem(exchange, 403, "denied", "not you", NULL);
        return false;
    }
    http_add_header(exchange, "X-Before", http_path(exchange));
    return true;
}

static void item(struct http_exchange *exchange, void *context) {
    const char *q = http_query(exchange, "q");
    json_t *value AUTO_JSON = NULL;
    (void)context;
    if (!http_query_only(exchange, (const char *const[]){"q", NULL}))
        return;
    value = json_pack("{s:s, s:s, s:s, s:s?, s:s}", "id", http_param(exchange, "id"), "path", http_path(exchange),
                      "method", http_method(exchange), "q", q, "from", http_client_address(exchange));
    http_reply_json(exchange, 200, value);
}

static void part(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply(exchange, 200, "text/plain", http_param(exchange, "n"), strlen(http_param(exchange, "n")));
}

static void fixed(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply_static(exchange, 200, "text/plain", "fixed", 5);
}

static void tagged(struct http_exchange *exchange, void *context) {
    (void)context;
    if (http_not_modified(exchange, "\"v1\""))
        return;
    http_reply(exchange, 200, "text/plain", "body", 4);
}

static void problem(struct http_exchange *exchange, void *context) {
    json_t *extra AUTO_JSON = json_pack("{s:i, s:s}", "position", 7, "status", "not overwritten");
    (void)context;
    http_reply_problem(exchange, 409, "conflict", "it is \"so\"", extra);
}

static void error(struct http_exchange *exchange, void *context) {
    (void)context;
    http_reply_error(exchange, 400, "num_jobs must be between 1 and 10");
}

static void forgotten(struct http_exchange *exchange, void *context) {
    (void)exchange;
    (void)context;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/items/fixed", .handler = fixed},
    {.method = "GET", .path = "/items/{id}", .handler = item},
    {.method = "POST", .path = "/items/{id}", .handler = item, .max_body_bytes = 10},
    {.method = "GET", .path = "/items/{id}/parts/{n}", .handler = part},
    {.method = "GET", .path = "/tagged", .handler = tagged},
    {.method = "GET", .path = "/problem", .handler = problem},
    {.method = "POST", .path = "/error", .handler = error, .problem_style = "error"},
    {.method = "GET", .path = "/forgotten", .handler = forgotten},
};

static int start(void **state) {
    static const char *const reply_headers[] = {"X-Content-Type-Options: nosniff", NULL};
    const struct httpd_config config = {
        .listen = "127.0.0.1:0",
        .routes = routes,
        .routes_count = COUNT_OF(routes),
        .threads = 2,
        .max_connections = 16,
        .server_name = "filesure",
        .reply_headers = reply_headers,
        .on_reply = on_reply,
        .before = before,
    };
    struct error err;
    return httpd_start(&config, (struct httpd **)state, &err) == OK ? 0 : -1;
}

static int stop(void **state) {
    httpd_stop(*state);
    return 0;
}

static void ask(void **state, const char *request_line, struct raw_answer *answer) {
    char text[1024];
    (void)str_format(text, sizeof(text), "%s HTTP/1.1\r\n" HOST "\r\n", request_line);
    raw_ask_text(httpd_address(*state), text, answer);
}

static void expect(void **state, const char *request_line, int status, const char *body, const char *wanted_report) {
    struct raw_answer answer;
    ask(state, request_line, &answer);
    if (answer.status != status || (body && strstr(answer.body, body) == NULL))
        fail_msg("%s: %.600s", request_line, buf_str(&answer.all));
    assert_string_equal(raw_header(&answer, "X-Content-Type-Options"), "nosniff");
    raw_finish(&answer);
    pthread_mutex_lock(&reported.lock);
    char text[512];
    (void)str_copy(text, sizeof(text), str_trim(reported.text));
    pthread_mutex_unlock(&reported.lock);
    assert_string_equal(text, wanted_report); /* known before the reply goes out */
}

static void routes_are_found(void **state) {
    expect(state, "GET /items/fixed", 200, "fixed", "GET /items/fixed 200");
    expect(state, "GET /items/7", 200, "\"id\":\"7\"", "GET /items/{id} 200");
    expect(state, "GET /items/a%2Fb%20c", 200,
           "{\"id\":\"a/b c\",\"path\":\"/items/a/b c\",\"method\":\"GET\",\"q\":null,\"from\":\"127.0.0.1\"}",
           "GET /items/{id} 200");
    expect(state, "GET /items/7/parts/9", 200, "9", "GET /items/{id}/parts/{n} 200");
    expect(state, "POST /items/7", 200, "\"method\":\"POST\"", "POST /items/{id} 200");
    expect(state, "GET /", 404, "\"type\":\"/problems/not_found\"", "GET unmatched 404");
    expect(state, "GET /items", 404, NULL, "GET unmatched 404");
    expect(state, "GET /items/", 404, NULL, "GET unmatched 404");
    expect(state, "GET //items/7", 404, NULL, "GET unmatched 404");
    expect(state, "GET /items/7/", 404, NULL, "GET unmatched 404");
    expect(state, "GET /items/7/parts", 404, NULL, "GET unmatched 404");
    expect(state, "BREW /items/7", 501, "method_unknown", "other unmatched 501");
    expect(state, "GET /forgotten", 500, "no_reply", "GET /forgotten 500");
}

static void queries(void **state) {
    expect(state, "GET /items/7?q=a+b%26", 200, "\"q\":\"a b&\"", "GET /items/{id} 200");
    expect(state, "GET /items/7?q", 200, "\"q\":\"\"", "GET /items/{id} 200");
    expect(state, "GET /items/7?zip=1", 400, "\\\"zip\\\" is not known", "GET /items/{id} 400");
    expect(state, "GET /items/7?q=1&q=2", 400, "\\\"q\\\" is given twice", "GET /items/{id} 400");
}

static void methods(void **state) {
    struct raw_answer answer;
    ask(state, "DELETE /items/7", &answer);
    assert_int_equal(answer.status, 405);
    assert_string_equal(raw_header(&answer, "Allow"), "GET, HEAD, POST, OPTIONS");
    assert_string_equal(raw_header(&answer, "Content-Type"), "application/problem+json");
    raw_finish(&answer);
    ask(state, "GET /error", &answer);
    assert_int_equal(answer.status, 405);
    assert_string_equal(raw_header(&answer, "Allow"), "POST, OPTIONS");
    assert_string_equal(raw_header(&answer, "Content-Type"), "application/json");
    assert_non_null(strstr(answer.body, "{\"error\":"));
    raw_finish(&answer);
    raw_ask_text(httpd_address(*state), "PUT /error HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n", &answer);
    assert_int_equal(answer.status, 405); /* its body is not waited for */
    assert_string_equal(raw_header(&answer, "Allow"), "POST, OPTIONS");
    assert_string_equal(raw_header(&answer, "X-Content-Type-Options"), "nosniff");
    raw_finish(&answer);
    ask(state, "OPTIONS /items/7", &answer);
    assert_int_equal(answer.status, 204);
    assert_string_equal(raw_header(&answer, "Allow"), "GET, HEAD, POST, OPTIONS");
    raw_finish(&answer);
    ask(state, "OPTIONS *", &answer);
    assert_int_equal(answer.status, 204);
    raw_finish(&answer);
    ask(state, "OPTIONS /nothing", &answer);
    assert_int_equal(answer.status, 404);
    raw_finish(&answer);
}

static void head_has_no_body(void **state) {
    struct raw_answer answer;
    ask(state, "HEAD /items/fixed", &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(raw_header(&answer, "Content-Length"), "5");
    assert_string_equal(answer.body, "");
    raw_finish(&answer);
    ask(state, "HEAD /nothing", &answer);
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer.body, "");
    raw_finish(&answer);
}

static void before_comes_first(void **state) {
    struct raw_answer answer;
    raw_ask_text(httpd_address(*state), "GET /nothing HTTP/1.1\r\n" HOST "X-Deny: 1\r\n\r\n", &answer);
    assert_int_equal(answer.status, 403);
    raw_finish(&answer);
    ask(state, "GET /items/7", &answer);
    assert_string_equal(raw_header(&answer, "X-Before"), "/items/7");
    assert_string_equal(raw_header(&answer, "Server"), "filesure");
    raw_finish(&answer);
}

static void etags(void **state) {
    static const struct {
        const char *known;
        int status;
    } rows[] = {{"\"v1\"", 304}, {"W/\"v1\"", 304}, {"\"v0\", \"v1\"", 304},
                {"*", 304},      {"\"v0\"", 200},   {"\"v1\"x", 200},
                {"", 200},       {"v1", 200}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        struct raw_answer answer;
        (void)str_format(text, sizeof(text), "GET /tagged HTTP/1.1\r\n" HOST "If-None-Match: %s\r\n\r\n",
                         rows[i].known);
        raw_ask_text(httpd_address(*state), text, &answer);
        if (answer.status != rows[i].status)
            fail_msg("%s: %d", rows[i].known, answer.status);
        assert_string_equal(raw_header(&answer, "ETag"), "\"v1\"");
        assert_string_equal(answer.body, rows[i].status == 304 ? "" : "body");
        raw_finish(&answer);
    }
}

static void problems(void **state) {
    struct raw_answer answer;
    ask(state, "GET /problem", &answer);
    assert_int_equal(answer.status, 409);
    assert_string_equal(raw_header(&answer, "Content-Type"), "application/problem+json");
    assert_string_equal(answer.body, "{\"type\":\"/problems/conflict\",\"title\":\"Conflict\",\"status\":409,"
                                     "\"detail\":\"it is \\\"so\\\"\",\"position\":7}");
    raw_finish(&answer);
    ask(state, "POST /error", &answer);
    assert_int_equal(answer.status, 400);
    assert_string_equal(answer.body, "{\"error\":\"num_jobs must be between 1 and 10\"}");
    raw_finish(&answer);
}

static void bad_addresses(void **state) {
    (void)state;
    struct httpd_config config = {
        .listen = "nowhere", .routes = routes, .routes_count = 1, .threads = 1, .max_connections = 1};
    struct httpd *first = NULL;
    struct httpd *second = NULL;
    struct error err;
    assert_int_equal(httpd_start(&config, &first, &err), INVALID);
    assert_string_equal(err.code, "bad_address");
    config.listen = "127.0.0.1:0";
    assert_int_equal(httpd_start(&config, &first, &err), OK);
    char taken[64];
    (void)str_copy(taken, sizeof(taken), httpd_address(first));
    config.listen = taken;
    assert_int_equal(httpd_start(&config, &second, &err), FATAL);
    assert_string_equal(err.code, "listen");
    httpd_stop(first);
    httpd_stop(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_are_found, start, stop),
        cmocka_unit_test_setup_teardown(queries, start, stop),
        cmocka_unit_test_setup_teardown(methods, start, stop),
        cmocka_unit_test_setup_teardown(head_has_no_body, start, stop),
        cmocka_unit_test_setup_teardown(before_comes_first, start, stop),
        cmocka_unit_test_setup_teardown(etags, start, stop),
        cmocka_unit_test_setup_teardown(problems, start, stop),
        cmocka_unit_test(bad_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
