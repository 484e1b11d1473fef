/* The portal client's sessions, retries, Retry-After, and several downloads at once. */
#include "portal/portal.h"

#include "unit/portal_fixture.h"

/* ---- sessions ---- */

static void one_session(void **state) {
    struct fixture *fixture = *state;
    struct portal_company company;
    struct portal_numbers numbers;
    struct error err;
    assert_int_equal(portal_get_company(fixture->portal, CIN, &company, &err), OK);
    assert_string_equal(company.name, "Sample Ltd");
    expect_ok(fixture, NULL, 1);
    assert_int_equal(count(fixture, &fixture->sessions), 1);
    assert_string_equal(fixture->seen[0].cookie, "session=1");
    assert_string_equal(fixture->seen[0].target, "/filings/S1/document");
    assert_true(str_starts_with(fixture->seen[0].user_agent, "filesure/"));
    assert_true(strlen(fixture->seen[0].user_agent) > strlen("filesure/"));
    assert_int_equal(fake_connections(fixture->fake), 1); /* reused */
    portal_numbers(fixture->portal, &numbers);
    assert_int_equal(numbers.requests, 3);
    assert_int_equal(numbers.answered, 2); /* the session is not what anybody came for */
    assert_int_equal(numbers.errors, 0);
    assert_true(numbers.bytes > PDF_SIZE);
}

static bool first_is_401(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)request;
    if (n == 1)
        fake_answer_text(reply, 401, "", "who?");
    return n == 1;
}

static bool all_are_401(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    return first_is_401(fixture, n > 0, request, reply);
}

static void sessions_expire(void **state) {
    struct fixture *fixture = *state;
    expect_ok(fixture, first_is_401, 2);
    assert_int_equal(count(fixture, &fixture->sessions), 2);
    assert_string_equal(fixture->seen[1].cookie, "session=2");
    open_portal(fixture, 1, 1);
    int sessions = count(fixture, &fixture->sessions);
    expect_failure(fixture, all_are_401, RETRY, "portal_down", 2);
    assert_int_equal(count(fixture, &fixture->sessions) - sessions, 2); /* one for each answer, not a storm */
}

/* ---- retries ---- */

static bool every_fault_once(struct fixture *fixture, int n, const struct fake_request *request,
                             struct fake_reply *reply) {
    static const int statuses[] = {500, 503, 429, 408};
    (void)request;
    if (n <= 4) {
        fake_answer_text(reply, statuses[n - 1], "Content-Type: text/html\r\n", "<html>");
    } else if (n == 5) {
        reply->then = FAKE_RESET;
    } else if (n == 6) {
        fake_answer_claiming(reply, 200, "Content-Type: application/pdf\r\n", fixture->pdf, HALF, PDF_SIZE);
        reply->then = FAKE_CLOSE;
    }
    return n <= 6;
}

static void faults_are_retried(void **state) {
    struct fixture *fixture = *state;
    struct portal_numbers numbers;
    open_portal(fixture, 2, 120000);
    expect_ok(fixture, every_fault_once, 7);
    assert_string_equal(fixture->seen[6].range, ""); /* without an ETag nothing is resumed */
    portal_numbers(fixture->portal, &numbers);
    assert_in_range(numbers.errors, 5, 6); /* libcurl itself repeats what a reset took on a connection used before */
    assert_int_equal(numbers.answered, 2); /* the document and the 408 */
}

static bool always_500(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    fake_answer_text(reply, 500, "", "no");
    return true;
}

static bool always_reset(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    reply->then = FAKE_RESET;
    return true;
}

static void outages_end_in_time(void **state) {
    struct fixture *fixture = *state;
    struct portal_numbers numbers;
    struct filing_list list = {0};
    struct error err;
    open_portal(fixture, 1, 600);
    int64_t begin_ms = clock_monotonic_ms();
    expect_failure(fixture, always_500, RETRY, "portal_down", 0);
    expect_failure(fixture, always_reset, RETRY, "portal_down", 0);
    assert_int_equal(portal_list(fixture->portal, CIN, &list, &err), RETRY);
    assert_string_equal(err.code, "portal_down");
    assert_true(clock_monotonic_ms() - begin_ms < 30000);
    assert_true(count(fixture, &fixture->asked) > 1); /* and was tried more than once */
    portal_numbers(fixture->portal, &numbers);
    assert_int_equal(numbers.answered, 0);
}

static bool limited_first(struct fixture *fixture, int n, const struct fake_request *request,
                          struct fake_reply *reply) {
    (void)fixture;
    (void)request;
    if (n == 1)
        fake_answer_text(reply, 429, "Retry-After: 1\r\n", "");
    return n == 1;
}

