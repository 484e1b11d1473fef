/* Inside of the embedded job store (SQLite); nobody outside jobs_sqlite*.c and its tests includes this.
 *
 *   any thread ──sqlite_write(op)──> queue ──one leader──> writer connection: BEGIN IMMEDIATE, each op in a SAVEPOINT,
 * COMMIT any thread ──sqlite_reader_take──> one of a few read connections (WAL snapshots; never wait for writers)
 *
 * Every transition is: load the job's row, apply a rule of core/lease.h, store the row, append the `ended` entry.
 * An entry of `ended` becomes a run record in the same transaction (table runs), so keepers have nothing to move. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "core/lease.h"
#include "core/retry.h"
#include "jobs/jobs_backend.h"

/* ---- a connection with its prepared statements ----------------------------------------------- */
enum { STATEMENTS_MAX = 128 };
struct sql_conn {
    sqlite3 *db;
    struct {
        const char *text; /* the constant's address is the key */
        sqlite3_stmt *stmt;
    } statements[STATEMENTS_MAX];
    int64_t deadline_ms; /* CLOCK_BOOTTIME; past it waits for locks and long reads are given up */
};

MUST_USE enum outcome sql_conn_open(struct sql_conn *conn, const char *path, int flags, int64_t deadline_ms,
                                    struct error *err);
void sql_conn_close(struct sql_conn *conn);
/* The error that SQLite's last answer on this connection stands for: RETRY store_timeout; FATAL disk_full, store_io,
 * store_damaged. */
enum outcome sql_error(struct sql_conn *conn, struct error *err);
MUST_USE enum outcome sql_exec(struct sql_conn *conn, const char *sql, struct error *err);

/* A prepared statement, bound in order and read in order. The first failure sticks; sql_row and sql_run report it.
 *     AUTO_SQL struct sql sql = sql_start(conn, SOME_CONSTANT); sql_text(&sql, id); outcome = sql_row(&sql, &found,
 * err); */
struct sql {
    struct sql_conn *conn;
    sqlite3_stmt *stmt;
    int bound, read; /* columns so far */
    int code;
};
struct sql sql_start(struct sql_conn *conn, const char *constant_text);
void sql_finish(struct sql *sql);
#define AUTO_SQL CLEANUP(sql_finish)
void sql_int(struct sql *sql, int64_t value);
void sql_time(struct sql *sql, int64_t time_ms);  /* 0 is NULL */
void sql_text(struct sql *sql, const char *text); /* must live until the statement is finished */
void sql_word(struct sql *sql, const char *text); /* the same; "" is NULL */
MUST_USE enum outcome sql_row(struct sql *sql, bool *ret_found, struct error *err); /* next row */
MUST_USE enum outcome sql_run(struct sql *sql, struct error *err);                  /* a statement without rows */
int64_t sql_get_int(struct sql *sql);
void sql_get_text(struct sql *sql, char *out, size_t out_size); /* NULL gives "" */
const char *sql_get_str(struct sql *sql);                       /* "" for NULL; valid until the next row */

/* ---- the store ------------------------------------------------------------------------------- */
enum { READERS_MAX = 4 };
struct write_op;

struct sqlite_store {
    struct jobs base;
    char *path;
    bool read_only;
    atomic_int_least64_t anchor_ms; /* store now = anchor + CLOCK_BOOTTIME (+ shift in tests) */
    atomic_int_least64_t shift_ms, lag_ms;
    atomic_int_least64_t deadline_ms; /* how long a call may take */

    pthread_mutex_t queue_lock; /* guards the queue and `leading`; the writer belongs to the leader */
    struct write_op *queue_first, *queue_last;
    int queued;
    bool leading;
    struct sql_conn writer;
    int lock_fd;           /* filesure.lock: one process writes or checkpoints at a time (jobs_sqlite_lock.c) */
    int wal_pages;         /* in the write-ahead log after the last commit */
    bool writer_full_sync; /* PRAGMA synchronous as it stands */
    int64_t noted_ms;      /* last_seen_ms as written */

