/* A store of an earlier version is brought up to date by whoever opens it for writing, whole step by whole step. The
 * store of version 1 is tests/data/store_v1.sql, which a program of that version wrote. */
#include "jobs/jobs.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "contract/jobs_fixture.h"
#include "jobs/jobs_sqlite.h"

/* Ids in that store. */
#define COMPLETED "6b07d92f264ccc6fe23059a9"
#define FAILED "6b07d930264ccc6fe23059ad"
#define CANCELLED "6b07d930264ccc6fe23059ae"
#define IN_BACK_OFF "6b07d930264ccc6fe23059af"
#define PROCESSING "6b07d930264ccc6fe23059b0"
#define CANCEL_ASKED "6b07d930264ccc6fe23059b2"
#define PENDING "6b07d930264ccc6fe23059b3"
#define TAKEN_IN "65a0000000000000000000f1"
#define FOREIGN "65a0000000000000000000f2"
#define WRITTEN_MS 1795676465099 /* when it was last written */

static void leave(struct fixture *fixture) {
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
    folder_remove(fixture->folder);
    must(dir_make(fixture->folder, &err));
}

static void make_v1(struct fixture *fixture) {
    char path[FOLDER_PATH_MAX + 16], source[FOLDER_PATH_MAX];
    struct buf sql = BUF_INIT(1 << 20);
    sqlite3 *db = NULL;
    const char *root = getenv("FILESURE_ROOT");
    assert_true(str_format(source, sizeof source, "%s/tests/data/store_v1.sql", root ? root : "."));
    must(file_read(source, &sql, &err));
    leave(fixture);
    fixture_sqlite_path(fixture, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql.data, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
    buf_finish(&sql);
}

static void open_jobs(struct fixture *fixture) {
    must(fixture->implementation->open(fixture, &fixture->jobs, &err));
}

static int version_of(struct fixture *fixture) {
    return (int)fixture_sqlite_run(fixture, "PRAGMA user_version");
}

static bool has(struct fixture *fixture, const char *name) {
    return fixture_sqlite_run(fixture, "SELECT count(*) FROM sqlite_schema WHERE name = '%s'", name) == 1;
}

/* The store's clock stands an hour after the last write of version 1. */
static void set_clock(struct fixture *fixture) {
    jobs_shift_clock(fixture->jobs, WRITTEN_MS + 3600000 - now_of(fixture));
}

/* ---- what was there is there ----------------------------------------------------------------- */
static void check_jobs(struct fixture *fixture) {
    struct jobs_counts counts;
    assert_int_equal(status_of(fixture, COMPLETED), JOB_COMPLETED);
    assert_int_equal(status_of(fixture, FAILED), JOB_FAILED);
    assert_int_equal(status_of(fixture, CANCELLED), JOB_CANCELLED);
    assert_int_equal(status_of(fixture, PENDING), JOB_PENDING);
    assert_int_equal(status_of(fixture, TAKEN_IN), JOB_PENDING);
    assert_int_equal(status_of(fixture, FOREIGN), JOB_PROCESSING);
    assert_string_equal(get_job(fixture, IN_BACK_OFF).error_code, "portal_down");
    assert_int_equal(get_job(fixture, PROCESSING).downloaded_documents, 1);
    assert_int_equal(get_job(fixture, PROCESSING).priority, 7);
    assert_true(get_job(fixture, CANCEL_ASKED).cancel_requested);
    must(jobs_count(fixture->jobs, &counts, &err));
    const int64_t by_status[JOB_STATUS_COUNT] = {3, 3, 1, 1, 1};
    assert_memory_equal(counts.by_status, by_status, sizeof by_status);
    assert_int_equal(counts.total, 9);
}

static void check_facts(struct fixture *fixture) {
    struct filing_list filings;
    struct document_list documents;
    struct run_list runs;
    struct totals totals;
    must(jobs_get_filings(fixture->jobs, COMPLETED, &filings, &err));
    assert_int_equal(filings.count, 3);
    filing_list_finish(&filings);
    must(jobs_list_documents(fixture->jobs, COMPLETED, 0, 0, &documents, &err));
    assert_int_equal(documents.count, 3);
    assert_int_equal(documents.items[2].state, DOCUMENT_MISSING);
    document_list_finish(&documents);
    must(jobs_list_runs(fixture->jobs, COMPLETED, &runs, &err));
    assert_int_equal(runs.count, 2);
    run_list_finish(&runs);
    must(jobs_totals(fixture->jobs, &totals, &err));
    assert_int_equal(totals.jobs_placed, 8);
    assert_int_equal(totals.documents[DOCUMENT_STORED], 3);
    assert_int_equal(totals.documents[DOCUMENT_MISSING], 1);
    const int64_t runs_by_outcome[7] = {[RUN_PENDING] = 1, [RUN_COMPLETED] = 1, [RUN_FAILED] = 1, [RUN_EXHAUSTED] = 1};
    assert_memory_equal(totals.runs, runs_by_outcome, sizeof runs_by_outcome);
    assert_int_equal(fixture->implementation->count_legacy(fixture), 1);
}

static void check_key(struct fixture *fixture) {
    struct company company = a_company(1);
    const struct jobs_order order = {.companies = &company,
                                     .count = 1,
                                     .idempotency_key = "key-1",
                                     .body_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    assert_true(placed.replayed);
    assert_string_equal(placed.items[0].job_id, COMPLETED);
    jobs_placed_finish(&placed);
}

/* The store is one of this version, with all that it held. */
static void check_migrated(struct fixture *fixture) {
    open_jobs(fixture);
    set_clock(fixture);
    assert_int_equal(version_of(fixture), STORE_VERSION);
    assert_int_equal(fixture_sqlite_run(fixture, "PRAGMA application_id"), 0x66737572);
    check_jobs(fixture);
    check_facts(fixture);
    check_key(fixture);
    struct audit_list list;
    must(jobs_list_audit(fixture->jobs, 10, NULL, &list, &err)); /* it begins here */
    assert_int_equal(list.count, 0);
    audit_list_finish(&list);
    assert_int_equal(
        fixture_sqlite_run(fixture, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

static void a_store_of_version_1_is_brought_up_to_date(struct fixture *fixture) {
    make_v1(fixture);
    assert_int_equal(version_of(fixture), 1);
    check_migrated(fixture);
}

/* Its tables have the same shape as those of a new store. */
static void both_ways_lead_to_the_same_tables(struct fixture *fixture) {
    static const char shape[] =
        "SELECT count(*) FROM sqlite_schema s JOIN fresh.sqlite_schema f USING (type, name, sql)";
    char path[2 * FOLDER_PATH_MAX], fresh[FOLDER_PATH_MAX];
    folder_make(fresh);
    const struct jobs_config config = {.data_dir = fresh};
    struct jobs *jobs = NULL;
    must(jobs_open(&config, &jobs, &err));
    jobs_close(jobs);
    make_v1(fixture);
    open_jobs(fixture);
    struct sql_conn *writer = &sqlite_store(fixture->jobs)->writer;
    str_format(path, sizeof path, "ATTACH '%s/filesure.db' AS fresh", fresh);
    must(sql_exec(writer, path, &err));
    int64_t same = 0, all = fixture_sqlite_run(fixture, "SELECT count(*) FROM sqlite_schema WHERE sql IS NOT NULL");
    {
        AUTO_SQL struct sql sql = sql_start(writer, shape);
        bool found;
        must(sql_row(&sql, &found, &err));
        same = sql_get_int(&sql);
    }
    assert_in_range(all, 25, 100);
    assert_int_equal(same, all);
    must(sql_exec(writer, "DETACH fresh", &err));
    folder_remove(fresh);
}

static void an_updated_store_works_on(struct fixture *fixture) {
    enum job_status status;
    bool advanced = true;
    make_v1(fixture);
    open_jobs(fixture);
    set_clock(fixture);
    assert_int_equal(expire(fixture), 2); /* leases of the earlier program */
    assert_int_equal(status_of(fixture, CANCEL_ASKED), JOB_CANCELLED);
    struct lease lease = claim(fixture, "o");
    assert_string_equal(lease.job_id, PROCESSING);
    struct job job;
    must(jobs_adopt(fixture->jobs, lease.job_id, lease.token, "n", &job, &err));
    assert_true(add_row(fixture, &lease, 2));
    assert_int_equal(end_run(fixture, &lease, RUN_COMPLETED), JOB_COMPLETED);
    must(jobs_retry(fixture->jobs, FAILED, "test", &status, &err));
    jobs_shift_clock(fixture->jobs, PURGE_AFTER_MS);
    jobs_set_watermark_lag(fixture->jobs, 0);
    while (advanced)
        must(jobs_advance_totals(fixture->jobs, &advanced, &err));
    const struct jobs_purge purge = {.job_id = COMPLETED};
    struct jobs_purged purged;
    must(jobs_purge(fixture->jobs, &purge, &purged, &err));
    assert_int_equal(purged.rows, 3);
    assert_int_equal(purged.runs, 2);
    struct totals totals;
    must(jobs_totals(fixture->jobs, &totals, &err));
    assert_int_equal(totals.jobs_placed, 8);
    assert_int_equal(totals.documents[DOCUMENT_STORED], 4);
    struct audit_list list;
    must(jobs_list_audit(fixture->jobs, 10, NULL, &list, &err));
    assert_int_equal(list.count, 2);
    audit_list_finish(&list);
}

/* ---- one step at a time ---------------------------------------------------------------------- */
/* A child that opens the store with this fault set; its wait status. */
static int open_in_child(struct fixture *fixture, const char *fault) {
    int status;
    setenv("FILESURE_FAULT", fault, 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct jobs *jobs = NULL;
        _exit(fixture->implementation->open(fixture, &jobs, &err) == OK ? 0 : 2);
    }
    unsetenv("FILESURE_FAULT");
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void assert_killed(int status) {
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_killed_update_leaves_a_whole_version(struct fixture *fixture) {
    make_v1(fixture);
    assert_killed(open_in_child(fixture, "kill:store_migrating"));
    assert_int_equal(version_of(fixture), 1);
    assert_false(has(fixture, "audit"));
    assert_false(has(fixture, "jobs_finished"));
    check_migrated(fixture);

    make_v1(fixture);
    assert_killed(open_in_child(fixture, "kill:store_migrated"));
    assert_int_equal(version_of(fixture), 2);
    assert_true(has(fixture, "audit"));
    assert_true(has(fixture, "purged"));
    assert_true(has(fixture, "jobs_finished"));
    check_migrated(fixture);
}

static void a_killed_set_up_leaves_a_whole_version(struct fixture *fixture) {
    static const struct {
        const char *fault;
        int version;
    } cases[] = {{"kill:store_migrating:1", 0},
                 {"kill:store_migrated:1", 1},
                 {"kill:store_migrating:2", 1},
                 {"kill:store_migrated:2", 2}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[OBJECT_ID_MAX];
        leave(fixture);
        assert_killed(open_in_child(fixture, cases[i].fault));
        assert_int_equal(version_of(fixture), cases[i].version);
        assert_int_equal(has(fixture, "jobs"), cases[i].version >= 1);
        assert_int_equal(has(fixture, "audit"), cases[i].version >= 2);
        open_jobs(fixture);
        assert_int_equal(version_of(fixture), STORE_VERSION);
        order_one(fixture, 1, 0, id);
        struct totals totals;
        must(jobs_totals(fixture->jobs, &totals, &err));
        assert_int_equal(totals.jobs_placed, 1);
    }
}

static void processes_that_open_it_at_once_all_succeed(struct fixture *fixture) {
    enum { PROCESSES = 4 };
    pid_t children[PROCESSES];
    int gate[2], status;
    make_v1(fixture);
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct jobs *jobs = NULL;
            struct company company = a_company(100 + i);
            const struct jobs_order order = {.companies = &company, .count = 1};
            struct jobs_placed placed;
            char byte;
            close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* all start at once */
            if (fixture->implementation->open(fixture, &jobs, &err) != OK)
                _exit(2);
            _exit(jobs_place(jobs, &order, &placed, &err) == OK ? 0 : 3);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    open_jobs(fixture);
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total, 9 + PROCESSES);
}

static void a_large_store_is_given_the_time_it_needs(struct fixture *fixture) {
    make_v1(fixture);
    fixture_sqlite_run(
        fixture, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
                 "INSERT INTO jobs (id, cin, status, updated_at) SELECT printf('%%024x', i), 'c', 'failed', i FROM n");
    const struct jobs_config hasty = {.data_dir = fixture->folder, .deadline_ms = 1};
    must(jobs_open(&hasty, &fixture->jobs, &err));
    assert_int_equal(version_of(fixture), STORE_VERSION);
}

/* ---- what cannot be brought up to date ------------------------------------------------------- */
static struct buf read_store(struct fixture *fixture) {
    char path[FOLDER_PATH_MAX + 16];
    struct buf bytes = BUF_INIT(1 << 24);
    fixture_sqlite_path(fixture, path);
    must(file_read(path, &bytes, &err));
    return bytes;
}

static void assert_same_bytes(struct fixture *fixture, struct buf *before) {
    struct buf after = read_store(fixture);
    assert_int_equal(before->size_bytes, after.size_bytes);
    assert_memory_equal(before->data, after.data, after.size_bytes);
    buf_finish(before);
    buf_finish(&after);
}

static enum outcome try_open(struct fixture *fixture, bool read_only) {
    const struct jobs_config config = {.data_dir = fixture->folder, .read_only = read_only};
    struct jobs *jobs = NULL;
    enum outcome outcome = jobs_open(&config, &jobs, &err);
    jobs_close(jobs);
    return outcome;
}

static void a_newer_store_is_refused_and_not_a_byte_is_changed(struct fixture *fixture) {
    make_v1(fixture);
    fixture_sqlite_run(fixture, "PRAGMA user_version = %d", STORE_VERSION + 1);
    struct buf before = read_store(fixture);
    must_fail(try_open(fixture, false), FATAL, "store_too_new");
    must_fail(try_open(fixture, true), FATAL, "store_too_new");
    assert_same_bytes(fixture, &before);
}

static void another_programs_database_is_not_changed_by_a_byte(struct fixture *fixture) {
    leave(fixture);
    fixture_sqlite_run(fixture, "CREATE TABLE mine (a)");
    struct buf before = read_store(fixture);
    must_fail(try_open(fixture, false), FATAL, "not_a_store");
    must_fail(try_open(fixture, true), FATAL, "not_a_store");
    assert_same_bytes(fixture, &before);
}

static void looking_brings_nothing_up_to_date(struct fixture *fixture) {
    make_v1(fixture);
    struct buf before = read_store(fixture);
    must_fail(try_open(fixture, true), FATAL, "store_too_old");
    assert_non_null(strstr(err.message, "version 1"));
    assert_non_null(strstr(err.message, "filesure-api")); /* says what to do */
    assert_same_bytes(fixture, &before);
    leave(fixture);
    folder_write(fixture->folder, "filesure.db", "", NULL);
    must_fail(try_open(fixture, true), GONE, "no_store");
}

static void a_full_disk_leaves_version_1(struct fixture *fixture) {
    char path[FOLDER_PATH_MAX + 16];
    struct stat status;
    make_v1(fixture);
    fixture_sqlite_path(fixture, path);
    assert_int_equal(stat(path, &status), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 8192, .rlim_max = RLIM_INFINITY}; /* the log cannot take the step */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum outcome outcome = try_open(fixture, false);
    limit.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(outcome, FATAL);
    assert_string_equal(err.code, "disk_full");
    assert_int_equal(version_of(fixture), 1);
    check_migrated(fixture);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(a_store_of_version_1_is_brought_up_to_date),
        CASE(both_ways_lead_to_the_same_tables),
        CASE(an_updated_store_works_on),
        CASE(a_killed_update_leaves_a_whole_version),
        CASE(a_killed_set_up_leaves_a_whole_version),
        CASE(processes_that_open_it_at_once_all_succeed),
        CASE(a_large_store_is_given_the_time_it_needs),
        CASE(a_newer_store_is_refused_and_not_a_byte_is_changed),
        CASE(another_programs_database_is_not_changed_by_a_byte),
        CASE(looking_brings_nothing_up_to_date),
        CASE(a_full_disk_leaves_version_1),
    };
    return run_cases_of("sqlite", cases, COUNT_OF(cases));
}
