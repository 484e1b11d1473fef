/* Removing finished jobs, in every job store: what may go and when, and that nothing of it stays but what it counted.
 */
#include "jobs/jobs.h"

#include "base/clock.h"
#include "contract/jobs_purges.h"

/* ---- what may go ----------------------------------------------------------------------------- */
static void an_open_job_is_kept(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    age(fixture);
    assert_refused(fixture, id, "the job is pending");
    run_job(fixture, id);
    age(fixture);
    assert_refused(fixture, id, "the job is processing");
    expire(fixture);
    age(fixture);
    assert_refused(fixture, id, "the job is pending");
}

static void a_job_is_kept_a_day_after_its_end(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    fail_job(fixture, 1, id);
    raise_watermark(fixture);
    assert_refused(fixture, id, "less than a day");
    jobs_shift_clock(fixture->jobs, 23 * HOUR_MS);
    raise_watermark(fixture);
    assert_refused(fixture, id, "less than a day");
    must(jobs_retry(fixture->jobs, id, "test", &status, &err)); /* its end moves with it */
    struct lease lease = run_job(fixture, id);
    end_run(fixture, &lease, RUN_EXHAUSTED);
    jobs_shift_clock(fixture->jobs, 2 * HOUR_MS);
    raise_watermark(fixture);
    assert_refused(fixture, id, "less than a day");
    age(fixture);
    purge(fixture, id);
}

static void a_job_is_kept_while_a_fact_of_it_is_above_the_watermark(struct fixture *fixture) {
    char placed[OBJECT_ID_MAX], with_row[OBJECT_ID_MAX], with_run[OBJECT_ID_MAX];
    bool inserted;
    order_one(fixture, 1, 0, placed);
    cancel(fixture, placed);
    jobs_shift_clock(fixture->jobs, 25 * HOUR_MS);
    assert_refused(fixture, placed, "watermark");
    raise_watermark(fixture);
    purge(fixture, placed);

    finish(fixture, 2, 1, with_row);
    age(fixture);
    struct document late = a_document(with_row, 2, "a-late-writers-token"); /* long after the end */
    must(jobs_add_document(fixture->jobs, &late, &inserted, &err));
    assert_true(inserted);
    assert_refused(fixture, with_row, "watermark");
    raise_watermark(fixture);
    assert_int_equal(purge(fixture, with_row).rows, 2);

    order_one(fixture, 3, 0, with_run);
    raise_watermark(fixture); /* the order is counted */
    jobs_shift_clock(fixture->jobs, HOUR_MS);
    struct lease lease = run_job(fixture, with_run);
    end_run(fixture, &lease, RUN_EXHAUSTED);
    int recorded;
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    jobs_shift_clock(fixture->jobs, 25 * HOUR_MS);
    assert_refused(fixture, with_run, "watermark");
    raise_watermark(fixture);
    assert_int_equal(purge(fixture, with_run).runs, 1);
}

static void what_does_not_exist_is_not_purged(struct fixture *fixture) {
    struct jobs_purged purged;
    static const char *const ids[] = {"65a0000000000000000000ff", "no id", ""};
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        for (int dry_run = 0; dry_run < 2; dry_run++)
            must_fail(try_purge(fixture, ids[i], dry_run, &purged), GONE, "unknown_job");
    assert_int_equal(count_purged(fixture), 0);
}

/* ---- what goes and what stays ---------------------------------------------------------------- */
static void nothing_of_a_purged_job_is_left(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], other[OBJECT_ID_MAX];
    struct job job;
    struct filing_list filings;
    struct document_list documents;
    struct run_list runs;
    struct lease lease;
    enum job_status status;
    finish(fixture, 1, 3, id);
    finish(fixture, 2, 2, other);
    age(fixture);
    struct job kept = get_job(fixture, other);
    assert_int_equal(fixture->implementation->count_traces(fixture, id), 1 + 3 + 1 + 1 + 1);
    struct jobs_purged purged = purge(fixture, id);
    assert_int_equal(purged.rows, 3);
    assert_int_equal(purged.runs, 1);
    must_fail(jobs_get(fixture->jobs, id, &job, &err), GONE, "unknown_job");
    must_fail(jobs_get_filings(fixture->jobs, id, &filings, &err), GONE, "no_filings");
    must(jobs_list_documents(fixture->jobs, id, 0, 0, &documents, &err));
    assert_int_equal(documents.count, 0);
    must(jobs_list_runs(fixture->jobs, id, &runs, &err));
    assert_int_equal(runs.count, 0);
    must_fail(try_claim(fixture, "owner", id, &lease), GONE, "unknown_job");
    must_fail(jobs_retry(fixture->jobs, id, "test", &status, &err), GONE, "unknown_job");
    assert_unchanged(fixture, kept);
    assert_int_equal(fixture->implementation->count_traces(fixture, other), 1 + 2 + 1 + 1 + 1);
}

