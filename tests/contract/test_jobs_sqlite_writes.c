/* How the embedded store writes: one process at a time, many callers in one transaction, and what waits for the disk.
 */
#include "jobs/jobs.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "contract/jobs_fixture.h"
#include "jobs/jobs_sqlite.h"

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
        must_fail(jobs_retry(fixture->jobs, id, "test", &status, &err), RETRY, "store_timeout");
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
        atomic_store(&store->deadline_ms, i == 0 ? 200 : i == 1 ? 400 : 30000);
        waiters[i] = (struct waiter){.jobs = fixture->jobs, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, place_one, &waiters[i]), 0);
        wait_until_queued(fixture, i);
    }
    for (int i = 0; i < 2; i++) { /* the first led alone, the second led all the others */
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].outcome, RETRY);
    }
    sqlite3_close(db);
    for (int i = 2; i < WAITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].outcome, OK);
    }
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total, WAITERS - 2);
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
/* A day later, when the last write did not wait. */
static void purge_later(struct fixture *fixture, const char *id) {
    const struct jobs_purge purge = {.job_id = id};
    struct jobs_purged purged;
    bool advanced = true;
    jobs_shift_clock(fixture->jobs, PURGE_AFTER_MS + 1000);
    jobs_set_watermark_lag(fixture->jobs, 0);
    while (advanced)
        must(jobs_advance_totals(fixture->jobs, &advanced, &err));
    assert_false(sqlite_store(fixture->jobs)->writer_full_sync);
    must(jobs_purge(fixture->jobs, &purge, &purged, &err));
}

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
    must(jobs_cancel(fixture->jobs, ids[1], "test", &status, &err));
    assert_true(store->writer_full_sync);
    lease = run_job(fixture, ids[2]);
    must(jobs_retry(fixture->jobs, ids[1], "test", &status, &err));
    assert_true(store->writer_full_sync);
    lease = run_job(fixture, ids[1]);
    assert_false(store->writer_full_sync);
    must(jobs_audit(fixture->jobs, "test", "backup", NULL, &err));
    assert_true(store->writer_full_sync);
    assert_int_equal(end_run(fixture, &lease, RUN_EXHAUSTED), JOB_FAILED);
    purge_later(fixture, ids[1]);
    assert_true(store->writer_full_sync);
    must(jobs_forget_purged(fixture->jobs, ids[2], &err));
    assert_false(store->writer_full_sync);
    must(fixture->jobs->backend->mark_purged(fixture->jobs, ids[1], &err)); /* before blobs go for good */
    assert_true(store->writer_full_sync);
    sqlite3_stmt *stmt = NULL; /* and SQLite was really told so */
    assert_int_equal(sqlite3_prepare_v2(store->writer.db, "PRAGMA synchronous", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 2);
    sqlite3_finalize(stmt);
}

static void keys_are_forgotten_after_a_day(struct fixture *fixture) {
    struct company company = a_company(1);
    const struct jobs_order order = {.companies = &company, .count = 1, .idempotency_key = "k", .body_sha256 = "b"};
    struct jobs_placed placed;
    int finished = -1;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    jobs_placed_finish(&placed);
    must(jobs_finish_orders(fixture->jobs, &finished, &err));
    assert_int_equal(finished, 0);
    jobs_shift_clock(fixture->jobs, ORDER_KEY_LIFE_MS);
    must(jobs_finish_orders(fixture->jobs, &finished, &err));
    assert_int_equal(finished, 1);
    assert_int_equal(fixture_sqlite_run(fixture, "SELECT count(*) FROM batches"), 0);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(a_write_past_its_deadline_is_told_to_come_again),
        CASE(processes_write_in_turn),
        CASE(the_log_is_moved_into_the_database_while_it_is_open),
        CASE(writes_queue_while_the_file_is_locked),
        CASE(a_refused_write_undoes_only_itself),
        CASE(facts_behind_a_moving_watermark_are_dated_past_it),
        CASE(orders_ends_and_a_persons_decisions_wait_for_the_disk),
        CASE(keys_are_forgotten_after_a_day),
    };
    return run_cases_of("sqlite", cases, COUNT_OF(cases));
}