static void retry_after_is_obeyed(void **state) {
    struct fixture *fixture = *state;
    expect_ok(fixture, limited_first, 2);
    assert_true(fixture->seen[1].at_ms - fixture->seen[0].at_ms >= 1000);
}

static bool limited_long(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    fake_answer_text(reply, n == 1 ? 429 : 503, "Retry-After: 600\r\n", "");
    return true;
}

static void long_retry_after_is_handed_up(void **state) {
    struct fixture *fixture = *state;
    struct portal_company company;
    struct error err;
    set_play(fixture, limited_long);
    assert_int_equal(download(fixture, &err), RETRY);
    assert_string_equal(err.code, "rate_limited");
    assert_int_equal(err.retry_after_ms, 600000);
    assert_int_equal(portal_get_company(fixture->portal, CIN, &company, &err), RETRY); /* the portal is left alone */
    assert_string_equal(err.code, "rate_limited");
    assert_true(err.retry_after_ms > 500000 && err.retry_after_ms <= 600000);
    assert_int_equal(count(fixture, &fixture->asked), 1);
}

/* ---- several at once ---- */

struct crowd {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int inside, most;
};
static struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Holds each document until three are asked for at the same time. */
static bool gather(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    (void)reply;
    int64_t until_ms = raw_deadline_ms();
    pthread_mutex_lock(&crowd.lock);
    crowd.inside++;
    crowd.most = crowd.inside > crowd.most ? crowd.inside : crowd.most;
    pthread_cond_broadcast(&crowd.changed);
    while (crowd.most < 3 && clock_monotonic_ms() < until_ms) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec += 1;
        pthread_cond_timedwait(&crowd.changed, &crowd.lock, &soon);
    }
    crowd.inside--;
    pthread_mutex_unlock(&crowd.lock);
    return false;
}

static void *download_run(void *context) {
    struct fixture *fixture = context;
    struct buf out = BUF_INIT((size_t)FILING_BYTES_MAX);
    enum outcome outcome = portal_download(fixture->portal, &fixture->filing, &out, NULL);
    buf_finish(&out);
    return (void *)(intptr_t)outcome;
}

static void at_most_parallel(void **state) {
    struct fixture *fixture = *state;
    pthread_t threads[10];
    open_portal(fixture, 3, 60000);
    set_play(fixture, gather);
    crowd.inside = crowd.most = 0;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_create(&threads[i], NULL, download_run, fixture);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *outcome = NULL;
        pthread_join(threads[i], &outcome);
        assert_int_equal((intptr_t)outcome, OK);
    }
    assert_int_equal(crowd.most, 3);
    assert_int_equal(fake_most_at_once(fixture->fake), 3);
    assert_int_equal(count(fixture, &fixture->sessions), 1); /* although all of them began without one */
    assert_int_equal(count(fixture, &fixture->asked), 10);
}

static bool hang(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    reply->then = FAKE_HANG;
    return true;
}

static void stop_ends_everything(void **state) {
    struct fixture *fixture = *state;
    pthread_t threads[3];
    struct error err;
    open_portal(fixture, 2, 600000);
    set_play(fixture, hang);
    for (size_t i = 0; i < COUNT_OF(threads); i++) /* two hang, one waits for a connection */
        pthread_create(&threads[i], NULL, download_run, fixture);
    fake_wait_requests(fixture->fake, 3); /* the session and two documents */
    int64_t begin_ms = clock_monotonic_ms();
    portal_stop(fixture->portal);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *outcome = NULL;
        pthread_join(threads[i], &outcome);
        assert_int_equal((intptr_t)outcome, RETRY);
    }
    assert_true(clock_monotonic_ms() - begin_ms < 10000); /* 200 ms; the machine may be slow */
    assert_int_equal(download(fixture, &err), RETRY);
    assert_string_equal(err.code, "stopped");
}

static bool limited(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    fake_answer_text(reply, 503, "Retry-After: 300\r\n", "");
    return true;
}

static void stop_ends_a_pause(void **state) {
    struct fixture *fixture = *state;
    pthread_t thread;
    void *outcome = NULL;
    open_portal(fixture, 2, 3600000);
    set_play(fixture, limited);
    pthread_create(&thread, NULL, download_run, fixture);
    fake_wait_requests(fixture->fake, 2);
    portal_stop(fixture->portal);
    pthread_join(thread, &outcome);
    assert_int_equal((intptr_t)outcome, RETRY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_session),         TEST(sessions_expire),       TEST(faults_are_retried),
        TEST(outages_end_in_time), TEST(retry_after_is_obeyed), TEST(long_retry_after_is_handed_up),
        TEST(at_most_parallel),    TEST(stop_ends_everything),  TEST(stop_ends_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
