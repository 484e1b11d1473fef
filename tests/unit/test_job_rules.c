/* What a person (cancel, retry) and the keeper (intake, clock) make of a job: the job_… rules of core/lease.h. */
#include "core/lease.h"

#include "base/str.h"
#include "core/retry.h"
#include "support/test.h"

enum { NOW = 1000000000, LEASE_S = 60, LEASE_MS = LEASE_S * 1000 };
#define ID "65a000000000000000000001"
#define OTHER_ID "65a000000000000000000002"

static struct job job;          /* what the test works on */
static struct run_record ended; /* the entry that the last rule made */

static int setup(void **state) {
    (void)state;
    const struct company company = {.cin = "U72200MH2020PTC123456", .name = "U72200MH2020PTC123456"};
    job_place(&job, ID, &company, 3, NOW, NOW + 1);
    ended = (struct run_record){0};
    return 0;
}

static void assert_untouched(const struct job *before) {
    assert_memory_equal(before, &job, sizeof job);
}

/* ---- a person -------------------------------------------------------------------------------- */
static void a_pending_job_is_cancelled_at_once(void **state) {
    (void)state;
    job.runs = 4;
    assert_int_equal(job_cancel(&job, "fresh", NOW + 2, &ended), CANCEL_DONE);
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_string_equal(ended.token, "fresh");
    assert_int_equal(ended.run, 0); /* no run */
    assert_int_equal(ended.outcome, RUN_CANCELLED);
    assert_int_equal(ended.job_status, JOB_CANCELLED);
    assert_int_equal(ended.ended_at_ms, NOW + 2);
    struct job before = job;
    assert_int_equal(job_cancel(&job, "fresh2", NOW, &ended), CANCEL_REFUSED);
    assert_untouched(&before);
}

static void a_running_job_is_asked_to_stop(void **state) {
    (void)state;
    assert_int_equal(lease_claim(&job, "owner", "t1", LEASE_S, NOW, &ended), CLAIM_TAKEN);
    for (int i = 0; i < 2; i++) { /* asking twice is fine */
        assert_int_equal(job_cancel(&job, "fresh", NOW, &ended), CANCEL_REQUESTED);
        assert_int_equal(job.status, JOB_PROCESSING);
        assert_true(job.cancel_requested);
        assert_string_equal(job.lease_token, "t1");
    }
    assert_true(lease_beat(&job, "t1", NULL, NOW)); /* the lease goes on; its reply carries the flag */
    assert_true(job.cancel_requested);
}

static void retry_takes_failed_and_cancelled_jobs_only(void **state) {
    (void)state;
    for (int status = 0; status < JOB_STATUS_COUNT; status++) {
        setup(NULL);
        job.status = (enum job_status)status;
        job.attempts = 6;
        job.backoff_ms = 1000;
        job.cancel_requested = true;
        struct job before = job;
        if (status != JOB_FAILED && status != JOB_CANCELLED) {
            assert_int_equal(job_retry(&job, NULL, NOW + 5), RETRY_REFUSED);
            assert_untouched(&before);
            continue;
        }
        assert_int_equal(job_retry(&job, NULL, NOW + 5), RETRY_DONE);
        assert_int_equal(job.status, JOB_PENDING);
        assert_int_equal(job.available_at_ms, NOW + 5);
        assert_int_equal(job.attempts, 0);
        assert_int_equal(job.backoff_ms, 0);
        assert_false(job.cancel_requested);
    }
}

static void retry_gives_way_to_another_open_job_of_the_company(void **state) {
    (void)state;
    struct job other = {.id = OTHER_ID, .status = JOB_PROCESSING};
    job.status = JOB_FAILED;
    struct job before = job;
    assert_int_equal(job_retry(&job, &other, NOW), RETRY_TAKEN);
    other.status = JOB_PENDING;
    assert_int_equal(job_retry(&job, &other, NOW), RETRY_TAKEN);
    assert_untouched(&before);
    other.status = JOB_COMPLETED;
    assert_int_equal(job_retry(&job, &other, NOW), RETRY_DONE);
    job.status = JOB_FAILED;
    struct job self = job;
    self.status = JOB_PENDING; /* what `companies` names is this very job */
    assert_int_equal(job_retry(&job, &self, NOW), RETRY_DONE);
}

static void an_open_job_answers_for_its_company(void **state) {
    (void)state;
    assert_false(company_job_answers(NULL));
    for (int status = 0; status < JOB_STATUS_COUNT; status++) {
        job.status = (enum job_status)status;
        assert_int_equal(company_job_answers(&job), status == JOB_PENDING || status == JOB_PROCESSING);
    }
}

