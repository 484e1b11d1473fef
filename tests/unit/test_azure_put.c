/* Putting blobs into Azure: one blob whatever happens on the way, and the container made when it is missing. */
#include "blobs/blobs_azure.h"
#include "unit/azure_fixture.h"

#define BYTES "some text"
#define OTHER_MD5 "1B2M2Y8AsgTpgAmY7PhCfg==" /* of nothing */

static void text_name(const char *bytes, char out[BLOB_NAME_MAX]) {
    test_name(bytes, strlen(bytes), out);
}

static void what_goes_out(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    char target[512];
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 1); /* nothing is asked before */
    const struct fake_seen *seen = fake_azure_seen(test->fake, 0);
    text_name(BYTES, name);
    (void)str_format(target, sizeof(target), "/account/documents/%s", name);
    assert_string_equal(seen->method, "PUT");
    assert_string_equal(seen->target, target);
    assert_string_equal(seen->if_none_match, "*");
    assert_string_equal(seen->if_match, "");
    assert_string_equal(seen->content_type, "text/plain; charset=utf-8");
    assert_string_equal(seen->content_md5, "VS4hzUzZkYZ448Gg30kbww==");
    assert_int_equal(test_writes(test, BYTES), 1);
}

static void an_empty_blob(void **state) {
    struct azure_test *test = *state;
    assert_true(test_put(test, "", OK, NULL));
    assert_int_equal(test_writes(test, ""), 1);
    assert_string_equal(fake_azure_seen(test->fake, 0)->content_md5, OTHER_MD5);
    assert_false(test_put(test, "", OK, NULL));
    assert_int_equal(test_writes(test, ""), 1);
}

static void one_that_is_there_stays(void **state) {
    struct azure_test *test = *state;
    assert_true(test_put(test, BYTES, OK, NULL));
    fake_azure_forget(test->fake);
    assert_false(test_put(test, BYTES, OK, NULL));
    assert_int_equal(test_writes(test, BYTES), 1);
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
    assert_string_equal(fake_azure_seen(test->fake, 1)->method, "HEAD"); /* once */
    assert_string_equal(test->operation, "check");
    assert_int_equal(test->sleep_count, 0);
    SCRIPT({.status = 412, .code = "ConditionNotMet"}); /* said so by other versions */
    assert_false(test_put(test, BYTES, OK, NULL));
    assert_int_equal(test_writes(test, BYTES), 1);
}

/* The service stores it and the answer is lost: the next try finds it there. */
static void a_lost_reply_after_the_commit(void **state) {
    struct azure_test *test = *state;
    SCRIPT({0}, {.lost = true});
    assert_true(test_put(test, "opens a connection", OK, NULL));
    assert_false(test_put(test, BYTES, OK, NULL));
    assert_int_equal(test_writes(test, BYTES), 1);
    assert_int_equal(fake_azure_blob_count(test->fake), 2);
    static const struct fake_step after_busy[] = {
        {.status = 503}, {.lost = true}, {.status = 500}, {0}, {.status = 503}};
    fake_azure_script(test->fake, after_busy, COUNT_OF(after_busy));
    assert_false(test_put(test, "more", OK, NULL)); /* the HEAD has tries of its own */
    assert_int_equal(test_writes(test, "more"), 1);
}

static void damage_is_put_right(void **state) {
    struct azure_test *test = *state;
    static const struct {
        const char *bytes;
        const char *md5;
    } damaged[] = {
        {"", OTHER_MD5},                             /* cut */
        {"some texT", "AAAAAAAAAAAAAAAAAAAAAA=="},   /* as long, other bytes */
        {"some text and more", OTHER_MD5},           /* longer */
        {"some text", NULL},                         /* nobody can say what it is */
        {"some texxxt", "VS4hzUzZkYZ448Gg30kbww=="}, /* its MD5 is a lie */
    };
    char name[BLOB_NAME_MAX];
    text_name(BYTES, name);
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        fake_azure_set_blob(test->fake, name, damaged[i].bytes, damaged[i].md5);
        fake_azure_forget(test->fake);
        assert_true(test_put(test, BYTES, OK, NULL));
        assert_int_equal(test_writes(test, BYTES), 1);
        assert_int_equal(fake_azure_seen_count(test->fake), 3);
        assert_true(fake_azure_seen(test->fake, 2)->if_match[0] == '"'); /* only the one that was looked at */
        assert_string_equal(fake_azure_seen(test->fake, 2)->if_none_match, "");
    }
}

