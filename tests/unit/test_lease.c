/* The transition rules of a job, one by one. */
#include "core/lease.h"

#include <string.h>

#include "base/str.h"
#include "core/retry.h"
#include "support/test.h"

enum { NOW = 1000000000, LEASE_S = 60, LEASE_MS = LEASE_S * 1000 };
#define ID "65a000000000000000000001"

static struct job job;          /* what the test works on */
static struct run_record ended; /* the entry that the last rule made */
static const struct ended_list nothing = {NULL, 0};
static const struct lease_end end_pending = {.outcome = RUN_PENDING, .rows = {.expected = 5, .stored = 2}};

static int setup(void **state) {
    (void)state;
    const struct company company = {.cin = "U72200MH2020PTC123456", .name = "U72200MH2020PTC123456"};
    job_place(&job, ID, &company, 3, NOW, NOW + 1);
    ended = (struct run_record){0};
    return 0;
}

static void claim_at(int64_t now_ms, const char *token, enum claim_result expected) {
    assert_int_equal(lease_claim(&job, "owner", token, LEASE_S, now_ms, &ended), expected);
}

static void run_at(int64_t now_ms) {
    claim_at(now_ms, "t1", CLAIM_TAKEN);
    assert_int_equal(lease_adopt(&job, "t1", "n1", 0, now_ms), ADOPT_STARTED);
}

static enum end_result end_as(const struct lease_end *how, int64_t now_ms) {
    return lease_end(&job, &nothing, "t1", how, now_ms, &ended);
}

static void assert_untouched(const struct job *before) {
    assert_memory_equal(before, &job, sizeof job);
}

static void assert_not_leased(void) {
    assert_string_equal(job.lease_token, "");
    assert_string_equal(job.lease_owner, "");
    assert_string_equal(job.adopted_by, "");
    assert_int_equal(job.lease_seconds, 0);
    assert_int_equal(job.locked_at_ms, 0);
    assert_false(job.cancel_requested);
    const struct run_numbers none = {0};
    assert_memory_equal(&job.run, &none, sizeof none);
}

/* ---- placing, claimable ---------------------------------------------------------------------- */
static void a_placed_job_is_pending_and_due(void **state) {
    (void)state;
    assert_int_equal(job.status, JOB_PENDING);
    assert_int_equal(job.available_at_ms, NOW);
    assert_int_equal(job.created_at_ms, NOW);
    assert_int_equal(job.at_ms, NOW + 1);
    assert_int_equal(job.priority, 3);
    assert_true(job_claimable(&job, NOW));
    const struct company unnamed = {.cin = "U72200MH2020PTC123456"};
    job_place(&job, ID, &unnamed, 0, NOW, NOW);
    assert_string_equal(job.company.name, unnamed.cin);
}

static void claimable_is_open_and_due(void **state) {
    (void)state;
    for (int status = 0; status < JOB_STATUS_COUNT; status++) {
        job.status = (enum job_status)status;
        bool open = status == JOB_PENDING || status == JOB_PROCESSING;
        job.available_at_ms = NOW;
        assert_int_equal(job_claimable(&job, NOW), open);
        assert_int_equal(job_claimable(&job, NOW + 1), open);
        assert_false(job_claimable(&job, NOW - 1));
        job.available_at_ms = 0; /* another program's job that nobody took in */
        assert_false(job_claimable(&job, NOW));
    }
}

/* ---- claim ----------------------------------------------------------------------------------- */
static void a_claim_leases_a_due_job(void **state) {
    (void)state;
    claim_at(NOW + 7, "t1", CLAIM_TAKEN);
    assert_int_equal(job.status, JOB_PROCESSING);
    assert_string_equal(job.lease_token, "t1");
    assert_string_equal(job.lease_owner, "owner");
    assert_string_equal(job.adopted_by, "");
    assert_int_equal(job.lease_seconds, LEASE_S);
    assert_int_equal(job.available_at_ms, NOW + 7 + LEASE_MS);
    assert_int_equal(job.locked_at_ms, NOW + 7);
    assert_int_equal(job.runs, 1);
    assert_int_equal(job.attempts, 0);
    assert_int_equal(job.run.claim_wait_ms, 7);
    assert_string_equal(ended.token, "");
}

static void a_job_that_is_not_due_or_leased_is_refused(void **state) {
    (void)state;
    struct job before = job;
    claim_at(NOW - 1, "t1", CLAIM_REFUSED);
    assert_untouched(&before);
    claim_at(NOW, "t1", CLAIM_TAKEN);
    before = job;
    claim_at(NOW + LEASE_MS - 1, "t2", CLAIM_REFUSED);
    assert_untouched(&before);
}

