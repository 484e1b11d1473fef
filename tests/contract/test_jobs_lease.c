/* Claim, adopt, heartbeat, end and expiry, in every job store. */
#include "jobs/jobs.h"

#include "contract/jobs_fixture.h"
#include "core/retry.h"

static struct run_record last_run(struct fixture *fixture, const char *job_id, int expected_count) {
    int recorded = -1;
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    struct run_list runs = {0};
    must(jobs_list_runs(fixture->jobs, job_id, &runs, &err));
    assert_int_equal(runs.count, expected_count);
    struct run_record last = runs.items[runs.count - 1];
    run_list_finish(&runs);
    return last;
}

/* ---- claim ----------------------------------------------------------------------------------- */
static void the_best_is_of_the_highest_priority_and_waits_longest(struct fixture *fixture) {
    char ids[5][OBJECT_ID_MAX];
    const int priorities[] = {0, 5, 5, -1, 0};
    const int expected[] = {1, 2, 0, 4, 3};
    for (int i = 0; i < 5; i++) {
        order_one(fixture, i, priorities[i], ids[i]);
        jobs_shift_clock(fixture->jobs, 10);
    }
    for (int i = 0; i < 5; i++) {
        char owner[16];
        str_format(owner, sizeof owner, "o%d", i);
        assert_string_equal(claim(fixture, owner).job_id, ids[expected[i]]);
    }
    struct lease lease;
    must_fail(try_claim(fixture, "o9", NULL, &lease), GONE, "nothing_claimable");
}

static void a_job_of_higher_priority_that_is_not_due_is_passed_over(struct fixture *fixture) {
    char high[OBJECT_ID_MAX], low[OBJECT_ID_MAX];
    order_one(fixture, 1, 9, high);
    order_one(fixture, 2, 0, low);
    struct lease lease = run_job(fixture, high);
    end_run(fixture, &lease, RUN_FAILED);
    assert_string_equal(claim(fixture, "o1").job_id, low);
    jobs_shift_clock(fixture->jobs, BACKOFF_CAP_MS);
    assert_string_equal(claim(fixture, "o2").job_id, high);
}

static void a_claim_gives_a_lease(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    int64_t before_ms = now_of(fixture);
    struct lease lease = claim(fixture, "pod-1");
    struct job job = get_job(fixture, id);
    assert_string_equal(lease.job_id, id);
    assert_string_equal(lease.token, job.lease_token);
    assert_true(str_is_hex(lease.token, 32));
    assert_int_equal(lease.run, 1);
    assert_int_equal(lease.lease_seconds, LEASE_S);
    assert_false(lease.taken_over || lease.repeated);
    assert_int_equal(job.status, JOB_PROCESSING);
    assert_string_equal(job.lease_owner, "pod-1");
    assert_string_equal(job.adopted_by, "");
    assert_in_range(job.available_at_ms, before_ms + LEASE_MS, now_of(fixture) + LEASE_MS);
    assert_in_range(job.locked_at_ms, before_ms, now_of(fixture));
    assert_int_equal(job.runs, 1);
    assert_int_equal(job.attempts, 0);
}

static void one_owner_claims_the_same_lease_again(struct fixture *fixture) {
    char first[OBJECT_ID_MAX], second[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, first);
    order_one(fixture, 2, 0, second);
    struct lease lease = claim(fixture, "pod-1"), again = claim(fixture, "pod-1"), other = claim(fixture, "pod-2");
    assert_true(again.repeated);
    assert_string_equal(again.job_id, lease.job_id);
    assert_string_equal(again.token, lease.token);
    assert_int_equal(again.run, lease.run);
    assert_false(other.repeated);
    assert_string_not_equal(other.job_id, lease.job_id);
    assert_int_equal(get_job(fixture, first).runs, 1);
}

