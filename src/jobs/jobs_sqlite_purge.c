/* Removing finished jobs from the embedded store: the job and all that hangs on it in one transaction, which looks
 * again whether it may go. The totals hold what it counted: its facts lie below the watermark. */
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

/* ---- may it go? ------------------------------------------------------------------------------ */
struct victim {
    struct job job;
    int64_t seq;
    bool found, purged;     /* purged: it went before, and its blobs may still be there */
    int64_t rows, runs;     /* runs: without entries that are no run */
    int64_t newest_fact_ms; /* of job, rows and runs */
};

static enum outcome count_facts(struct sql_conn *conn, const char *constant_text, const char *job_id, int64_t *ret,
                                int64_t *newest_ms, struct error *err) {
    AUTO_SQL struct sql sql = sql_start(conn, constant_text);
    sql_text(&sql, job_id);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome != OK)
        return outcome;
    *ret = sql_get_int(&sql);
    int64_t at_ms = sql_get_int(&sql);
    if (at_ms > *newest_ms)
        *newest_ms = at_ms;
    return OK;
}

#define PURGED_COLUMNS "job_id, blobs, removing"

static void get_purged(struct sql *sql, struct purged_job *ret) {
    sql_get_text(sql, ret->id, sizeof ret->id);
    ret->blobs = sql_get_int(sql);
    ret->removing = sql_get_int(sql) != 0;
}

static enum outcome find_purged(struct sql_conn *conn, const char *job_id, struct purged_job *ret, bool *ret_found,
                                struct error *err) {
    static const char find[] = "SELECT " PURGED_COLUMNS " FROM purged WHERE job_id = ?";
    AUTO_SQL struct sql sql = sql_start(conn, find);
    sql_text(&sql, job_id);
    enum outcome outcome = sql_row(&sql, ret_found, err);
    if (outcome == OK && *ret_found)
        get_purged(&sql, ret);
    return outcome;
}

static enum outcome look_at(struct sql_conn *conn, const char *job_id, struct victim *ret, struct error *err) {
    static const char rows[] = "SELECT count(*), max(at) FROM documents WHERE job_id = ? AND at IS NOT NULL";
    static const char runs[] = "SELECT count(*) FILTER (WHERE run > 0), max(at) FROM runs WHERE job_id = ?";
    *ret = (struct victim){0};
    enum outcome outcome = sqlite_load_job(conn, job_id, &ret->job, &ret->seq, &ret->found, err);
    struct purged_job before;
    if (outcome == OK && !ret->found)
        return find_purged(conn, job_id, &before, &ret->purged, err);
    ret->newest_fact_ms = ret->job.at_ms;
    if (outcome == OK)
        outcome = count_facts(conn, rows, job_id, &ret->rows, &ret->newest_fact_ms, err);
    return outcome == OK ? count_facts(conn, runs, job_id, &ret->runs, &ret->newest_fact_ms, err) : outcome;
}

static enum outcome check(const struct victim *victim, int64_t now_ms, int64_t up_to_ms, struct error *err) {
    const struct job *job = &victim->job;
    if (job_status_open(job->status))
        return error_set(err, INVALID, "not_purgeable", "the job is %s", job_status_name(job->status));
    if (job->updated_at_ms == 0)
        return error_set(err, INVALID, "not_purgeable", "nobody wrote down when it ended");
    if (job->updated_at_ms >= now_ms - PURGE_AFTER_MS)
        return error_set(err, INVALID, "not_purgeable", "it ended less than a day ago");
    if (victim->newest_fact_ms < up_to_ms)
        return OK;
    char fact[CLOCK_TEXT_MAX], up_to[CLOCK_TEXT_MAX];
    clock_format(victim->newest_fact_ms, fact);
    clock_format(up_to_ms, up_to);
    return error_set(err, INVALID, "not_purgeable",
                     "its counters are not below the watermark yet: its last fact is of %s, the watermark stands at %s",
                     fact, up_to);
}

