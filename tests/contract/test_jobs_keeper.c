/* The keeper's steps and the totals, in every job store. */
#include "jobs/jobs.h"

#include "contract/jobs_fixture.h"
#include "core/lease.h"
#include "core/retry.h"

static struct totals read_totals(struct fixture *fixture) {
    struct totals totals;
    int recorded;
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    must(jobs_totals(fixture->jobs, &totals, &err));
    return totals;
}

static bool advance(struct fixture *fixture) {
    bool advanced = false;
    must(jobs_advance_totals(fixture->jobs, &advanced, &err));
    return advanced;
}

/* Equal but for where the watermark stands. */
static void assert_same_sums(const struct totals *a, const struct totals *b) {
    struct totals left = *a, right = *b;
    left.up_to_ms = right.up_to_ms = 0;
    assert_memory_equal(&left, &right, sizeof left);
}

/* ---- totals ---------------------------------------------------------------------------------- */
/* Two jobs: one completed in two runs with three rows of the three states, one whose run failed; and a cancel that is
 * no run. */
static void make_facts(struct fixture *fixture) {
    char ids[3][OBJECT_ID_MAX];
    enum job_status status;
    bool inserted;
    for (int i = 0; i < 3; i++)
        order_one(fixture, i, 0, ids[i]);
    struct lease lease = run_job(fixture, ids[0]);
    put_filings(fixture, ids[0], 3);
    for (int n = 1; n <= 3; n++) {
        struct document document = a_document(ids[0], n, lease.token);
        document.state = (enum document_state)(n - 1);
        if (document.state == DOCUMENT_MISSING)
            document.original_bytes = document.pages = 0;
        must(jobs_add_document(fixture->jobs, &document, &inserted, &err));
        must(jobs_add_document(fixture->jobs, &document, &inserted, &err)); /* a second writer adds nothing */
    }
    struct jobs_end end = {.outcome = RUN_PENDING,
                           .numbers = {.portal_requests = 5, .portal_errors = 1, .run_ms = 700}};
    must(jobs_end(fixture->jobs, ids[0], lease.token, &end, &status, &err));
    must(jobs_end(fixture->jobs, ids[0], lease.token, &end, &status, &err));
    lease = run_job(fixture, ids[0]);
    end = (struct jobs_end){
        .outcome = RUN_COMPLETED, .manifest_name = "m", .numbers = {.portal_requests = 2, .run_ms = 5}};
    must(jobs_end(fixture->jobs, ids[0], lease.token, &end, &status, &err));
    lease = run_job(fixture, ids[1]);
    end_run(fixture, &lease, RUN_FAILED);
    must(jobs_cancel(fixture->jobs, ids[2], "test", &status, &err));
}

static void totals_count_every_fact_once(struct fixture *fixture) {
    make_facts(fixture);
    struct totals totals = read_totals(fixture);
    assert_int_equal(totals.jobs_placed, 3);
    assert_int_equal(totals.documents[DOCUMENT_STORED], 1);
    assert_int_equal(totals.documents[DOCUMENT_UNREADABLE], 1);
    assert_int_equal(totals.documents[DOCUMENT_MISSING], 1);
    assert_int_equal(totals.document_bytes, 100 + 200);
    assert_int_equal(totals.pages, 1 + 2);
    const int64_t runs[7] = {[RUN_PENDING] = 1, [RUN_COMPLETED] = 1, [RUN_FAILED] = 1};
    assert_memory_equal(totals.runs, runs, sizeof runs);
    assert_int_equal(totals.attempts_portal_requests, 7);
    assert_int_equal(totals.portal_errors, 1);
    assert_int_equal(totals.download.counts[2], 2); /* 20 ms: up to 25; the missing one was not downloaded */
    assert_int_equal(totals.download.sum_ms, 40);
    assert_int_equal(totals.read.counts[5], 2); /* 200 ms: up to 250 */
    assert_int_equal(totals.store.counts[0], 3);
    assert_int_equal(totals.store.sum_ms, 6);
    assert_int_equal(totals.run.counts[0], 2); /* 0 and 5 ms */
    assert_int_equal(totals.run.counts[7], 1); /* 700 ms: up to 1 s */
    assert_int_equal(totals.run.sum_ms, 705);
}