static void an_adopted_or_ended_lease_is_not_claimed_again(struct fixture *fixture) {
    char first[OBJECT_ID_MAX], second[OBJECT_ID_MAX];
    struct job job;
    order_one(fixture, 1, 1, first);
    order_one(fixture, 2, 0, second);
    struct lease lease = claim(fixture, "pod-1");
    must(jobs_adopt(fixture->jobs, lease.job_id, lease.token, "n", &job, &err));
    struct lease next = claim(fixture, "pod-1");
    assert_false(next.repeated);
    assert_string_equal(next.job_id, second);
    jobs_shift_clock(fixture->jobs, LEASE_MS); /* the unadopted one has run out: no live lease of the owner is left */
    struct lease late = claim(fixture, "pod-1");
    assert_false(late.repeated);
    assert_true(late.taken_over);
}

static void a_named_job_is_claimed_whatever_is_best(struct fixture *fixture) {
    char best[OBJECT_ID_MAX], named[OBJECT_ID_MAX];
    struct lease lease;
    order_one(fixture, 1, 9, best);
    order_one(fixture, 2, 0, named);
    must(try_claim(fixture, "o1", named, &lease));
    assert_string_equal(lease.job_id, named);
    must(try_claim(fixture, "o1", named, &lease));
    assert_true(lease.repeated);
    must(try_claim(fixture, "o1", best, &lease)); /* another name is another claim */
    assert_false(lease.repeated);
    assert_string_equal(lease.job_id, best);
}

static void a_named_job_that_cannot_be_taken_says_why(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct lease lease, other;
    must_fail(try_claim(fixture, "o", "65a000000000000000000001", &other), GONE, "unknown_job");
    must_fail(try_claim(fixture, "o", "no id", &other), GONE, "unknown_job");
    order_one(fixture, 1, 0, id);
    lease = run_job(fixture, id);
    must_fail(try_claim(fixture, "o2", id, &other), GONE, "not_claimable");
    assert_non_null(strstr(err.message, "another worker"));
    end_run(fixture, &lease, RUN_FAILED);
    must_fail(try_claim(fixture, "o2", id, &other), GONE, "not_claimable");
    assert_non_null(strstr(err.message, "backs off"));
    jobs_shift_clock(fixture->jobs, BACKOFF_CAP_MS);
    lease = run_job(fixture, id);
    end_run(fixture, &lease, RUN_EXHAUSTED);
    must_fail(try_claim(fixture, "o2", id, &other), GONE, "not_claimable");
    assert_non_null(strstr(err.message, "failed"));
}

static void a_lease_that_ran_out_is_taken_over(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id), other;
    jobs_shift_clock(fixture->jobs, LEASE_MS - 2000);
    must_fail(try_claim(fixture, "o2", NULL, &other), GONE, "nothing_claimable");
    jobs_shift_clock(fixture->jobs, 2000);
    must(try_claim(fixture, "o2", NULL, &other));
    assert_true(other.taken_over);
    assert_int_equal(other.run, 2);
    assert_string_not_equal(other.token, lease.token);
    struct run_record lost = last_run(fixture, id, 1);
    assert_string_equal(lost.token, lease.token);
    assert_int_equal(lost.outcome, RUN_LOST);
    assert_int_equal(lost.job_status, JOB_PROCESSING);
    assert_int_equal(lost.run, 1);
    struct job job = get_job(fixture, id);
    assert_string_equal(job.adopted_by, "");
    assert_int_equal(job.attempts, 1);
    assert_string_equal(job.lease_owner, "o2");
}

static void a_cancel_found_by_the_best_claim_ends_that_job_and_goes_on(struct fixture *fixture) {
    char first[OBJECT_ID_MAX], second[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 5, first);
    struct lease lease = run_job(fixture, first);
    must(jobs_cancel(fixture->jobs, first, "test", &status, &err));
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    order_one(fixture, 2, 0, second);
    assert_string_equal(claim(fixture, "o2").job_id, second);
    struct job job = get_job(fixture, first);
    assert_int_equal(job.status, JOB_CANCELLED);
    assert_false(job.cancel_requested);
    struct run_record lost = last_run(fixture, first, 1);
    assert_string_equal(lost.token, lease.token);
    assert_int_equal(lost.outcome, RUN_LOST);
    assert_int_equal(lost.job_status, JOB_CANCELLED);
}