    pthread_mutex_t reader_lock;
    pthread_cond_t reader_free;
    struct sql_conn readers[READERS_MAX];
    bool reader_busy[READERS_MAX];
};
static inline struct sqlite_store *sqlite_store(struct jobs *jobs) {
    return (struct sqlite_store *)jobs;
}

/* ---- time (jobs_sqlite_clock.c) -------------------------------------------------------------- */
int64_t sqlite_boot_ms(void); /* CLOCK_BOOTTIME past any interposed libc */
int64_t sqlite_now_ms(struct sqlite_store *store);
void sqlite_wait_ms(pthread_cond_t *changed, pthread_mutex_t *lock,
                    int64_t wait_ms); /* the condition's clock is monotonic */
/* Reads the anchor of this boot, or sets a new one: max(wall clock, last seen store time). On a writing connection: in
 * a transaction. */
MUST_USE enum outcome sqlite_clock_start(struct sqlite_store *store, struct sql_conn *conn, struct error *err);
MUST_USE enum outcome sqlite_clock_note(struct sqlite_store *store, struct sql_conn *conn,
                                        struct error *err); /* last seen = now */

/* ---- one writer at a time (jobs_sqlite_lock.c) ----------------------------------------------- */
void sqlite_nap(int tries); /* between two tries at a lock that another process holds: short and uneven */
MUST_USE enum outcome sqlite_lock_open(struct sqlite_store *store, const char *data_dir, struct error *err);
MUST_USE enum outcome sqlite_lock(struct sqlite_store *store, int64_t deadline_ms, struct error *err);
void sqlite_unlock(struct sqlite_store *store);
void sqlite_watch_log(struct sqlite_store *store); /* wal_pages is kept from now on; SQLite's own checkpoints are off */
void sqlite_checkpoint_log(struct sqlite_store *store); /* under the lock, when the log has become long */

/* ---- schema (jobs_sqlite_schema.c) ----------------------------------------------------------- */
enum { STORE_VERSION = 2 };
/* Refuses a file that is not a job store or that a newer program made: FATAL not_a_store, store_too_new. */
MUST_USE enum outcome sqlite_schema_check(struct sql_conn *conn, struct error *err);
/* Under the store's lock unless read_only: nobody else migrates meanwhile. FATAL store_too_old: only
 * read_only, since a store is brought up to date by who may write. */
MUST_USE enum outcome sqlite_schema_prepare(struct sql_conn *conn, bool read_only, struct error *err);

/* ---- writes (jobs_sqlite_write.c) ------------------------------------------------------------ */
/* Runs inside a savepoint of the leader's transaction. OK keeps its changes, anything else undoes them, unless it set
 * write->keep. */
struct sqlite_write {
    struct sqlite_store *store;
    struct sql_conn *conn;
    int64_t now_ms, at_ms; /* store time; for facts: max(now, watermark) */
    bool keep;             /* keep the changes although the answer is not OK */
};
typedef enum outcome sqlite_apply(struct sqlite_write *write, void *arg, struct error *err);
enum durability {
    WRITE_FAST,         /* the system has it: a power cut may undo it, a killed process does not */
    WRITE_DURABLE,      /* on disk when it returns */
    WRITE_DURABLE_ALONE /* the same, in a transaction of its own: for what changes thousands of rows */
};
MUST_USE enum outcome sqlite_write(struct sqlite_store *store, enum durability durability, sqlite_apply *apply,
                                   void *arg, struct error *err);

/* ---- reads (jobs_sqlite_open.c) -------------------------------------------------------------- */
/*     AUTO_READER struct sqlite_reader reader = {0};
 *     enum outcome outcome = sqlite_reader_take(jobs, &reader, err);   then statements on reader.conn */
