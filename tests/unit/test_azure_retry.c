/* Requests to Azure: what is tried again, how often, after how long, and what is final. */
#include "blobs/azure_request.h"
#include "unit/azure_fixture.h"

#define BYTES "some text"

/* ---- tried again ---- */

static void passing_statuses_are_tried_again(void **state) {
    struct azure_test *test = *state;
    static const struct fake_step passing[] = {
        {.status = 408}, {.status = 429}, {.status = 500, .code = "InternalError"},
        {.status = 502}, {.status = 504}, {.status = 503, .code = "ServerBusy"},
    };
    for (size_t i = 0; i < COUNT_OF(passing); i++) {
        char bytes[32];
        fake_azure_forget(test->fake);
        fake_azure_script(test->fake, &passing[i], 1);
        (void)str_format(bytes, sizeof(bytes), "text %zu", i);
        assert_true(test_put(test, bytes, OK, NULL));
        assert_int_equal(fake_azure_seen_count(test->fake), 2);
        assert_int_equal(test_writes(test, bytes), 1);
        assert_string_equal(test->operation, "put");
        assert_int_equal(test->status, 201);
        assert_int_equal(test->tries, 2);
    }
    assert_int_equal(test->sleep_count, COUNT_OF(passing));
}

static void five_tries_and_no_more(void **state) {
    struct azure_test *test = *state;
    struct fake_step busy = {.status = 503, .code = "ServerBusy"};
    struct fake_step steps[8];
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        steps[i] = busy;
    }
    fake_azure_script(test->fake, steps, COUNT_OF(steps));
    test_put(test, BYTES, RETRY, "blobs_busy");
    assert_int_equal(fake_azure_seen_count(test->fake), 5);
    assert_int_equal(test->tries, 5);
    assert_int_equal(test->status, 503);
    assert_int_equal(test->sleep_count, 4);
    assert_int_equal(test_writes(test, BYTES), -1);
}

/* Full jitter: anything from 0 to 0.5, 1, 2, 4 s. */
static void pauses_grow_and_differ(void **state) {
    struct azure_test *test = *state;
    struct fake_step steps[5];
    int64_t longest_ms[4] = {0};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        steps[i] = (struct fake_step){.status = 503};
    }
    for (int round = 0; round < 40; round++) {
        test->sleep_count = 0;
        fake_azure_forget(test->fake);
        fake_azure_script(test->fake, steps, COUNT_OF(steps));
        test_put(test, BYTES, RETRY, "blobs_busy");
        assert_int_equal(test->sleep_count, 4);
        for (int i = 0; i < 4; i++) {
            assert_in_range(test->sleeps_ms[i], 0, 500 << i);
            longest_ms[i] = test->sleeps_ms[i] > longest_ms[i] ? test->sleeps_ms[i] : longest_ms[i];
        }
    }
    for (int i = 0; i < 4; i++) { /* 40 draws all in the lower half: once in 10^12 */
        assert_true(longest_ms[i] > 250 << i);
    }
    for (int tries = 1; tries < 60; tries++) {
        assert_in_range(azure_pause_ms(tries, 0), 0, 20000);
    }
}

static void retry_after_is_obeyed(void **state) {
    struct azure_test *test = *state;
    SCRIPT({.status = 503, .headers = "Retry-After: 7\r\n"},
           {.status = 429, .headers = "x-ms-retry-after-ms: 8100\r\n"},
           {.status = 503, .headers = "Retry-After: 3\r\nx-ms-retry-after-ms: 9200\r\n"});
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(test->sleep_count, 3);
    assert_int_equal(test->sleeps_ms[0], 7000);
    assert_int_equal(test->sleeps_ms[1], 8100);
    assert_int_equal(test->sleeps_ms[2], 9200);
}

/* Who is asked to wait longer than there is time gives up at once, and says for how long. */
static void never_past_the_deadline(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    bool created = false;
    SCRIPT({.status = 503, .code = "ServerBusy", .headers = "Retry-After: 61\r\n"});
    test_name(BYTES, strlen(BYTES), name);
    expect(test->backend->put(test->self, name, BYTES, strlen(BYTES), &created, &err), &err, RETRY, "blobs_timeout");
    assert_int_equal(err.retry_after_ms, 61000);
    assert_non_null(strstr(err.message, "503 ServerBusy (request 5f3c-"));
    assert_int_equal(fake_azure_seen_count(test->fake), 1);
    assert_int_equal(test->sleep_count, 0);

    static const struct fake_step slow[] = {{.status = 503, .headers = "Retry-After: 25\r\n"},
                                            {.status = 503, .headers = "Retry-After: 25\r\n"},
                                            {.status = 503, .headers = "Retry-After: 25\r\n"}};
    fake_azure_forget(test->fake);
    fake_azure_script(test->fake, slow, COUNT_OF(slow));
    test_put(test, BYTES, RETRY, "blobs_timeout");
    assert_int_equal(fake_azure_seen_count(test->fake), 3); /* at 0, 25 and 50 s; 75 would be too late */
    assert_int_equal(test->sleep_count, 2);
}