static void a_cancel_found_by_a_claim_that_finds_nothing_else_stays(struct fixture *fixture) {
    char ids[2][OBJECT_ID_MAX];
    enum job_status status;
    struct lease lease;
    for (int i = 0; i < 2; i++) {
        order_one(fixture, i, 0, ids[i]);
        run_job(fixture, ids[i]);
        must(jobs_cancel(fixture->jobs, ids[i], "test", &status, &err));
    }
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    must_fail(try_claim(fixture, "o2", ids[0], &lease), GONE, "not_claimable");
    assert_int_equal(status_of(fixture, ids[0]), JOB_CANCELLED);
    must_fail(try_claim(fixture, "o2", NULL, &lease), GONE, "nothing_claimable");
    assert_int_equal(status_of(fixture, ids[1]), JOB_CANCELLED);
}

static void bad_claims_are_refused(struct fixture *fixture) {
    struct lease lease;
    struct jobs_claim_request request = {.owner = "", .lease_seconds = 60};
    must_fail(jobs_claim(fixture->jobs, &request, &lease, &err), INVALID, "bad_argument");
    request.owner = "o";
    request.lease_seconds = 0;
    must_fail(jobs_claim(fixture->jobs, &request, &lease, &err), INVALID, "bad_argument");
}

/* ---- adopt ----------------------------------------------------------------------------------- */
static void one_of_two_processes_adopts(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct job job;
    order_one(fixture, 1, 0, id);
    struct lease lease = claim(fixture, "pod-1");
    must(jobs_adopt(fixture->jobs, id, lease.token, "n1", &job, &err));
    assert_string_equal(job.adopted_by, "n1");
    assert_string_equal(job.lease_token, lease.token);
    assert_int_equal(job.attempts, 1);
    must_fail(jobs_adopt(fixture->jobs, id, lease.token, "n2", &job, &err), GONE, "lease_taken");
    must(jobs_adopt(fixture->jobs, id, lease.token, "n1", &job, &err)); /* a repeat counts nothing */
    assert_int_equal(job.attempts, 1);
    assert_int_equal(get_job(fixture, id).attempts, 1);
}

static void a_lease_that_is_over_is_not_adopted(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct job job;
    order_one(fixture, 1, 0, id);
    struct lease lease = claim(fixture, "pod-1");
    end_run(fixture, &lease, RUN_INTERRUPTED);
    must_fail(jobs_adopt(fixture->jobs, id, lease.token, "n1", &job, &err), GONE, "lease_taken");
    struct lease next = claim(fixture, "pod-1");
    must_fail(jobs_adopt(fixture->jobs, id, lease.token, "n1", &job, &err), GONE, "lease_taken");
    must(jobs_adopt(fixture->jobs, id, next.token, "n1", &job, &err));
    assert_int_equal(job.runs, 2);
    assert_int_equal(job.attempts, 1); /* the claim that nobody adopted cost none */
}

static void attempts_count_runs_in_a_row_without_a_new_row(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    const int rows_in_run[] = {0, 0, 2, 0, 0, 1, 0};
    const int attempts[] = {1, 2, 3, 1, 2, 3, 1};
    int row = 0;
    put_filings(fixture, id, 10);
    for (size_t i = 0; i < COUNT_OF(attempts); i++) {
        struct lease lease = run_job(fixture, id);
        assert_int_equal(get_job(fixture, id).attempts, attempts[i]);
        assert_int_equal(get_job(fixture, id).rows_seen, row);
        for (int k = 0; k < rows_in_run[i]; k++)
            assert_true(add_row(fixture, &lease, ++row));
        end_run(fixture, &lease, RUN_PENDING);
    }
}

