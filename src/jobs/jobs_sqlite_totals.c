/* Counters that survive: sums over every fact below the watermark, kept in one row, plus the facts from the watermark
 * on. Exact because facts get at = max(now, watermark) inside the write transaction, and the watermark moves inside one
 * too. */
#include <string.h>

#include "jobs/jobs_sqlite.h"

enum { STEP_FACTS = 20000 }; /* of one kind in one move: the write lock is held meanwhile */
enum {
    IDLE_STEP_MS = 60000
}; /* with no facts to add it moves this far at once: an idle store is not written every second */

enum outcome sqlite_read_watermark(struct sql_conn *conn, int64_t *ret_up_to_ms, struct error *err) {
    static const char read[] = "SELECT up_to_ms FROM totals";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome == OK)
        *ret_up_to_ms = sql_get_int(&sql);
    return outcome;
}

static enum outcome read_totals(struct sql_conn *conn, struct totals *ret, struct error *err) {
    static const char read[] = "SELECT up_to_ms, sums FROM totals";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome != OK)
        return outcome;
    if (!found)
        return error_set(err, FATAL, "store_damaged", "the job store has no totals");
    ret->up_to_ms = sql_get_int(&sql);
    return totals_from_json(sql_get_str(&sql), ret, err);
}

/* ---- facts with from <= at < to -------------------------------------------------------------- */
static enum outcome add_jobs(struct sql_conn *conn, int64_t from_ms, int64_t to_ms, struct totals *totals,
                             struct error *err) {
    static const char read[] = "SELECT count(*) FROM jobs INDEXED BY jobs_at WHERE at >= ? AND at < ?";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    sql_int(&sql, from_ms);
    sql_int(&sql, to_ms);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome == OK)
        totals->jobs_placed += sql_get_int(&sql);
    return outcome;
}

static enum outcome add_documents(struct sql_conn *conn, int64_t from_ms, int64_t to_ms, struct totals *totals,
                                  struct error *err) {
    static const char read[] = "SELECT state, original_bytes, pages, download_ms, read_ms, store_ms "
                               "FROM documents INDEXED BY documents_at WHERE at >= ? AND at < ?";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    sql_int(&sql, from_ms);
    sql_int(&sql, to_ms);
    bool found = true;
    enum outcome outcome;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        struct document document = {0};
        (void)document_state_parse(sql_get_str(&sql), &document.state);
        document.original_bytes = sql_get_int(&sql);
        document.pages = (int)sql_get_int(&sql);
        document.download_ms = sql_get_int(&sql);
        document.read_ms = sql_get_int(&sql);
        document.store_ms = sql_get_int(&sql);
        totals_add_document(totals, &document);
    }
    return outcome;
}

static enum outcome add_runs(struct sql_conn *conn, int64_t from_ms, int64_t to_ms, struct totals *totals,
                             struct error *err) {
    static const char read[] = "SELECT run, outcome, portal_requests, portal_errors, run_ms "
                               "FROM runs INDEXED BY runs_at WHERE at >= ? AND at < ?";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    sql_int(&sql, from_ms);
    sql_int(&sql, to_ms);
    bool found = true;
    enum outcome outcome;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        struct run_record run = {.run = (int)sql_get_int(&sql), .outcome = RUN_LOST};
        (void)run_outcome_parse(sql_get_str(&sql), &run.outcome);
        run.numbers.portal_requests = (int)sql_get_int(&sql);
        run.numbers.portal_errors = (int)sql_get_int(&sql);
        run.numbers.run_ms = sql_get_int(&sql);
        totals_add_run(totals, &run);
    }
    return outcome;
}

static enum outcome add_facts(struct sql_conn *conn, int64_t from_ms, int64_t to_ms, struct totals *totals,
                              struct error *err) {
    enum outcome outcome = add_jobs(conn, from_ms, to_ms, totals, err);
    if (outcome == OK)
        outcome = add_documents(conn, from_ms, to_ms, totals, err);
    return outcome == OK ? add_runs(conn, from_ms, to_ms, totals, err) : outcome;
}

