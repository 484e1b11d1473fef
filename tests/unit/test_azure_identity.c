/* Tokens of a pod's or machine's identity, against a scripted authority. */
#include "blobs/azure_identity.h"
#include "support/folder.h"
#include "unit/azure_fixture.h"

#include <unistd.h>

#define TENANT "11111111-2222-3333-4444-555555555555"
#define CLIENT "66666666-7777-8888-9999-000000000000"
#define TOKEN_ANSWER "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"" SECRET ".%d\"}"

struct authority {
    struct azure_test test;
    struct fake_http *http;
    struct azure_identity *identity;
    char folder[FOLDER_PATH_MAX];
    char token_file[FOLDER_PATH_MAX];
    pthread_mutex_t lock;
    /* what the next request gets; then tokens, numbered */
    const char *answer;
    int status;
    const char *headers;
    bool hangs;
    int times;
    int tokens;
    char head[4096];
    char target[4096];
    char body[8192];
};

static void script(void *context, const struct fake_request *request, struct fake_reply *reply) {
    struct authority *authority = context;
    pthread_mutex_lock(&authority->lock);
    (void)str_copy(authority->head, sizeof(authority->head), request->head);
    (void)str_copy(authority->target, sizeof(authority->target), request->target);
    (void)str_format(authority->body, sizeof(authority->body), "%.*s", (int)request->body_size, request->body);
    if (authority->times > 0 && authority->hangs) {
        reply->then = FAKE_HANG;
    } else if (authority->times > 0) {
        fake_answer_text(reply, authority->status, authority->headers ? authority->headers : "", authority->answer);
    } else {
        char text[256];
        (void)str_format(text, sizeof(text), TOKEN_ANSWER, ++authority->tokens);
        fake_answer_text(reply, 200, "Content-Type: application/json\r\n", text);
    }
    authority->times--;
    pthread_mutex_unlock(&authority->lock);
}

static void answer_next(struct authority *authority, int times, int status, const char *answer) {
    pthread_mutex_lock(&authority->lock);
    authority->times = times;
    authority->status = status;
    authority->answer = answer;
    authority->headers = NULL;
    pthread_mutex_unlock(&authority->lock);
}

static void clear_environment(void) {
    static const char *const names[] = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE",
                                        "AZURE_AUTHORITY_HOST"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        unsetenv(names[i]);
    }
}

static void set_workload(struct authority *authority) {
    char host[256];
    (void)str_format(host, sizeof(host), "%s/", fake_url(authority->http));
    setenv("AZURE_CLIENT_ID", CLIENT, 1);
    setenv("AZURE_TENANT_ID", TENANT, 1);
    setenv("AZURE_FEDERATED_TOKEN_FILE", authority->token_file, 1);
    setenv("AZURE_AUTHORITY_HOST", host, 1);
}

static void make_identity(struct authority *authority) {
    struct error err = {0};
    azure_identity_destroy(authority->identity);
    authority->identity = NULL;
    expect(azure_identity_create(&authority->test.world, &authority->identity, &err), &err, OK, NULL);
}

static int setup(void **state) {
    struct authority *authority = x_alloc(sizeof(*authority));
    azure_test_start(&authority->test);
    pthread_mutex_init(&authority->lock, NULL);
    authority->http = fake_start(script, authority);
    authority->test.world.metadata_url = fake_url(authority->http);
    folder_make(authority->folder);
    folder_write(authority->folder, "token", "federated-" SECRET ".1\n", authority->token_file);
    clear_environment();
    *state = authority;
    return 0;
}

static int setup_workload(void **state) {
    (void)setup(state);
    set_workload(*state);
    make_identity(*state);
    return 0;
}

static int teardown(void **state) {
    struct authority *authority = *state;
    clear_environment();
    azure_identity_destroy(authority->identity);
    azure_test_close(&authority->test);
    fake_azure_stop(authority->test.fake);
    fake_stop(authority->http);
    folder_remove(authority->folder);
    pthread_mutex_destroy(&authority->lock);
    pthread_mutex_destroy(&authority->test.lock);
    free(authority);
    return 0;
}

static int64_t soon_ms(struct authority *authority) {
    return azure_now_ms(&authority->test.world) + 60000;
}

