/* Words for states and outcomes, and why a job waits. */
#include "core/job.h"

#include "base/str.h"
#include "support/test.h"

static void words_are_those_of_the_contract(void **state) {
    (void)state;
    const char *const statuses[] = {"pending", "processing", "completed", "failed", "cancelled"};
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        enum job_status back = JOB_FAILED;
        assert_string_equal(job_status_name((enum job_status)i), statuses[i]);
        assert_true(job_status_parse(statuses[i], &back));
        assert_int_equal(back, i);
    }
    const char *const outcomes[] = {"pending", "completed", "failed", "exhausted", "cancelled", "interrupted", "lost"};
    for (int i = 0; i < (int)COUNT_OF(outcomes); i++) {
        enum run_outcome back = RUN_LOST;
        assert_string_equal(run_outcome_name((enum run_outcome)i), outcomes[i]);
        assert_true(run_outcome_parse(outcomes[i], &back));
        assert_int_equal(back, i);
    }
    const char *const documents[] = {"stored", "unreadable", "missing"};
    for (int i = 0; i < (int)COUNT_OF(documents); i++) {
        enum document_state back = DOCUMENT_MISSING;
        assert_string_equal(document_state_name((enum document_state)i), documents[i]);
        assert_true(document_state_parse(documents[i], &back));
        assert_int_equal(back, i);
    }
}

static void other_words_are_refused_and_change_nothing(void **state) {
    (void)state;
    enum job_status status = JOB_FAILED;
    enum run_outcome outcome = RUN_FAILED;
    enum document_state document = DOCUMENT_MISSING;
    const char *const words[] = {"", "Pending", "in_progress", "pending ", NULL};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        assert_false(job_status_parse(words[i], &status));
        assert_false(run_outcome_parse(words[i], &outcome));
        assert_false(document_state_parse(words[i], &document));
    }
    assert_int_equal(status, JOB_FAILED);
    assert_int_equal(outcome, RUN_FAILED);
    assert_int_equal(document, DOCUMENT_MISSING);
}

static void open_is_pending_or_processing(void **state) {
    (void)state;
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        assert_int_equal(job_status_open((enum job_status)i), i == JOB_PENDING || i == JOB_PROCESSING);
}

/* ---- waiting --------------------------------------------------------------------------------- */
enum { NOW = 1000000, NO_WORKER_AFTER = 30000 };

static void check_waiting(const struct job *job, int leases, enum waiting_reason reason, int64_t since_ms,
                          int64_t until_ms) {
    struct waiting waiting = job_waiting(job, NOW, leases, NO_WORKER_AFTER);
    assert_string_equal(waiting_reason_name(waiting.reason), waiting_reason_name(reason));
    assert_int_equal(waiting.since_ms, since_ms);
    assert_int_equal(waiting.until_ms, until_ms);
}

static void due_jobs_are_queued_or_lack_a_worker(void **state) {
    (void)state;
    struct job job = {.status = JOB_PENDING, .created_at_ms = 5, .available_at_ms = NOW - NO_WORKER_AFTER};
    check_waiting(&job, 0, WAIT_QUEUED, NOW - NO_WORKER_AFTER, 0);
    job.available_at_ms--;
    check_waiting(&job, 0, WAIT_NO_WORKER, NOW - NO_WORKER_AFTER - 1, 0);
    check_waiting(&job, 1, WAIT_QUEUED, NOW - NO_WORKER_AFTER - 1, 0);
    job.available_at_ms = 0; /* not taken in yet */
    check_waiting(&job, 1, WAIT_QUEUED, 5, 0);
}

static void jobs_not_due_back_off(void **state) {
    (void)state;
    struct job job = {.status = JOB_PENDING, .updated_at_ms = NOW - 10, .available_at_ms = NOW + 5000};
    check_waiting(&job, 0, WAIT_BACKOFF, NOW - 10, NOW + 5000);
    str_copy(job.error_code, sizeof job.error_code, "rate_limited");
    check_waiting(&job, 0, WAIT_RATE_LIMITED, NOW - 10, NOW + 5000);
}

static void leased_cancelling_and_finished_jobs(void **state) {
    (void)state;
    struct job job = {
        .status = JOB_PROCESSING, .locked_at_ms = NOW - 7, .updated_at_ms = NOW - 3, .available_at_ms = NOW + 1};
    check_waiting(&job, 1, WAIT_LEASED, NOW - 7, NOW + 1);
    job.cancel_requested = true;
    check_waiting(&job, 1, WAIT_CANCELLING, NOW - 3, NOW + 1);
    job.cancel_requested = false;
    job.available_at_ms = NOW; /* the lease has run out: it waits for whoever takes it over */
    check_waiting(&job, 1, WAIT_QUEUED, NOW, 0);
    for (int status = JOB_COMPLETED; status < JOB_STATUS_COUNT; status++) {
        job.status = (enum job_status)status;
        check_waiting(&job, 0, WAIT_NONE, 0, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_the_contract), cmocka_unit_test(other_words_are_refused_and_change_nothing),
        cmocka_unit_test(open_is_pending_or_processing),   cmocka_unit_test(due_jobs_are_queued_or_lack_a_worker),
        cmocka_unit_test(jobs_not_due_back_off),           cmocka_unit_test(leased_cancelling_and_finished_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
