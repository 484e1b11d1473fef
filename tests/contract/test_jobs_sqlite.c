/* What only the embedded store promises: versions, its clock, full disks, and plans that read indexes. */
#include "jobs/jobs.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "contract/jobs_fixture.h"
#include "jobs/jobs_sqlite.h"

static void close_jobs(struct fixture *fixture) {
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
}

static void open_jobs(struct fixture *fixture) {
    must(fixture->implementation->open(fixture, &fixture->jobs, &err));
}

static enum outcome try_open(struct fixture *fixture, bool read_only, struct jobs **ret) {
    const struct jobs_config config = {.data_dir = fixture->folder, .read_only = read_only};
    return jobs_open(&config, ret, &err);
}

/* ---- the file -------------------------------------------------------------------------------- */
static void a_newer_store_is_refused_and_left_alone(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct jobs *jobs = NULL;
    order_one(fixture, 1, 0, id);
    close_jobs(fixture);
    fixture_sqlite_run(fixture, "PRAGMA user_version = %d", STORE_VERSION + 1);
    must_fail(try_open(fixture, false, &jobs), FATAL, "store_too_new");
    must_fail(try_open(fixture, true, &jobs), FATAL, "store_too_new");
    assert_null(jobs);
    assert_int_equal(fixture_sqlite_run(fixture, "PRAGMA user_version"), STORE_VERSION + 1);
    fixture_sqlite_run(fixture, "PRAGMA user_version = %d", STORE_VERSION);
    open_jobs(fixture);
    assert_int_equal(status_of(fixture, id), JOB_PENDING);
}

static void another_programs_database_is_refused_and_left_alone(struct fixture *fixture) {
    struct jobs *jobs = NULL;
    close_jobs(fixture);
    folder_remove(fixture->folder);
    must(dir_make(fixture->folder, &err));
    fixture_sqlite_run(fixture, "CREATE TABLE jobs (mine)");
    must_fail(try_open(fixture, false, &jobs), FATAL, "not_a_store");
    fixture_sqlite_run(fixture, "DROP TABLE jobs");
    fixture_sqlite_run(fixture, "PRAGMA application_id = 7");
    must_fail(try_open(fixture, false, &jobs), FATAL, "not_a_store");
    assert_int_equal(fixture_sqlite_run(fixture, "SELECT count(*) FROM sqlite_schema"), 0);
    fixture_sqlite_run(fixture, "PRAGMA application_id = 0");
    open_jobs(fixture);
}

static void a_damaged_file_is_said_to_be_damaged(struct fixture *fixture) {
    struct jobs *jobs = NULL;
    close_jobs(fixture);
    folder_remove(fixture->folder);
    must(dir_make(fixture->folder, &err));
    folder_write(fixture->folder, "filesure.db", "This is not a database, but it is longer than a header. ........",
                 NULL);
    must_fail(try_open(fixture, false, &jobs), FATAL, "store_damaged");
    folder_write(fixture->folder, "filesure.db", "", NULL);
    open_jobs(fixture);
}

static void a_store_is_looked_at_without_writing(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct jobs *jobs = NULL;
    struct job job;
    enum job_status status;
    int expired;
    order_one(fixture, 1, 0, id);
    must(try_open(fixture, true, &jobs));
    must(jobs_get(jobs, id, &job, &err));
    assert_string_equal(job.id, id);
    must_fail(jobs_cancel(jobs, id, "test", &status, &err), DENIED, "read_only");
    must(jobs_expire(jobs, &expired, &err)); /* nothing to do needs no write */
    int64_t now_ms = 0;
    must(jobs_now_ms(jobs, &now_ms, &err));
    assert_in_range(now_of(fixture) - now_ms, 0, 1000);
    jobs_close(jobs);
    jobs = NULL;
    close_jobs(fixture);
    must(try_open(fixture, true, &jobs)); /* with nobody else there */
    must(jobs_get(jobs, id, &job, &err));
    jobs_close(jobs);
    folder_remove(fixture->folder);
    jobs = NULL;
    must_fail(try_open(fixture, true, &jobs), GONE, "no_store");
    assert_int_not_equal(access(fixture->folder, F_OK), 0); /* and made nothing */
    open_jobs(fixture);
}