static void expect_token(struct authority *authority, const char *wanted) {
    AUTO_BUF struct buf token = BUF_INIT(1000);
    struct error err = {0};
    expect(azure_identity_token(authority->identity, soon_ms(authority), &token, &err), &err, OK, NULL);
    assert_string_equal(buf_str(&token), wanted);
}

static void expect_refused(struct authority *authority, enum outcome outcome, const char *code, const char *message) {
    AUTO_BUF struct buf token = BUF_INIT(1000);
    struct error err = {0};
    expect(azure_identity_token(authority->identity, soon_ms(authority), &token, &err), &err, outcome, code);
    assert_int_equal(token.size_bytes, 0);
    if (!strstr(err.message, message)) {
        fail_msg("%s, wanted %s", err.message, message);
    }
    assert_null(strstr(err.message, TENANT));
    assert_null(strstr(err.message, CLIENT));
    assert_null(strstr(err.message, authority->folder));
}

/* ---- workload identity ---- */

static void workload_asks_and_keeps(void **state) {
    struct authority *authority = *state;
    for (int i = 0; i < 3; i++) {
        expect_token(authority, SECRET ".1");
    }
    assert_int_equal(fake_requests(authority->http), 1);
    assert_true(str_starts_with(authority->head, "POST /" TENANT "/oauth2/v2.0/token HTTP/1.1\r\n"));
    assert_non_null(strstr(authority->head, "Content-Type: application/x-www-form-urlencoded\r\n"));
    assert_string_equal(
        authority->body,
        "grant_type=client_credentials&client_id=" CLIENT
        "&scope=https%3A%2F%2Fstorage.azure.com%2F.default&client_assertion_type="
        "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=federated-" SECRET ".1");
}

static void the_federated_token_is_read_each_time(void **state) {
    struct authority *authority = *state;
    expect_token(authority, SECRET ".1");
    folder_write(authority->folder, "token", "federated-" SECRET ".2", NULL);
    azure_identity_forget(authority->identity, "another token");
    expect_token(authority, SECRET ".1");
    azure_identity_forget(authority->identity, SECRET ".1");
    expect_token(authority, SECRET ".2");
    assert_non_null(strstr(authority->body, "client_assertion=federated-" SECRET ".2"));
}

static void wait_token(struct authority *authority, const char *wanted) {
    int64_t until_ms = clock_monotonic_ms() + 20000;
    for (;;) {
        AUTO_BUF struct buf token = BUF_INIT(1000);
        struct error err = {0};
        expect(azure_identity_token(authority->identity, soon_ms(authority), &token, &err), &err, OK, NULL);
        if (str_eq(buf_str(&token), wanted)) {
            return;
        }
        assert_true(clock_monotonic_ms() < until_ms);
    }
}

static void refreshed_in_the_background(void **state) {
    struct authority *authority = *state;
    expect_token(authority, SECRET ".1");
    test_sleep_ms(&authority->test, 54 * 60 * 1000);
    expect_token(authority, SECRET ".1");
    assert_int_equal(fake_requests(authority->http), 1);
    authority->hangs = true; /* nobody waits for it */
    answer_next(authority, 1, 0, "");
    test_sleep_ms(&authority->test, 61 * 1000);
    expect_token(authority, SECRET ".1");
    fake_wait_requests(authority->http, 2);
    expect_token(authority, SECRET ".1");
    assert_int_equal(fake_requests(authority->http), 2); /* by one */
    make_identity(authority);                            /* ends the one under way */
    expect_token(authority, SECRET ".2");
    test_sleep_ms(&authority->test, 56 * 60 * 1000);
    wait_token(authority, SECRET ".3");
    expect_token(authority, SECRET ".3");
    assert_int_equal(fake_requests(authority->http), 4);
}

/* The old token stays until its end, and the authority is left alone for a while. */
static void a_refresh_that_fails_spoils_nothing(void **state) {
    struct authority *authority = *state;
    expect_token(authority, SECRET ".1");
    test_sleep_ms(&authority->test, 56 * 60 * 1000);
    answer_next(authority, 1, 400, "{\"error\":\"invalid_client\"}");
    expect_token(authority, SECRET ".1");
    fake_wait_requests(authority->http, 2);
    for (int64_t end_ms = clock_monotonic_ms() + 300; clock_monotonic_ms() < end_ms;) { /* many ask */
        expect_token(authority, SECRET ".1");
    }
    assert_int_equal(fake_requests(authority->http), 2);
    test_sleep_ms(&authority->test, 5 * 60 * 1000);
    expect_token(authority, SECRET ".2");
}