struct sqlite_reader {
    struct sqlite_store *store;
    struct sql_conn *conn;
};
MUST_USE enum outcome sqlite_reader_take(struct jobs *jobs, struct sqlite_reader *ret, struct error *err);
void sqlite_reader_give(struct sqlite_reader *reader); /* an open snapshot ends with it */
#define AUTO_READER CLEANUP(sqlite_reader_give)
/* One snapshot for several statements. */
MUST_USE enum outcome sqlite_snapshot_begin(struct sql_conn *conn, struct error *err);

/* ---- rows (jobs_sqlite_rows.c) --------------------------------------------------------------- */
#define RUN_NUMBER_COLUMNS                                                                                             \
    "listed, had_rows, run_downloaded, run_uploaded, run_stored, run_unreadable, run_missing, portal_requests, "       \
    "portal_errors, "                                                                                                  \
    "downloaded_bytes, run_ms, claim_wait_ms"
#define JOB_COLUMNS                                                                                                    \
    "seq, id, cin, company_name, status, priority, created_at, updated_at, at, available_at, total_documents, "        \
    "downloaded_documents, "                                                                                           \
    "lease_token, lease_owner, adopted_by, lease_seconds, locked_at, runs, attempts, rows_seen, backoff_ms, "          \
    "error_code, error_message, "                                                                                      \
    "error_at, cancel_requested, expected, stored, unreadable, missing, manifest_name, "                               \
    "completed_at, " RUN_NUMBER_COLUMNS
#define RUN_COLUMNS                                                                                                    \
    "token, job_id, run, outcome, job_status, owner, started_at, ended_at, error_code, error_message, "                \
    "at, " RUN_NUMBER_COLUMNS
#define DOCUMENT_COLUMNS                                                                                               \
    "id, job_id, number, cin, company_name, state, document_type, srn, form, filed_on, reason, text_name, text_url, "  \
    "text_bytes, "                                                                                                     \
    "text_md5, original_name, original_bytes, original_sha256, fields_name, fields_sha256, pages, download_ms, "       \
    "read_ms, store_ms, "                                                                                              \
    "downloaded_at, by, at"

void sqlite_get_job(struct sql *sql, struct job *ret, int64_t *ret_seq); /* the row's next columns are JOB_COLUMNS */
void sqlite_get_run(struct sql *sql, struct run_record *ret);
void sqlite_get_document(struct sql *sql, struct document *ret);
MUST_USE enum outcome sqlite_load_job(struct sql_conn *conn, const char *id, struct job *ret, int64_t *ret_seq,
                                      bool *ret_found, struct error *err);
/* What a rule may change; `named`: the company's name too. */
MUST_USE enum outcome sqlite_store_job(struct sql_conn *conn, int64_t seq, const struct job *job, struct error *err);
MUST_USE enum outcome sqlite_insert_job(struct sql_conn *conn, const struct job *job, struct error *err);
MUST_USE enum outcome sqlite_append_ended(struct sqlite_write *write, const struct run_record *run, struct error *err);
/* Rows of the job by state and the length of its list (expected -1: no list yet). */
MUST_USE enum outcome sqlite_count_rows(struct sql_conn *conn, const char *job_id, struct completeness *ret,
                                        struct error *err);

/* Puts those counts into an open job: true at this moment. A finished job keeps what its end counted. */
MUST_USE enum outcome sqlite_count_live(struct sql_conn *conn, struct job *job, struct error *err);

/* ---- audit log (jobs_sqlite_audit.c) --------------------------------------------------------- */
struct audit_note {
    const char *actor, *action;
    const char *job_id; /* NULL or "": none or several */
    const char *detail;
};
/* In the transaction of the change that it tells of. */
MUST_USE enum outcome sqlite_append_audit(struct sqlite_write *write, const struct audit_note *note, struct error *err);
/* What a person did to one job; detail: {cin, status}, the status being what the job is now. */
MUST_USE enum outcome sqlite_audit_decision(struct sqlite_write *write, const char *actor, const char *action,
                                            const struct job *job, struct error *err);