static void a_take_over_ends_the_old_lease_as_lost(void **state) {
    (void)state;
    run_at(NOW);
    const struct run_numbers numbers = {.downloaded = 4};
    assert_true(lease_beat(&job, "t1", &numbers, NOW));
    int64_t now_ms = NOW + LEASE_MS;
    claim_at(now_ms, "t2", CLAIM_TAKEN_OVER);
    assert_string_equal(ended.token, "t1");
    assert_string_equal(ended.owner, "owner");
    assert_string_equal(ended.job_id, ID);
    assert_int_equal(ended.outcome, RUN_LOST);
    assert_int_equal(ended.job_status, JOB_PROCESSING);
    assert_int_equal(ended.run, 1);
    assert_int_equal(ended.started_at_ms, NOW);
    assert_int_equal(ended.ended_at_ms, now_ms);
    assert_int_equal(ended.numbers.downloaded, 4);
    assert_int_equal(ended.numbers.run_ms, LEASE_MS);
    assert_string_equal(job.lease_token, "t2");
    assert_string_equal(job.adopted_by, "");
    assert_int_equal(job.runs, 2);
    assert_int_equal(job.attempts, 1); /* only an adoption counts */
    assert_int_equal(job.run.downloaded, 0);
}

static void a_cancel_found_at_a_claim_ends_the_job(void **state) {
    (void)state;
    run_at(NOW);
    assert_int_equal(job_cancel(&job, "fresh", NOW, &ended), CANCEL_REQUESTED);
    claim_at(NOW + LEASE_MS, "t2", CLAIM_CANCELLED);
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_not_leased();
    assert_int_equal(job.runs, 1);
    assert_string_equal(ended.token, "t1");
    assert_int_equal(ended.outcome, RUN_LOST);
    assert_int_equal(ended.job_status, JOB_CANCELLED);
}

/* No rule leaves such a job; a claim that neither took nor ended it would be tried for ever. */
static void a_flag_without_a_run_stops_no_claim(void **state) {
    (void)state;
    job.cancel_requested = true;
    claim_at(NOW, "t1", CLAIM_TAKEN);
    assert_false(job.cancel_requested);
}

static void only_a_live_unadopted_lease_of_the_owner_is_an_earlier_claim(void **state) {
    (void)state;
    assert_false(lease_claimed_before(&job, "", NOW));
    claim_at(NOW, "t1", CLAIM_TAKEN);
    assert_true(lease_claimed_before(&job, "owner", NOW + LEASE_MS - 1));
    assert_false(lease_claimed_before(&job, "owner", NOW + LEASE_MS));
    assert_false(lease_claimed_before(&job, "owner2", NOW));
    assert_int_equal(lease_adopt(&job, "t1", "n1", 0, NOW), ADOPT_STARTED);
    assert_false(lease_claimed_before(&job, "owner", NOW));
}

/* ---- adopt, heartbeat ------------------------------------------------------------------------ */
static void the_first_nonce_adopts_and_may_repeat(void **state) {
    (void)state;
    claim_at(NOW, "t1", CLAIM_TAKEN);
    struct job before = job;
    assert_int_equal(lease_adopt(&job, "t2", "n1", 0, NOW), ADOPT_REFUSED);
    assert_int_equal(lease_adopt(&job, "", "n1", 0, NOW), ADOPT_REFUSED);
    assert_untouched(&before);
    assert_int_equal(lease_adopt(&job, "t1", "n1", 0, NOW), ADOPT_STARTED);
    assert_string_equal(job.adopted_by, "n1");
    before = job;
    assert_int_equal(lease_adopt(&job, "t1", "n1", 9, NOW + 1), ADOPT_REPEATED);
    assert_int_equal(lease_adopt(&job, "t1", "n2", 9, NOW + 1), ADOPT_REFUSED);
    assert_untouched(&before);
}

static void attempts_start_again_when_rows_came(void **state) {
    (void)state;
    const int rows[] = {0, 0, 2, 2, 2, 3};
    const int attempts[] = {1, 2, 1, 2, 3, 1};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        claim_at(NOW, "t1", CLAIM_TAKEN);
        assert_int_equal(lease_adopt(&job, "t1", "n1", rows[i], NOW), ADOPT_STARTED);
        assert_int_equal(job.attempts, attempts[i]);
        assert_int_equal(job.rows_seen, rows[i]);
        assert_int_equal(end_as(&end_pending, NOW), END_DONE);
    }
}

