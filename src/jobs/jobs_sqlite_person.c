/* What a person does to a job of the embedded store: cancel and retry. */
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

struct decision {
    const char *job_id, *actor;
    struct job job;
    int64_t seq;
};

static enum outcome load(struct sqlite_write *write, struct decision *decision, struct error *err) {
    bool found = false;
    enum outcome outcome = sqlite_load_job(write->conn, decision->job_id, &decision->job, &decision->seq, &found, err);
    if (outcome == OK && !found)
        return error_set(err, GONE, "unknown_job", "there is no such job");
    return outcome;
}

static enum outcome apply_cancel(struct sqlite_write *write, void *arg, struct error *err) {
    struct decision *decision = arg;
    enum outcome outcome = load(write, decision, err);
    if (outcome != OK)
        return outcome;
    char token[TOKEN_MAX];
    random_hex(token, TOKEN_MAX - 1);
    struct run_record ended;
    enum cancel_result result = job_cancel(&decision->job, token, write->now_ms, &ended);
    if (result == CANCEL_REFUSED)
        return error_set(err, INVALID, "not_cancellable", "the job is %s already",
                         job_status_name(decision->job.status));
    outcome = sqlite_store_job(write->conn, decision->seq, &decision->job, err);
    if (outcome == OK && result == CANCEL_DONE)
        outcome = sqlite_append_ended(write, &ended, err);
    return outcome == OK ? sqlite_audit_decision(write, decision->actor, "cancel", &decision->job, err) : outcome;
}

enum outcome sqlite_cancel(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                           struct error *err) {
    struct decision decision = {.job_id = job_id, .actor = actor};
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_DURABLE, apply_cancel, &decision, err);
    if (outcome == OK)
        *ret_status = decision.job.status;
    return outcome;
}

/* ---- retry ----------------------------------------------------------------------------------- */
static enum outcome load_company_job(struct sqlite_write *write, const char *cin, struct job *ret, bool *ret_found,
                                     struct error *err) {
    static const char find[] =
        "SELECT " JOB_COLUMNS " FROM jobs WHERE id = (SELECT open_job FROM companies WHERE cin = ?)";
    AUTO_SQL struct sql sql = sql_start(write->conn, find);
    sql_text(&sql, cin);
    int64_t seq;
    enum outcome outcome = sql_row(&sql, ret_found, err);
    if (outcome == OK && *ret_found)
        sqlite_get_job(&sql, ret, &seq);
    return outcome;
}

static enum outcome name_in_companies(struct sqlite_write *write, const struct job *job, struct error *err) {
    static const char name[] =
        "INSERT INTO companies VALUES (?, ?) ON CONFLICT DO UPDATE SET open_job = excluded.open_job";
    AUTO_SQL struct sql sql = sql_start(write->conn, name);
    sql_text(&sql, job->company.cin);
    sql_text(&sql, job->id);
    return sql_run(&sql, err);
}

static enum outcome apply_retry(struct sqlite_write *write, void *arg, struct error *err) {
    struct decision *decision = arg;
    struct job *job = &decision->job, other;
    bool named = false;
    enum outcome outcome = load(write, decision, err);
    if (outcome == OK)
        outcome = load_company_job(write, job->company.cin, &other, &named, err);
    if (outcome != OK)
        return outcome;
    switch (job_retry(job, named ? &other : NULL, write->now_ms)) {
    case RETRY_REFUSED:
        return error_set(err, INVALID, "not_retryable", "the job is %s; only failed and cancelled jobs are retried%s",
                         job_status_name(job->status),
                         job->status == JOB_COMPLETED ? " (order it again with force)" : "");
    case RETRY_TAKEN:
        return error_set(err, INVALID, "company_has_open_job", "job %s of this company is open", other.id);
    case RETRY_DONE:
        break;
    }
    outcome = sqlite_store_job(write->conn, decision->seq, job, err);
    if (outcome == OK)
        outcome = name_in_companies(write, job, err);
    return outcome == OK ? sqlite_audit_decision(write, decision->actor, "retry", job, err) : outcome;
}

enum outcome sqlite_retry(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                          struct error *err) {
    struct decision decision = {.job_id = job_id, .actor = actor};
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_DURABLE, apply_retry, &decision, err);
    if (outcome == OK)
        *ret_status = decision.job.status;
    return outcome;
}
