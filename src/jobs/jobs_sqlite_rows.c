/* Rows of the embedded store to structs and back. The order of columns is that of the …_COLUMNS lists in jobs_sqlite.h.
 */
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

/* ---- numbers of a run ------------------------------------------------------------------------ */
static void get_numbers(struct sql *sql, struct run_numbers *ret) {
    ret->listed = (int)sql_get_int(sql);
    ret->had_rows = (int)sql_get_int(sql);
    ret->downloaded = (int)sql_get_int(sql);
    ret->uploaded = (int)sql_get_int(sql);
    ret->stored = (int)sql_get_int(sql);
    ret->unreadable = (int)sql_get_int(sql);
    ret->missing = (int)sql_get_int(sql);
    ret->portal_requests = (int)sql_get_int(sql);
    ret->portal_errors = (int)sql_get_int(sql);
    ret->downloaded_bytes = sql_get_int(sql);
    ret->run_ms = sql_get_int(sql);
    ret->claim_wait_ms = sql_get_int(sql);
}

static void bind_numbers(struct sql *sql, const struct run_numbers *numbers) {
    sql_int(sql, numbers->listed);
    sql_int(sql, numbers->had_rows);
    sql_int(sql, numbers->downloaded);
    sql_int(sql, numbers->uploaded);
    sql_int(sql, numbers->stored);
    sql_int(sql, numbers->unreadable);
    sql_int(sql, numbers->missing);
    sql_int(sql, numbers->portal_requests);
    sql_int(sql, numbers->portal_errors);
    sql_int(sql, numbers->downloaded_bytes);
    sql_int(sql, numbers->run_ms);
    sql_int(sql, numbers->claim_wait_ms);
}

/* ---- jobs ------------------------------------------------------------------------------------ */
/* A word that other programs write (in_progress) is processing; one that nobody knows is a job that nobody works on. */
static enum job_status read_status(const char *text) {
    enum job_status status = JOB_FAILED;
    if (str_eq(text, "in_progress"))
        return JOB_PROCESSING;
    (void)job_status_parse(text, &status);
    return status;
}

void sqlite_get_job(struct sql *sql, struct job *ret, int64_t *ret_seq) {
    *ret = (struct job){0};
    *ret_seq = sql_get_int(sql);
    sql_get_text(sql, ret->id, sizeof ret->id);
    sql_get_text(sql, ret->company.cin, sizeof ret->company.cin);
    sql_get_text(sql, ret->company.name, sizeof ret->company.name);
    ret->status = read_status(sql_get_str(sql));
    ret->priority = (int)sql_get_int(sql);
    ret->created_at_ms = sql_get_int(sql);
    ret->updated_at_ms = sql_get_int(sql);
    ret->at_ms = sql_get_int(sql);
    ret->available_at_ms = sql_get_int(sql);
    ret->total_documents = (int)sql_get_int(sql);
    ret->downloaded_documents = (int)sql_get_int(sql);
    sql_get_text(sql, ret->lease_token, sizeof ret->lease_token);
    sql_get_text(sql, ret->lease_owner, sizeof ret->lease_owner);
    sql_get_text(sql, ret->adopted_by, sizeof ret->adopted_by);
    ret->lease_seconds = (int)sql_get_int(sql);
    ret->locked_at_ms = sql_get_int(sql);
    ret->runs = (int)sql_get_int(sql);
    ret->attempts = (int)sql_get_int(sql);
    ret->rows_seen = (int)sql_get_int(sql);
    ret->backoff_ms = sql_get_int(sql);
    sql_get_text(sql, ret->error_code, sizeof ret->error_code);
    sql_get_text(sql, ret->error_message, sizeof ret->error_message);
    ret->error_at_ms = sql_get_int(sql);
    ret->cancel_requested = sql_get_int(sql) != 0;
    ret->completeness.expected = (int)sql_get_int(sql);
    ret->completeness.stored = (int)sql_get_int(sql);
    ret->completeness.unreadable = (int)sql_get_int(sql);
    ret->completeness.missing = (int)sql_get_int(sql);
    sql_get_text(sql, ret->manifest_name, sizeof ret->manifest_name);
    ret->completed_at_ms = sql_get_int(sql);
    get_numbers(sql, &ret->run);
}

