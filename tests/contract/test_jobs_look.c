/* Lists, cursors and counts, in every job store. */
#include "jobs/jobs.h"

#include "contract/jobs_fixture.h"
#include "core/retry.h"

enum { JOBS = 23 };

/* Follows the pages; the numbers of the companies in the order shown. */
static int follow(struct fixture *fixture, struct jobs_filter filter, int numbers[], int max) {
    int count = 0;
    char cursor[CURSOR_MAX] = "";
    do {
        struct job_list list = {0};
        filter.cursor = cursor;
        must(jobs_list(fixture->jobs, &filter, &list, &err));
        assert_true(list.count <= filter.limit);
        assert_true(list.count == filter.limit || list.next[0] == '\0');
        for (int i = 0; i < list.count; i++) {
            assert_true(count < max);
            numbers[count++] = (int)strtol(list.items[i].company.cin + 15, NULL, 10);
        }
        str_copy(cursor, sizeof cursor, list.next);
        job_list_finish(&list);
    } while (cursor[0] != '\0');
    return count;
}

static void assert_list(struct fixture *fixture, struct jobs_filter filter, const int expected[], int expected_count) {
    const int limits[] = {1, 2, 5, expected_count ? expected_count : 1, 500};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        int numbers[JOBS + 1];
        filter.limit = limits[i];
        assert_int_equal(follow(fixture, filter, numbers, JOBS + 1), expected_count);
        assert_memory_equal(numbers, expected, (size_t)expected_count * sizeof *numbers);
    }
}

static void pages_are_newest_first_without_gap_or_repeat(struct fixture *fixture) {
    int newest_first[JOBS] = {0};
    char id[OBJECT_ID_MAX];
    assert_list(fixture, (struct jobs_filter){0}, newest_first, 0);
    for (int i = 0; i < JOBS; i++) {
        order_one(fixture, i, i % 3, id);
        newest_first[JOBS - 1 - i] = i;
    }
    assert_list(fixture, (struct jobs_filter){0}, newest_first, JOBS);
    assert_list(fixture, (struct jobs_filter){.status = "pending"}, newest_first, JOBS);
    assert_list(fixture, (struct jobs_filter){.status = "completed"}, newest_first, 0);
}

static void a_page_is_not_moved_by_new_orders(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    for (int i = 0; i < 4; i++)
        order_one(fixture, i, 0, id);
    struct jobs_filter filter = {.limit = 2};
    struct job_list list = {0};
    must(jobs_list(fixture->jobs, &filter, &list, &err));
    char cursor[CURSOR_MAX];
    str_copy(cursor, sizeof cursor, list.next);
    job_list_finish(&list);
    order_one(fixture, 9, 0, id);
    filter.cursor = cursor;
    must(jobs_list(fixture->jobs, &filter, &list, &err));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].company.name, "Company 1 Limited");
    assert_string_equal(list.items[1].company.name, "Company 0 Limited");
    assert_string_equal(list.next, "");
    job_list_finish(&list);
}

static void lists_are_filtered(struct fixture *fixture) {
    char ids[8][OBJECT_ID_MAX];
    for (int i = 0; i < 8; i++)
        order_one(fixture, i, 0, ids[i]);
    enum job_status status;
    must(jobs_cancel(fixture->jobs, ids[2], "test", &status, &err));
    must(jobs_cancel(fixture->jobs, ids[5], "test", &status, &err));
    order_one(fixture, 5, 0, ids[5]); /* a second job of company 5 */
    run_job(fixture, ids[3]);
    const char *cin = "U72200MH2020PTC000005";
    assert_list(fixture, (struct jobs_filter){.status = "cancelled"}, (int[]){5, 2}, 2);
    assert_list(fixture, (struct jobs_filter){.status = "processing"}, (int[]){3}, 1);
    assert_list(fixture, (struct jobs_filter){.status = "cancelled", .prefix = "company"}, (int[]){5, 2}, 2);
    assert_list(fixture, (struct jobs_filter){.status = "pending"}, (int[]){5, 7, 6, 4, 1, 0}, 6);
    assert_list(fixture, (struct jobs_filter){.cin = cin}, (int[]){5, 5}, 2);
    assert_list(fixture, (struct jobs_filter){.cin = cin, .status = "cancelled"}, (int[]){5}, 1);
    assert_list(fixture, (struct jobs_filter){.cin = cin, .prefix = "company 5"}, (int[]){5, 5}, 2);
    assert_list(fixture, (struct jobs_filter){.cin = cin, .prefix = "company 6"}, (int[]){5}, 0);
    assert_list(fixture, (struct jobs_filter){.cin = "U72200MH2020PTC00000"}, (int[]){5}, 0); /* exact */
}