static void totals_are_the_same_on_both_sides_of_the_watermark(struct fixture *fixture) {
    make_facts(fixture);
    struct totals before = read_totals(fixture);
    assert_int_equal(before.up_to_ms, 0);
    advance(fixture);
    assert_true(read_totals(fixture).up_to_ms <= now_of(fixture) - WATERMARK_LAG_MS); /* these facts are too young */
    jobs_shift_clock(fixture->jobs, WATERMARK_LAG_MS + 60000);
    assert_true(advance(fixture));
    while (advance(fixture))
        ;
    struct totals after = read_totals(fixture);
    assert_in_range(after.up_to_ms, now_of(fixture) - WATERMARK_LAG_MS - 90000, now_of(fixture) - WATERMARK_LAG_MS);
    assert_same_sums(&before, &after);
    char id[OBJECT_ID_MAX];
    order_one(fixture, 7, 0, id);
    struct totals more = read_totals(fixture);
    assert_int_equal(more.jobs_placed, 4);
    jobs_shift_clock(fixture->jobs, WATERMARK_LAG_MS + 60000);
    assert_true(advance(fixture));
    struct totals last = read_totals(fixture);
    assert_same_sums(&more, &last);
}

static void a_fact_is_never_dated_below_the_watermark(struct fixture *fixture) {
    make_facts(fixture);
    jobs_shift_clock(fixture->jobs, 3600000);
    jobs_set_watermark_lag(fixture->jobs, 0);
    assert_true(advance(fixture));
    struct totals before = read_totals(fixture);
    jobs_shift_clock(fixture->jobs, -3600000); /* the clock is behind the watermark now */
    char id[OBJECT_ID_MAX];
    order_one(fixture, 8, 0, id);
    assert_true(get_job(fixture, id).at_ms >= before.up_to_ms);
    struct lease lease = run_job(fixture, id);
    put_filings(fixture, id, 1);
    assert_true(add_row(fixture, &lease, 1));
    end_run(fixture, &lease, RUN_COMPLETED);
    struct totals after = read_totals(fixture);
    assert_int_equal(after.jobs_placed, before.jobs_placed + 1);
    assert_int_equal(after.documents[DOCUMENT_STORED], before.documents[DOCUMENT_STORED] + 1);
    assert_int_equal(after.runs[RUN_COMPLETED], before.runs[RUN_COMPLETED] + 1);
    assert_false(advance(fixture)); /* nor does the watermark go back */
    assert_int_equal(read_totals(fixture).up_to_ms, before.up_to_ms);
}

/* More facts than one move of the watermark takes, many of them of one millisecond. */
static void the_watermark_moves_in_steps(struct fixture *fixture) {
    enum { ORDERS = 5, EACH = 9000 };
    struct company *companies = x_alloc(EACH * sizeof *companies);
    for (int i = 0; i < EACH; i++)
        companies[i] = a_company(i);
    for (int i = 0; i < ORDERS; i++) {
        const struct jobs_order order = {.companies = companies, .count = EACH, .force = true};
        struct jobs_placed placed;
        must(jobs_place(fixture->jobs, &order, &placed, &err));
        jobs_placed_finish(&placed);
        jobs_shift_clock(fixture->jobs, 1000);
    }
    free(companies);
    jobs_set_watermark_lag(fixture->jobs, 0);
    int steps = 0;
    while (steps < 100 && advance(fixture)) {
        struct totals totals = read_totals(fixture);
        assert_int_equal(totals.jobs_placed, ORDERS * EACH);
        steps++;
    }
    assert_in_range(steps, 1, 10);
    assert_true(read_totals(fixture).up_to_ms > now_of(fixture) - 70000);
}

/* More facts of one millisecond than a move takes: they are all dated at the watermark, which is ahead of the clock. */
static void the_watermark_passes_many_facts_of_one_millisecond(struct fixture *fixture) {
    enum { ORDERS = 3, EACH = 9000, AHEAD_MS = 100000 };
    struct company *companies = x_alloc(EACH * sizeof *companies);
    for (int i = 0; i < EACH; i++)
        companies[i] = a_company(i);
    jobs_set_watermark_lag(fixture->jobs, -AHEAD_MS);
    assert_true(advance(fixture));
    int64_t up_to_ms = read_totals(fixture).up_to_ms;
    for (int i = 0; i < ORDERS; i++) {
        const struct jobs_order order = {.companies = companies, .count = EACH, .force = true};
        struct jobs_placed placed;
        must(jobs_place(fixture->jobs, &order, &placed, &err));
        assert_int_equal(get_job(fixture, placed.items[0].job_id).at_ms, up_to_ms);
        jobs_placed_finish(&placed);
    }
    free(companies);
    jobs_set_watermark_lag(fixture->jobs, 0);
    jobs_shift_clock(fixture->jobs, 2 * AHEAD_MS);
    assert_true(advance(fixture));
    struct totals totals = read_totals(fixture);
    assert_true(totals.up_to_ms > up_to_ms);
    assert_int_equal(totals.jobs_placed, ORDERS * EACH);
}