/* ---- keeper ---------------------------------------------------------------------------------- */
static void foreign_pending_jobs_are_taken_in_at_once(void **state) {
    (void)state;
    job.available_at_ms = job.at_ms = 0;
    job.created_at_ms = NOW - 500;
    job.company.name[0] = '\0';
    assert_true(job_take_in(&job, NOW, NOW + 3));
    assert_int_equal(job.available_at_ms, NOW - 500);
    assert_int_equal(job.at_ms, NOW + 3);
    assert_string_equal(job.company.name, job.company.cin);
    struct job before = job;
    assert_false(job_take_in(&job, NOW, NOW)); /* one of ours */
    assert_untouched(&before);
    job.available_at_ms = 0;
    job.created_at_ms = NOW + 1000; /* its clock was ahead */
    assert_true(job_take_in(&job, NOW, NOW));
    assert_int_equal(job.available_at_ms, NOW);
}

static void foreign_running_jobs_are_taken_in_when_silent(void **state) {
    (void)state;
    job.status = JOB_PROCESSING;
    job.available_at_ms = job.at_ms = 0;
    job.updated_at_ms = NOW - INTAKE_AFTER_MS - 1;
    job.locked_at_ms = NOW - INTAKE_AFTER_MS + 1;
    str_copy(job.lease_owner, sizeof job.lease_owner, "starter");
    struct job before = job;
    assert_false(job_take_in(&job, NOW, NOW));
    assert_untouched(&before);
    assert_true(job_take_in(&job, NOW + 1, NOW));
    assert_int_equal(job.status, JOB_PENDING);
    assert_int_equal(job.available_at_ms, NOW + 1);
    assert_string_equal(job.lease_owner, "");
    assert_int_equal(job.locked_at_ms, 0);
    setup(NULL);
    job.status = JOB_PROCESSING; /* a cancel that was asked for is not lost */
    job.available_at_ms = 0;
    job.cancel_requested = true;
    job.updated_at_ms = job.locked_at_ms = NOW - INTAKE_AFTER_MS;
    assert_true(job_take_in(&job, NOW, NOW));
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_false(job.cancel_requested);
    setup(NULL);
    job.status = JOB_PROCESSING; /* no lock: by its last change */
    job.available_at_ms = 0;
    job.updated_at_ms = NOW - INTAKE_AFTER_MS;
    assert_true(job_take_in(&job, NOW, NOW));
    for (int status = JOB_COMPLETED; status < JOB_STATUS_COUNT; status++) {
        job.status = (enum job_status)status;
        job.available_at_ms = 0;
        assert_false(job_take_in(&job, NOW, NOW));
    }
}

static void a_clock_set_back_strands_no_job(void **state) {
    (void)state;
    job.available_at_ms = NOW + BACKOFF_CAP_MS;
    assert_false(job_mend_clock(&job, NOW));
    job.available_at_ms++;
    assert_true(job_mend_clock(&job, NOW));
    assert_int_equal(job.available_at_ms, NOW + BACKOFF_CAP_MS);
    job.status = JOB_PROCESSING;
    job.lease_seconds = LEASE_S;
    job.available_at_ms = NOW + LEASE_MS;
    assert_false(job_mend_clock(&job, NOW));
    job.available_at_ms++;
    assert_true(job_mend_clock(&job, NOW));
    assert_int_equal(job.available_at_ms, NOW + LEASE_MS);
    job.status = JOB_COMPLETED;
    job.available_at_ms = INT64_MAX;
    assert_false(job_mend_clock(&job, NOW));
}

static void without_a_list_no_documents_are_expected(void **state) {
    (void)state;
    job_count_rows(&job, &(struct completeness){.expected = -1});
    assert_int_equal(job.completeness.expected, 0);
    assert_int_equal(job.total_documents, 0);
    job_count_rows(&job, &(struct completeness){.expected = 9, .stored = 3, .unreadable = 2, .missing = 1});
    assert_int_equal(job.total_documents, 9);
    assert_int_equal(job.downloaded_documents, 6);
}

#define CASE(function) cmocka_unit_test_setup(function, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_pending_job_is_cancelled_at_once),
        CASE(a_running_job_is_asked_to_stop),
        CASE(retry_takes_failed_and_cancelled_jobs_only),
        CASE(retry_gives_way_to_another_open_job_of_the_company),
        CASE(an_open_job_answers_for_its_company),
        CASE(foreign_pending_jobs_are_taken_in_at_once),
        CASE(foreign_running_jobs_are_taken_in_when_silent),
        CASE(a_clock_set_back_strands_no_job),
        CASE(without_a_list_no_documents_are_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