static void a_prefix_finds_cins_and_names_in_any_case(struct fixture *fixture) {
    char ids[4][OBJECT_ID_MAX];
    const char *const names[] = {"ALPHA Steel", "alpha works", "Beta 100%", "U72200 Traders"};
    for (int i = 0; i < 4; i++) {
        struct company company = a_company(i);
        str_copy(company.name, sizeof company.name, names[i]);
        const struct jobs_order order = {.companies = &company, .count = 1};
        struct jobs_placed placed;
        must(jobs_place(fixture->jobs, &order, &placed, &err));
        str_copy(ids[i], OBJECT_ID_MAX, placed.items[0].job_id);
        jobs_placed_finish(&placed);
    }
    enum job_status status;
    must(jobs_cancel(fixture->jobs, ids[1], "test", &status, &err));
    assert_list(fixture, (struct jobs_filter){.prefix = "Alpha"}, (int[]){1, 0}, 2);
    assert_list(fixture, (struct jobs_filter){.prefix = "alpha s"}, (int[]){0}, 1);
    assert_list(fixture, (struct jobs_filter){.prefix = "alpha", .status = "cancelled"}, (int[]){1}, 1);
    assert_list(fixture, (struct jobs_filter){.prefix = "u72200"}, (int[]){3, 2, 1, 0}, 4); /* one of them by both */
    assert_list(fixture, (struct jobs_filter){.prefix = "U72200MH2020PTC000002"}, (int[]){2}, 1);
    assert_list(fixture, (struct jobs_filter){.prefix = "U72200 "}, (int[]){3}, 1);
    assert_list(fixture, (struct jobs_filter){.prefix = "Beta 100%"}, (int[]){2}, 1);
    assert_list(fixture, (struct jobs_filter){.prefix = "Beta _00"}, (int[]){2}, 0); /* no pattern */
    assert_list(fixture, (struct jobs_filter){.prefix = "steel"}, (int[]){2}, 0);
    assert_list(fixture, (struct jobs_filter){.prefix = ""}, (int[]){3, 2, 1, 0}, 4);
}

/* More matches than the SQLite store collects: it then walks back from the newest. */
static void a_prefix_with_many_matches_gives_the_same_pages(struct fixture *fixture) {
    enum { MANY = 2300, LIMIT = 500 };
    struct company *companies = x_alloc(MANY * sizeof *companies);
    for (int i = 0; i < MANY; i++) {
        companies[i] = a_company(i);
        if (i % 10 == 0)
            str_copy(companies[i].cin, CIN_MAX, "L");
        str_format(companies[i].cin + (i % 10 ? 15 : 1), CIN_MAX - 15, "%06d", i);
    }
    const struct jobs_order order = {.companies = companies, .count = MANY};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    enum job_status status;
    must(jobs_cancel(fixture->jobs, placed.items[77].job_id, "test", &status, &err));
    struct jobs_filter filter = {.prefix = "u7220", .limit = LIMIT};
    char cursor[CURSOR_MAX] = "";
    int expected = MANY - 1, found = 0;
    do {
        struct job_list list = {0};
        filter.cursor = cursor;
        must(jobs_list(fixture->jobs, &filter, &list, &err));
        for (int i = 0; i < list.count; i++, expected--, found++) {
            if (expected % 10 == 0)
                expected--;
            assert_string_equal(list.items[i].id, placed.items[expected].job_id);
        }
        str_copy(cursor, sizeof cursor, list.next);
        job_list_finish(&list);
    } while (cursor[0] != '\0');
    assert_int_equal(found, MANY - MANY / 10);
    struct job_list list = {0};
    filter = (struct jobs_filter){.prefix = "u7220", .status = "cancelled", .limit = LIMIT};
    must(jobs_list(fixture->jobs, &filter, &list, &err));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, placed.items[77].job_id);
    job_list_finish(&list);
    jobs_placed_finish(&placed);
    free(companies);
}