static void an_outage_gives_the_attempt_back(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    for (int i = 0; i < 3; i++) {
        struct lease lease = run_job(fixture, id);
        assert_int_equal(get_job(fixture, id).attempts, 1);
        const struct jobs_end end = {
            .outcome = RUN_FAILED, .error_code = "portal_down", .error_message = "x", .give_back_attempt = true};
        enum job_status status;
        must(jobs_end(fixture->jobs, id, lease.token, &end, &status, &err));
        assert_int_equal(get_job(fixture, id).attempts, 0);
        jobs_shift_clock(fixture->jobs, BACKOFF_CAP_MS);
    }
}

/* ---- heartbeat ------------------------------------------------------------------------------- */
static void a_heartbeat_extends_the_lease(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct lease other;
    bool cancel = true;
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    const struct run_numbers numbers = {.listed = 9, .stored = 3, .portal_requests = 12, .downloaded_bytes = 1LL << 40};
    jobs_shift_clock(fixture->jobs, LEASE_MS - 1000);
    must(jobs_heartbeat(fixture->jobs, id, lease.token, &numbers, &cancel, &err));
    assert_false(cancel);
    jobs_shift_clock(fixture->jobs, LEASE_MS - 1000);
    must_fail(try_claim(fixture, "o2", NULL, &other), GONE, "nothing_claimable");
    assert_int_equal(expire(fixture), 0);
    struct job job = get_job(fixture, id);
    assert_int_equal(job.run.listed, 9);
    assert_int_equal(job.run.stored, 3);
    assert_int_equal(job.run.portal_requests, 12);
    assert_true(job.run.downloaded_bytes == 1LL << 40);
}

static void a_heartbeat_carries_a_requested_cancel(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    bool cancel = false;
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    must(jobs_cancel(fixture->jobs, id, "test", &status, &err));
    must(jobs_heartbeat(fixture->jobs, id, lease.token, NULL, &cancel, &err));
    assert_true(cancel);
}

static void a_lost_lease_writes_nothing_more(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    bool cancel;
    enum job_status status;
    struct job job;
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id), next;
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    must(try_claim(fixture, "o2", id, &next));
    struct job before = get_job(fixture, id);
    must_fail(jobs_heartbeat(fixture->jobs, id, lease.token, NULL, &cancel, &err), DENIED, "lease_lost");
    must_fail(try_end(fixture, &lease, RUN_PENDING, &status), DENIED, "lease_lost");
    must_fail(try_end(fixture, &lease, RUN_EXHAUSTED, &status), DENIED, "lease_lost");
    must_fail(jobs_name_company(fixture->jobs, id, lease.token, "X", &err), DENIED, "lease_lost");
    must_fail(jobs_adopt(fixture->jobs, id, lease.token, "n", &job, &err), GONE, "lease_taken");
    assert_unchanged(fixture, before);
    last_run(fixture, id, 1);
}

static void a_lease_that_ran_out_but_nobody_took_goes_on(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    bool cancel;
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id), other;
    jobs_shift_clock(fixture->jobs, 2 * LEASE_MS);
    must(jobs_heartbeat(fixture->jobs, id, lease.token, NULL, &cancel, &err));
    must_fail(try_claim(fixture, "o2", NULL, &other), GONE, "nothing_claimable");
    assert_int_equal(end_run(fixture, &lease, RUN_PENDING), JOB_PENDING);
}

static void the_holder_names_the_company(struct fixture *fixture) {
    struct company company = a_company(1);
    company.name[0] = '\0';
    const struct jobs_order order = {.companies = &company, .count = 1};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    struct lease lease = run_job(fixture, placed.items[0].job_id);
    must(jobs_name_company(fixture->jobs, lease.job_id, lease.token, "ASHA STEEL LIMITED", &err));
    must(jobs_name_company(fixture->jobs, lease.job_id, lease.token, "ANOTHER", &err));
    assert_string_equal(get_job(fixture, lease.job_id).company.name, "ASHA STEEL LIMITED");
    jobs_placed_finish(&placed);
}