static void a_hanging_answer_ends_with_the_deadline(void **state) {
    struct azure_test *test = *state;
    azure_test_close(test);
    test->world.timeout_ms = 400;
    azure_test_open(test);
    SCRIPT({.hang = true});
    int64_t begin_ms = clock_monotonic_ms();
    test_put(test, BYTES, RETRY, "blobs_timeout");
    assert_in_range(clock_monotonic_ms() - begin_ms, 350, 10000);
    assert_in_range(fake_azure_seen_count(test->fake), 1, 2); /* libcurl may give up a millisecond early */
    assert_int_equal(test->status, 0);
}

static void a_stalling_answer_is_tried_again(void **state) {
    struct azure_test *test = *state;
    azure_test_close(test);
    test->world.stall_s = 1;
    azure_test_open(test);
    SCRIPT({.hang = true});
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
}

static void broken_connections_are_tried_again(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    AUTO_BUF struct buf got = BUF_INIT(1000);
    SCRIPT({.reset = true}, {.reset = true}, {0}, {.cut = true}, {.status = 500, .body = "half", .cut = true}, {0});
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(test_writes(test, BYTES), 1);
    assert_in_range(test->tries, 2, 3); /* libcurl may repeat the first by itself: its connection was an old one */
    test_name(BYTES, strlen(BYTES), name);
    assert_true(buf_append_str(&got, "before ")); /* a body cut in the middle leaves nothing behind */
    expect(test->backend->get(test->self, name, &got, &err), &err, OK, NULL);
    assert_string_equal(buf_str(&got), "before " BYTES);
    assert_int_equal(test->tries, 3);
}

static void nobody_there(void **state) {
    struct azure_test *test = *state;
    char closed[256];
    struct fake_azure *gone = fake_azure_start();
    (void)str_format(closed, sizeof(closed), "AccountName=account;AccountKey=" TEST_KEY ";BlobEndpoint=%s",
                     fake_azure_url(gone));
    fake_azure_stop(gone);
    azure_test_close(test);
    test->config.azure_conn = closed;
    azure_test_open(test); /* is no failure: it may come back */
    test_put(test, BYTES, RETRY, "blobs_down");
    assert_int_equal(test->tries, 5);
    assert_int_equal(test->status, 0);
}

static void each_try_is_signed_anew_under_one_id(void **state) {
    struct azure_test *test = *state;
    char id[64];
    SCRIPT({.status = 503, .headers = "Retry-After: 2\r\n"}, {.status = 503, .headers = "Retry-After: 2\r\n"});
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 3);
    (void)str_copy(id, sizeof(id), fake_azure_seen(test->fake, 0)->client_request_id);
    assert_true(str_is_hex(id, 32));
    for (int i = 0; i < 3; i++) {
        const struct fake_seen *seen = fake_azure_seen(test->fake, i);
        assert_string_equal(seen->client_request_id, id);
        assert_true(str_starts_with(seen->authorization, "SharedKey account:"));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(seen->date, fake_azure_seen(test->fake, k)->date);
            assert_string_not_equal(seen->authorization, fake_azure_seen(test->fake, k)->authorization);
        }
    }
    fake_azure_forget(test->fake);
    assert_true(test_put(test, "another", OK, NULL));
    assert_string_not_equal(fake_azure_seen(test->fake, 0)->client_request_id, id);
}

/* ---- final ---- */

