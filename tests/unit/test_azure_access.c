/* What requests to Azure are made with: a SAS, a key in a mounted file that is changed while the program runs. */
#include "base/num.h"
#include "blobs/azure_access.h"
#include "support/folder.h"
#include "unit/azure_fixture.h"

#include <sched.h>
#include <unistd.h>

#define OTHER_KEY "S3cretS3cretS3cretS3cretS3cretS3cretS3cretS3crEt"

struct mounted {
    struct azure_test test;
    char folder[FOLDER_PATH_MAX];
    char file[FOLDER_PATH_MAX];
};

static void write_file(struct mounted *mounted, const char *account, const char *key) {
    char text[1024];
    (void)str_format(text, sizeof(text), "AccountName=%s;\nAccountKey=%s;\nBlobEndpoint=%s\n", account, key,
                     fake_azure_url(mounted->test.fake));
    folder_write(mounted->folder, "conn", text, mounted->file);
}

static int setup(void **state) {
    struct mounted *mounted = x_alloc(sizeof(*mounted));
    azure_test_start(&mounted->test);
    folder_make(mounted->folder);
    write_file(mounted, "one", TEST_KEY);
    mounted->test.config.azure_conn = NULL;
    mounted->test.config.azure_conn_file = mounted->file;
    azure_test_open(&mounted->test);
    *state = mounted;
    return 0;
}

static int teardown(void **state) {
    struct mounted *mounted = *state;
    azure_test_close(&mounted->test);
    fake_azure_stop(mounted->test.fake);
    folder_remove(mounted->folder);
    pthread_mutex_destroy(&mounted->test.lock);
    free(mounted);
    return 0;
}

static bool last_was_by(struct azure_test *test, const char *account) {
    char start[64];
    (void)str_format(start, sizeof(start), "SharedKey %s:", account);
    return str_starts_with(fake_azure_seen(test->fake, fake_azure_seen_count(test->fake) - 1)->authorization, start);
}

static void a_changed_key_is_used_when_the_old_one_is_refused(void **state) {
    struct mounted *mounted = *state;
    struct azure_test *test = &mounted->test;
    assert_true(test_put(test, "one", OK, NULL));
    assert_true(last_was_by(test, "one"));
    static const int refusals[] = {403, 401};
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        char account[8];
        char bytes[8];
        const struct fake_step step = {.status = refusals[i], .code = "AuthenticationFailed"};
        (void)str_format(account, sizeof(account), "two%zu", i);
        (void)str_format(bytes, sizeof(bytes), "two%zu", i);
        write_file(mounted, account, OTHER_KEY);
        fake_azure_forget(test->fake);
        fake_azure_script(test->fake, &step, 1);
        assert_true(test_put(test, bytes, OK, NULL));
        assert_int_equal(fake_azure_seen_count(test->fake), 2);
        assert_true(last_was_by(test, account));
        assert_int_equal(test->sleep_count, 0);
    }
    SCRIPT({.status = 403, .code = "AuthenticationFailed"}); /* nothing new in the file: final */
    fake_azure_forget(test->fake);
    test_put(test, "three", DENIED, "blobs_denied");
    assert_int_equal(fake_azure_seen_count(test->fake), 1);
}