enum outcome sqlite_totals(struct jobs *jobs, struct totals *ret, struct error *err) {
    struct totals totals = {0};
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome == OK)
        outcome = read_totals(reader.conn, &totals, err);
    if (outcome == OK)
        outcome = add_facts(reader.conn, totals.up_to_ms, INT64_MAX, &totals, err);
    if (outcome == OK)
        *ret = totals;
    return outcome;
}

/* ---- the watermark --------------------------------------------------------------------------- */
struct advance {
    int64_t up_to_ms;
    bool advanced;
};

/* Not further than STEP_FACTS facts of this kind, but past every fact of one millisecond. */
static enum outcome limit_step(struct sql_conn *conn, const char *constant_text, int64_t from_ms, int64_t *to_ms,
                               struct error *err) {
    AUTO_SQL struct sql sql = sql_start(conn, constant_text);
    sql_int(&sql, from_ms);
    sql_int(&sql, STEP_FACTS);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome != OK || !found)
        return outcome;
    int64_t at_ms = sql_get_int(&sql) + 1;
    if (at_ms < *to_ms)
        *to_ms = at_ms;
    return OK;
}

static enum outcome limit_steps(struct sql_conn *conn, int64_t from_ms, int64_t *to_ms, struct error *err) {
    static const char jobs[] = "SELECT at FROM jobs INDEXED BY jobs_at WHERE at >= ? ORDER BY at LIMIT 1 OFFSET ?";
    static const char documents[] =
        "SELECT at FROM documents INDEXED BY documents_at WHERE at >= ? ORDER BY at LIMIT 1 OFFSET ?";
    static const char runs[] = "SELECT at FROM runs INDEXED BY runs_at WHERE at >= ? ORDER BY at LIMIT 1 OFFSET ?";
    enum outcome outcome = limit_step(conn, jobs, from_ms, to_ms, err);
    if (outcome == OK)
        outcome = limit_step(conn, documents, from_ms, to_ms, err);
    return outcome == OK ? limit_step(conn, runs, from_ms, to_ms, err) : outcome;
}

static enum outcome write_totals(struct sql_conn *conn, const struct totals *totals, struct error *err) {
    static const char write[] = "UPDATE totals SET up_to_ms = ?, sums = ?";
    AUTO_FREE char *sums = totals_to_json(totals);
    AUTO_SQL struct sql sql = sql_start(conn, write);
    sql_int(&sql, totals->up_to_ms);
    sql_text(&sql, sums);
    return sql_run(&sql, err);
}

/* Moves the watermark within the leader's transaction, from totals->up_to_ms to at most to_ms; never back: no facts lie
 * there. */
static enum outcome move_watermark(struct sqlite_write *write, struct totals *totals, int64_t to_ms, bool *ret_moved,
                                   struct error *err) {
    static const struct totals none;
    struct totals facts = {0};
    enum outcome outcome = limit_steps(write->conn, totals->up_to_ms, &to_ms, err);
    if (outcome == OK)
        outcome = add_facts(write->conn, totals->up_to_ms, to_ms, &facts, err);
    bool idle = memcmp(&facts, &none, sizeof none) == 0 && to_ms - totals->up_to_ms < IDLE_STEP_MS;
    if (outcome != OK || idle)
        return outcome;
    totals->up_to_ms = to_ms;
    totals_add(totals, &facts);
    if (write->at_ms < to_ms) /* for the facts of this transaction that follow */
        write->at_ms = to_ms;
    *ret_moved = true;
    return write_totals(write->conn, totals, err);
}

static enum outcome apply_advance(struct sqlite_write *write, void *arg, struct error *err) {
    struct advance *advance = arg;
    struct totals totals = {0};
    advance->advanced = false;
    enum outcome outcome = read_totals(write->conn, &totals, err);
    if (outcome != OK)
        return outcome;
    return move_watermark(write, &totals, advance->up_to_ms, &advance->advanced, err);
}

enum outcome sqlite_advance_totals(struct jobs *jobs, bool *ret_advanced, struct error *err) {
    struct sqlite_store *store = sqlite_store(jobs);
    struct advance advance = {.up_to_ms = sqlite_now_ms(store) - atomic_load(&store->lag_ms)};
    enum outcome outcome = sqlite_write(store, WRITE_FAST, apply_advance, &advance, err);
    if (outcome == OK)
        *ret_advanced = advance.advanced;
    return outcome;
}