static void final_statuses_are_final(void **state) {
    struct azure_test *test = *state;
    static const struct {
        struct fake_step step;
        enum outcome outcome;
        const char *code;
    } final[] = {
        {{.status = 400, .code = "InvalidHeaderValue"}, INVALID, "blobs_refused"},
        {{.status = 400, .code = "Md5Mismatch"}, INVALID, "blobs_refused"},
        {{.status = 401, .code = "NoAuthenticationInformation"}, DENIED, "blobs_denied"},
        {{.status = 403, .code = "AuthenticationFailed"}, DENIED, "blobs_denied"},
        {{.status = 404, .code = "ResourceNotFound"}, GONE, "no_blob"},
        {{.status = 405, .code = "UnsupportedHttpVerb"}, INVALID, "blobs_refused"},
        {{.status = 409, .code = "BlobImmutableDueToPolicy"}, INVALID, "blob_conflict"},
        {{.status = 412, .code = "LeaseIdMissing"}, INVALID, "blob_conflict"},
        {{.status = 413, .code = "RequestBodyTooLarge"}, INVALID, "too_large"},
        {{.status = 501, .code = "NotImplemented"}, INVALID, "blobs_refused"},
        {{.status = 200}, RETRY, "blobs_answer"}, /* a success, but not this one's */
        {{.status = 302, .headers = "Location: http://127.0.0.1/elsewhere\r\n"}, INVALID, "blobs_refused"},
    };
    for (size_t i = 0; i < COUNT_OF(final); i++) {
        fake_azure_forget(test->fake);
        fake_azure_script(test->fake, &final[i].step, 1);
        test_put(test, BYTES, final[i].outcome, final[i].code);
        assert_int_equal(fake_azure_seen_count(test->fake), 1);
        assert_int_equal(test->tries, 1);
        assert_int_equal(test->status, final[i].step.status);
        assert_int_equal(test_writes(test, BYTES), -1);
    }
    assert_int_equal(test->sleep_count, 0);
}

static void messages_say_code_and_request(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    char wanted[256];
    struct error err = {0};
    bool created = false;
    test_name(BYTES, strlen(BYTES), name);
    SCRIPT({.status = 403, .code = "AuthenticationFailed"}, {.status = 403, .body = "<Error><Code>FromTheBody</Code>"},
           {.status = 403, .body = "<Error><Code>" SECRET " with blanks</Code></Error>"},
           {.status = 403, .headers = "x-ms-error-code: An&Odd/One\r\n"});
    static const char *const said[] = {"403 AuthenticationFailed (request 5f3c-", "403 FromTheBody (request 5f3c-",
                                       "403 (request 5f3c-", "403 (request 5f3c-"};
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        expect(test->backend->put(test->self, name, BYTES, strlen(BYTES), &created, &err), &err, DENIED,
               "blobs_denied");
        (void)str_format(wanted, sizeof(wanted), "blob store: cannot put %s: %s", name, said[i]);
        if (!str_starts_with(err.message, wanted)) {
            fail_msg("%s, wanted %s", err.message, wanted);
        }
    }
}

#define HTML "<!DOCTYPE html><html><body><h1>Bad gateway</h1> " SECRET "</body></html>"

/* A proxy's word is none of the service's: nothing is concluded from it. */
static void a_proxy_in_between(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    AUTO_BUF struct buf got = BUF_INIT(1000);
    SCRIPT({.status = 502, .body = HTML, .foreign = true, .headers = "Content-Type: text/html\r\n"}, {0},
           {.status = 404, .body = HTML, .foreign = true}, {.status = 403, .body = HTML, .foreign = true},
           {.status = 200, .body = HTML, .foreign = true}, {.status = 201, .foreign = true});
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
    test_name(BYTES, strlen(BYTES), name);
    for (int i = 0; i < 3; i++) {
        expect(test->backend->get(test->self, name, &got, &err), &err, RETRY, "blobs_answer");
        assert_int_equal(got.size_bytes, 0);
    }
    test_put(test, "other", RETRY, "blobs_answer");
    assert_int_equal(test_writes(test, "other"), -1);
    assert_int_equal(fake_azure_seen_count(test->fake), 6);
}

/* No more than 64 KiB is read of it: the rest, which does not come here, is not waited for. */
static void error_bodies_are_capped(void **state) {
    struct azure_test *test = *state;
    size_t size = 400 * 1024;
    char *big = x_alloc(size + 1);
    memset(big, 'x', size);
    static const char start[] = "<Error><Message>";
    memcpy(big, start, sizeof(start) - 1);
    const struct fake_step steps[] = {{.status = 403, .body = big, .body_size = size, .stuck = true},
                                      {.status = 503, .body = big, .body_size = size, .stuck = true}};
    fake_azure_script(test->fake, steps, COUNT_OF(steps));
    test_put(test, BYTES, DENIED, "blobs_denied");
    assert_int_equal(fake_azure_seen_count(test->fake), 1);
    assert_true(test_put(test, BYTES, OK, NULL)); /* 503, then the service */
    assert_int_equal(fake_azure_seen_count(test->fake), 3);
    free(big);
}

/* ---- clock ---- */

