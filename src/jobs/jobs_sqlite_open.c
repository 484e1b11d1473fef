/* Opening and closing the embedded store, and its read connections. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/fdio.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

/* ---- readers --------------------------------------------------------------------------------- */
static int free_reader(const struct sqlite_store *store) {
    int unopened = -1;
    for (int i = 0; i < READERS_MAX; i++) {
        if (store->reader_busy[i])
            continue;
        if (store->readers[i].db)
            return i;
        if (unopened < 0)
            unopened = i;
    }
    return unopened;
}

static enum outcome wait_for_reader(struct sqlite_store *store, int64_t deadline_ms, int *ret, struct error *err) {
    int reader;
    int64_t left_ms;
    pthread_mutex_lock(&store->reader_lock);
    while ((reader = free_reader(store)) < 0 && (left_ms = deadline_ms - sqlite_boot_ms()) > 0)
        sqlite_wait_ms(&store->reader_free, &store->reader_lock, left_ms);
    if (reader >= 0)
        store->reader_busy[reader] = true;
    pthread_mutex_unlock(&store->reader_lock);
    if (reader < 0)
        return error_set(err, RETRY, "store_timeout", "too many readers wait for the job store");
    *ret = reader;
    return OK;
}

static void free_again(struct sqlite_store *store, int reader) {
    pthread_mutex_lock(&store->reader_lock);
    store->reader_busy[reader] = false;
    pthread_cond_signal(&store->reader_free);
    pthread_mutex_unlock(&store->reader_lock);
}

enum outcome sqlite_reader_take(struct jobs *jobs, struct sqlite_reader *ret, struct error *err) {
    struct sqlite_store *store = sqlite_store(jobs);
    int64_t deadline_ms = sqlite_boot_ms() + atomic_load(&store->deadline_ms);
    int reader = 0;
    enum outcome outcome = wait_for_reader(store, deadline_ms, &reader, err);
    if (outcome != OK)
        return outcome;
    struct sql_conn *conn = &store->readers[reader];
    if (!conn->db)
        outcome = sql_conn_open(conn, store->path, SQLITE_OPEN_READONLY, deadline_ms, err);
    if (outcome != OK) {
        free_again(store, reader);
        return outcome;
    }
    conn->deadline_ms = deadline_ms;
    *ret = (struct sqlite_reader){.store = store, .conn = conn};
    return OK;
}

enum outcome sqlite_snapshot_begin(struct sql_conn *conn, struct error *err) {
    static const char begin[] = "BEGIN";
    AUTO_SQL struct sql sql = sql_start(conn, begin);
    return sql_run(&sql, err);
}

static void end_snapshot(struct sql_conn *conn) {
    static const char end[] = "ROLLBACK";
    struct error ignored;
    struct sql sql = sql_start(conn, end);
    enum outcome outcome = sql_run(&sql, &ignored);
    sql_finish(&sql);
    if (outcome != OK)
        sql_conn_close(conn); /* the next reader opens it anew */
}

void sqlite_reader_give(struct sqlite_reader *reader) {
    if (!reader->conn)
        return;
    if (sqlite3_get_autocommit(reader->conn->db) == 0)
        end_snapshot(reader->conn);
    free_again(reader->store, (int)(reader->conn - reader->store->readers));
}

/* ---- small calls ----------------------------------------------------------------------------- */
static enum outcome ping(struct jobs *jobs, struct error *err) {
    static const char look[] = "SELECT one FROM store";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, look);
    return sql_run(&sql, err);
}

static enum outcome now_ms(struct jobs *jobs, int64_t *ret, struct error *err) {
    (void)err;
    *ret = sqlite_now_ms(sqlite_store(jobs));
    return OK;
}

static void set_watermark_lag(struct jobs *jobs, int64_t lag_ms) {
    atomic_store(&sqlite_store(jobs)->lag_ms, lag_ms);
}

static void shift_clock(struct jobs *jobs, int64_t shift_ms) {
    atomic_fetch_add(&sqlite_store(jobs)->shift_ms, shift_ms);
}

static void close_store(struct jobs *jobs) {
    struct sqlite_store *store = sqlite_store(jobs);
    for (int i = 0; i < READERS_MAX; i++)
        sql_conn_close(&store->readers[i]);
    sql_conn_close(&store->writer);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    pthread_cond_destroy(&store->reader_free);
    pthread_mutex_destroy(&store->reader_lock);
    pthread_mutex_destroy(&store->queue_lock);
    free(store->path);
    free(store);
}

static const struct jobs_backend backend = {
    .name = "sqlite",
    .close = close_store,
    .ping = ping,
    .now_ms = now_ms,
    .place = sqlite_place,
    .claim = sqlite_claim,
    .adopt = sqlite_adopt,
    .heartbeat = sqlite_heartbeat,
    .end = sqlite_end,
    .name_company = sqlite_name_company,
    .put_filings = sqlite_put_filings,
    .get_filings = sqlite_get_filings,
    .add_document = sqlite_add_document,
    .list_documents = sqlite_list_documents,
    .get_document = sqlite_one_document,
    .have_rows = sqlite_have_rows,
    .get = sqlite_get,
    .list = sqlite_list,
    .list_runs = sqlite_list_runs,
    .count = sqlite_count,
    .cancel = sqlite_cancel,
    .retry = sqlite_retry,
    .list_purgeable = sqlite_list_purgeable,
    .purge = sqlite_purge,
    .list_purged = sqlite_list_purged,
    .find_purged = sqlite_find_purged,
    .mark_purged = sqlite_mark_purged,
    .forget_purged = sqlite_forget_purged,
    .purged_totals = sqlite_purged_totals,
    .audit = sqlite_audit,
    .list_audit = sqlite_list_audit,
    .copy = sqlite_copy,
    .expire = sqlite_expire,
    .record_runs = sqlite_record_runs,
    .finish_orders = sqlite_finish_orders,
    .take_in = sqlite_take_in,
    .advance_totals = sqlite_advance_totals,
    .check_clock = sqlite_check_clock,
    .totals = sqlite_totals,
    .set_watermark_lag = set_watermark_lag,
    .shift_clock = shift_clock,
};

