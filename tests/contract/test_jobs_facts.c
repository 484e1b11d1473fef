/* Facts, each written once: filing lists and document rows, in every job store. */
#include "jobs/jobs.h"

#include "contract/jobs_fixture.h"

static struct filing_list a_list(int count, const char *form) {
    struct filing_list list = {.items = x_alloc((size_t)count * sizeof *list.items), .count = count};
    for (int i = 0; i < count; i++) {
        struct filing *filing = &list.items[i];
        filing->number = i + 1;
        str_format(filing->srn, SRN_MAX, "F%d", i);
        str_copy(filing->form, FORM_MAX, form);
        str_copy(filing->title, FILING_TITLE_MAX, "Annual \"return\" \\ für \xe0\xa4\x85\x01");
        str_copy(filing->filed_on, DATE_MAX, "2021-12-31");
        str_copy(filing->md5, MD5_HEX_MAX, "0123456789abcdef0123456789abcdef");
        filing->size_bytes = FILING_BYTES_MAX - i;
    }
    return list;
}

static void the_first_list_of_filings_holds(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct filing_list first = a_list(3, "AOC-4"), second = a_list(2, "MGT-7"), held = {0}, again = {0}, read = {0};
    must_fail(jobs_get_filings(fixture->jobs, id, &read, &err), GONE, "no_filings");
    must(jobs_put_filings(fixture->jobs, id, &first, &held, &err));
    assert_int_equal(held.count, 3);
    assert_memory_equal(held.items, first.items, 3 * sizeof *held.items);
    must(jobs_put_filings(fixture->jobs, id, &second, &again, &err));
    assert_int_equal(again.count, 3);
    assert_memory_equal(again.items, first.items, 3 * sizeof *held.items);
    must(jobs_get_filings(fixture->jobs, id, &read, &err));
    assert_memory_equal(read.items, first.items, 3 * sizeof *held.items);
    assert_int_equal(get_job(fixture, id).total_documents, 3);
    filing_list_finish(&first);
    filing_list_finish(&second);
    filing_list_finish(&held);
    filing_list_finish(&again);
    filing_list_finish(&read);
}

static void an_empty_list_is_a_list(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    put_filings(fixture, id, 0);
    struct filing_list read = {0};
    must(jobs_get_filings(fixture->jobs, id, &read, &err));
    assert_int_equal(read.count, 0);
    filing_list_finish(&read);
    struct lease lease = run_job(fixture, id);
    assert_int_equal(end_run(fixture, &lease, RUN_COMPLETED), JOB_COMPLETED);
}

static void the_longest_list_is_stored(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct filing_list list = a_list(FILINGS_MAX, "AOC-4"), held = {0};
    must(jobs_put_filings(fixture->jobs, id, &list, &held, &err));
    assert_int_equal(held.count, FILINGS_MAX);
    assert_memory_equal(held.items, list.items, (size_t)FILINGS_MAX * sizeof *list.items);
    filing_list_finish(&held);
    list.items[7].number = 7;
    must_fail(jobs_put_filings(fixture->jobs, id, &list, &held, &err), INVALID, "bad_filings");
    filing_list_finish(&list);
    list = a_list(FILINGS_MAX + 1, "AOC-4");
    must_fail(jobs_put_filings(fixture->jobs, id, &list, &held, &err), INVALID, "bad_filings");
    filing_list_finish(&list);
}

static void a_row_is_inserted_once(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct document first = a_document(id, 4, "0123456789abcdef0123456789abcdef"), second = first, read;
    str_copy(first.reason, sizeof first.reason, "encrypted");
    str_copy(first.original_name, sizeof first.original_name, "jobs/x/document_4.ffffffffffffffff.pdf");
    first.state = DOCUMENT_UNREADABLE;
    second.state = DOCUMENT_STORED;
    second.text_bytes = 999;
    bool inserted = false;
    must(jobs_add_document(fixture->jobs, &first, &inserted, &err));
    assert_true(inserted);
    must(jobs_add_document(fixture->jobs, &second, &inserted, &err));
    assert_false(inserted);
    must(jobs_add_document(fixture->jobs, &first, &inserted, &err));
    assert_false(inserted);
    struct document_list list = {0};
    must(jobs_list_documents(fixture->jobs, id, 0, 0, &list, &err));
    assert_int_equal(list.count, 1);
    assert_true(object_id_valid(list.items[0].id));
    assert_in_range(list.items[0].at_ms, now_of(fixture) - 5000, now_of(fixture));
    must(jobs_get_document(fixture->jobs, list.items[0].id, &read, &err));
    str_copy(first.id, OBJECT_ID_MAX, read.id);
    first.at_ms = read.at_ms;
    assert_memory_equal(&read, &list.items[0], sizeof read);
    assert_memory_equal(&read, &first, sizeof read);
    document_list_finish(&list);
}

static void two_jobs_have_rows_of_the_same_number(struct fixture *fixture) {
    char ids[2][OBJECT_ID_MAX];
    for (int i = 0; i < 2; i++) {
        order_one(fixture, i, 0, ids[i]);
        struct lease lease = run_job(fixture, ids[i]);
        assert_true(add_row(fixture, &lease, 1));
        assert_true(add_row(fixture, &lease, 2));
        assert_false(add_row(fixture, &lease, 1));
    }
}