static void the_same_account_with_another_key(void **state) {
    struct mounted *mounted = *state;
    struct azure_test *test = &mounted->test;
    SCRIPT({.status = 403, .code = "AuthenticationFailed"});
    write_file(mounted, "one", OTHER_KEY);
    assert_true(test_put(test, "one", OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
}

static void the_file_is_read_every_minute(void **state) {
    struct mounted *mounted = *state;
    struct azure_test *test = &mounted->test;
    write_file(mounted, "two", TEST_KEY);
    assert_true(test_put(test, "a", OK, NULL));
    assert_true(last_was_by(test, "one"));
    test_sleep_ms(test, 61000);
    assert_true(test_put(test, "b", OK, NULL));
    assert_true(last_was_by(test, "two"));
}

static void a_file_that_is_no_good_changes_nothing(void **state) {
    struct mounted *mounted = *state;
    struct azure_test *test = &mounted->test;
    static const char *const bad[] = {"", "S3cret", "AccountName=x;AccountKey=S3cret",
                                      "BlobEndpoint=http://example.org"};
    for (size_t i = 0; i <= COUNT_OF(bad); i++) {
        char bytes[16];
        (void)str_format(bytes, sizeof(bytes), "text %zu", i);
        if (i < COUNT_OF(bad)) {
            folder_write(mounted->folder, "conn", bad[i], NULL);
        } else {
            assert_int_equal(unlink(mounted->file), 0);
        }
        test_sleep_ms(test, 61000);
        assert_true(test_put(test, bytes, OK, NULL));
        assert_true(last_was_by(test, "one"));
    }
    SCRIPT({.status = 403, .code = "AuthenticationFailed"});
    test_put(test, "more", DENIED, "blobs_denied");
    write_file(mounted, "two", TEST_KEY);
    test_sleep_ms(test, 61000);
    assert_true(test_put(test, "more", OK, NULL));
    assert_true(last_was_by(test, "two"));
}

static void a_first_file_must_be_good(void **state) {
    struct mounted *mounted = *state;
    struct azure_test *test = &mounted->test;
    struct error err = {0};
    azure_test_close(test);
    folder_write(mounted->folder, "conn", "AccountName=one;AccountKey=S3cret", NULL);
    expect(azure_test_try_open(test, &err), &err, INVALID, "bad_connection_string");
    assert_string_equal(err.message,
                        "the storage connection string: segment 2: its value is not base64, or too long for "
                        "a key");
    folder_write(mounted->folder, "conn", " \n", NULL);
    expect(azure_test_try_open(test, &err), &err, INVALID, "bad_connection_string");
    assert_int_equal(unlink(mounted->file), 0);
    expect(azure_test_try_open(test, &err), &err, INVALID, "bad_connection_string");
    assert_string_equal(err.message, "the file of the storage connection string: there is none");
    assert_null(strstr(err.message, mounted->folder));
}

/* The string that the settings read counts, until the file says something else. */
static void string_and_file(void **state) {
    struct mounted *mounted = *state;
    struct azure_test *test = &mounted->test;
    azure_test_close(test);
    test->config.azure_conn = test->conn;
    azure_test_open(test);
    assert_true(test_put(test, "a", OK, NULL));
    assert_true(last_was_by(test, "account"));
    SCRIPT({.status = 403, .code = "AuthenticationFailed"});
    assert_true(test_put(test, "b", OK, NULL));
    assert_true(last_was_by(test, "one"));
}

static void a_sas_goes_into_the_query(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    bool created = false;
    azure_test_close(test);
    (void)str_format(test->conn, sizeof(test->conn), "BlobEndpoint=%s;SharedAccessSignature=%s",
                     fake_azure_url(test->fake), TEST_SAS);
    azure_test_open(test);
    assert_true(test_put(test, "text", OK, NULL));
    assert_true(str_ends_with(fake_azure_seen(test->fake, 0)->target, ".txt?" TEST_SAS));
    assert_string_equal(fake_azure_seen(test->fake, 0)->authorization, "");
    CLEANUP(blob_names_finish) struct blob_names page = {0};
    expect(test->backend->list(test->self, "", "", 10, &page, &err), &err, OK, NULL);
    assert_true(str_ends_with(fake_azure_seen(test->fake, 1)->target, "&maxresults=10&" TEST_SAS));
    SCRIPT({.status = 403,
            .code = "AuthenticationFailed",
            .body = "<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>" TEST_SAS
                    "</AuthenticationErrorDetail></Error>"});
    test_name("more", 4, name);
    expect(test->backend->put(test->self, name, "more", 4, &created, &err), &err, DENIED, "blobs_denied");
    azure_test_close(test);
    test->world.timeout_ms = 200;
    azure_test_open(test);
    static const struct fake_step hang = {.hang = true};
    fake_azure_script(test->fake, &hang, 1);
    expect(test->backend->put(test->self, name, "more", 4, &created, &err), &err, RETRY, "blobs_timeout");
}

struct caller {
    struct azure_test *test;
    int number;
    int failures;
};

static void *put_some(void *context) {
    struct caller *caller = context;
    for (int i = 0; i < 10; i++) {
        char bytes[32];
        char name[BLOB_NAME_MAX];
        bool created = false;
        struct error err = {0};
        (void)str_format(bytes, sizeof(bytes), "text %d", i % 4);
        test_name(bytes, strlen(bytes), name);
        caller->failures +=
            caller->test->backend->put(caller->test->self, name, bytes, strlen(bytes), &created, &err) != OK;
        test_sleep_ms(caller->test, 20000); /* so that the file is read again now and then */
    }
    return NULL;
}

/* A connection string that changes under the requests of several threads. */
static void many_threads(void **state) {
    struct mounted *mounted = *state;
    struct azure_test *test = &mounted->test;
    pthread_t threads[8];
    struct caller callers[COUNT_OF(threads)];
    azure_test_close(test);
    test->world.timeout_ms = (int64_t)24 * 3600 * 1000; /* one's sleep passes for all of them */
    azure_test_open(test);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        callers[i] = (struct caller){.test = test, .number = (int)i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_some, &callers[i]), 0);
        write_file(mounted, i % 2 ? "one" : "two", TEST_KEY);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].failures, 0);
    }
    assert_int_equal(fake_azure_blob_count(test->fake), 4);
}

