/* What only the embedded store promises: versions, its clock, full disks, locked files, and plans that read indexes. */
#include "jobs/jobs.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
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
    must_fail(jobs_cancel(jobs, id, &status, &err), DENIED, "read_only");
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
    order_one(fixture, 1, 0, id); /* a write notes the time */
    assert_true(fixture_sqlite_run(fixture, "SELECT last_seen_ms FROM store") >= before_ms);
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

/* ---- a locked file --------------------------------------------------------------------------- */
static sqlite3 *lock_store(struct fixture *fixture) {
    char path[FOLDER_PATH_MAX + 16];
    sqlite3 *db = NULL;
    fixture_sqlite_path(fixture, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void a_write_past_its_deadline_is_told_to_come_again(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    struct company company = a_company(2);
    const struct jobs_order order = {.companies = &company, .count = 1};
    const struct jobs_config config = {.data_dir = fixture->folder, .deadline_ms = 200};
    struct jobs *hasty = NULL;
    struct jobs_placed placed;
    order_one(fixture, 1, 0, id);
    must(jobs_open(&config, &hasty, &err));
    sqlite3 *db = lock_store(fixture);
    int64_t begin_ms = clock_monotonic_ms();
    must_fail(jobs_place(hasty, &order, &placed, &err), RETRY, "store_timeout");
    assert_in_range(clock_monotonic_ms() - begin_ms, 190, 5000);
    assert_int_equal(status_of(fixture, id), JOB_PENDING); /* readers do not wait for writers */
    sqlite3_close(db);
    must(jobs_place(hasty, &order, &placed, &err));
    jobs_placed_finish(&placed);
    jobs_close(hasty);
}

static int lock_bytes(struct fixture *fixture, off_t first, off_t count) {
    char path[FOLDER_PATH_MAX + 16];
    assert_true(str_format(path, sizeof path, "%s/filesure.lock", fixture->folder));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
    assert_true(fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0);
    return fd;
}

/* Byte 1 is held by who writes or checkpoints, byte 0 by who is the next to write. */
static void processes_write_in_turn(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    for (off_t byte = 0; byte < 2; byte++) {
        int fd = lock_bytes(fixture, byte, 1);
        atomic_store(&sqlite_store(fixture->jobs)->deadline_ms, 100);
        must_fail(jobs_retry(fixture->jobs, id, &status, &err), RETRY, "store_timeout");
        assert_int_equal(status_of(fixture, id), JOB_PENDING);
        close(fd);
        atomic_store(&sqlite_store(fixture->jobs)->deadline_ms, STORE_DEADLINE_MS);
        order_one(fixture, 2 + (int)byte, 0, id);
    }
    close(lock_bytes(fixture, 0, 2)); /* and nobody keeps what he had */
}

static void the_log_is_moved_into_the_database_while_it_is_open(struct fixture *fixture) {
    char path[FOLDER_PATH_MAX + 16], id[OBJECT_ID_MAX];
    struct stat before, after;
    struct company *companies = x_alloc(ORDER_ITEMS_MAX * sizeof *companies);
    for (int i = 0; i < ORDER_ITEMS_MAX; i++)
        companies[i] = a_company(i);
    fixture_sqlite_path(fixture, path);
    assert_int_equal(stat(path, &before), 0);
    const struct jobs_order order = {.companies = companies, .count = ORDER_ITEMS_MAX, .force = true};
    struct jobs_placed placed;
    for (int i = 0; i < 5; i++) {
        must(jobs_place(fixture->jobs, &order, &placed, &err));
        jobs_placed_finish(&placed);
    }
    order_one(fixture, 1, 0, id);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size > before.st_size + 1000000);
    free(companies);
}

struct waiter {
    struct jobs *jobs;
    int number;
    enum outcome outcome;
};

static void *place_one(void *arg) {
    struct waiter *waiter = arg;
    struct company company = a_company(waiter->number);
    const struct jobs_order order = {.companies = &company, .count = 1};
    struct jobs_placed placed;
    struct error ignored;
    waiter->outcome = jobs_place(waiter->jobs, &order, &placed, &ignored);
    if (waiter->outcome == OK)
        jobs_placed_finish(&placed);
    return NULL;
}

/* One write leads (and waits for the locked file), that many stand in the queue. */
static void wait_until_queued(struct fixture *fixture, int count) {
    struct sqlite_store *store = sqlite_store(fixture->jobs);
    bool there = false;
    while (!there) {
        sched_yield();
        pthread_mutex_lock(&store->queue_lock);
        there = store->leading && store->queued == count;
        pthread_mutex_unlock(&store->queue_lock);
    }
}

/* Those that came first give up first; those whose time is not up line up again and are served. */
static void writes_queue_while_the_file_is_locked(struct fixture *fixture) {
    enum { WAITERS = 6 };
    struct waiter waiters[WAITERS];
    pthread_t threads[WAITERS];
    struct sqlite_store *store = sqlite_store(fixture->jobs);
    sqlite3 *db = lock_store(fixture);
    for (int i = 0; i < WAITERS; i++) {
        atomic_store(&store->deadline_ms, i == 0 ? 300 : 30000);
        waiters[i] = (struct waiter){.jobs = fixture->jobs, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, place_one, &waiters[i]), 0);
        wait_until_queued(fixture, i);
    }
    pthread_join(threads[0], NULL);
    assert_int_equal(waiters[0].outcome, RETRY);
    sqlite3_close(db);
    for (int i = 1; i < WAITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].outcome, OK);
    }
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total, WAITERS - 1);
}