static void totals_can_be_written_down_and_read(struct fixture *fixture) {
    (void)fixture;
    struct totals totals = {.up_to_ms = 5}, read = {.up_to_ms = 5};
    int64_t *numbers = &totals.jobs_placed;
    size_t count = (sizeof totals - offsetof(struct totals, jobs_placed)) / sizeof *numbers;
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int64_t)i * 1000003 + 1; /* every number its own */
    char *text = totals_to_json(&totals);
    must(totals_from_json(text, &read, &err));
    assert_memory_equal(&read, &totals, sizeof read);
    struct totals twice = totals;
    totals_add(&twice, &totals);
    for (size_t i = 0; i < count; i++)
        assert_int_equal((&twice.jobs_placed)[i], 2 * numbers[i]);
    must_fail(totals_from_json("{}", &read, &err), FATAL, "store_damaged");
    assert_memory_equal(&read, &totals, sizeof read);
    free(text);
}

/* ---- intake ---------------------------------------------------------------------------------- */
#define FOREIGN_1 "65a0000000000000000000f1"
#define FOREIGN_2 "65a0000000000000000000f2"
#define FOREIGN_3 "65a0000000000000000000f3"
#define FOREIGN_4 "65a0000000000000000000f4"

static int take_in(struct fixture *fixture) {
    int taken = -1;
    must(jobs_take_in(fixture->jobs, &taken, &err));
    return taken;
}

static void foreign_pending_jobs_are_served(struct fixture *fixture) {
    const struct implementation *store = fixture->implementation;
    int64_t created_ms = now_of(fixture) - 5000;
    struct lease lease;
    store->insert_job(fixture, FOREIGN_1, "pending", created_ms, 0);
    must_fail(try_claim(fixture, "o", NULL, &lease), GONE, "nothing_claimable");
    must_fail(try_claim(fixture, "o", FOREIGN_1, &lease), GONE, "not_claimable");
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.by_status[JOB_PENDING], 1);
    assert_int_equal(counts.claimable, 0);
    assert_int_equal(take_in(fixture), 1);
    assert_int_equal(take_in(fixture), 0);
    struct job job = get_job(fixture, FOREIGN_1);
    assert_int_equal(job.available_at_ms, created_ms);
    assert_true(job.at_ms > created_ms);
    assert_int_equal(read_totals(fixture).jobs_placed, 1);
    assert_string_equal(claim(fixture, "o").job_id, FOREIGN_1);
    char id[OBJECT_ID_MAX];
    order_one(fixture, 77, 0, id); /* the same company; a foreign job is nobody's open one */
    assert_string_not_equal(id, FOREIGN_1);
}

static void foreign_running_jobs_are_served_when_silent(struct fixture *fixture) {
    const struct implementation *store = fixture->implementation;
    int64_t old_ms = now_of(fixture) - INTAKE_AFTER_MS - 1000, new_ms = now_of(fixture) - INTAKE_AFTER_MS + 60000;
    store->insert_job(fixture, FOREIGN_1, "processing", old_ms, old_ms);
    store->insert_job(fixture, FOREIGN_2, "in_progress", old_ms, 0);
    store->insert_job(fixture, FOREIGN_3, "processing", old_ms, new_ms);
    store->insert_job(fixture, FOREIGN_4, "completed", old_ms, 0);
    assert_int_equal(expire(fixture), 0);
    assert_int_equal(take_in(fixture), 2);
    assert_int_equal(status_of(fixture, FOREIGN_1), JOB_PENDING);
    assert_int_equal(status_of(fixture, FOREIGN_2), JOB_PENDING);
    assert_int_equal(status_of(fixture, FOREIGN_3), JOB_PROCESSING);
    assert_int_equal(get_job(fixture, FOREIGN_1).locked_at_ms, 0);
    jobs_shift_clock(fixture->jobs, 61000);
    assert_int_equal(take_in(fixture), 1);
    assert_int_equal(status_of(fixture, FOREIGN_3), JOB_PENDING);
    assert_int_equal(status_of(fixture, FOREIGN_4), JOB_COMPLETED);
    struct run_list runs = {0};
    must(jobs_list_runs(fixture->jobs, FOREIGN_1, &runs, &err));
    assert_int_equal(runs.count, 0);
    run_list_finish(&runs);
}

static void many_foreign_jobs_are_taken_in_at_once(struct fixture *fixture) {
    enum { MANY = 230 };
    int64_t now_ms = now_of(fixture);
    for (int i = 0; i < MANY; i++) {
        char id[OBJECT_ID_MAX];
        str_format(id, sizeof id, "65a00000000000000000%04x", i);
        bool waits = i < 150; /* and those that must wait do not stand before the others */
        fixture->implementation->insert_job(fixture, id, waits ? "processing" : "pending", now_ms, waits ? now_ms : 0);
    }
    assert_int_equal(take_in(fixture), MANY - 150);
}

