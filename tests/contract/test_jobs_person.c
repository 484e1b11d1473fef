/* Cancel and retry, and which job is a company's open one, in every job store. */
#include "jobs/jobs.h"

#include "contract/jobs_fixture.h"
#include "core/retry.h"

static enum job_status cancel(struct fixture *fixture, const char *id) {
    enum job_status status = JOB_FAILED;
    must(jobs_cancel(fixture->jobs, id, "test", &status, &err));
    return status;
}

static enum job_status retry(struct fixture *fixture, const char *id) {
    enum job_status status = JOB_FAILED;
    must(jobs_retry(fixture->jobs, id, "test", &status, &err));
    return status;
}

static void a_pending_job_is_cancelled_at_once(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    struct lease lease;
    int recorded;
    order_one(fixture, 1, 0, id);
    assert_int_equal(cancel(fixture, id), JOB_CANCELLED);
    assert_int_equal(status_of(fixture, id), JOB_CANCELLED);
    must_fail(try_claim(fixture, "o", NULL, &lease), GONE, "nothing_claimable");
    must_fail(jobs_cancel(fixture->jobs, id, "test", &status, &err), INVALID, "not_cancellable");
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    struct run_list runs = {0};
    must(jobs_list_runs(fixture->jobs, id, &runs, &err));
    assert_int_equal(runs.count, 1);
    assert_int_equal(runs.items[0].run, 0); /* an entry, but no run */
    assert_int_equal(runs.items[0].outcome, RUN_CANCELLED);
    struct totals totals;
    must(jobs_totals(fixture->jobs, &totals, &err));
    assert_int_equal(totals.runs[RUN_CANCELLED], 0);
    run_list_finish(&runs);
}

static void a_job_in_back_off_is_cancelled_at_once(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    end_run(fixture, &lease, RUN_FAILED);
    assert_int_equal(cancel(fixture, id), JOB_CANCELLED);
}

static void a_running_job_is_cancelled_at_its_end(struct fixture *fixture) {
    const struct {
        enum run_outcome outcome;
        enum job_status status;
    } cases[] = {{RUN_PENDING, JOB_CANCELLED},   {RUN_FAILED, JOB_CANCELLED},    {RUN_INTERRUPTED, JOB_CANCELLED},
                 {RUN_CANCELLED, JOB_CANCELLED}, {RUN_COMPLETED, JOB_COMPLETED}, {RUN_EXHAUSTED, JOB_FAILED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[OBJECT_ID_MAX];
        order_one(fixture, (int)i, 0, id);
        struct lease lease = run_job(fixture, id);
        put_filings(fixture, id, 0);
        assert_int_equal(cancel(fixture, id), JOB_PROCESSING);
        assert_int_equal(cancel(fixture, id), JOB_PROCESSING); /* asking again is fine */
        assert_true(get_job(fixture, id).cancel_requested);
        assert_string_equal(get_job(fixture, id).lease_token, lease.token);
        assert_int_equal(end_run(fixture, &lease, cases[i].outcome), cases[i].status);
        assert_int_equal(status_of(fixture, id), cases[i].status);
        assert_false(get_job(fixture, id).cancel_requested);
    }
}

static void a_running_job_is_cancelled_when_its_lease_runs_out(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    run_job(fixture, id);
    assert_int_equal(cancel(fixture, id), JOB_PROCESSING);
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    assert_int_equal(expire(fixture), 1);
    struct job job = get_job(fixture, id);
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_false(job.cancel_requested);
}

static void what_does_not_exist_is_not_found(struct fixture *fixture) {
    enum job_status status;
    struct job job;
    const char *const ids[] = {"65a000000000000000000001", "nonsense", ""};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        must_fail(jobs_cancel(fixture->jobs, ids[i], "test", &status, &err), GONE, "unknown_job");
        must_fail(jobs_retry(fixture->jobs, ids[i], "test", &status, &err), GONE, "unknown_job");
        must_fail(jobs_get(fixture->jobs, ids[i], &job, &err), GONE, "unknown_job");
    }
}