static void rows_are_listed_by_number(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    const int numbers[] = {5, 1, 9, 3};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_true(add_row(fixture, &lease, numbers[i]));
    struct document_list list = {0};
    must(jobs_list_documents(fixture->jobs, id, 1, 2, &list, &err));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].number, 3);
    assert_int_equal(list.items[1].number, 5);
    document_list_finish(&list);
    must(jobs_list_documents(fixture->jobs, id, 9, 0, &list, &err));
    assert_int_equal(list.count, 0);
    document_list_finish(&list);
    bool have[9];
    int count = 0;
    memset(have, 1, sizeof have);
    must(jobs_have_rows(fixture->jobs, id, have, 9, &count, &err));
    assert_int_equal(count, 4);
    for (int n = 0; n < 9; n++)
        assert_int_equal(have[n], n == 1 || n == 3 || n == 5);
}

static void a_late_writer_repeats_facts_and_changes_no_job(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease zombie = run_job(fixture, id), owner = {0};
    struct job job;
    put_filings(fixture, id, 2);
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    must(try_claim(fixture, "o2", id, &owner));
    must(jobs_adopt(fixture->jobs, id, owner.token, "n2", &job, &err));
    assert_true(add_row(fixture, &owner, 1));
    assert_true(add_row(fixture, &owner, 2));
    assert_int_equal(end_run(fixture, &owner, RUN_COMPLETED), JOB_COMPLETED);
    struct job before = get_job(fixture, id);
    assert_false(add_row(fixture, &zombie, 1));
    assert_false(add_row(fixture, &zombie, 2));
    put_filings(fixture, id, 2);
    assert_unchanged(fixture, before);
    struct document_list list = {0};
    must(jobs_list_documents(fixture->jobs, id, 0, 0, &list, &err));
    for (int i = 0; i < list.count; i++)
        assert_string_equal(list.items[i].by, owner.token);
    document_list_finish(&list);
}

static void a_row_that_comes_after_the_end_changes_no_finished_job(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    put_filings(fixture, id, 3);
    assert_true(add_row(fixture, &lease, 1));
    assert_int_equal(end_run(fixture, &lease, RUN_EXHAUSTED), JOB_FAILED);
    struct job before = get_job(fixture, id);
    assert_int_equal(before.downloaded_documents, 1);
    assert_true(add_row(fixture, &lease, 2)); /* a fact all the same: the next run has it already */
    assert_unchanged(fixture, before);
    enum job_status status;
    must(jobs_retry(fixture->jobs, id, "test", &status, &err));
    assert_int_equal(get_job(fixture, id).downloaded_documents, 2);
}

static void an_open_job_shows_its_rows_at_once(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    put_filings(fixture, id, 4);
    assert_true(add_row(fixture, &lease, 2));
    struct document missing = a_document(id, 3, lease.token);
    missing.state = DOCUMENT_MISSING;
    bool inserted;
    must(jobs_add_document(fixture->jobs, &missing, &inserted, &err));
    struct job job = get_job(fixture, id);
    assert_int_equal(job.total_documents, 4);
    assert_int_equal(job.downloaded_documents, 2);
    assert_int_equal(job.completeness.stored, 1);
    assert_int_equal(job.completeness.missing, 1);
    const struct jobs_filter filter = {.limit = 5};
    struct job_list list = {0};
    must(jobs_list(fixture->jobs, &filter, &list, &err));
    assert_int_equal(list.items[0].downloaded_documents, 2);
    job_list_finish(&list);
}

static void facts_of_no_job_are_refused(struct fixture *fixture) {
    const char *nobody = "65a000000000000000000001";
    struct document document = a_document(nobody, 1, "0123456789abcdef0123456789abcdef"), read;
    struct filing_list list = a_list(1, "AOC-4"), held;
    bool inserted;
    must_fail(jobs_add_document(fixture->jobs, &document, &inserted, &err), GONE, "unknown_job");
    must_fail(jobs_put_filings(fixture->jobs, nobody, &list, &held, &err), GONE, "unknown_job");
    must_fail(jobs_get_document(fixture->jobs, nobody, &read, &err), GONE, "unknown_document");
    must_fail(jobs_get_document(fixture->jobs, "x", &read, &err), GONE, "unknown_document");
    document.number = 0;
    must_fail(jobs_add_document(fixture->jobs, &document, &inserted, &err), INVALID, "bad_argument");
    document.number = 1;
    document.text_name[0] = '\0';
    must_fail(jobs_add_document(fixture->jobs, &document, &inserted, &err), INVALID, "bad_argument");
    filing_list_finish(&list);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(the_first_list_of_filings_holds),
        CASE(an_empty_list_is_a_list),
        CASE(the_longest_list_is_stored),
        CASE(a_row_is_inserted_once),
        CASE(two_jobs_have_rows_of_the_same_number),
        CASE(rows_are_listed_by_number),
        CASE(a_late_writer_repeats_facts_and_changes_no_job),
        CASE(a_row_that_comes_after_the_end_changes_no_finished_job),
        CASE(an_open_job_shows_its_rows_at_once),
        CASE(facts_of_no_job_are_refused),
    };
    return RUN_CASES(cases);
}