/* OK also for one that went before: ret->found tells. */
static enum outcome look_and_check(struct sql_conn *conn, const char *job_id, int64_t now_ms, struct victim *ret,
                                   struct error *err) {
    int64_t up_to_ms = 0;
    enum outcome outcome = look_at(conn, job_id, ret, err);
    if (outcome == OK && !ret->found && !ret->purged)
        return error_set(err, GONE, "unknown_job", "there is no such job");
    if (outcome == OK)
        outcome = sqlite_read_watermark(conn, &up_to_ms, err);
    return outcome == OK && ret->found ? check(ret, now_ms, up_to_ms, err) : outcome;
}

/* ---- away with it ---------------------------------------------------------------------------- */
static enum outcome run_for(struct sqlite_write *write, const char *constant_text, const char *job_id,
                            struct error *err) {
    AUTO_SQL struct sql sql = sql_start(write->conn, constant_text);
    sql_text(&sql, job_id);
    return sql_run(&sql, err);
}

static enum outcome drop_company(struct sqlite_write *write, const struct job *job, struct error *err) {
    static const char forget[] = "DELETE FROM companies WHERE cin = ? AND open_job = ?";
    AUTO_SQL struct sql sql = sql_start(write->conn, forget);
    sql_text(&sql, job->company.cin);
    sql_text(&sql, job->id);
    return sql_run(&sql, err);
}

static enum outcome drop_all(struct sqlite_write *write, const char *job_id, struct error *err) {
    static const char job[] = "DELETE FROM jobs WHERE id = ?";
    static const char rows[] = "DELETE FROM documents WHERE job_id = ? AND at IS NOT NULL";
    static const char foreign[] = "DELETE FROM documents WHERE job_id = ? AND at IS NULL";
    static const char legacy[] = "DELETE FROM documents_legacy WHERE job_id = ?";
    static const char runs[] = "DELETE FROM runs WHERE job_id = ?";
    static const char list[] = "DELETE FROM filings WHERE job_id = ?";
    const char *const all[] = {job, rows, foreign, legacy, runs, list};
    enum outcome outcome = OK;
    for (size_t i = 0; i < COUNT_OF(all) && outcome == OK; i++)
        outcome = run_for(write, all[i], job_id, err);
    return outcome;
}

static enum outcome count_blobs(struct sql_conn *conn, const struct job *job, int64_t *ret, struct error *err) {
    static const char count[] = "SELECT count(nullif(text_name, '')) + count(original_name) + count(fields_name) "
                                "FROM documents WHERE job_id = ? AND at IS NOT NULL";
    AUTO_SQL struct sql sql = sql_start(conn, count);
    sql_text(&sql, job->id);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome == OK)
        *ret = sql_get_int(&sql) + (job->manifest_name[0] != '\0');
    return outcome;
}

static enum outcome keep_id(struct sqlite_write *write, const char *job_id, int64_t blobs, struct error *err) {
    static const char keep[] = "INSERT INTO purged (job_id, at, blobs) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    AUTO_SQL struct sql sql = sql_start(write->conn, keep);
    sql_text(&sql, job_id);
    sql_int(&sql, write->now_ms);
    sql_int(&sql, blobs);
    return sql_run(&sql, err);
}

/* A job that was never taken in is not in the totals. */
static enum outcome add_to_totals(struct sqlite_write *write, const struct victim *victim, struct error *err) {
    static const char add[] =
        "UPDATE purged_totals SET jobs = jobs + ?, documents = documents + ?, runs = runs + ? WHERE one = 1";
    AUTO_SQL struct sql sql = sql_start(write->conn, add);
    sql_int(&sql, victim->job.at_ms > 0);
    sql_int(&sql, victim->rows);
    sql_int(&sql, victim->runs);
    return sql_run(&sql, err);
}