static enum outcome look(struct azure_client *client, const struct azure_world *world, int64_t timeout_ms,
                         struct error *err) {
    struct azure_call call = {.operation = "test",
                              .expected = 200,
                              .message = {.method = "HEAD"},
                              .deadline_ms = azure_now_ms(world) + timeout_ms};
    struct azure_answer answer;
    azure_add_query(&call.message, "restype", "container");
    return azure_request(client, &call, &answer, err);
}

struct looker {
    struct azure_client *client;
    const struct azure_world *world;
    enum outcome outcome;
};

static void *look_for_long(void *context) {
    struct looker *looker = context;
    struct error err = {0};
    int64_t factor = 1;
    (void)num_parse(getenv("FILESURE_DEADLINE_FACTOR") ? getenv("FILESURE_DEADLINE_FACTOR") : "1", 1, 100, &factor);
    looker->outcome = look(looker->client, looker->world, 3000 * factor, &err);
    return NULL;
}

/* No more than 32 connections, however many ask; who gets none is told so in time. */
static void connections_are_bounded(void **state) {
    struct azure_test *test = *state;
    enum { CONNECTIONS = 32 };
    static struct fake_step steps[CONNECTIONS];
    pthread_t threads[CONNECTIONS];
    struct azure_access *access = NULL;
    struct error err = {0};
    expect(azure_access_create(test->conn, NULL, &test->world, &access, &err), &err, OK, NULL);
    struct looker looker = {.client = azure_client_create(access, &test->world, "documents", NULL, NULL),
                            .world = &test->world};
    struct looker lookers[CONNECTIONS];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        steps[i] = (struct fake_step){.hang = true};
    }
    fake_azure_script(test->fake, steps, CONNECTIONS);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        lookers[i] = looker;
        assert_int_equal(pthread_create(&threads[i], NULL, look_for_long, &lookers[i]), 0);
    }
    while (fake_azure_seen_count(test->fake) < CONNECTIONS) {
        (void)sched_yield();
    }
    expect(look(looker.client, looker.world, 300, &err), &err, RETRY, "blobs_timeout");
    assert_int_equal(fake_azure_seen_count(test->fake), CONNECTIONS);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(lookers[i].outcome, RETRY);
    }
    expect(look(looker.client, looker.world, 60000, &err), &err, OK, NULL); /* they are free again */
    azure_client_destroy(looker.client);
    azure_access_destroy(access);
}

#define MOUNTED(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        MOUNTED(a_changed_key_is_used_when_the_old_one_is_refused),
        MOUNTED(the_same_account_with_another_key),
        MOUNTED(the_file_is_read_every_minute),
        MOUNTED(a_file_that_is_no_good_changes_nothing),
        MOUNTED(a_first_file_must_be_good),
        MOUNTED(string_and_file),
        AZURE_CASE(a_sas_goes_into_the_query),
        MOUNTED(many_threads),
        AZURE_CASE(connections_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