/* A SAS may allow to create and not to overwrite. */
static void one_that_may_not_be_overwritten(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    text_name(BYTES, name);
    fake_azure_set_blob(test->fake, name, BYTES, "VS4hzUzZkYZ448Gg30kbww==");
    SCRIPT({.status = 403, .code = "UnauthorizedBlobOverwrite"}, {0},
           {.status = 403, .code = "UnauthorizedBlobOverwrite"}, {0},
           {.status = 403, .code = "UnauthorizedBlobOverwrite"});
    assert_false(test_put(test, BYTES, OK, NULL));
    fake_azure_set_blob(test->fake, name, "damaged", OTHER_MD5);
    fake_azure_forget(test->fake);
    test_put(test, BYTES, DENIED, "blobs_denied");
    assert_int_equal(fake_azure_seen_count(test->fake), 3);
}

/* Somebody else puts it right between our look and our put. */
static void damage_that_another_puts_right(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    text_name(BYTES, name);
    fake_azure_set_blob(test->fake, name, BYTES, "VS4hzUzZkYZ448Gg30kbww==");
    SCRIPT({.status = 409, .code = "BlobAlreadyExists"},
           {.status = 200, .headers = "ETag: \"old\"\r\nContent-MD5: " OTHER_MD5 "\r\n"}, {0}, {0});
    assert_false(test_put(test, BYTES, OK, NULL));
    assert_int_equal(test_writes(test, BYTES), 0);
    assert_int_equal(fake_azure_seen_count(test->fake), 4); /* PUT, HEAD, PUT If-Match: 412, HEAD */
    assert_string_equal(fake_azure_seen(test->fake, 2)->if_match, "\"old\"");
}

/* And one that is removed in between is put as if it had never been there. */
static void one_that_vanishes(void **state) {
    struct azure_test *test = *state;
    SCRIPT({.status = 409, .code = "BlobAlreadyExists"}, {.status = 404, .code = "BlobNotFound"});
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(test_writes(test, BYTES), 1);
    assert_string_equal(fake_azure_seen(test->fake, 2)->if_none_match, "*");
}

static void one_that_never_keeps_still(void **state) {
    struct azure_test *test = *state;
    struct fake_step steps[20];
    for (size_t i = 0; i < COUNT_OF(steps); i += 2) {
        steps[i] = (struct fake_step){.status = 409, .code = "BlobAlreadyExists"};
        steps[i + 1] = (struct fake_step){.status = 404, .code = "BlobNotFound"};
    }
    fake_azure_script(test->fake, steps, COUNT_OF(steps));
    test_put(test, BYTES, RETRY, "blobs_busy");
    assert_int_equal(fake_azure_seen_count(test->fake), 10);
}

static void a_look_that_fails_is_no_success(void **state) {
    struct azure_test *test = *state;
    SCRIPT({.status = 409, .code = "BlobAlreadyExists"}, {.status = 403, .code = "AuthorizationFailure"},
           {.status = 409, .code = "BlobAlreadyExists"}, {.status = 200, .headers = "ETag: \"1\"\r\n", .foreign = true},
           {.status = 409, .code = "BlobAlreadyExists"}, {.status = 200});
    test_put(test, BYTES, DENIED, "blobs_denied");
    test_put(test, BYTES, RETRY, "blobs_answer");
    test_put(test, BYTES, RETRY, "blobs_answer"); /* it says no ETag to replace */
    assert_int_equal(test_writes(test, BYTES), -1);
}