/* Many matches, and only one of them among the newest 20,000 jobs. */
static void a_prefix_with_many_old_matches_is_found(struct fixture *fixture) {
    enum { OLD = 2500, NEW = 20500, EACH = 10000 };
    struct company *companies = x_alloc((OLD + NEW) * sizeof *companies);
    for (int i = 0; i < OLD + NEW; i++) {
        companies[i] = a_company(i);
        str_format(companies[i].name, COMPANY_NAME_MAX, "%s %d", i < OLD ? "Old" : "New", i);
    }
    str_copy(companies[OLD + NEW - 1].name, COMPANY_NAME_MAX, "Old, but new");
    char ids[OLD][OBJECT_ID_MAX];
    for (int at = 0; at < OLD + NEW; at += EACH) {
        const struct jobs_order order = {.companies = companies + at,
                                         .count = OLD + NEW - at < EACH ? OLD + NEW - at : EACH};
        struct jobs_placed placed;
        must(jobs_place(fixture->jobs, &order, &placed, &err));
        for (int i = 0; i < placed.count && at + i < OLD; i++)
            str_copy(ids[at + i], OBJECT_ID_MAX, placed.items[i].job_id);
        jobs_placed_finish(&placed);
    }
    enum job_status status;
    must(jobs_cancel(fixture->jobs, ids[3], "test", &status, &err));
    must(jobs_cancel(fixture->jobs, ids[8], "test", &status, &err));
    struct jobs_filter filter = {.prefix = "OLD", .limit = 3};
    struct job_list first = {0}, second = {0};
    must(jobs_list(fixture->jobs, &filter, &first, &err));
    assert_int_equal(first.count, 3);
    assert_string_equal(first.items[0].company.name, "Old, but new");
    assert_string_equal(first.items[1].id, ids[OLD - 1]);
    assert_string_equal(first.items[2].id, ids[OLD - 2]);
    filter.cursor = first.next;
    must(jobs_list(fixture->jobs, &filter, &second, &err));
    assert_string_equal(second.items[0].id, ids[OLD - 3]);
    job_list_finish(&first);
    job_list_finish(&second);
    filter = (struct jobs_filter){.prefix = "OLD", .limit = 2, .status = "cancelled"};
    must(jobs_list(fixture->jobs, &filter, &first, &err));
    assert_int_equal(first.count, 2);
    assert_string_equal(first.items[0].id, ids[8]);
    assert_string_equal(first.items[1].id, ids[3]);
    assert_string_equal(first.next, "");
    job_list_finish(&first);
    free(companies);
}

static void bad_filters_are_refused(struct fixture *fixture) {
    struct job_list list;
    const char *const cursors[] = {"x", "0", "-1", "1 ", "99999999999999999999", "' OR 1=1"};
    for (size_t i = 0; i < COUNT_OF(cursors); i++) {
        const struct jobs_filter filter = {.limit = 1, .cursor = cursors[i]};
        must_fail(jobs_list(fixture->jobs, &filter, &list, &err), INVALID, "bad_cursor");
    }
    struct jobs_filter filter = {.limit = 0};
    must_fail(jobs_list(fixture->jobs, &filter, &list, &err), INVALID, "bad_limit");
    filter.limit = 501;
    must_fail(jobs_list(fixture->jobs, &filter, &list, &err), INVALID, "bad_limit");
    filter = (struct jobs_filter){.limit = 1, .status = "in_progress"};
    must_fail(jobs_list(fixture->jobs, &filter, &list, &err), INVALID, "bad_status");
}

/* ---- counts ---------------------------------------------------------------------------------- */
static void assert_counts(struct fixture *fixture, const int64_t by_status[JOB_STATUS_COUNT], int64_t claimable,
                          int64_t leased) {
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    int64_t total = 0;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        assert_int_equal(counts.by_status[i], by_status[i]);
        total += by_status[i];
    }
    assert_int_equal(counts.total, total);
    assert_int_equal(counts.claimable, claimable);
    assert_int_equal(counts.leased, leased);
}