static void nobody_else_may_read_the_file(struct fixture *fixture) {
    char path[FOLDER_PATH_MAX + 16];
    struct stat status;
    fixture_sqlite_path(fixture, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_store_needs_a_folder(struct fixture *fixture) {
    (void)fixture;
    struct jobs *jobs = NULL;
    const struct jobs_config nowhere = {.data_dir = ""}, impossible = {.data_dir = "/dev/null/store"};
    must_fail(jobs_open(&nowhere, &jobs, &err), INVALID, "no_store");
    assert_int_not_equal(jobs_open(&impossible, &jobs, &err), OK);
    assert_null(jobs);
    jobs_close(NULL);
}

/* ---- the clock ------------------------------------------------------------------------------- */
/* An empty store in the place of one that is being restored would hide it. */
static void a_restore_that_was_cut_short_is_no_empty_store(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], partial[FOLDER_PATH_MAX + 32], moved[FOLDER_PATH_MAX + 32];
    struct jobs *other = NULL;
    assert_true(str_format(partial, sizeof partial, "%s/" PARTIAL_FOLDER, fixture->folder));
    order_one(fixture, 1, 0, id);
    must(jobs_copy(fixture->jobs, partial, NULL, &err)); /* the folder itself may hold one */
    const struct jobs_config config = {.data_dir = partial};
    must(jobs_open(&config, &other, &err));
    jobs_close(other);
    must(try_open(fixture, false, &other)); /* a backup that is being renewed */
    jobs_close(other);
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
    assert_true(str_format(partial, sizeof partial, "%s/filesure.db", fixture->folder));
    assert_true(str_format(moved, sizeof moved, "%s/moved", fixture->folder));
    assert_int_equal(rename(partial, moved), 0);
    must_fail(try_open(fixture, false, &other), INVALID, "restore_unfinished");
    assert_null(strstr(err.message, fixture->folder));
    assert_int_not_equal(access(partial, F_OK), 0); /* nothing was made */
    must_fail(try_open(fixture, true, &other), GONE, "no_store");
    assert_int_equal(rename(moved, partial), 0);
    must(try_open(fixture, false, &fixture->jobs));
}

static void every_handle_of_one_boot_has_the_same_time(struct fixture *fixture) {
    enum { HOUR_MS = 3600000 };
    int64_t before_ms = now_of(fixture);
    assert_in_range(before_ms, clock_real_ms() - 60000, clock_real_ms() + 60000);
    close_jobs(fixture);
    fixture_sqlite_run(fixture, "UPDATE store SET anchor_ms = anchor_ms + %d", HOUR_MS);
    open_jobs(fixture); /* the anchor rules, whatever a wall clock says */
    assert_in_range(now_of(fixture) - before_ms, HOUR_MS, HOUR_MS + 60000);
}

static void a_new_boot_never_goes_back(struct fixture *fixture) {
    enum { DAY_MS = 86400000 };
    int64_t before_ms = now_of(fixture);
    close_jobs(fixture);
    fixture_sqlite_run(fixture, "UPDATE store SET boot_id = 'earlier', anchor_ms = 0, last_seen_ms = %lld",
                       (long long)before_ms + DAY_MS);
    open_jobs(fixture); /* the wall clock is a day behind what the store has seen */
    assert_in_range(now_of(fixture), before_ms + DAY_MS, before_ms + DAY_MS + 60000);
    close_jobs(fixture);
    fixture_sqlite_run(fixture, "UPDATE store SET boot_id = 'earlier', last_seen_ms = %lld",
                       (long long)before_ms - DAY_MS);
    open_jobs(fixture);
    assert_in_range(now_of(fixture), before_ms, before_ms + 60000);
    char id[OBJECT_ID_MAX];
    jobs_shift_clock(fixture->jobs, DAY_MS);
    order_one(fixture, 1, 0, id); /* a write notes the time */
    assert_true(fixture_sqlite_run(fixture, "SELECT last_seen_ms FROM store") >= before_ms + DAY_MS);
}

/* ---- no room --------------------------------------------------------------------------------- */
enum { FILE_LIMIT = 400 * 1024 };

static int place_until_full(struct fixture *fixture, char (*ids)[OBJECT_ID_MAX], int max, int first) {
    for (int i = 0; i < max; i++) {
        struct company company = a_company(first + i);
        const struct jobs_order order = {.companies = &company, .count = 1};
        struct jobs_placed placed;
        enum outcome outcome = jobs_place(fixture->jobs, &order, &placed, &err);
        if (outcome != OK) {
            assert_string_equal(err.code, "disk_full");
            assert_int_equal(outcome, FATAL);
            return i;
        }
        str_copy(ids[i], OBJECT_ID_MAX, placed.items[0].job_id);
        jobs_placed_finish(&placed);
    }
    fail_msg("the disk never filled");
    return 0;
}

static void limit_files(rlim_t size_bytes) {
    const struct rlimit limit = {.rlim_cur = size_bytes, .rlim_max = RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_loses_nothing_acknowledged(struct fixture *fixture) {
    enum { MANY = 3000 };
    static char ids[MANY][OBJECT_ID_MAX];
    signal(SIGXFSZ, SIG_IGN);
    limit_files(FILE_LIMIT);
    int count = place_until_full(fixture, ids, MANY, 0);
    assert_int_equal(place_until_full(fixture, ids + count, MANY - count, 10000), 0);
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err)); /* reading goes on */
    limit_files(RLIM_INFINITY);
    assert_int_equal(counts.total, count);
    char id[OBJECT_ID_MAX];
    order_one(fixture, 20000, 0, id); /* there is room again */
    struct lease lease = run_job(fixture, id);
    end_run(fixture, &lease, RUN_EXHAUSTED);
    close_jobs(fixture);
    open_jobs(fixture);
    for (int i = 0; i < count; i++)
        assert_int_equal(status_of(fixture, ids[i]), JOB_PENDING);
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total, count + 1);
    assert_int_equal(
        fixture_sqlite_run(fixture, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

/* The database may not grow: SQLite rolls a whole transaction back in the middle of a statement. */
static void a_write_that_sqlite_rolled_back_is_told(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], pragma[64];
    bool inserted = true;
    int number = 0;
    struct sql_conn *writer = &sqlite_store(fixture->jobs)->writer;
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    str_format(pragma, sizeof pragma, "PRAGMA max_page_count = %d",
               (int)fixture_sqlite_run(fixture, "PRAGMA page_count"));
    must(sql_exec(writer, pragma, &err));
    enum outcome outcome = OK;
    while (outcome == OK && number < 1000) {
        struct document document = a_document(id, ++number, lease.token);
        outcome = jobs_add_document(fixture->jobs, &document, &inserted, &err);
    }
    assert_int_equal(outcome, FATAL);
    assert_string_equal(err.code, "disk_full");
    assert_int_equal(get_job(fixture, id).downloaded_documents, number - 1);
    must(sql_exec(writer, "PRAGMA max_page_count = 1000000", &err));
    assert_true(add_row(fixture, &lease, number));
    assert_int_equal(get_job(fixture, id).downloaded_documents, number);
}

/* A transaction that fails as a whole is closed, so that the next one can begin. */
static void a_store_in_disorder_works_again_when_it_is_mended(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct company company = a_company(1);
    const struct jobs_order order = {.companies = &company, .count = 1};
    struct jobs_placed placed;
    fixture_sqlite_run(fixture, "ALTER TABLE totals RENAME TO moved");
    for (int i = 0; i < 2; i++)
        must_fail(jobs_place(fixture->jobs, &order, &placed, &err), FATAL, "store_io");
    fixture_sqlite_run(fixture, "ALTER TABLE moved RENAME TO totals");
    order_one(fixture, 1, 0, id);
}

/* ---- the keeper ------------------------------------------------------------------------------ */
static void an_idle_store_is_not_written(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    bool advanced;
    int number;
    order_one(fixture, 1, 0, id);
    jobs_shift_clock(fixture->jobs, WATERMARK_LAG_MS + 60000);
    must(jobs_advance_totals(fixture->jobs, &advanced, &err));
    assert_true(advanced);
    int changes = sqlite3_total_changes(sqlite_store(fixture->jobs)->writer.db);
    for (int i = 0; i < 20; i++) {
        jobs_shift_clock(fixture->jobs, 1000);
        must(jobs_advance_totals(fixture->jobs, &advanced, &err));
        assert_false(advanced);
        must(jobs_expire(fixture->jobs, &number, &err));
        must(jobs_record_runs(fixture->jobs, &number, &err));
        must(jobs_finish_orders(fixture->jobs, &number, &err));
        must(jobs_take_in(fixture->jobs, &number, &err));
        must(jobs_check_clock(fixture->jobs, &number, &err));
    }
    assert_int_equal(sqlite3_total_changes(sqlite_store(fixture->jobs)->writer.db), changes);
    jobs_shift_clock(fixture->jobs, 60000); /* but the watermark comes after */
    must(jobs_advance_totals(fixture->jobs, &advanced, &err));
    assert_true(advanced);
}

/* ---- purging --------------------------------------------------------------------------------- */
static void age(struct fixture *fixture) {
    bool advanced = true;
    jobs_shift_clock(fixture->jobs, PURGE_AFTER_MS + 1000);
    jobs_set_watermark_lag(fixture->jobs, 0);
    while (advanced)
        must(jobs_advance_totals(fixture->jobs, &advanced, &err));
}

static void a_dry_run_of_a_purge_needs_no_write(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    struct jobs *reader = NULL;
    struct jobs_purged purged;
    order_one(fixture, 1, 0, id);
    must(jobs_cancel(fixture->jobs, id, "test", &status, &err));
    age(fixture);
    must(try_open(fixture, true, &reader));
    jobs_shift_clock(reader, PURGE_AFTER_MS + 1000);
    struct jobs_purge purge = {.job_id = id, .dry_run = true};
    must(jobs_purge(reader, &purge, &purged, &err));
    purge.dry_run = false;
    must_fail(jobs_purge(reader, &purge, &purged, &err), DENIED, "read_only");
    must_fail(jobs_audit(reader, "test", "backup", NULL, &err), DENIED, "read_only");
    jobs_close(reader);
    assert_int_equal(status_of(fixture, id), JOB_CANCELLED);
}

static void jobs_of_one_moment_are_listed_once(struct fixture *fixture) {
    enum { MANY = 20, PAGE = 3 };
    char id[OBJECT_ID_MAX], last[OBJECT_ID_MAX] = "", cursor[CURSOR_MAX] = "";
    enum job_status status;
    int seen = 0;
    for (int i = 0; i < MANY; i++) {
        order_one(fixture, i, 0, id);
        must(jobs_cancel(fixture->jobs, id, "test", &status, &err));
    }
    age(fixture);
    fixture_sqlite_run(fixture, "UPDATE jobs SET updated_at = 5");
    do {
        struct job_list list;
        must(jobs_list_purgeable(fixture->jobs, INT64_MAX, PAGE, cursor, &list, &err));
        for (int i = 0; i < list.count; i++, seen++) {
            assert_true(strcmp(last, list.items[i].id) < 0); /* ids of one process ascend */
            str_copy(last, sizeof last, list.items[i].id);
        }
        str_copy(cursor, sizeof cursor, list.next);
        job_list_finish(&list);
    } while (cursor[0] != '\0');
    assert_int_equal(seen, MANY);
}

/* Another program finished it and wrote no time. */
static void a_job_without_an_end_is_not_purged(struct fixture *fixture) {
    static const char id[] = "65a0000000000000000000f1";
    struct jobs_purged purged;
    struct job_list list;
    fixture->implementation->insert_job(fixture, id, "completed", 1, 0);
    fixture_sqlite_run(fixture, "UPDATE jobs SET updated_at = NULL");
    age(fixture);
    const struct jobs_purge purge = {.job_id = id};
    must_fail(jobs_purge(fixture->jobs, &purge, &purged, &err), INVALID, "not_purgeable");
    assert_non_null(strstr(err.message, "when it ended"));
    must(jobs_list_purgeable(fixture->jobs, INT64_MAX, 10, NULL, &list, &err));
    assert_int_equal(list.count, 0);
    job_list_finish(&list);
    fixture_sqlite_run(fixture, "UPDATE jobs SET updated_at = 1");
    must(jobs_list_purgeable(fixture->jobs, INT64_MAX, 10, NULL, &list, &err));
    assert_int_equal(list.count, 1);
    job_list_finish(&list);
    must(jobs_purge(fixture->jobs, &purge, &purged, &err)); /* it counted nothing */
}

/* ---- plans ----------------------------------------------------------------------------------- */
static void list_all_ways(struct fixture *fixture) {
    const struct jobs_filter filters[] = {
        {.limit = 1},
        {.limit = 1, .status = "pending"},
        {.limit = 1, .cin = "U72200MH2020PTC000001"},
        {.limit = 1, .cin = "U72200MH2020PTC000001", .status = "pending"},
        {.limit = 1, .prefix = "U72"},
        {.limit = 1, .prefix = "Zz"},
        {.limit = 1, .prefix = "U72", .status = "pending"},
    };
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        struct job_list list;
        must(jobs_list(fixture->jobs, &filters[i], &list, &err));
        job_list_finish(&list);
    }
}

static enum outcome find_one(void *arg, const char *job_id, bool *ret_any, struct error *error) {
    (void)job_id, (void)error;
    *ret_any = *(bool *)arg;
    return OK;
}

static enum outcome remove_nothing(void *arg, const char *job_id, struct error *error) {
    (void)arg, (void)job_id, (void)error;
    return OK;
}

static void purge_all_ways(struct fixture *fixture, const char *job_id) {
    struct jobs_purge purge = {.job_id = job_id, .dry_run = true};
    struct jobs_purged purged;
    struct job_list list;
    struct audit_list audit;
    struct purged_totals gone;
    bool any = false;
    const struct purged_blobs blobs = {.find = find_one, .remove = remove_nothing, .arg = &any};
    int finished;
    jobs_shift_clock(fixture->jobs, 2 * ORDER_KEY_LIFE_MS);
    age(fixture);
    must(jobs_list_purgeable(fixture->jobs, INT64_MAX, 10, "1.1", &list, &err));
    assert_int_equal(list.count, 1);
    job_list_finish(&list);
    must(jobs_purge(fixture->jobs, &purge, &purged, &err));
    purge.dry_run = false;
    must(jobs_purge(fixture->jobs, &purge, &purged, &err));
    must(jobs_purge(fixture->jobs, &purge, &purged, &err));
    must_fail(jobs_finish_purges(fixture->jobs, &blobs, NULL, &finished, &err), GONE, "blobs_not_found");
    any = true;
    must(jobs_finish_purges(fixture->jobs, &blobs, NULL, &finished, &err));
    must(jobs_purged_totals(fixture->jobs, &gone, &err));
    must(jobs_list_audit(fixture->jobs, 10, NULL, &audit, &err));
    audit_list_finish(&audit);
}

/* Everything the store can be asked to do, so that every statement has been prepared. */
static void do_everything(struct fixture *fixture) {
    enum { MANY = 2100 };
    struct company *companies = x_alloc(MANY * sizeof *companies);
    for (int i = 0; i < MANY; i++)
        companies[i] = a_company(i);
    const struct jobs_order order = {.companies = companies, .count = MANY, .idempotency_key = "k", .body_sha256 = "b"};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    free(companies);
    const char *id = placed.items[0].job_id, *other = placed.items[1].job_id;
    enum job_status status;
    int number;
    bool flag, have[9];
    struct lease lease = run_job(fixture, claim(fixture, "owner").job_id);
    put_filings(fixture, lease.job_id, 1);
    add_row(fixture, &lease, 1);
    must(jobs_heartbeat(fixture->jobs, lease.job_id, lease.token, NULL, &flag, &err));
    must(jobs_name_company(fixture->jobs, lease.job_id, lease.token, "N", &err));
    end_run(fixture, &lease, RUN_COMPLETED);
    must(jobs_cancel(fixture->jobs, other, "test", &status, &err));
    must(jobs_retry(fixture->jobs, other, "test", &status, &err));
    run_job(fixture, other);
    fixture->implementation->insert_job(fixture, "65a0000000000000000000f1", "pending", 1, 0);
    must(jobs_take_in(fixture->jobs, &number, &err));
    jobs_shift_clock(fixture->jobs, 2 * ORDER_KEY_LIFE_MS);
    must(jobs_finish_orders(fixture->jobs, &number, &err));
    expire(fixture);
    must(jobs_advance_totals(fixture->jobs, &flag, &err));
    run_job(fixture, other);
    jobs_shift_clock(fixture->jobs, -ORDER_KEY_LIFE_MS);
    must(jobs_check_clock(fixture->jobs, &number, &err));
    struct totals totals;
    must(jobs_totals(fixture->jobs, &totals, &err));
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    struct document_list documents;
    struct document document;
    must(jobs_list_documents(fixture->jobs, lease.job_id, 0, 9, &documents, &err));
    must(jobs_get_document(fixture->jobs, documents.items[0].id, &document, &err));
    document_list_finish(&documents);
    must(jobs_have_rows(fixture->jobs, id, have, 9, &number, &err));
    struct run_list runs;
    must(jobs_list_runs(fixture->jobs, id, &runs, &err));
    run_list_finish(&runs);
    list_all_ways(fixture);
    purge_all_ways(fixture, lease.job_id);
    jobs_placed_finish(&placed);
}

/* A step that reads every entry of a table or index that grows, or sorts. One-row tables and the index of foreign jobs
 * do not grow. */
static bool reads_too_much(const char *step) {
    if (strstr(step, "TEMP B-TREE") || strstr(step, "AUTOMATIC"))
        return true;
    if (!str_starts_with(step, "SCAN ") || strstr(step, "jobs_foreign") || str_starts_with(step, "SCAN CONSTANT ROW"))
        return false;
    return !str_eq(step, "SCAN store") && !str_eq(step, "SCAN totals") && !str_eq(step, "SCAN counts");
}

static int check_plan(sqlite3 *db, const char *sql) {
    char explain[4096];
    sqlite3_stmt *stmt = NULL;
    int steps = 0;
    assert_true(str_format(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql));
    assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(stmt, 3);
        if (reads_too_much(step))
            fail_msg("%s: %s", step, sql);
        steps++;
    }
    sqlite3_finalize(stmt);
    return steps;
}