static void a_wrong_clock_is_put_right(void **state) {
    struct azure_test *test = *state;
    const int64_t ahead_ms = 40 * 60 * 1000;
    SCRIPT({.status = 403, .code = "AuthenticationFailed"});
    fake_azure_shift_clock(test->fake, ahead_ms);
    int64_t real_ms = clock_real_ms();
    int64_t first_ms = 0;
    int64_t second_ms = 0;
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
    assert_int_equal(test->sleep_count, 0);
    assert_true(azure_date_parse(fake_azure_seen(test->fake, 0)->date, &first_ms));
    assert_true(azure_date_parse(fake_azure_seen(test->fake, 1)->date, &second_ms));
    assert_in_range(first_ms - real_ms + 2000, 0, 30000);
    assert_in_range(second_ms - real_ms - ahead_ms + 3000, 0, 30000);
    assert_in_range(test->backend->clock_offset_ms(test->self) - ahead_ms + 3000, 0, 30000);
    fake_azure_forget(test->fake); /* and stays right */
    assert_true(test_put(test, "more", OK, NULL));
    assert_true(azure_date_parse(fake_azure_seen(test->fake, 0)->date, &first_ms));
    assert_in_range(first_ms - real_ms - ahead_ms + 3000, 0, 60000);
}

/* A clock that is a little off is left alone, and then a 403 is final. */
static void a_small_offset_is_not_applied(void **state) {
    struct azure_test *test = *state;
    SCRIPT({0}, {.status = 403, .code = "AuthenticationFailed"});
    fake_azure_shift_clock(test->fake, 50 * 1000);
    int64_t date_ms = 0;
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_in_range(test->backend->clock_offset_ms(test->self), 40 * 1000, 55 * 1000);
    fake_azure_forget(test->fake);
    int64_t real_ms = clock_real_ms();
    test_put(test, "more", DENIED, "blobs_denied");
    assert_int_equal(fake_azure_seen_count(test->fake), 1);
    assert_true(azure_date_parse(fake_azure_seen(test->fake, 0)->date, &date_ms));
    assert_in_range(date_ms - real_ms + 2000, 0, 30000);
}

/* The clock of this machine jumps, and the next answer says so. */
static void a_clock_that_is_right_again(void **state) {
    struct azure_test *test = *state;
    fake_azure_shift_clock(test->fake, -40 * 60 * 1000);
    assert_true(test_put(test, BYTES, OK, NULL));
    assert_true(test->backend->clock_offset_ms(test->self) < -39 * 60 * 1000);
    fake_azure_shift_clock(test->fake, 0);
    assert_true(test_put(test, "more", OK, NULL));
    assert_in_range(test->backend->clock_offset_ms(test->self) + 3000, 0, 6000);
}

/* What a proxy takes for the time is not the service's. */
static void a_proxys_clock_does_not_count(void **state) {
    struct azure_test *test = *state;
    SCRIPT({.status = 502, .foreign = true, .headers = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
           {.status = 503, .headers = "Retry-After: 61\r\n", .foreign = true});
    test_put(test, BYTES, RETRY, "blobs_timeout");
    assert_in_range(test->backend->clock_offset_ms(test->self) + 60000, 0, 120000);
}

static void a_403_of_another_reason_is_not_tried_for_ever(void **state) {
    struct azure_test *test = *state;
    struct fake_step steps[8];
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        steps[i] = (struct fake_step){.status = 403, .code = "AuthenticationFailed"};
    }
    fake_azure_shift_clock(test->fake, 40 * 60 * 1000);
    fake_azure_script(test->fake, steps, COUNT_OF(steps));
    test_put(test, BYTES, DENIED, "blobs_denied");
    assert_int_equal(fake_azure_seen_count(test->fake), 2); /* once more with the other time */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        AZURE_CASE(passing_statuses_are_tried_again),
        AZURE_CASE(five_tries_and_no_more),
        AZURE_CASE(pauses_grow_and_differ),
        AZURE_CASE(retry_after_is_obeyed),
        AZURE_CASE(never_past_the_deadline),
        AZURE_CASE(a_hanging_answer_ends_with_the_deadline),
        AZURE_CASE(a_stalling_answer_is_tried_again),
        AZURE_CASE(broken_connections_are_tried_again),
        AZURE_CASE(nobody_there),
        AZURE_CASE(each_try_is_signed_anew_under_one_id),
        AZURE_CASE(final_statuses_are_final),
        AZURE_CASE(messages_say_code_and_request),
        AZURE_CASE(a_proxy_in_between),
        AZURE_CASE(error_bodies_are_capped),
        AZURE_CASE(a_wrong_clock_is_put_right),
        AZURE_CASE(a_small_offset_is_not_applied),
        AZURE_CASE(a_clock_that_is_right_again),
        AZURE_CASE(a_proxys_clock_does_not_count),
        AZURE_CASE(a_403_of_another_reason_is_not_tried_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
