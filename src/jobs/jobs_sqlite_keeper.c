/* The keeper's steps in the embedded store. Each looks for work with a read, then does it in small transactions that
 * look again. */
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

enum { STEP_JOBS = 100 };

struct found_job {
    struct job job;
    int64_t seq;
};

/* One step's jobs: read whole before anything is changed, since a change would move the index under the cursor. */
struct step {
    int64_t after_seq; /* where a step over several transactions goes on */
    int found, changed;
    struct found_job jobs[STEP_JOBS];
};

static enum outcome read_step(struct sql *sql, struct step *step, struct error *err) {
    bool found = true;
    enum outcome outcome = OK;
    step->found = 0;
    while (step->found < STEP_JOBS && (outcome = sql_row(sql, &found, err)) == OK && found) {
        struct found_job *at = &step->jobs[step->found++];
        sqlite_get_job(sql, &at->job, &at->seq);
    }
    return outcome;
}

/* Applies a step until it finds less than it could take. */
static enum outcome repeat(struct jobs *jobs, sqlite_apply *apply, int *ret_changed, struct error *err) {
    AUTO_FREE struct step *step = x_alloc(sizeof *step);
    enum outcome outcome;
    int changed = 0;
    do {
        outcome = sqlite_write(sqlite_store(jobs), WRITE_FAST, apply, step, err);
        changed += outcome == OK ? step->changed : 0;
    } while (outcome == OK && step->found == STEP_JOBS);
    if (outcome == OK)
        *ret_changed = changed;
    return outcome;
}

/* True when the query has a row: there is work, so the write lock is worth taking. ?1 is now. */
static enum outcome anything(struct jobs *jobs, const char *constant_text, bool *ret, struct error *err) {
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, constant_text);
    sql_int(&sql, sqlite_now_ms(sqlite_store(jobs)));
    return sql_row(&sql, ret, err);
}

static enum outcome when_anything(struct jobs *jobs, const char *constant_text, sqlite_apply *apply, int *ret_changed,
                                  struct error *err) {
    bool work = false;
    enum outcome outcome = anything(jobs, constant_text, &work, err);
    if (outcome != OK)
        return outcome;
    if (work)
        return repeat(jobs, apply, ret_changed, err);
    *ret_changed = 0;
    return OK;
}

#define OPEN_JOBS " FROM jobs INDEXED BY jobs_due WHERE status IN ('pending', 'processing') AND "

/* ---- leases that ran out --------------------------------------------------------------------- */
#define EXPIRED OPEN_JOBS "status = 'processing' AND available_at <= ?1 LIMIT 100"

static enum outcome apply_expire(struct sqlite_write *write, void *arg, struct error *err) {
    static const char find[] = "SELECT " JOB_COLUMNS EXPIRED;
    struct step *step = arg;
    AUTO_SQL struct sql sql = sql_start(write->conn, find);
    sql_int(&sql, write->now_ms);
    enum outcome outcome = read_step(&sql, step, err);
    step->changed = 0;
    for (int i = 0; i < step->found && outcome == OK; i++) {
        struct found_job *at = &step->jobs[i];
        struct run_record ended;
        if (!lease_expire(&at->job, write->now_ms, &ended))
            continue;
        outcome = sqlite_store_job(write->conn, at->seq, &at->job, err);
        if (outcome == OK)
            outcome = sqlite_append_ended(write, &ended, err);
        step->changed++;
    }
    return outcome;
}

enum outcome sqlite_expire(struct jobs *jobs, int *ret_expired, struct error *err) {
    static const char look[] = "SELECT seq" EXPIRED;
    return when_anything(jobs, look, apply_expire, ret_expired, err);
}

/* ---- a clock that was set back --------------------------------------------------------------- */
/* ?2 is the longest back-off; both branches are ranges of the index. */
#define STRANDED_PENDING OPEN_JOBS "status = 'pending' AND available_at > ?1 + 300000 LIMIT 100"
#define STRANDED_PROCESSING                                                                                            \
    OPEN_JOBS "status = 'processing' AND available_at > ?1 AND available_at > ?1 + lease_seconds * 1000 LIMIT 100"
_Static_assert(BACKOFF_CAP_MS == 300000, "the query above names the cap");

static enum outcome mend(struct sqlite_write *write, struct step *step, const char *constant_text, struct error *err) {
    AUTO_SQL struct sql sql = sql_start(write->conn, constant_text);
    sql_int(&sql, write->now_ms);
    enum outcome outcome = read_step(&sql, step, err);
    step->changed = 0;
    for (int i = 0; i < step->found && outcome == OK; i++) {
        struct found_job *at = &step->jobs[i];
        if (!job_mend_clock(&at->job, write->now_ms))
            continue;
        outcome = sqlite_store_job(write->conn, at->seq, &at->job, err);
        step->changed++;
    }
    return outcome;
}