static int check_plans(sqlite3 *db) {
    int checked = 0;
    for (sqlite3_stmt *stmt = sqlite3_next_stmt(db, NULL); stmt; stmt = sqlite3_next_stmt(db, stmt))
        if (strncmp(sqlite3_sql(stmt), "PRAGMA", 6) != 0 && !strstr(sqlite3_sql(stmt), "sqlite_schema"))
            checked += check_plan(db, sqlite3_sql(stmt)) > 0;
    return checked;
}

static void every_statement_reads_an_index(struct fixture *fixture) {
    do_everything(fixture);
    struct sqlite_store *store = sqlite_store(fixture->jobs);
    int checked = check_plans(store->writer.db);
    for (int i = 0; i < READERS_MAX; i++)
        if (store->readers[i].db)
            checked += check_plans(store->readers[i].db);
    assert_in_range(checked, 40, 200);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(a_newer_store_is_refused_and_left_alone),
        CASE(another_programs_database_is_refused_and_left_alone),
        CASE(a_damaged_file_is_said_to_be_damaged),
        CASE(a_store_is_looked_at_without_writing),
        CASE(nobody_else_may_read_the_file),
        CASE(a_store_needs_a_folder),
        CASE(a_restore_that_was_cut_short_is_no_empty_store),
        CASE(every_handle_of_one_boot_has_the_same_time),
        CASE(a_new_boot_never_goes_back),
        CASE(a_full_disk_loses_nothing_acknowledged),
        CASE(a_write_that_sqlite_rolled_back_is_told),
        CASE(a_store_in_disorder_works_again_when_it_is_mended),
        CASE(an_idle_store_is_not_written),
        CASE(a_dry_run_of_a_purge_needs_no_write),
        CASE(jobs_of_one_moment_are_listed_once),
        CASE(a_job_without_an_end_is_not_purged),
        CASE(every_statement_reads_an_index),
    };
    return run_cases_of("sqlite", cases, COUNT_OF(cases));
}