/* ---- ends ------------------------------------------------------------------------------------ */
static void every_end_leads_where_it_should(struct fixture *fixture) {
    const struct {
        enum run_outcome outcome;
        enum job_status status;
    } cases[] = {{RUN_PENDING, JOB_PENDING},  {RUN_COMPLETED, JOB_COMPLETED}, {RUN_FAILED, JOB_PENDING},
                 {RUN_EXHAUSTED, JOB_FAILED}, {RUN_CANCELLED, JOB_CANCELLED}, {RUN_INTERRUPTED, JOB_PENDING}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[OBJECT_ID_MAX];
        order_one(fixture, (int)i, 0, id);
        struct lease lease = run_job(fixture, id);
        put_filings(fixture, id, 1);
        assert_true(add_row(fixture, &lease, 1));
        assert_int_equal(end_run(fixture, &lease, cases[i].outcome), cases[i].status);
        struct job job = get_job(fixture, id);
        assert_int_equal(job.status, cases[i].status);
        assert_string_equal(job.lease_token, "");
        assert_string_equal(job.lease_owner, "");
        assert_string_equal(job.adopted_by, "");
        assert_int_equal(job.locked_at_ms, 0);
        assert_int_equal(job.downloaded_documents, 1);
        assert_int_equal(job.completeness.stored, 1);
        assert_int_equal(job.completeness.expected, 1);
        assert_string_equal(job.manifest_name, cases[i].outcome == RUN_COMPLETED ? "manifest" : "");
        assert_int_equal(job.completed_at_ms != 0, cases[i].outcome == RUN_COMPLETED);
        struct run_record run = last_run(fixture, id, 1);
        assert_string_equal(run.token, lease.token);
        assert_string_equal(run.owner, "owner");
        assert_int_equal(run.outcome, cases[i].outcome);
        assert_int_equal(run.job_status, cases[i].status);
        assert_int_equal(run.run, 1);
        assert_true(run.at_ms >= run.ended_at_ms && run.ended_at_ms >= run.started_at_ms && run.started_at_ms > 0);
    }
}

static void the_numbers_of_a_run_are_its_record(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    jobs_shift_clock(fixture->jobs, 5000);
    struct lease lease = run_job(fixture, id);
    struct jobs_end end = {.outcome = RUN_FAILED,
                           .error_code = "portal_down",
                           .error_message = "the portal answered 502",
                           .numbers = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1LL << 33, 11, 12}};
    must(jobs_end(fixture->jobs, id, lease.token, &end, &status, &err));
    struct run_record run = last_run(fixture, id, 1);
    assert_in_range(run.numbers.claim_wait_ms, 5000, 9000); /* the store's own */
    end.numbers.claim_wait_ms = run.numbers.claim_wait_ms;
    assert_memory_equal(&run.numbers, &end.numbers, sizeof end.numbers);
    assert_string_equal(run.error_code, "portal_down");
    assert_string_equal(run.error_message, "the portal answered 502");
    struct job job = get_job(fixture, id);
    assert_string_equal(job.error_code, "portal_down");
    assert_string_equal(job.error_message, "the portal answered 502");
    assert_true(job.error_at_ms > 0);
    jobs_shift_clock(fixture->jobs, BACKOFF_CAP_MS);
    lease = run_job(fixture, id);
    end_run(fixture, &lease, RUN_PENDING);
    assert_string_equal(get_job(fixture, id).error_code, "portal_down"); /* the last error stays */
    assert_string_equal(last_run(fixture, id, 2).error_code, "");
}

static void completed_means_a_row_for_every_filing(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    must_fail(try_end(fixture, &lease, RUN_COMPLETED, &status), INVALID, "incomplete");
    put_filings(fixture, id, 3);
    assert_true(add_row(fixture, &lease, 1));
    assert_true(add_row(fixture, &lease, 3));
    must_fail(try_end(fixture, &lease, RUN_COMPLETED, &status), INVALID, "incomplete");
    assert_int_equal(status_of(fixture, id), JOB_PROCESSING);
    assert_true(add_row(fixture, &lease, 2));
    assert_int_equal(end_run(fixture, &lease, RUN_COMPLETED), JOB_COMPLETED);
}