static void an_expired_token_is_none(void **state) {
    struct authority *authority = *state;
    expect_token(authority, SECRET ".1");
    test_sleep_ms(&authority->test, 3601 * 1000);
    answer_next(authority, 1, 400, "{\"error\":\"unauthorized_client\",\"error_description\":\"" TENANT "\"}");
    expect_refused(authority, DENIED, "identity_refused", "400 unauthorized_client");
    expect_token(authority, SECRET ".2");
}

static void *ask_for_a_token(void *context) {
    expect_token(context, SECRET ".1");
    return NULL;
}

static void many_ask_at_once(void **state) {
    struct authority *authority = *state;
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_a_token, authority), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(fake_requests(authority->http), 1);
}

static void refusals_are_final(void **state) {
    struct authority *authority = *state;
    answer_next(authority, 1, 401, "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS " SECRET "\"}");
    expect_refused(authority, DENIED, "identity_refused", "no token was given: 401 invalid_client");
    answer_next(authority, 1, 400, "<html>" SECRET);
    expect_refused(authority, DENIED, "identity_refused", "no token was given: 400");
    answer_next(authority, 1, 400, "{\"error\":\"" SECRET "\"}");
    expect_refused(authority, DENIED, "identity_refused", "no token was given: 400");
    answer_next(authority, 1, 404, "");
    expect_refused(authority, DENIED, "identity_refused", "no token was given: 404");
    assert_int_equal(authority->test.sleep_count, 0);
}

static void outages_are_tried_again(void **state) {
    struct authority *authority = *state;
    answer_next(authority, 2, 503, "");
    authority->headers = "Retry-After: 9\r\n";
    expect_token(authority, SECRET ".1");
    assert_int_equal(authority->test.sleep_count, 2);
    assert_int_equal(authority->test.sleeps_ms[0], 9000);
    azure_identity_forget(authority->identity, SECRET ".1");
    answer_next(authority, 100, 500, "");
    expect_refused(authority, RETRY, "identity_down", "500");
    assert_int_equal(fake_requests(authority->http), 3 + 5);
    answer_next(authority, 100, 429, ""); /* no time for that */
    authority->headers = "Retry-After: 61\r\n";
    expect_refused(authority, RETRY, "identity_down", "429");
    assert_int_equal(fake_requests(authority->http), 3 + 5 + 1);
}

static void answers_without_a_token(void **state) {
    struct authority *authority = *state;
    static const char *const bad[] = {
        "",
        "null",
        "{}",
        "{\"access_token\":\"" SECRET "\"}",
        "{\"access_token\":\"" SECRET "\",\"expires_in\":0}",
        "{\"access_token\":\"" SECRET "\",\"expires_in\":-5}",
        "{\"access_token\":\"" SECRET "\",\"expires_in\":\"soon\"}",
        "{\"access_token\":\"\",\"expires_in\":3600}",
        "{\"access_token\":\"" SECRET "\\r\\nX: y\",\"expires_in\":3600}",
        "{\"access_token\":7,\"expires_in\":3600}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        answer_next(authority, 5, 200, bad[i]);
        expect_refused(authority, RETRY, "identity_down", "the answer");
    }
}

static void answers_that_are_no_answers(void **state) {
    struct authority *authority = *state;
    char *big = x_alloc(70000);
    memset(big, ' ', 69999);
    answer_next(authority, 5, 200, big);
    expect_refused(authority, RETRY, "identity_down", "larger than");
    free(big);
    char host[64];
    struct fake_http *gone = fake_start(script, authority);
    (void)str_copy(host, sizeof(host), fake_url(gone));
    fake_stop(gone);
    setenv("AZURE_AUTHORITY_HOST", host, 1);
    make_identity(authority);
    authority->test.sleep_count = 0;
    expect_refused(authority, RETRY, "identity_down", "the identity for blob storage: the connection was refused");
    assert_int_equal(authority->test.sleep_count, 4);
}