static void a_wrong_md5_is_final(void **state) {
    struct azure_test *test = *state;
    SCRIPT({.status = 400, .code = "Md5Mismatch"}, {.status = 400, .code = "InvalidOperation"});
    test_put(test, BYTES, INVALID, "blobs_refused");
    test_put(test, BYTES, INVALID, "blobs_refused");
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
    assert_int_equal(test_writes(test, BYTES), -1);
}

/* A body of 4 MiB and more waits for "100 Continue", and goes over an old connection all the same. */
static void large_blobs(void **state) {
    struct azure_test *test = *state;
    size_t size = 5 * 1024 * 1024;
    char *bytes = x_alloc(size + 1);
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    bool created = false;
    int writes = 0;
    memset(bytes, 'x', size);
    test_name(bytes, size, name);
    SCRIPT({0}, {.lost = true});
    assert_true(test_put(test, "opens a connection", OK, NULL));
    expect(test->backend->put(test->self, name, bytes, size, &created, &err), &err, OK, NULL);
    assert_false(created);
    const char *there = fake_azure_blob(test->fake, name, &writes);
    assert_int_equal(writes, 1);
    assert_int_equal(strlen(there), size);
    free(bytes);
}

/* ---- the container ---- */

static void the_container_is_made_once(void **state) {
    struct azure_test *test = *state;
    fake_azure_set_container(test->fake, false);
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 3);
    assert_string_equal(fake_azure_seen(test->fake, 1)->method, "PUT");
    assert_string_equal(fake_azure_seen(test->fake, 1)->target, "/account/documents?restype=container");
    assert_string_equal(fake_azure_seen(test->fake, 1)->content_type, "");
    assert_true(fake_azure_container(test->fake));
    assert_int_equal(test_writes(test, BYTES), 1);
    SCRIPT({.status = 404, .code = "ContainerNotFound"}, {.status = 201}, {.status = 404, .code = "ContainerNotFound"});
    test_put(test, "more", GONE, "no_container"); /* not for ever */
}

static void another_made_it_first(void **state) {
    struct azure_test *test = *state;
    SCRIPT({.status = 404, .code = "ContainerNotFound"}, {.status = 409, .code = "ContainerAlreadyExists"});
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 3);
    assert_int_equal(test_writes(test, BYTES), 1);
}

static void a_container_being_deleted_is_waited_for(void **state) {
    struct azure_test *test = *state;
    struct fake_step steps[10];
    for (size_t i = 0; i < COUNT_OF(steps); i++) { /* more often than other failures are tried again */
        steps[i] = (struct fake_step){.status = 409, .code = "ContainerBeingDeleted", .headers = "Retry-After: 5\r\n"};
    }
    steps[0] = (struct fake_step){.status = 404, .code = "ContainerNotFound"};
    fake_azure_set_container(test->fake, false);
    fake_azure_script(test->fake, steps, 8);
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 10); /* no such container, 7 waits, made, stored */
    assert_int_equal(test_writes(test, BYTES), 1);
}

static void but_not_past_the_deadline(void **state) {
    struct azure_test *test = *state;
    struct fake_step steps[20];
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        steps[i] = (struct fake_step){.status = 409, .code = "ContainerBeingDeleted", .headers = "Retry-After: 25\r\n"};
    }
    fake_azure_script(test->fake, steps, COUNT_OF(steps));
    test_put(test, BYTES, RETRY, "blobs_timeout");
    assert_int_equal(fake_azure_seen_count(test->fake), 3);
    assert_int_equal(test->sleep_count, 2);
}

static void unless_told_not_to(void **state) {
    struct azure_test *test = *state;
    struct error err = {0};
    azure_test_close(test);
    test->config.create = false;
    fake_azure_set_container(test->fake, false);
    expect(azure_test_try_open(test, &err), &err, GONE, "no_container");
    fake_azure_set_container(test->fake, true);
    azure_test_open(test);
    fake_azure_set_container(test->fake, false);
    test_put(test, BYTES, GONE, "no_container");
    assert_false(fake_azure_container(test->fake));
    SCRIPT({.status = 409, .code = "ContainerBeingDeleted"});
    test_put(test, BYTES, GONE, "no_container");
    assert_int_equal(test->sleep_count, 0);
}