static void an_end_repeated_after_a_lost_reply_is_known(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status = JOB_FAILED;
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id), next;
    assert_int_equal(end_run(fixture, &lease, RUN_PENDING), JOB_PENDING);
    must(try_end(fixture, &lease, RUN_PENDING, &status));
    assert_int_equal(status, JOB_PENDING);
    next = run_job(fixture, id); /* also when the job went on */
    struct job before = get_job(fixture, id);
    must(try_end(fixture, &lease, RUN_PENDING, &status));
    assert_int_equal(status, JOB_PENDING);
    last_run(fixture, id, 1); /* also when the entry has become a record */
    must(try_end(fixture, &lease, RUN_EXHAUSTED, &status));
    assert_int_equal(status, JOB_PENDING); /* the status of then */
    assert_unchanged(fixture, before);
    assert_int_equal(end_run(fixture, &next, RUN_EXHAUSTED), JOB_FAILED);
    last_run(fixture, id, 2);
}

static void an_end_after_the_lease_was_lost_is_refused(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], other[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    order_one(fixture, 2, 0, other);
    struct lease lease = run_job(fixture, id);
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    assert_int_equal(expire(fixture), 1);
    struct job before = get_job(fixture, id);
    must_fail(try_end(fixture, &lease, RUN_PENDING, &status), DENIED, "lease_lost");
    assert_unchanged(fixture, before);
    struct lease foreign = lease; /* a token ends its own job only */
    lease = run_job(fixture, id);
    str_copy(foreign.job_id, OBJECT_ID_MAX, other);
    str_copy(foreign.token, TOKEN_MAX, lease.token);
    must_fail(try_end(fixture, &foreign, RUN_PENDING, &status), DENIED, "lease_lost");
    end_run(fixture, &lease, RUN_PENDING);
    must_fail(try_end(fixture, &foreign, RUN_PENDING, &status), DENIED, "lease_lost");
    str_copy(foreign.job_id, OBJECT_ID_MAX, "65a000000000000000000001");
    must_fail(try_end(fixture, &foreign, RUN_PENDING, &status), DENIED, "lease_lost");
}

static void a_release_ends_only_a_lease_that_nobody_adopted(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    struct job job;
    order_one(fixture, 1, 0, id);
    struct lease lease = claim(fixture, "o1");
    const struct jobs_end release = {.outcome = RUN_INTERRUPTED, .unadopted_only = true};
    must(jobs_end(fixture->jobs, id, lease.token, &release, &status, &err));
    assert_int_equal(status, JOB_PENDING);
    lease = claim(fixture, "o1");
    must(jobs_adopt(fixture->jobs, id, lease.token, "n1", &job, &err));
    must_fail(jobs_end(fixture->jobs, id, lease.token, &release, &status, &err), DENIED, "lease_lost");
    assert_string_equal(get_job(fixture, id).lease_token, lease.token);
}

static void failed_runs_back_off_and_obey_retry_after(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    int64_t before_ms = 0, most_ms = 3 * BACKOFF_BASE_MS;
    for (int i = 0; i < 9; i++) {
        struct lease lease = run_job(fixture, id), other;
        end_run(fixture, &lease, RUN_FAILED);
        struct job job = get_job(fixture, id);
        assert_in_range(job.backoff_ms, BACKOFF_BASE_MS, most_ms);
        assert_int_equal(job.available_at_ms, job.updated_at_ms + job.backoff_ms);
        must_fail(try_claim(fixture, "o2", NULL, &other), GONE, "nothing_claimable");
        before_ms = job.backoff_ms;
        most_ms = 3 * before_ms < BACKOFF_CAP_MS ? 3 * before_ms : BACKOFF_CAP_MS;
        jobs_shift_clock(fixture->jobs, job.backoff_ms);
    }
    struct lease lease = run_job(fixture, id);
    const struct jobs_end end = {
        .outcome = RUN_FAILED, .error_code = "rate_limited", .error_message = "x", .retry_after_ms = 299999};
    must(jobs_end(fixture->jobs, id, lease.token, &end, &status, &err));
    assert_in_range(get_job(fixture, id).backoff_ms, 299999, BACKOFF_CAP_MS);
    const struct jobs_end nameless = {.outcome = RUN_FAILED};
    must_fail(jobs_end(fixture->jobs, id, lease.token, &nameless, &status, &err), INVALID, "bad_argument");
}