static void the_file_may_come_late(void **state) {
    struct authority *authority = *state;
    folder_write(authority->folder, "token", " \n", NULL);
    expect_refused(authority, RETRY, "identity_down", "AZURE_FEDERATED_TOKEN_FILE holds no token");
    folder_write(authority->folder, "token", "a\nb", NULL);
    expect_refused(authority, RETRY, "identity_down", "AZURE_FEDERATED_TOKEN_FILE holds no token");
    assert_int_equal(unlink(authority->token_file), 0);
    expect_refused(authority, RETRY, "identity_down", "AZURE_FEDERATED_TOKEN_FILE cannot be read");
    assert_int_equal(fake_requests(authority->http), 0);
    folder_write(authority->folder, "token", "late", NULL);
    expect_token(authority, SECRET ".1");
}

/* ---- managed identity ---- */

static void managed_asks_the_machine(void **state) {
    struct authority *authority = *state;
    make_identity(authority);
    answer_next(authority, 1, 200, "{\"access_token\":\"managed\",\"expires_in\":\"86399\",\"expires_on\":\"9\"}");
    expect_token(authority, "managed");
    assert_non_null(strstr(authority->head, "Metadata: true\r\n"));
    assert_string_equal(authority->target, "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="
                                           "https%3A%2F%2Fstorage.azure.com%2F");
    test_sleep_ms(&authority->test, 23 * 3600 * 1000); /* a number in a string is a number */
    expect_token(authority, "managed");
    setenv("AZURE_CLIENT_ID", CLIENT, 1);
    make_identity(authority);
    expect_token(authority, SECRET ".1");
    assert_true(str_ends_with(authority->target, "&client_id=" CLIENT));
}

static void managed_waits_for_updates(void **state) {
    struct authority *authority = *state;
    static const int passing[] = {404, 410, 429, 500, 503};
    make_identity(authority);
    for (size_t i = 0; i < COUNT_OF(passing); i++) {
        char token[64];
        (void)str_format(token, sizeof(token), SECRET ".%zu", i + 1);
        answer_next(authority, 1, passing[i], "{\"error\":\"x\"}");
        expect_token(authority, token);
        azure_identity_forget(authority->identity, token);
    }
    answer_next(authority, 1, 400, "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}");
    expect_refused(authority, DENIED, "identity_refused", "400 invalid_request");
}

/* ---- the environment ---- */