static void rows_that_are_no_facts_are_kept_aside(struct fixture *fixture) {
    const struct implementation *store = fixture->implementation;
    store->insert_job(fixture, FOREIGN_1, "pending", now_of(fixture), 0);
    store->insert_document(fixture, "65a0000000000000000000d1", FOREIGN_1, 1);
    store->insert_document(fixture, "65a0000000000000000000d2", FOREIGN_1, 1); /* a duplicate after a crash of theirs */
    struct document_list list = {0};
    must(jobs_list_documents(fixture->jobs, FOREIGN_1, 0, 0, &list, &err));
    assert_int_equal(list.count, 0);
    document_list_finish(&list);
    struct document document;
    must_fail(jobs_get_document(fixture->jobs, "65a0000000000000000000d1", &document, &err), GONE, "unknown_document");
    assert_int_equal(get_job(fixture, FOREIGN_1).downloaded_documents, 0);
    bool have[4];
    int rows = -1;
    must(jobs_have_rows(fixture->jobs, FOREIGN_1, have, COUNT_OF(have), &rows, &err));
    assert_int_equal(rows, 0);
    const struct lease late = {.job_id = FOREIGN_1, .token = "0123456789abcdef0123456789abcdef"};
    assert_true(add_row(fixture, &late, 2)); /* a fact stays one */
    assert_int_equal(take_in(fixture), 1);
    assert_int_equal(store->count_legacy(fixture), 2);
    struct lease lease = run_job(fixture, FOREIGN_1);
    put_filings(fixture, FOREIGN_1, 2);
    assert_int_equal(get_job(fixture, FOREIGN_1).downloaded_documents, 1);
    assert_true(add_row(fixture, &lease, 1));
    assert_int_equal(end_run(fixture, &lease, RUN_COMPLETED), JOB_COMPLETED);
    assert_int_equal(read_totals(fixture).documents[DOCUMENT_STORED], 2);
}

/* ---- a clock that was set back --------------------------------------------------------------- */
static int check_clock(struct fixture *fixture) {
    int mended = -1;
    must(jobs_check_clock(fixture->jobs, &mended, &err));
    return mended;
}

static void a_clock_set_back_strands_no_job(struct fixture *fixture) {
    enum { BACK_MS = 7200000 };
    char pending[OBJECT_ID_MAX], leased[OBJECT_ID_MAX], failed[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, pending);
    order_one(fixture, 2, 0, leased);
    order_one(fixture, 3, 0, failed);
    struct lease lease = run_job(fixture, failed);
    end_run(fixture, &lease, RUN_FAILED);
    lease = run_job(fixture, leased);
    assert_int_equal(check_clock(fixture), 0);
    jobs_shift_clock(fixture->jobs, -BACK_MS);
    assert_int_equal(check_clock(fixture), 3);
    assert_int_equal(check_clock(fixture), 0);
    assert_in_range(get_job(fixture, leased).available_at_ms, now_of(fixture) + LEASE_MS - 5000,
                    now_of(fixture) + LEASE_MS);
    assert_in_range(get_job(fixture, pending).available_at_ms, now_of(fixture) + BACKOFF_CAP_MS - 5000,
                    now_of(fixture) + BACKOFF_CAP_MS);
    jobs_shift_clock(fixture->jobs, BACKOFF_CAP_MS);
    assert_int_equal(expire(fixture), 1);
    struct run_list runs = {0};
    must(jobs_list_runs(fixture->jobs, leased, &runs, &err));
    assert_int_equal(runs.count, 1);
    assert_int_equal(runs.items[0].outcome, RUN_LOST);
    run_list_finish(&runs);
    for (int i = 0; i < 3; i++) {
        char owner[8];
        str_format(owner, sizeof owner, "o%d", i);
        claim(fixture, owner);
    }
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(totals_count_every_fact_once),
        CASE(totals_are_the_same_on_both_sides_of_the_watermark),
        CASE(a_fact_is_never_dated_below_the_watermark),
        CASE(the_watermark_moves_in_steps),
        CASE(the_watermark_passes_many_facts_of_one_millisecond),
        CASE(totals_can_be_written_down_and_read),
        CASE(foreign_pending_jobs_are_served),
        CASE(foreign_running_jobs_are_served_when_silent),
        CASE(many_foreign_jobs_are_taken_in_at_once),
        CASE(rows_that_are_no_facts_are_kept_aside),
        CASE(a_clock_set_back_strands_no_job),
    };
    return RUN_CASES(cases);
}
