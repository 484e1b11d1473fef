/* Looking into the embedded store: one job, its runs, counts. Reads only, each by an index. */
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

enum outcome sqlite_get(struct jobs *jobs, const char *job_id, struct job *ret, struct error *err) {
    AUTO_READER struct sqlite_reader reader = {0};
    struct job job;
    int64_t seq;
    bool found = false;
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome == OK)
        outcome = sqlite_load_job(reader.conn, job_id, &job, &seq, &found, err);
    if (outcome == OK && !found)
        return error_set(err, GONE, "unknown_job", "there is no such job");
    if (outcome == OK)
        outcome = sqlite_count_live(reader.conn, &job, err);
    if (outcome == OK)
        *ret = job;
    return outcome;
}

/* ---- runs and counts ------------------------------------------------------------------------- */
enum outcome sqlite_list_runs(struct jobs *jobs, const char *job_id, struct run_list *ret, struct error *err) {
    static const char read[] = "SELECT " RUN_COLUMNS " FROM runs WHERE job_id = ? ORDER BY seq DESC LIMIT ?";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_text(&sql, job_id);
    sql_int(&sql, RUNS_LISTED_MAX);
    struct run_list list = {0};
    bool found = true;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        list.items = x_realloc(list.items, (size_t)list.count + 1, sizeof *list.items);
        sqlite_get_run(&sql, &list.items[list.count++]);
    }
    if (outcome != OK) {
        run_list_finish(&list);
        return outcome;
    }
    for (int first = 0, last = list.count - 1; first < last; first++, last--) {
        struct run_record swapped = list.items[first];
        list.items[first] = list.items[last];
        list.items[last] = swapped;
    }
    *ret = list;
    return OK;
}

static enum outcome read_counts(struct sql_conn *conn, struct jobs_counts *ret, int64_t *ret_in_progress,
                                struct error *err) {
    static const char read[] = "SELECT status, jobs FROM counts";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    bool found = true;
    enum outcome outcome;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        const char *word = sql_get_str(&sql);
        bool in_progress = str_eq(word, "in_progress"); /* another program's word for processing */
        enum job_status status = JOB_PROCESSING;
        bool known = in_progress || job_status_parse(word, &status);
        int64_t jobs = sql_get_int(&sql);
        ret->total += jobs;
        if (known)
            ret->by_status[status] += jobs;
        if (in_progress)
            *ret_in_progress = jobs;
    }
    return outcome;
}

struct due {
    int64_t later, foreign; /* not due yet; not taken in yet */
    int64_t oldest_ms;      /* of those that are due; 0: none */
};

static enum outcome read_due(struct sql_conn *conn, enum job_status status, int64_t now_ms, struct due *ret,
                             struct error *err) {
#define OF_STATUS " FROM jobs INDEXED BY jobs_due WHERE status IN ('pending', 'processing') AND status = ?1 "
    static const char read[] = "SELECT (SELECT count(*)" OF_STATUS "AND available_at > ?2), "
                               "(SELECT count(*)" OF_STATUS "AND available_at IS NULL), "
                               "(SELECT available_at" OF_STATUS "AND available_at <= ?2 ORDER BY available_at LIMIT 1)";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    sql_text(&sql, job_status_name(status));
    sql_int(&sql, now_ms);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome != OK)
        return outcome;
    ret->later = sql_get_int(&sql);
    ret->foreign = sql_get_int(&sql);
    ret->oldest_ms = sql_get_int(&sql);
    return OK;
}

enum outcome sqlite_count(struct jobs *jobs, struct jobs_counts *ret, struct error *err) {
    struct jobs_counts counts = {0};
    int64_t in_progress = 0;
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome == OK)
        outcome = read_counts(reader.conn, &counts, &in_progress, err);
    counts.now_ms = sqlite_now_ms(sqlite_store(jobs));
    struct due pending = {0}, processing = {0};
    if (outcome == OK)
        outcome = read_due(reader.conn, JOB_PENDING, counts.now_ms, &pending, err);
    if (outcome == OK)
        outcome = read_due(reader.conn, JOB_PROCESSING, counts.now_ms, &processing, err);
    if (outcome != OK)
        return outcome;
    counts.leased = processing.later;
    counts.claimable = counts.by_status[JOB_PENDING] - pending.later - pending.foreign;
    counts.claimable += counts.by_status[JOB_PROCESSING] - in_progress - processing.later - processing.foreign;
    int64_t oldest_ms = counts.now_ms;
    if (pending.oldest_ms)
        oldest_ms = pending.oldest_ms;
    if (processing.oldest_ms && processing.oldest_ms < oldest_ms)
        oldest_ms = processing.oldest_ms;
    counts.oldest_waiting_ms = counts.now_ms - oldest_ms;
    *ret = counts;
    return OK;
}