/* One bad write of a group undoes itself only. */
static enum outcome refuse(struct sqlite_write *write, void *arg, struct error *error) {
    struct company company = a_company(*(int *)arg);
    struct job job;
    char id[OBJECT_ID_MAX];
    object_id_make(id);
    job_place(&job, id, &company, 0, write->now_ms, write->at_ms);
    enum outcome outcome = sqlite_insert_job(write->conn, &job, error);
    return outcome == OK ? error_set(error, INVALID, "refused", "as the test wants it") : outcome;
}

static void *refuse_one(void *arg) {
    struct waiter *waiter = arg;
    struct error error;
    waiter->outcome = sqlite_write(sqlite_store(waiter->jobs), WRITE_FAST, refuse, &waiter->number, &error);
    return NULL;
}

static void a_refused_write_undoes_only_itself(struct fixture *fixture) {
    enum { WRITERS = 10 };
    struct waiter writers[WRITERS];
    pthread_t threads[WRITERS];
    sqlite3 *db = lock_store(fixture); /* so that all but the first become one group */
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct waiter){.jobs = fixture->jobs, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? refuse_one : place_one, &writers[i]), 0);
        wait_until_queued(fixture, i);
    }
    sqlite3_close(db);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].outcome, i % 2 ? INVALID : OK);
    }
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total, WRITERS / 2);
    refuse_one(&writers[0]); /* nor does a group of one leave anything */
    assert_int_equal(writers[0].outcome, INVALID);
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total, WRITERS / 2);
}

static void *advance_totals(void *arg) {
    struct waiter *waiter = arg;
    struct error ignored;
    bool advanced;
    waiter->outcome = jobs_advance_totals(waiter->jobs, &advanced, &ignored);
    return NULL;
}

/* A watermark that moves past now (only a test's lag makes it) and facts that follow it in the same transaction. */
static void facts_behind_a_moving_watermark_are_dated_past_it(struct fixture *fixture) {
    enum { WRITERS = 10 };
    struct waiter writers[WRITERS];
    pthread_t threads[WRITERS];
    char id[OBJECT_ID_MAX];
    order_one(fixture, 99, 0, id);
    jobs_set_watermark_lag(fixture->jobs, -100000);
    sqlite3 *db = lock_store(fixture);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct waiter){.jobs = fixture->jobs, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, i == 1 ? advance_totals : place_one, &writers[i]), 0);
        wait_until_queued(fixture, i);
    }
    sqlite3_close(db);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].outcome, OK);
    }
    struct totals totals;
    must(jobs_totals(fixture->jobs, &totals, &err));
    assert_int_equal(totals.jobs_placed, WRITERS);
    assert_true(totals.up_to_ms > now_of(fixture));
}

/* ---- what waits for the disk ----------------------------------------------------------------- */
static void orders_ends_and_a_persons_decisions_wait_for_the_disk(struct fixture *fixture) {
    char ids[3][OBJECT_ID_MAX];
    enum job_status status;
    struct sqlite_store *store = sqlite_store(fixture->jobs);
    for (int i = 0; i < 3; i++)
        order_one(fixture, i, 0, ids[i]);
    assert_true(store->writer_full_sync);
    struct lease lease = run_job(fixture, ids[0]);
    assert_false(store->writer_full_sync);
    assert_int_equal(fixture_sqlite_run(fixture, "SELECT 1"), 1);
    end_run(fixture, &lease, RUN_PENDING);
    assert_true(store->writer_full_sync);
    lease = run_job(fixture, ids[0]);
    must(jobs_cancel(fixture->jobs, ids[1], &status, &err));
    assert_true(store->writer_full_sync);
    lease = run_job(fixture, ids[2]);
    must(jobs_retry(fixture->jobs, ids[1], &status, &err));
    assert_true(store->writer_full_sync);
    sqlite3_stmt *stmt = NULL; /* and SQLite was really told so */
    assert_int_equal(sqlite3_prepare_v2(store->writer.db, "PRAGMA synchronous", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 2);
    sqlite3_finalize(stmt);
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
    must(jobs_cancel(fixture->jobs, other, &status, &err));
    must(jobs_retry(fixture->jobs, other, &status, &err));
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
        CASE(every_handle_of_one_boot_has_the_same_time),
        CASE(a_new_boot_never_goes_back),
        CASE(a_full_disk_loses_nothing_acknowledged),
        CASE(a_write_past_its_deadline_is_told_to_come_again),
        CASE(processes_write_in_turn),
        CASE(the_log_is_moved_into_the_database_while_it_is_open),
        CASE(writes_queue_while_the_file_is_locked),
        CASE(a_refused_write_undoes_only_itself),
        CASE(facts_behind_a_moving_watermark_are_dated_past_it),
        CASE(orders_ends_and_a_persons_decisions_wait_for_the_disk),
        CASE(every_statement_reads_an_index),
    };
    return run_cases_of("sqlite", cases, COUNT_OF(cases));
}