static enum outcome note_purge(struct sqlite_write *write, const struct victim *victim, const char *actor,
                               struct error *err) {
    const struct job *job = &victim->job;
    char ended[CLOCK_TEXT_MAX];
    clock_format(job->updated_at_ms, ended);
    AUTO_BUF struct buf detail = BUF_INIT(AUDIT_DETAIL_MAX);
    buf_append_str(&detail, "{\"cin\":");
    json_append_string(&detail, job->company.cin, strlen(job->company.cin));
    buf_printf(&detail, ",\"status\":\"%s\",\"endedAt\":\"%s\",\"rows\":%lld,\"runs\":%lld}",
               job_status_name(job->status), ended, (long long)victim->rows, (long long)victim->runs);
    const struct audit_note note = {actor, "purge", job->id, buf_str(&detail)};
    return sqlite_append_audit(write, &note, err);
}

struct purge {
    const struct jobs_purge *request;
    struct victim victim;
};

static enum outcome apply_purge(struct sqlite_write *write, void *arg, struct error *err) {
    struct purge *purge = arg;
    struct victim *victim = &purge->victim;
    const char *job_id = purge->request->job_id;
    enum outcome outcome = look_and_check(write->conn, job_id, write->now_ms, victim, err);
    if (outcome != OK || !victim->found)
        return outcome;
    int64_t blobs = 0;
    outcome = drop_company(write, &victim->job, err);
    if (outcome == OK)
        outcome = count_blobs(write->conn, &victim->job, &blobs, err);
    if (outcome == OK)
        outcome = drop_all(write, job_id, err);
    if (outcome == OK)
        outcome = keep_id(write, job_id, blobs, err);
    if (outcome == OK)
        outcome = add_to_totals(write, victim, err);
    return outcome == OK ? note_purge(write, victim, purge->request->actor, err) : outcome;
}

static enum outcome try_purge(struct jobs *jobs, struct purge *purge, struct error *err) {
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome != OK)
        return outcome;
    int64_t now_ms = sqlite_now_ms(sqlite_store(jobs));
    return look_and_check(reader.conn, purge->request->job_id, now_ms, &purge->victim, err);
}

enum outcome sqlite_purge(struct jobs *jobs, const struct jobs_purge *request, struct jobs_purged *ret,
                          struct error *err) {
    struct purge purge = {.request = request};
    enum outcome outcome = request->dry_run
                               ? try_purge(jobs, &purge, err)
                               : sqlite_write(sqlite_store(jobs), WRITE_DURABLE_ALONE, apply_purge, &purge, err);
    if (outcome == OK)
        *ret = (struct jobs_purged){.rows = purge.victim.rows, .runs = purge.victim.runs};
    return outcome;
}

/* ---- which may go ---------------------------------------------------------------------------- */
struct after {
    int64_t ended_ms, seq;
};

static bool parse_cursor(const char *cursor, struct after *ret) {
    char ended[CURSOR_MAX];
    const char *dot = strchr(cursor, '.');
    return dot && str_format(ended, sizeof ended, "%.*s", (int)(dot - cursor), cursor) &&
           num_parse(ended, 0, INT64_MAX, &ret->ended_ms) && num_parse(dot + 1, 1, INT64_MAX, &ret->seq);
}

static enum outcome read_purgeable(struct sql *sql, int limit, struct job_list *list, struct error *err) {
    bool found = false;
    int64_t seq = 0;
    enum outcome outcome;
    while ((outcome = sql_row(sql, &found, err)) == OK && found && list->count < limit)
        sqlite_get_job(sql, &list->items[list->count++], &seq);
    if (outcome == OK && found)
        str_format(list->next, sizeof list->next, "%lld.%lld", (long long)list->items[list->count - 1].updated_at_ms,
                   (long long)seq);
    return outcome;
}