static void a_heartbeat_extends_the_lease_of_its_token_only(void **state) {
    (void)state;
    struct job before = job;
    assert_false(lease_beat(&job, "", NULL, NOW));
    assert_untouched(&before);
    claim_at(NOW + 3, "t1", CLAIM_TAKEN);
    before = job;
    assert_false(lease_beat(&job, "t2", NULL, NOW + 10));
    assert_untouched(&before);
    const struct run_numbers numbers = {.stored = 2, .claim_wait_ms = 999};
    assert_true(lease_beat(&job, "t1", &numbers, NOW + 10));
    assert_int_equal(job.available_at_ms, NOW + 10 + LEASE_MS);
    assert_int_equal(job.run.stored, 2);
    assert_int_equal(job.run.claim_wait_ms, 3); /* the store's own */
    assert_true(lease_beat(&job, "t1", NULL, NOW + 20));
    assert_int_equal(job.run.stored, 2);
}

static void the_registry_names_a_company_once(void **state) {
    (void)state;
    claim_at(NOW, "t1", CLAIM_TAKEN);
    assert_false(lease_name_company(&job, "t2", "WRONG"));
    assert_string_equal(job.company.name, job.company.cin);
    assert_true(lease_name_company(&job, "t1", "ASHA STEEL"));
    assert_true(lease_name_company(&job, "t1", "OTHER"));
    assert_string_equal(job.company.name, "ASHA STEEL");
}

/* ---- ends ------------------------------------------------------------------------------------ */
static void an_end_with_filings_left_is_pending_at_once(void **state) {
    (void)state;
    run_at(NOW);
    job.backoff_ms = 5000;
    struct lease_end end = end_pending;
    end.numbers = (struct run_numbers){.stored = 2, .run_ms = 9};
    assert_int_equal(end_as(&end, NOW + 9), END_DONE);
    assert_int_equal(job.status, JOB_PENDING);
    assert_int_equal(job.available_at_ms, NOW + 9);
    assert_int_equal(job.backoff_ms, 0);
    assert_int_equal(job.attempts, 1);
    assert_int_equal(job.total_documents, 5);
    assert_int_equal(job.downloaded_documents, 2);
    assert_not_leased();
    assert_string_equal(ended.token, "t1");
    assert_int_equal(ended.outcome, RUN_PENDING);
    assert_int_equal(ended.job_status, JOB_PENDING);
    assert_int_equal(ended.run, 1);
    assert_int_equal(ended.started_at_ms, NOW);
    assert_int_equal(ended.ended_at_ms, NOW + 9);
    assert_int_equal(ended.numbers.stored, 2);
}

static void completed_needs_a_row_for_every_filing(void **state) {
    (void)state;
    run_at(NOW);
    struct lease_end end = {
        .outcome = RUN_COMPLETED, .manifest_name = "m", .rows = {.expected = 3, .stored = 1, .missing = 1}};
    struct job before = job;
    assert_int_equal(end_as(&end, NOW), END_INCOMPLETE);
    end.rows.expected = -1;
    assert_int_equal(end_as(&end, NOW), END_INCOMPLETE);
    assert_untouched(&before);
    end.rows = (struct completeness){.expected = 3, .stored = 1, .unreadable = 1, .missing = 1};
    assert_int_equal(end_as(&end, NOW + 5), END_DONE);
    assert_int_equal(job.status, JOB_COMPLETED);
    assert_int_equal(job.completed_at_ms, NOW + 5);
    assert_string_equal(job.manifest_name, "m");
    assert_int_equal(job.completeness.expected, 3);
    assert_int_equal(job.completeness.unreadable, 1);
    assert_int_equal(job.downloaded_documents, 3);
    assert_not_leased();
}

static void a_company_without_filings_completes(void **state) {
    (void)state;
    run_at(NOW);
    const struct lease_end end = {.outcome = RUN_COMPLETED, .manifest_name = "m"};
    assert_int_equal(end_as(&end, NOW), END_DONE);
    assert_int_equal(job.status, JOB_COMPLETED);
}

static void a_release_ends_only_a_lease_that_nobody_adopted(void **state) {
    (void)state;
    const struct lease_end release = {.outcome = RUN_INTERRUPTED, .unadopted_only = true};
    run_at(NOW);
    struct job before = job;
    assert_int_equal(end_as(&release, NOW), END_LOST);
    assert_untouched(&before);
    job.adopted_by[0] = '\0';
    assert_int_equal(end_as(&release, NOW), END_DONE);
    assert_int_equal(job.status, JOB_PENDING);
}