/* ---- opening ---- */

static void opening_asks_for_the_container(void **state) {
    struct azure_test *test = *state;
    struct error err = {0};
    azure_test_close(test);
    fake_azure_set_container(test->fake, false);
    azure_test_open(test);
    assert_true(fake_azure_container(test->fake));
    azure_test_close(test);
    fake_azure_forget(test->fake);
    expect(azure_test_try_open(test, &err), &err, OK, NULL);
    assert_int_equal(fake_azure_seen_count(test->fake), 1); /* one that is there is only looked at */
    assert_string_equal(fake_azure_seen(test->fake, 0)->method, "HEAD");
    assert_string_equal(test->operation, "container");
}

/* A wrong key is known at once; a SAS or role that may write blobs but not ask for containers is good enough; a service
 * that is away may come back. */
static void opening_says_what_will_never_work(void **state) {
    struct azure_test *test = *state;
    static const struct {
        struct fake_step step;
        enum outcome with_key;
        enum outcome with_sas;
        const char *code;
    } answers[] = {
        {{.status = 403, .code = "AuthenticationFailed"}, DENIED, DENIED, "blobs_denied"},
        {{.status = 400, .code = "InvalidUri"}, INVALID, INVALID, "blobs_refused"},
        {{.status = 403, .code = "AuthorizationPermissionMismatch"}, DENIED, OK, "blobs_denied"},
        {{.status = 403, .code = "AuthorizationFailure"}, DENIED, OK, "blobs_denied"},
        {{.status = 403, .code = "InsufficientAccountPermissions"}, DENIED, OK, "blobs_denied"},
        {{.status = 503, .headers = "Retry-After: 11\r\n"}, OK, OK, NULL},
        {{.status = 404, .foreign = true}, OK, OK, NULL},
    };
    char key[sizeof(test->conn)];
    (void)str_copy(key, sizeof(key), test->conn);
    for (size_t i = 0; i < 2 * COUNT_OF(answers); i++) {
        struct error err = {0};
        bool sas = i % 2;
        azure_test_close(test);
        test->sleep_count = 0;
        (void)str_copy(test->conn, sizeof(test->conn), key);
        if (sas) {
            (void)str_format(test->conn, sizeof(test->conn), "BlobEndpoint=%s;SharedAccessSignature=%s",
                             fake_azure_url(test->fake), TEST_SAS);
        }
        fake_azure_script(test->fake, &answers[i / 2].step, 1);
        expect(azure_test_try_open(test, &err), &err, sas ? answers[i / 2].with_sas : answers[i / 2].with_key,
               answers[i / 2].code);
        assert_int_equal(test->sleep_count, 0); /* 11 s are too long here */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        AZURE_CASE(what_goes_out),
        AZURE_CASE(an_empty_blob),
        AZURE_CASE(one_that_is_there_stays),
        AZURE_CASE(a_lost_reply_after_the_commit),
        AZURE_CASE(damage_is_put_right),
        AZURE_CASE(damage_that_another_puts_right),
        AZURE_CASE(one_that_may_not_be_overwritten),
        AZURE_CASE(one_that_vanishes),
        AZURE_CASE(one_that_never_keeps_still),
        AZURE_CASE(a_look_that_fails_is_no_success),
        AZURE_CASE(a_wrong_md5_is_final),
        AZURE_CASE(large_blobs),
        AZURE_CASE(the_container_is_made_once),
        AZURE_CASE(another_made_it_first),
        AZURE_CASE(a_container_being_deleted_is_waited_for),
        AZURE_CASE(but_not_past_the_deadline),
        AZURE_CASE(unless_told_not_to),
        AZURE_CASE(opening_asks_for_the_container),
        AZURE_CASE(opening_says_what_will_never_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