/* Young facts are few: those of the last minutes, whatever the store holds. */
static enum outcome list_from(struct sql_conn *conn, int64_t before_ms, const struct after *after, int limit,
                              struct job_list *list, struct error *err) {
    static const char read[] =
        "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_finished "
        "WHERE status IN ('completed', 'failed', 'cancelled') AND updated_at < ?1 AND (updated_at, seq) > (?2, ?3) "
        "AND coalesce(at, 0) < ?4 AND id NOT IN (SELECT job_id FROM documents INDEXED BY documents_at WHERE at >= ?4) "
        "AND id NOT IN (SELECT job_id FROM runs INDEXED BY runs_at WHERE at >= ?4) "
        "ORDER BY updated_at, seq LIMIT ?5";
    int64_t up_to_ms = 0;
    enum outcome outcome = sqlite_read_watermark(conn, &up_to_ms, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(conn, read);
    sql_int(&sql, before_ms);
    sql_int(&sql, after->ended_ms);
    sql_int(&sql, after->seq);
    sql_int(&sql, up_to_ms);
    sql_int(&sql, limit + 1);
    return read_purgeable(&sql, limit, list, err);
}

enum outcome sqlite_list_purgeable(struct jobs *jobs, int64_t before_ms, int limit, const char *cursor,
                                   struct job_list *ret, struct error *err) {
    struct after after = {0};
    if (cursor && !parse_cursor(cursor, &after))
        return error_set(err, INVALID, "bad_cursor", "the cursor is not one that a page gave");
    int64_t latest_ms = sqlite_now_ms(sqlite_store(jobs)) - PURGE_AFTER_MS;
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome != OK)
        return outcome;
    struct job_list list = {.items = x_alloc((size_t)limit * sizeof *list.items)};
    outcome = list_from(reader.conn, before_ms < latest_ms ? before_ms : latest_ms, &after, limit, &list, err);
    if (outcome == OK)
        *ret = list;
    else
        job_list_finish(&list);
    return outcome;
}

/* ---- ids of those that went ------------------------------------------------------------------ */
enum outcome sqlite_list_purged(struct jobs *jobs, const char *after, int limit, struct purged_list *ret,
                                struct error *err) {
    static const char read[] = "SELECT " PURGED_COLUMNS " FROM purged WHERE job_id > ? ORDER BY job_id LIMIT ?";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_text(&sql, after);
    sql_int(&sql, limit);
    struct purged_list list = {.items = x_alloc((size_t)limit * sizeof *list.items)};
    bool found = true;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found)
        get_purged(&sql, &list.items[list.count++]);
    if (outcome == OK)
        *ret = list;
    else
        purged_list_finish(&list);
    return outcome;
}

enum outcome sqlite_find_purged(struct jobs *jobs, const char *job_id, struct purged_job *ret, bool *ret_found,
                                struct error *err) {
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    return outcome == OK ? find_purged(reader.conn, job_id, ret, ret_found, err) : outcome;
}

static enum outcome apply_mark(struct sqlite_write *write, void *arg, struct error *err) {
    static const char mark[] = "UPDATE purged SET removing = 1 WHERE job_id = ?";
    return run_for(write, mark, arg, err);
}

enum outcome sqlite_mark_purged(struct jobs *jobs, const char *job_id, struct error *err) {
    char id[OBJECT_ID_MAX];
    str_copy(id, sizeof id, job_id);
    return sqlite_write(sqlite_store(jobs), WRITE_DURABLE, apply_mark, id, err);
}

static enum outcome apply_forget(struct sqlite_write *write, void *arg, struct error *err) {
    static const char forget[] = "DELETE FROM purged WHERE job_id = ?";
    return run_for(write, forget, arg, err);
}

enum outcome sqlite_forget_purged(struct jobs *jobs, const char *job_id, struct error *err) {
    char id[OBJECT_ID_MAX];
    str_copy(id, sizeof id, job_id);
    return sqlite_write(sqlite_store(jobs), WRITE_FAST, apply_forget, id, err);
}

/* ---- what they took away --------------------------------------------------------------------- */
enum outcome sqlite_purged_totals(struct jobs *jobs, struct purged_totals *ret, struct error *err) {
    static const char read[] = "SELECT jobs, documents, runs FROM purged_totals WHERE one = 1";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    bool found = false;
    outcome = sql_row(&sql, &found, err);
    if (outcome != OK)
        return outcome;
    ret->jobs = sql_get_int(&sql);
    ret->documents = sql_get_int(&sql);
    ret->runs = sql_get_int(&sql);
    return OK;
}