static void a_failed_run_backs_off_longer_each_time(void **state) {
    (void)state;
    struct lease_end end = {
        .outcome = RUN_FAILED, .error_code = "portal_down", .error_message = "502", .random = UINT64_MAX};
    int64_t now_ms = NOW, before_ms = 0;
    for (int i = 0; i < 12; i++) {
        run_at(now_ms);
        end.random = before_ms ? (uint64_t)(3 * before_ms - BACKOFF_BASE_MS) : 0;
        assert_int_equal(end_as(&end, now_ms), END_DONE);
        assert_int_equal(job.status, JOB_PENDING);
        assert_int_equal(job.available_at_ms, now_ms + job.backoff_ms);
        assert_true(job.backoff_ms > before_ms || before_ms == BACKOFF_CAP_MS);
        before_ms = job.backoff_ms;
        now_ms = job.available_at_ms;
    }
    assert_int_equal(before_ms, BACKOFF_CAP_MS);
    assert_string_equal(job.error_code, "portal_down");
    assert_string_equal(ended.error_code, "portal_down");
    assert_string_equal(ended.error_message, "502");
    run_at(now_ms);
    end.retry_after_ms = 77000;
    job.backoff_ms = 0;
    assert_int_equal(end_as(&end, now_ms), END_DONE);
    assert_int_equal(job.available_at_ms, now_ms + 77000);
}

static void an_interrupted_run_is_due_at_once_and_keeps_its_error(void **state) {
    (void)state;
    run_at(NOW);
    str_copy(job.error_code, sizeof job.error_code, "before");
    job.backoff_ms = 20000;
    const struct lease_end end = {.outcome = RUN_INTERRUPTED, .give_back_attempt = true};
    assert_int_equal(end_as(&end, NOW + 4), END_DONE);
    assert_int_equal(job.status, JOB_PENDING);
    assert_int_equal(job.available_at_ms, NOW + 4);
    assert_int_equal(job.attempts, 0);
    assert_int_equal(job.backoff_ms, 20000);
    assert_string_equal(job.error_code, "before");
    assert_string_equal(ended.error_code, "");
}

static void a_lease_nobody_adopted_gives_no_attempt_back(void **state) {
    (void)state;
    job.attempts = 2;
    claim_at(NOW, "t1", CLAIM_TAKEN);
    const struct lease_end end = {.outcome = RUN_INTERRUPTED, .give_back_attempt = true};
    assert_int_equal(end_as(&end, NOW), END_DONE);
    assert_int_equal(job.attempts, 2);
}

static void an_exhausted_job_fails(void **state) {
    (void)state;
    run_at(NOW);
    str_copy(job.error_code, sizeof job.error_code, "portal_down");
    const struct lease_end kept = {.outcome = RUN_EXHAUSTED};
    assert_int_equal(end_as(&kept, NOW), END_DONE);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.error_code, "portal_down");
    assert_int_equal(ended.outcome, RUN_EXHAUSTED);
    assert_int_equal(ended.job_status, JOB_FAILED);
}