/* ---- totals (jobs_sqlite_totals.c) ----------------------------------------------------------- */
MUST_USE enum outcome sqlite_read_watermark(struct sql_conn *conn, int64_t *ret_up_to_ms, struct error *err);

/* ---- the table's entries, by file ------------------------------------------------------------ */
enum outcome sqlite_place(struct jobs *, const struct jobs_order *, struct jobs_placed *, struct error *);
enum outcome sqlite_claim(struct jobs *, const struct jobs_claim_request *, struct lease *, struct error *);
enum outcome sqlite_adopt(struct jobs *, const char *, const char *, const char *, struct job *, struct error *);
enum outcome sqlite_heartbeat(struct jobs *, const char *, const char *, const struct run_numbers *, bool *,
                              struct error *);
enum outcome sqlite_end(struct jobs *, const char *, const char *, const struct jobs_end *, enum job_status *,
                        struct error *);
enum outcome sqlite_name_company(struct jobs *, const char *, const char *, const char *, struct error *);
enum outcome sqlite_put_filings(struct jobs *, const char *, const struct filing_list *, struct filing_list *,
                                struct error *);
enum outcome sqlite_get_filings(struct jobs *, const char *, struct filing_list *, struct error *);
enum outcome sqlite_add_document(struct jobs *, const struct document *, bool *, struct error *);
enum outcome sqlite_list_documents(struct jobs *, const char *, int, int, struct document_list *, struct error *);
enum outcome sqlite_one_document(struct jobs *, const char *, struct document *, struct error *);
enum outcome sqlite_have_rows(struct jobs *, const char *, bool *, int, int *, struct error *);
enum outcome sqlite_get(struct jobs *, const char *, struct job *, struct error *);
enum outcome sqlite_list(struct jobs *, const struct jobs_filter *, struct job_list *, struct error *);
enum outcome sqlite_list_runs(struct jobs *, const char *, struct run_list *, struct error *);
enum outcome sqlite_count(struct jobs *, struct jobs_counts *, struct error *);
enum outcome sqlite_cancel(struct jobs *, const char *, const char *, enum job_status *, struct error *);
enum outcome sqlite_retry(struct jobs *, const char *, const char *, enum job_status *, struct error *);
enum outcome sqlite_list_purgeable(struct jobs *, int64_t, int, const char *, struct job_list *, struct error *);
enum outcome sqlite_purge(struct jobs *, const struct jobs_purge *, struct jobs_purged *, struct error *);
enum outcome sqlite_list_purged(struct jobs *, const char *, int, struct purged_list *, struct error *);
enum outcome sqlite_find_purged(struct jobs *, const char *, struct purged_job *, bool *, struct error *);
enum outcome sqlite_mark_purged(struct jobs *, const char *, struct error *);
enum outcome sqlite_forget_purged(struct jobs *, const char *, struct error *);
enum outcome sqlite_purged_totals(struct jobs *, struct purged_totals *, struct error *);
enum outcome sqlite_audit(struct jobs *, const char *, const char *, const char *, struct error *);
enum outcome sqlite_list_audit(struct jobs *, int, const char *, struct audit_list *, struct error *);
enum outcome sqlite_copy(struct jobs *, const char *, bool (*)(void), struct error *);
enum outcome sqlite_expire(struct jobs *, int *, struct error *);
enum outcome sqlite_record_runs(struct jobs *, int *, struct error *);
enum outcome sqlite_finish_orders(struct jobs *, int *, struct error *);
enum outcome sqlite_take_in(struct jobs *, int *, struct error *);
enum outcome sqlite_advance_totals(struct jobs *, bool *, struct error *);
enum outcome sqlite_check_clock(struct jobs *, int *, struct error *);
enum outcome sqlite_totals(struct jobs *, struct totals *, struct error *);