static void no_late_fact_of_a_purged_job_is_taken(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    bool inserted;
    finish(fixture, 1, 1, id);
    age(fixture);
    purge(fixture, id);
    struct document late = a_document(id, 2, "a-late-writers-token");
    struct filing_list list = {0}, held;
    must_fail(jobs_add_document(fixture->jobs, &late, &inserted, &err), GONE, "unknown_job");
    must_fail(jobs_put_filings(fixture->jobs, id, &list, &held, &err), GONE, "unknown_job");
    assert_int_equal(fixture->implementation->count_traces(fixture, id), 0);
}

static void rows_of_other_programs_go_too(struct fixture *fixture) {
    static const char id[] = "65a0000000000000000000f1";
    int taken;
    fixture->implementation->insert_job(fixture, id, "pending", 1, 0);
    fixture->implementation->insert_document(fixture, "65a0000000000000000000d1", id, 1);
    must(jobs_take_in(fixture->jobs, &taken, &err)); /* kept aside */
    fixture->implementation->insert_document(fixture, "65a0000000000000000000d2", id, 1);
    cancel(fixture, id);
    age(fixture);
    struct jobs_purged purged = purge(fixture, id);
    assert_int_equal(purged.rows, 0);
    assert_int_equal(purged.runs, 0); /* the cancel was no run */
    assert_int_equal(fixture->implementation->count_legacy(fixture), 0);
}

static void assert_purged_totals(struct fixture *fixture, int64_t jobs, int64_t documents, int64_t runs) {
    struct purged_totals gone = {-1, -1, -1};
    must(jobs_purged_totals(fixture->jobs, &gone, &err));
    assert_int_equal(gone.jobs, jobs);
    assert_int_equal(gone.documents, documents);
    assert_int_equal(gone.runs, runs);
}

/* What another program placed and finished is in no total. */
static void what_was_never_counted_is_not_taken_away(struct fixture *fixture) {
    static const char id[] = "65a0000000000000000000f1";
    char other[OBJECT_ID_MAX];
    struct jobs_purged purged;
    assert_purged_totals(fixture, 0, 0, 0);
    fixture->implementation->insert_job(fixture, id, "completed", 1, 0);
    finish(fixture, 2, 2, other);
    age(fixture);
    must(try_purge(fixture, other, true, &purged));
    assert_purged_totals(fixture, 0, 0, 0); /* a dry run */
    must(try_purge(fixture, id, false, &purged));
    assert_purged_totals(fixture, 0, 0, 0);
    purge(fixture, other);
    must(try_purge(fixture, other, false, &purged)); /* repeated */
    assert_purged_totals(fixture, 1, 2, 1);
}

static void totals_stay_and_counts_follow(struct fixture *fixture) {
    char ids[4][OBJECT_ID_MAX];
    struct jobs_counts before, after;
    finish(fixture, 1, 3, ids[0]);
    finish(fixture, 2, 1, ids[1]);
    fail_job(fixture, 3, ids[2]);
    order_one(fixture, 4, 0, ids[3]);
    cancel(fixture, ids[3]);
    age(fixture);
    order_one(fixture, 5, 0, ids[3]); /* and facts above the watermark */
    struct totals totals = read_totals(fixture);
    assert_int_equal(totals.jobs_placed, 5);
    assert_int_equal(totals.documents[DOCUMENT_STORED], 4);
    must(jobs_count(fixture->jobs, &before, &err));
    purge(fixture, ids[0]);
    purge(fixture, ids[2]);
    struct totals now = read_totals(fixture);
    assert_memory_equal(&now, &totals, sizeof now);
    assert_purged_totals(fixture, 2, 3, 2);
    must(jobs_count(fixture->jobs, &after, &err));
    assert_int_equal(after.total, before.total - 2);
    assert_int_equal(after.by_status[JOB_COMPLETED], before.by_status[JOB_COMPLETED] - 1);
    assert_int_equal(after.by_status[JOB_FAILED], 0);
    assert_int_equal(after.by_status[JOB_CANCELLED], 1);
    assert_int_equal(after.by_status[JOB_PENDING], 1);
    raise_watermark(fixture);
    now = read_totals(fixture);
    now.up_to_ms = totals.up_to_ms;
    assert_memory_equal(&now, &totals, sizeof now);
}