static void only_completed_and_failed_win_over_a_cancel(void **state) {
    (void)state;
    const struct {
        enum run_outcome outcome;
        enum job_status status;
    } cases[] = {{RUN_PENDING, JOB_CANCELLED},   {RUN_FAILED, JOB_CANCELLED},    {RUN_INTERRUPTED, JOB_CANCELLED},
                 {RUN_CANCELLED, JOB_CANCELLED}, {RUN_COMPLETED, JOB_COMPLETED}, {RUN_EXHAUSTED, JOB_FAILED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        setup(NULL);
        run_at(NOW);
        assert_int_equal(job_cancel(&job, "fresh", NOW, &ended), CANCEL_REQUESTED);
        const struct lease_end end = {
            .outcome = cases[i].outcome, .error_code = "code", .error_message = "text", .manifest_name = "m"};
        assert_int_equal(end_as(&end, NOW), END_DONE);
        assert_int_equal(job.status, cases[i].status);
        assert_int_equal(ended.outcome, cases[i].outcome);
        assert_int_equal(ended.job_status, cases[i].status);
        assert_not_leased();
    }
}

static void an_end_under_another_token_changes_nothing(void **state) {
    (void)state;
    run_at(NOW);
    struct job before = job;
    assert_int_equal(lease_end(&job, &nothing, "t2", &end_pending, NOW, &ended), END_LOST);
    assert_int_equal(lease_end(&job, &nothing, "", &end_pending, NOW, &ended), END_LOST);
    assert_untouched(&before);
    assert_int_equal(end_as(&end_pending, NOW), END_DONE);
    before = job;
    assert_int_equal(lease_end(&job, &nothing, "", &end_pending, NOW, &ended), END_LOST);
    assert_untouched(&before);
}

static void an_end_whose_reply_was_lost_is_known_again(void **state) {
    (void)state;
    run_at(NOW);
    assert_int_equal(end_as(&end_pending, NOW), END_DONE);
    const struct run_record entries[] = {{.token = "t0", .outcome = RUN_FAILED}, ended};
    const struct ended_list list = {entries, 2};
    claim_at(NOW, "t2", CLAIM_TAKEN); /* and the job went on meanwhile */
    struct job before = job;
    const struct lease_end other = {.outcome = RUN_EXHAUSTED};
    struct run_record again = {0};
    assert_int_equal(lease_end(&job, &list, "t1", &other, NOW + 50, &again), END_REPEATED);
    assert_int_equal(again.job_status, JOB_PENDING);
    assert_int_equal(again.ended_at_ms, NOW);
    assert_untouched(&before);
}

static void a_lost_lease_is_no_end_of_its_own(void **state) {
    (void)state;
    run_at(NOW);
    assert_true(lease_expire(&job, NOW + LEASE_MS, &ended));
    const struct ended_list list = {&ended, 1};
    struct job before = job;
    struct run_record again;
    assert_int_equal(lease_end(&job, &list, "t1", &end_pending, NOW + LEASE_MS, &again), END_LOST);
    assert_untouched(&before);
}

/* ---- expiry ---------------------------------------------------------------------------------- */
static void a_lease_expires_at_its_end_and_not_before(void **state) {
    (void)state;
    struct job before = job;
    assert_false(lease_expire(&job, NOW + 1, &ended)); /* due, but pending */
    assert_untouched(&before);
    run_at(NOW);
    before = job;
    assert_false(lease_expire(&job, NOW + LEASE_MS - 1, &ended));
    assert_untouched(&before);
    assert_true(lease_expire(&job, NOW + LEASE_MS, &ended));
    assert_int_equal(job.status, JOB_PENDING);
    assert_true(job_claimable(&job, NOW + LEASE_MS));
    assert_int_equal(job.attempts, 1);
    assert_not_leased();
    assert_int_equal(ended.outcome, RUN_LOST);
    assert_int_equal(ended.job_status, JOB_PENDING);
    assert_string_equal(ended.token, "t1");
}

static void an_expiry_cancels_when_that_was_requested(void **state) {
    (void)state;
    run_at(NOW);
    assert_int_equal(job_cancel(&job, "fresh", NOW, &ended), CANCEL_REQUESTED);
    assert_true(lease_expire(&job, NOW + LEASE_MS, &ended));
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_int_equal(ended.outcome, RUN_LOST);
    assert_int_equal(ended.job_status, JOB_CANCELLED);
    assert_not_leased();
}

#define CASE(function) cmocka_unit_test_setup(function, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_placed_job_is_pending_and_due),
        CASE(claimable_is_open_and_due),
        CASE(a_claim_leases_a_due_job),
        CASE(a_job_that_is_not_due_or_leased_is_refused),
        CASE(a_take_over_ends_the_old_lease_as_lost),
        CASE(a_cancel_found_at_a_claim_ends_the_job),
        CASE(a_flag_without_a_run_stops_no_claim),
        CASE(only_a_live_unadopted_lease_of_the_owner_is_an_earlier_claim),
        CASE(the_first_nonce_adopts_and_may_repeat),
        CASE(attempts_start_again_when_rows_came),
        CASE(a_heartbeat_extends_the_lease_of_its_token_only),
        CASE(the_registry_names_a_company_once),
        CASE(an_end_with_filings_left_is_pending_at_once),
        CASE(completed_needs_a_row_for_every_filing),
        CASE(a_company_without_filings_completes),
        CASE(a_failed_run_backs_off_longer_each_time),
        CASE(a_release_ends_only_a_lease_that_nobody_adopted),
        CASE(an_interrupted_run_is_due_at_once_and_keeps_its_error),
        CASE(a_lease_nobody_adopted_gives_no_attempt_back),
        CASE(an_exhausted_job_fails),
        CASE(only_completed_and_failed_win_over_a_cancel),
        CASE(an_end_under_another_token_changes_nothing),
        CASE(an_end_whose_reply_was_lost_is_known_again),
        CASE(a_lost_lease_is_no_end_of_its_own),
        CASE(a_lease_expires_at_its_end_and_not_before),
        CASE(an_expiry_cancels_when_that_was_requested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