/* ---- expiry ---------------------------------------------------------------------------------- */
static void leases_that_ran_out_expire_and_no_others(struct fixture *fixture) {
    enum { JOBS = 250 };
    char ids[JOBS][OBJECT_ID_MAX], live[OBJECT_ID_MAX], pending[OBJECT_ID_MAX];
    struct lease leases[JOBS];
    for (int i = 0; i < JOBS; i++) {
        order_one(fixture, i, 0, ids[i]);
        leases[i] = run_job(fixture, ids[i]);
    }
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    order_one(fixture, JOBS, 0, live);
    order_one(fixture, JOBS + 1, 0, pending);
    run_job(fixture, live);
    assert_int_equal(expire(fixture), JOBS);
    assert_int_equal(expire(fixture), 0);
    for (int i = 0; i < JOBS; i++) {
        struct job job = get_job(fixture, ids[i]);
        assert_int_equal(job.status, JOB_PENDING);
        assert_string_equal(job.lease_token, "");
        assert_int_equal(job.attempts, 1);
        struct run_record run = last_run(fixture, ids[i], 1);
        assert_int_equal(run.outcome, RUN_LOST);
        assert_string_equal(run.token, leases[i].token);
    }
    assert_int_equal(status_of(fixture, live), JOB_PROCESSING);
    assert_int_equal(status_of(fixture, pending), JOB_PENDING);
    last_run(fixture, claim(fixture, "o2").job_id, 1); /* and it is claimable at once */
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(the_best_is_of_the_highest_priority_and_waits_longest),
        CASE(a_job_of_higher_priority_that_is_not_due_is_passed_over),
        CASE(a_claim_gives_a_lease),
        CASE(one_owner_claims_the_same_lease_again),
        CASE(an_adopted_or_ended_lease_is_not_claimed_again),
        CASE(a_named_job_is_claimed_whatever_is_best),
        CASE(a_named_job_that_cannot_be_taken_says_why),
        CASE(a_lease_that_ran_out_is_taken_over),
        CASE(a_cancel_found_by_the_best_claim_ends_that_job_and_goes_on),
        CASE(a_cancel_found_by_a_claim_that_finds_nothing_else_stays),
        CASE(bad_claims_are_refused),
        CASE(one_of_two_processes_adopts),
        CASE(a_lease_that_is_over_is_not_adopted),
        CASE(attempts_count_runs_in_a_row_without_a_new_row),
        CASE(an_outage_gives_the_attempt_back),
        CASE(a_heartbeat_extends_the_lease),
        CASE(a_heartbeat_carries_a_requested_cancel),
        CASE(a_lost_lease_writes_nothing_more),
        CASE(a_lease_that_ran_out_but_nobody_took_goes_on),
        CASE(the_holder_names_the_company),
        CASE(every_end_leads_where_it_should),
        CASE(the_numbers_of_a_run_are_its_record),
        CASE(completed_means_a_row_for_every_filing),
        CASE(an_end_repeated_after_a_lost_reply_is_known),
        CASE(an_end_after_the_lease_was_lost_is_refused),
        CASE(failed_runs_back_off_and_obey_retry_after),
        CASE(a_release_ends_only_a_lease_that_nobody_adopted),
        CASE(leases_that_ran_out_expire_and_no_others),
    };
    return RUN_CASES(cases);
}