static void environment_is_checked(void **state) {
    struct authority *authority = *state;
    static const struct {
        const char *name;
        const char *value;
        const char *message;
    } rows[] = {
        {"AZURE_CLIENT_ID", NULL, "AZURE_FEDERATED_TOKEN_FILE is set, but not AZURE_CLIENT_ID and AZURE_TENANT_ID"},
        {"AZURE_TENANT_ID", "", "AZURE_FEDERATED_TOKEN_FILE is set, but not AZURE_CLIENT_ID and AZURE_TENANT_ID"},
        {"AZURE_CLIENT_ID", SECRET "&x=y", "AZURE_CLIENT_ID is malformed"},
        {"AZURE_TENANT_ID", SECRET "/../x", "AZURE_TENANT_ID is malformed"},
        {"AZURE_AUTHORITY_HOST", SECRET, "AZURE_AUTHORITY_HOST is no https:// URL"},
        {"AZURE_AUTHORITY_HOST", "http://login.example.org", "AZURE_AUTHORITY_HOST is no https:// URL"},
        {"AZURE_AUTHORITY_HOST", "https://login.example.org?x=" SECRET, "AZURE_AUTHORITY_HOST is no https:// URL"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err = {0};
        struct azure_identity *identity = NULL;
        set_workload(authority);
        if (rows[i].value) {
            setenv(rows[i].name, rows[i].value, 1);
        } else {
            unsetenv(rows[i].name);
        }
        expect(azure_identity_create(&authority->test.world, &identity, &err), &err, INVALID, "bad_identity");
        assert_true(str_ends_with(err.message, rows[i].message));
    }
    static const char *const good[] = {NULL, "https://login.microsoftonline.us/", "https://login.example.org/adfs"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        set_workload(authority);
        unsetenv("AZURE_AUTHORITY_HOST");
        if (good[i]) {
            setenv("AZURE_AUTHORITY_HOST", good[i], 1);
        }
        make_identity(authority);
    }
    authority->test.world.plain_http = false; /* as outside of tests */
    struct error err = {0};
    struct azure_identity *identity = NULL;
    set_workload(authority);
    expect(azure_identity_create(&authority->test.world, &identity, &err), &err, INVALID, "bad_identity");
}

/* ---- in requests ---- */

static void open_with_identity(struct authority *authority) {
    struct azure_test *test = &authority->test;
    (void)str_format(test->conn, sizeof(test->conn), "BlobEndpoint=%s", fake_azure_url(test->fake));
    azure_test_open(test);
}

static void requests_bear_the_token(void **state) {
    struct authority *authority = *state;
    struct azure_test *test = &authority->test;
    open_with_identity(authority);
    assert_true(test_put(test, "text", OK, NULL));
    assert_string_equal(fake_azure_seen(test->fake, 0)->authorization, "Bearer " SECRET ".1");
    assert_int_equal(fake_requests(authority->http), 1);
    SCRIPT({.status = 401, .code = "InvalidAuthenticationInfo"});
    assert_true(test_put(test, "more", OK, NULL)); /* another token at once */
    assert_string_equal(fake_azure_seen(test->fake, 2)->authorization, "Bearer " SECRET ".2");
    static const struct fake_step denied[] = {{.status = 403, .code = "AuthorizationPermissionMismatch"}};
    fake_azure_script(test->fake, denied, 1);
    test_put(test, "third", DENIED, "blobs_denied"); /* which no other token mends */
    assert_int_equal(fake_requests(authority->http), 2);
    static const struct fake_step expired[] = {{.status = 401}, {.status = 401}, {.status = 401}, {.status = 401}};
    fake_azure_forget(test->fake);
    fake_azure_script(test->fake, expired, COUNT_OF(expired));
    test_put(test, "third", DENIED, "blobs_denied");
    assert_int_equal(fake_azure_seen_count(test->fake), 3);
}

static void no_token_is_no_request(void **state) {
    struct authority *authority = *state;
    struct azure_test *test = &authority->test;
    struct error err = {0};
    (void)str_format(test->conn, sizeof(test->conn), "BlobEndpoint=%s", fake_azure_url(test->fake));
    answer_next(authority, 1, 400, "{\"error\":\"invalid_client\"}");
    expect(azure_test_try_open(test, &err), &err, DENIED, "identity_refused");
    answer_next(authority, 100, 503, "");
    azure_test_open(test); /* it may come back */
    test_put(test, "text", RETRY, "identity_down");
    assert_int_equal(fake_azure_seen_count(test->fake), 0);
}

static void never_over_http(void **state) {
    struct authority *authority = *state;
    struct azure_test *test = &authority->test;
    struct error err = {0};
    static const char *const away[] = {"BlobEndpoint=http://files.example.org",
                                       "AccountName=a;DefaultEndpointsProtocol=http",
                                       "BlobEndpoint=http://10.0.0.1:10000/a"};
    for (size_t i = 0; i < COUNT_OF(away); i++) {
        (void)str_copy(test->conn, sizeof(test->conn), away[i]);
        expect(azure_test_try_open(test, &err), &err, INVALID, "bad_connection_string");
    }
    test->world.plain_http = false; /* as outside of tests */
    (void)str_format(test->conn, sizeof(test->conn), "BlobEndpoint=%s", fake_azure_url(test->fake));
    expect(azure_test_try_open(test, &err), &err, INVALID, "bad_connection_string");
    assert_non_null(strstr(err.message, "https"));
    assert_int_equal(fake_azure_seen_count(test->fake), 0);
    assert_int_equal(fake_requests(authority->http), 0);
}

#define WORKLOAD(function) cmocka_unit_test_setup_teardown(function, setup_workload, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WORKLOAD(workload_asks_and_keeps),
        WORKLOAD(the_federated_token_is_read_each_time),
        WORKLOAD(refreshed_in_the_background),
        WORKLOAD(a_refresh_that_fails_spoils_nothing),
        WORKLOAD(an_expired_token_is_none),
        WORKLOAD(many_ask_at_once),
        WORKLOAD(refusals_are_final),
        WORKLOAD(outages_are_tried_again),
        WORKLOAD(answers_without_a_token),
        WORKLOAD(answers_that_are_no_answers),
        WORKLOAD(the_file_may_come_late),
        cmocka_unit_test_setup_teardown(managed_asks_the_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(managed_waits_for_updates, setup, teardown),
        cmocka_unit_test_setup_teardown(environment_is_checked, setup, teardown),
        WORKLOAD(requests_bear_the_token),
        WORKLOAD(no_token_is_no_request),
        WORKLOAD(never_over_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