static void counts_follow_every_transition(struct fixture *fixture) {
    char ids[6][OBJECT_ID_MAX];
    enum job_status status;
    assert_counts(fixture, (int64_t[]){0, 0, 0, 0, 0}, 0, 0);
    for (int i = 0; i < 6; i++)
        order_one(fixture, i, 0, ids[i]);
    assert_counts(fixture, (int64_t[]){6, 0, 0, 0, 0}, 6, 0);
    struct lease leases[5];
    for (int i = 0; i < 5; i++)
        leases[i] = run_job(fixture, ids[i]);
    assert_counts(fixture, (int64_t[]){1, 5, 0, 0, 0}, 1, 5);
    put_filings(fixture, ids[0], 0);
    end_run(fixture, &leases[0], RUN_COMPLETED);
    end_run(fixture, &leases[1], RUN_EXHAUSTED);
    end_run(fixture, &leases[2], RUN_FAILED);
    must(jobs_cancel(fixture->jobs, ids[5], "test", &status, &err));
    assert_counts(fixture, (int64_t[]){1, 2, 1, 1, 1}, 0, 2);
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    assert_counts(fixture, (int64_t[]){1, 2, 1, 1, 1}, 3,
                  0); /* leases that ran out are claimable, and so is the back-off */
    expire(fixture);
    jobs_shift_clock(fixture->jobs, BACKOFF_CAP_MS);
    assert_counts(fixture, (int64_t[]){3, 0, 1, 1, 1}, 3, 0);
    must(jobs_retry(fixture->jobs, ids[1], "test", &status, &err));
    assert_counts(fixture, (int64_t[]){4, 0, 1, 0, 1}, 4, 0);
}

static void the_oldest_waiting_job_is_timed(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.oldest_waiting_ms, 0);
    order_one(fixture, 1, 0, id);
    jobs_shift_clock(fixture->jobs, 40000);
    order_one(fixture, 2, 9, id);
    jobs_shift_clock(fixture->jobs, 20000);
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_in_range(counts.oldest_waiting_ms, 60000, 65000);
    claim(fixture, "o1");
    claim(fixture, "o2");
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.oldest_waiting_ms, 0);
    jobs_shift_clock(fixture->jobs, LEASE_MS + 7000);
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_in_range(counts.oldest_waiting_ms, 7000, 12000); /* since its lease ran out */
}

static void the_store_answers_a_ping_and_tells_its_time(struct fixture *fixture) {
    must(jobs_ping(fixture->jobs, &err));
    int64_t first_ms = now_of(fixture);
    assert_true(first_ms > 1700000000000);
    assert_true(now_of(fixture) >= first_ms);
}

/* An outage of days makes more runs than anybody reads: the newest are shown, oldest first. */
static void the_newest_runs_are_listed(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct run_list runs;
    order_one(fixture, 1, 0, id);
    for (int i = 0; i < RUNS_LISTED_MAX + 3; i++) {
        struct lease lease = run_job(fixture, id);
        end_run(fixture, &lease, RUN_INTERRUPTED);
    }
    must(jobs_list_runs(fixture->jobs, id, &runs, &err));
    assert_int_equal(runs.count, RUNS_LISTED_MAX);
    assert_int_equal(runs.items[0].run, 4);
    assert_int_equal(runs.items[runs.count - 1].run, RUNS_LISTED_MAX + 3);
    run_list_finish(&runs);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(pages_are_newest_first_without_gap_or_repeat),
        CASE(a_page_is_not_moved_by_new_orders),
        CASE(lists_are_filtered),
        CASE(a_prefix_finds_cins_and_names_in_any_case),
        CASE(a_prefix_with_many_matches_gives_the_same_pages),
        CASE(a_prefix_with_many_old_matches_is_found),
        CASE(bad_filters_are_refused),
        CASE(counts_follow_every_transition),
        CASE(the_oldest_waiting_job_is_timed),
        CASE(the_newest_runs_are_listed),
        CASE(the_store_answers_a_ping_and_tells_its_time),
    };
    return RUN_CASES(cases);
}