static void the_company_can_be_ordered_again(struct fixture *fixture) {
    char first[OBJECT_ID_MAX], second[OBJECT_ID_MAX], third[OBJECT_ID_MAX];
    finish(fixture, 1, 1, first);
    age(fixture);
    purge(fixture, first);
    order_one(fixture, 1, 0, second);
    assert_string_not_equal(first, second);
    assert_string_equal(claim(fixture, "owner").job_id, second);
    order_one(fixture, 1, 0, third);
    assert_string_equal(second, third);
}

static void a_purge_leaves_the_companys_newer_job_alone(struct fixture *fixture) {
    char first[OBJECT_ID_MAX], second[OBJECT_ID_MAX], third[OBJECT_ID_MAX];
    finish(fixture, 1, 1, first);
    order_one(fixture, 1, 0, second);
    age(fixture);
    purge(fixture, first);
    order_one(fixture, 1, 0, third); /* still the company's open job */
    assert_string_equal(second, third);
}

static void a_job_with_thousands_of_rows_is_purged(struct fixture *fixture) {
    enum { ROWS = 3000 };
    char id[OBJECT_ID_MAX];
    finish(fixture, 1, ROWS, id);
    age(fixture);
    assert_int_equal(purge(fixture, id).rows, ROWS);
}

static void a_purge_is_in_the_audit_log(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], ended[CLOCK_TEXT_MAX], detail[256];
    finish(fixture, 1, 2, id);
    clock_format(get_job(fixture, id).updated_at_ms, ended);
    age(fixture);
    purge(fixture, id);
    struct audit_list list;
    must(jobs_list_audit(fixture->jobs, 1, NULL, &list, &err));
    assert_string_equal(list.items[0].actor, "cli:anna");
    assert_string_equal(list.items[0].action, "purge");
    assert_string_equal(list.items[0].job_id, id);
    assert_in_range(list.items[0].at_ms, now_of(fixture) - 60000, now_of(fixture));
    str_format(detail, sizeof detail,
               "{\"cin\":\"U72200MH2020PTC000001\",\"status\":\"completed\",\"endedAt\":\"%s\",\"rows\":2,\"runs\":1}",
               ended);
    assert_string_equal(list.items[0].detail, detail);
    audit_list_finish(&list);
}

static void a_repeated_purge_changes_nothing(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    finish(fixture, 1, 2, id);
    age(fixture);
    purge(fixture, id);
    for (int i = 0; i < 4; i++) {
        struct jobs_purged purged = {.rows = 9, .runs = 9};
        must(try_purge(fixture, id, i % 2, &purged));
        assert_int_equal(purged.rows, 0);
        assert_int_equal(purged.runs, 0);
    }
    assert_int_equal(count_audit(fixture, "purge"), 1);
    assert_int_equal(count_purged(fixture), 1);
}

static void a_dry_run_counts_and_changes_nothing(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], other[OBJECT_ID_MAX];
    struct jobs_purged purged;
    finish(fixture, 1, 2, id);
    age(fixture);
    struct job before = get_job(fixture, id);
    int64_t traces = fixture->implementation->count_traces(fixture, id);
    for (int i = 0; i < 2; i++) {
        must(try_purge(fixture, id, true, &purged));
        assert_int_equal(purged.rows, 2);
        assert_int_equal(purged.runs, 1);
    }
    assert_unchanged(fixture, before);
    assert_int_equal(fixture->implementation->count_traces(fixture, id), traces);
    assert_int_equal(count_audit(fixture, "purge"), 0);
    assert_int_equal(count_purged(fixture), 0);
    order_one(fixture, 1, 0, other);
    assert_string_not_equal(id, other);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(an_open_job_is_kept),
        CASE(a_job_is_kept_a_day_after_its_end),
        CASE(a_job_is_kept_while_a_fact_of_it_is_above_the_watermark),
        CASE(what_does_not_exist_is_not_purged),
        CASE(nothing_of_a_purged_job_is_left),
        CASE(no_late_fact_of_a_purged_job_is_taken),
        CASE(rows_of_other_programs_go_too),
        CASE(totals_stay_and_counts_follow),
        CASE(what_was_never_counted_is_not_taken_away),
        CASE(the_company_can_be_ordered_again),
        CASE(a_purge_leaves_the_companys_newer_job_alone),
        CASE(a_job_with_thousands_of_rows_is_purged),
        CASE(a_purge_is_in_the_audit_log),
        CASE(a_repeated_purge_changes_nothing),
        CASE(a_dry_run_counts_and_changes_nothing),
    };
    return RUN_CASES(cases);
}