/* ---- retry ----------------------------------------------------------------------------------- */
static void failed_and_cancelled_jobs_are_retried(struct fixture *fixture) {
    char failed[OBJECT_ID_MAX], cancelled[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, failed);
    for (int i = 0; i < 3; i++) {
        struct lease lease = run_job(fixture, failed);
        end_run(fixture, &lease, i == 2 ? RUN_EXHAUSTED : RUN_FAILED);
        jobs_shift_clock(fixture->jobs, BACKOFF_CAP_MS);
    }
    assert_int_equal(get_job(fixture, failed).attempts, 3);
    order_one(fixture, 2, 0, cancelled);
    cancel(fixture, cancelled);
    assert_int_equal(retry(fixture, failed), JOB_PENDING);
    assert_int_equal(retry(fixture, cancelled), JOB_PENDING);
    struct job job = get_job(fixture, failed);
    assert_int_equal(job.attempts, 0);
    assert_int_equal(job.backoff_ms, 0);
    assert_in_range(job.available_at_ms, now_of(fixture) - 5000, now_of(fixture));
    assert_string_equal(claim(fixture, "o1").job_id, failed);
    assert_string_equal(claim(fixture, "o2").job_id, cancelled);
}

static void open_and_completed_jobs_are_not_retried(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    must_fail(jobs_retry(fixture->jobs, id, "test", &status, &err), INVALID, "not_retryable");
    struct lease lease = run_job(fixture, id);
    must_fail(jobs_retry(fixture->jobs, id, "test", &status, &err), INVALID, "not_retryable");
    put_filings(fixture, id, 0);
    end_run(fixture, &lease, RUN_COMPLETED);
    must_fail(jobs_retry(fixture->jobs, id, "test", &status, &err), INVALID, "not_retryable");
    assert_non_null(strstr(err.message, "force"));
}

static void retry_gives_way_to_the_companys_open_job(struct fixture *fixture) {
    char first[OBJECT_ID_MAX], second[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, first);
    cancel(fixture, first);
    order_one(fixture, 1, 0, second);
    assert_string_not_equal(first, second);
    struct job before = get_job(fixture, first);
    must_fail(jobs_retry(fixture->jobs, first, "test", &status, &err), INVALID, "company_has_open_job");
    assert_non_null(strstr(err.message, second));
    assert_unchanged(fixture, before);
    cancel(fixture, second);
    assert_int_equal(retry(fixture, first), JOB_PENDING);
    must_fail(jobs_retry(fixture->jobs, second, "test", &status, &err), INVALID,
              "company_has_open_job"); /* the company's is the first now */
    assert_non_null(strstr(err.message, first));
    char answer[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, answer);
    assert_string_equal(answer, first);
}

static void a_forced_job_that_is_retried_becomes_the_companys(struct fixture *fixture) {
    struct company company = a_company(1);
    char answer[OBJECT_ID_MAX];
    const struct jobs_order order = {.companies = &company, .count = 1, .force = true};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    const char *forced = placed.items[0].job_id;
    cancel(fixture, forced);
    assert_int_equal(retry(fixture, forced), JOB_PENDING);
    order_one(fixture, 1, 0, answer);
    assert_string_equal(answer, forced);
    jobs_placed_finish(&placed);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(a_pending_job_is_cancelled_at_once),
        CASE(a_job_in_back_off_is_cancelled_at_once),
        CASE(a_running_job_is_cancelled_at_its_end),
        CASE(a_running_job_is_cancelled_when_its_lease_runs_out),
        CASE(what_does_not_exist_is_not_found),
        CASE(failed_and_cancelled_jobs_are_retried),
        CASE(open_and_completed_jobs_are_not_retried),
        CASE(retry_gives_way_to_the_companys_open_job),
        CASE(a_forced_job_that_is_retried_becomes_the_companys),
    };
    return RUN_CASES(cases);
}