enum outcome sqlite_load_job(struct sql_conn *conn, const char *id, struct job *ret, int64_t *ret_seq, bool *ret_found,
                             struct error *err) {
    static const char load[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?";
    AUTO_SQL struct sql sql = sql_start(conn, load);
    sql_text(&sql, id);
    enum outcome outcome = sql_row(&sql, ret_found, err);
    if (outcome == OK && *ret_found)
        sqlite_get_job(&sql, ret, ret_seq);
    return outcome;
}

static void bind_job(struct sql *sql, const struct job *job) {
    sql_word(sql, job->company.name);
    sql_text(sql, job_status_name(job->status));
    sql_time(sql, job->created_at_ms);
    sql_time(sql, job->updated_at_ms);
    sql_time(sql, job->at_ms);
    sql_time(sql, job->available_at_ms);
    sql_int(sql, job->total_documents);
    sql_int(sql, job->downloaded_documents);
    sql_word(sql, job->lease_token);
    sql_word(sql, job->lease_owner);
    sql_word(sql, job->adopted_by);
    sql_int(sql, job->lease_seconds);
    sql_time(sql, job->locked_at_ms);
    sql_int(sql, job->runs);
    sql_int(sql, job->attempts);
    sql_int(sql, job->rows_seen);
    sql_int(sql, job->backoff_ms);
    sql_word(sql, job->error_code);
    sql_word(sql, job->error_message);
    sql_time(sql, job->error_at_ms);
    sql_int(sql, job->cancel_requested);
    sql_int(sql, job->completeness.expected);
    sql_int(sql, job->completeness.stored);
    sql_int(sql, job->completeness.unreadable);
    sql_int(sql, job->completeness.missing);
    sql_word(sql, job->manifest_name);
    sql_time(sql, job->completed_at_ms);
    bind_numbers(sql, &job->run);
}

#define ALL_OF_A_JOB                                                                                                   \
    "company_name = ?, status = ?, created_at = ?, updated_at = ?, at = ?, available_at = ?, total_documents = ?, "    \
    "downloaded_documents = ?, lease_token = ?, lease_owner = ?, adopted_by = ?, lease_seconds = ?, locked_at = ?, "   \
    "runs = ?, "                                                                                                       \
    "attempts = ?, rows_seen = ?, backoff_ms = ?, error_code = ?, error_message = ?, error_at = ?, cancel_requested "  \
    "= ?, "                                                                                                            \
    "expected = ?, stored = ?, unreadable = ?, missing = ?, manifest_name = ?, completed_at = ?, listed = ?, "         \
    "had_rows = ?, "                                                                                                   \
    "run_downloaded = ?, run_uploaded = ?, run_stored = ?, run_unreadable = ?, run_missing = ?, portal_requests = ?, " \
    "portal_errors = ?, downloaded_bytes = ?, run_ms = ?, claim_wait_ms = ?"

enum outcome sqlite_store_job(struct sql_conn *conn, int64_t seq, const struct job *job, struct error *err) {
    static const char store[] = "UPDATE jobs SET " ALL_OF_A_JOB " WHERE seq = ?";
    AUTO_SQL struct sql sql = sql_start(conn, store);
    bind_job(&sql, job);
    sql_int(&sql, seq);
    return sql_run(&sql, err);
}

enum outcome sqlite_insert_job(struct sql_conn *conn, const struct job *job, struct error *err) {
    static const char insert[] =
        "INSERT INTO jobs (id, cin, company_name, status, priority, created_at, updated_at, at, available_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    AUTO_SQL struct sql sql = sql_start(conn, insert);
    sql_text(&sql, job->id);
    sql_text(&sql, job->company.cin);
    sql_text(&sql, job->company.name);
    sql_text(&sql, job_status_name(job->status));
    sql_int(&sql, job->priority);
    sql_int(&sql, job->created_at_ms);
    sql_int(&sql, job->updated_at_ms);
    sql_int(&sql, job->at_ms);
    sql_int(&sql, job->available_at_ms);
    return sql_run(&sql, err);
}

/* ---- run records ----------------------------------------------------------------------------- */
void sqlite_get_run(struct sql *sql, struct run_record *ret) {
    *ret = (struct run_record){0};
    sql_get_text(sql, ret->token, sizeof ret->token);
    sql_get_text(sql, ret->job_id, sizeof ret->job_id);
    ret->run = (int)sql_get_int(sql);
    ret->outcome = RUN_LOST;
    (void)run_outcome_parse(sql_get_str(sql), &ret->outcome);
    ret->job_status = read_status(sql_get_str(sql));
    sql_get_text(sql, ret->owner, sizeof ret->owner);
    ret->started_at_ms = sql_get_int(sql);
    ret->ended_at_ms = sql_get_int(sql);
    sql_get_text(sql, ret->error_code, sizeof ret->error_code);
    sql_get_text(sql, ret->error_message, sizeof ret->error_message);
    ret->at_ms = sql_get_int(sql);
    get_numbers(sql, &ret->numbers);
}

enum outcome sqlite_append_ended(struct sqlite_write *write, const struct run_record *run, struct error *err) {
    static const char insert[] = "INSERT INTO runs (" RUN_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                 "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    AUTO_SQL struct sql sql = sql_start(write->conn, insert);
    sql_text(&sql, run->token);
    sql_text(&sql, run->job_id);
    sql_int(&sql, run->run);
    sql_text(&sql, run_outcome_name(run->outcome));
    sql_text(&sql, job_status_name(run->job_status));
    sql_word(&sql, run->owner);
    sql_time(&sql, run->started_at_ms);
    sql_int(&sql, run->ended_at_ms);
    sql_word(&sql, run->error_code);
    sql_word(&sql, run->error_message);
    sql_int(&sql, write->at_ms);
    bind_numbers(&sql, &run->numbers);
    return sql_run(&sql, err);
}

/* ---- documents ------------------------------------------------------------------------------- */
void sqlite_get_document(struct sql *sql, struct document *ret) {
    *ret = (struct document){0};
    sql_get_text(sql, ret->id, sizeof ret->id);
    sql_get_text(sql, ret->job_id, sizeof ret->job_id);
    ret->number = (int)sql_get_int(sql);
    sql_get_text(sql, ret->cin, sizeof ret->cin);
    sql_get_text(sql, ret->company_name, sizeof ret->company_name);
    (void)document_state_parse(sql_get_str(sql), &ret->state);
    sql_get_text(sql, ret->document_type, sizeof ret->document_type);
    sql_get_text(sql, ret->srn, sizeof ret->srn);
    sql_get_text(sql, ret->form, sizeof ret->form);
    sql_get_text(sql, ret->filed_on, sizeof ret->filed_on);
    sql_get_text(sql, ret->reason, sizeof ret->reason);
    sql_get_text(sql, ret->text_name, sizeof ret->text_name);
    sql_get_text(sql, ret->text_url, sizeof ret->text_url);
    ret->text_bytes = sql_get_int(sql);
    sql_get_text(sql, ret->text_md5, sizeof ret->text_md5);
    sql_get_text(sql, ret->original_name, sizeof ret->original_name);
    ret->original_bytes = sql_get_int(sql);
    sql_get_text(sql, ret->original_sha256, sizeof ret->original_sha256);
    sql_get_text(sql, ret->fields_name, sizeof ret->fields_name);
    sql_get_text(sql, ret->fields_sha256, sizeof ret->fields_sha256);
    ret->pages = (int)sql_get_int(sql);
    ret->download_ms = sql_get_int(sql);
    ret->read_ms = sql_get_int(sql);
    ret->store_ms = sql_get_int(sql);
    ret->downloaded_at_ms = sql_get_int(sql);
    sql_get_text(sql, ret->by, sizeof ret->by);
    ret->at_ms = sql_get_int(sql);
}

enum outcome sqlite_count_rows(struct sql_conn *conn, const char *job_id, struct completeness *ret, struct error *err) {
    static const char count[] =
        "SELECT count(*), count(*) FILTER (WHERE state = 'unreadable'), count(*) FILTER (WHERE state = 'missing') "
        "FROM documents WHERE job_id = ? AND at IS NOT NULL";
    static const char list[] = "SELECT count FROM filings WHERE job_id = ?";
    AUTO_SQL struct sql rows = sql_start(conn, count);
    AUTO_SQL struct sql filings = sql_start(conn, list);
    sql_text(&rows, job_id);
    sql_text(&filings, job_id);
    bool found = false;
    enum outcome outcome = sql_row(&rows, &found, err);
    if (outcome == OK)
        outcome = sql_row(&filings, &found, err);
    if (outcome != OK)
        return outcome;
    int all = (int)sql_get_int(&rows);
    ret->unreadable = (int)sql_get_int(&rows);
    ret->missing = (int)sql_get_int(&rows);
    ret->stored = all - ret->unreadable - ret->missing;
    ret->expected = found ? (int)sql_get_int(&filings) : -1;
    return OK;
}

enum outcome sqlite_count_live(struct sql_conn *conn, struct job *job, struct error *err) {
    struct completeness rows;
    if (!job_status_open(job->status))
        return OK;
    enum outcome outcome = sqlite_count_rows(conn, job->id, &rows, err);
    if (outcome == OK)
        job_count_rows(job, &rows);
    return outcome;
}