static enum outcome apply_mend_pending(struct sqlite_write *write, void *arg, struct error *err) {
    static const char find[] = "SELECT " JOB_COLUMNS STRANDED_PENDING;
    return mend(write, arg, find, err);
}

static enum outcome apply_mend_processing(struct sqlite_write *write, void *arg, struct error *err) {
    static const char find[] = "SELECT " JOB_COLUMNS STRANDED_PROCESSING;
    return mend(write, arg, find, err);
}

enum outcome sqlite_check_clock(struct jobs *jobs, int *ret_mended, struct error *err) {
    static const char look_pending[] = "SELECT seq" STRANDED_PENDING;
    static const char look_processing[] = "SELECT seq" STRANDED_PROCESSING;
    int pending = 0, processing = 0;
    enum outcome outcome = when_anything(jobs, look_pending, apply_mend_pending, &pending, err);
    if (outcome == OK)
        outcome = when_anything(jobs, look_processing, apply_mend_processing, &processing, err);
    if (outcome == OK)
        *ret_mended = pending + processing;
    return outcome;
}

/* ---- jobs that other programs inserted ------------------------------------------------------- */
#define FOREIGN                                                                                                        \
    " FROM jobs INDEXED BY jobs_foreign WHERE available_at IS NULL AND status IN ('pending', 'processing', "           \
    "'in_progress') "

static enum outcome run_for_job(struct sqlite_write *write, const char *constant_text, const char *job_id,
                                struct error *err) {
    AUTO_SQL struct sql sql = sql_start(write->conn, constant_text);
    sql_text(&sql, job_id);
    return sql_run(&sql, err);
}

/* Rows without `at` are no facts; they are kept aside. */
static enum outcome move_rows(struct sqlite_write *write, const char *job_id, struct error *err) {
    static const char copy[] = "INSERT OR IGNORE INTO documents_legacy (" DOCUMENT_COLUMNS ") SELECT " DOCUMENT_COLUMNS
                               " FROM documents INDEXED BY documents_foreign WHERE job_id = ? AND at IS NULL";
    static const char drop[] = "DELETE FROM documents WHERE job_id = ? AND at IS NULL";
    enum outcome outcome = run_for_job(write, copy, job_id, err);
    return outcome == OK ? run_for_job(write, drop, job_id, err) : outcome;
}

static enum outcome apply_take_in(struct sqlite_write *write, void *arg, struct error *err) {
    static const char find[] = "SELECT " JOB_COLUMNS FOREIGN "AND seq > ?2 ORDER BY seq";
    struct step *step = arg;
    AUTO_SQL struct sql sql = sql_start(write->conn, find);
    sql_int(&sql, write->now_ms);
    sql_int(&sql, step->after_seq);
    enum outcome outcome = read_step(&sql, step, err);
    step->changed = 0;
    for (int i = 0; i < step->found && outcome == OK; i++) {
        struct found_job *at = &step->jobs[i];
        step->after_seq = at->seq;
        if (!job_take_in(&at->job, write->now_ms, write->at_ms))
            continue;
        outcome = move_rows(write, at->job.id, err);
        if (outcome == OK)
            outcome = sqlite_store_job(write->conn, at->seq, &at->job, err);
        step->changed++;
    }
    return outcome;
}

enum outcome sqlite_take_in(struct jobs *jobs, int *ret_taken, struct error *err) {
    static const char look[] = "SELECT seq" FOREIGN "AND ?1 > 0 LIMIT 1";
    return when_anything(jobs, look, apply_take_in, ret_taken, err);
}

/* ---- the rest -------------------------------------------------------------------------------- */
/* An end writes its run record itself. */
enum outcome sqlite_record_runs(struct jobs *jobs, int *ret_recorded, struct error *err) {
    (void)jobs, (void)err;
    *ret_recorded = 0;
    return OK;
}

static enum outcome apply_forget_keys(struct sqlite_write *write, void *arg, struct error *err) {
    static const char forget[] = "DELETE FROM batches WHERE done_at <= ?";
    struct step *step = arg;
    AUTO_SQL struct sql sql = sql_start(write->conn, forget);
    sql_int(&sql, write->now_ms - ORDER_KEY_LIFE_MS);
    enum outcome outcome = sql_run(&sql, err);
    step->found = 0;
    step->changed = sqlite3_changes(write->conn->db);
    return outcome;
}

/* An order is one transaction and never unfinished; what is left is forgetting keys after a day. */
enum outcome sqlite_finish_orders(struct jobs *jobs, int *ret_finished, struct error *err) {
    static const char look[] = "SELECT done_at FROM batches WHERE done_at <= ?1 - 86400000 LIMIT 1";
    _Static_assert(ORDER_KEY_LIFE_MS == 86400000, "the query above names a day");
    return when_anything(jobs, look, apply_forget_keys, ret_finished, err);
}