/* ---- opening --------------------------------------------------------------------------------- */
static struct sqlite_store *create_store(const struct jobs_config *config) {
    struct sqlite_store *store = x_alloc(sizeof *store);
    store->base.backend = &backend;
    store->read_only = config->read_only;
    store->lock_fd = -1;
    size_t size = strlen(config->data_dir) + sizeof "/filesure.db";
    store->path = x_alloc(size);
    str_format(store->path, size, "%s/filesure.db", config->data_dir);
    atomic_store(&store->lag_ms, WATERMARK_LAG_MS);
    atomic_store(&store->deadline_ms, config->deadline_ms > 0 ? config->deadline_ms : STORE_DEADLINE_MS);
    pthread_mutex_init(&store->queue_lock, NULL);
    pthread_mutex_init(&store->reader_lock, NULL);
    cond_init_monotonic(&store->reader_free);
    return store;
}

/* Made by us and not by SQLite: nobody else may read it. An existing file is not even opened, since closing it again
 * would drop the locks that this process holds on it. */
static enum outcome make_file(const char *data_dir, const char *path, struct error *err) {
    bool created = false;
    enum outcome outcome = dir_make(data_dir, err);
    if (outcome != OK || access(path, F_OK) == 0)
        return outcome;
    return file_create_once(path, "", 0, &created, err);
}

/* SQLite does not wait by itself when another process is changing the journal mode. */
static enum outcome set_wal(struct sql_conn *conn, struct error *err) {
    enum outcome outcome;
    do {
        outcome = sql_exec(conn, "PRAGMA journal_mode = WAL", err);
        if (outcome == RETRY)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    } while (outcome == RETRY && sqlite_boot_ms() < conn->deadline_ms);
    return outcome;
}

/* What a restore has stored of it would be lost to an empty store in its place. */
static enum outcome check_restored(const char *data_dir, const char *path, struct error *err) {
    char partial[PATH_MAX];
    bool begun = str_format(partial, sizeof partial, "%s/" PARTIAL_FOLDER, data_dir) && access(partial, F_OK) == 0;
    if (!begun || access(path, F_OK) == 0)
        return OK;
    return error_set(
        err, INVALID, "restore_unfinished",
        "a restore into this folder has not come to its end: run filesure restore again, or remove " PARTIAL_FOLDER
        " to start empty");
}

/* A new or older file is made ready while nobody else writes. */
static enum outcome prepare_file(struct sqlite_store *store, struct error *err) {
    struct sql_conn *conn = &store->writer;
    enum outcome outcome = sqlite_schema_check(conn, err);
    if (outcome == OK)
        outcome = set_wal(conn, err);
    if (outcome == OK)
        outcome = sql_exec(conn,
                           "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
                           "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384",
                           err);
    if (outcome == OK)
        outcome = sqlite_schema_prepare(conn, false, err);
    if (outcome == OK)
        outcome = sql_exec(conn, "BEGIN IMMEDIATE", err);
    if (outcome != OK)
        return outcome;
    outcome = sqlite_clock_start(store, conn, err);
    enum outcome ended = sql_exec(conn, outcome == OK ? "COMMIT" : "ROLLBACK", outcome == OK ? err : NULL);
    return outcome == OK ? ended : outcome;
}

static enum outcome open_writer(struct sqlite_store *store, const char *data_dir, struct error *err) {
    int64_t deadline_ms = sqlite_boot_ms() + atomic_load(&store->deadline_ms);
    enum outcome outcome = check_restored(data_dir, store->path, err);
    if (outcome == OK)
        outcome = make_file(data_dir, store->path, err);
    if (outcome == OK)
        outcome = sqlite_lock_open(store, data_dir, err);
    if (outcome == OK)
        outcome = sql_conn_open(&store->writer, store->path, SQLITE_OPEN_READWRITE, deadline_ms, err);
    if (outcome == OK)
        outcome = sqlite_lock(store, deadline_ms, err);
    if (outcome != OK)
        return outcome;
    sqlite_watch_log(store);
    store->writer_full_sync = true;
    outcome = prepare_file(store, err);
    sqlite_unlock(store);
    return outcome;
}

static enum outcome open_reader(struct sqlite_store *store, struct error *err) {
    if (access(store->path, F_OK) != 0)
        return error_set(err, GONE, "no_store", "there is no job store here");
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(&store->base, &reader, err);
    if (outcome == OK)
        outcome = sqlite_schema_prepare(reader.conn, true, err);
    return outcome == OK ? sqlite_clock_start(store, reader.conn, err) : outcome;
}

enum outcome jobs_sqlite_open(const struct jobs_config *config, struct jobs **ret, struct error *err) {
    struct sqlite_store *store = create_store(config);
    enum outcome outcome = config->read_only ? open_reader(store, err) : open_writer(store, config->data_dir, err);
    if (outcome != OK) {
        close_store(&store->base);
        return outcome;
    }
    *ret = &store->base;
    return OK;
}
