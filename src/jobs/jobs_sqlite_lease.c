/* Claim, adopt, heartbeat, end, cancel, retry in the embedded store: load the job, apply the rule of core/lease.h,
 * store it. */
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

struct change {
    const char *job_id, *token;
    struct job job; /* all zero when there is no such job: it holds no token, so the rules refuse it */
    int64_t seq;
    bool found;
    struct run_record ended;
};

static enum outcome load(struct sqlite_write *write, struct change *change, struct error *err) {
    change->job = (struct job){0};
    return sqlite_load_job(write->conn, change->job_id, &change->job, &change->seq, &change->found, err);
}

static enum outcome store(struct sqlite_write *write, const struct change *change, bool with_ended, struct error *err) {
    enum outcome outcome = sqlite_store_job(write->conn, change->seq, &change->job, err);
    return outcome == OK && with_ended ? sqlite_append_ended(write, &change->ended, err) : outcome;
}

static enum outcome lease_lost(struct error *err) {
    return error_set(err, DENIED, "lease_lost", "this worker does not hold the job any more");
}

static enum outcome unknown_job(struct error *err) {
    return error_set(err, GONE, "unknown_job", "there is no such job");
}

/* ---- claim ----------------------------------------------------------------------------------- */
struct claim {
    const struct jobs_claim_request *request;
    struct change change;
    struct lease lease;
};

static enum outcome next_row(struct sql *sql, struct change *change, struct error *err) {
    enum outcome outcome = sql_row(sql, &change->found, err);
    if (outcome == OK && change->found)
        sqlite_get_job(sql, &change->job, &change->seq);
    return outcome;
}

/* A live lease of this owner that nobody adopted; of that job, when the request names one. */
static enum outcome find_earlier(struct sqlite_write *write, struct claim *claim, bool *ret_found, struct error *err) {
    static const char find[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE lease_owner = ?1 AND adopted_by IS NULL";
    struct change *change = &claim->change;
    AUTO_SQL struct sql sql = sql_start(write->conn, find);
    sql_text(&sql, claim->request->owner);
    *ret_found = false;
    enum outcome outcome;
    while ((outcome = next_row(&sql, change, err)) == OK && change->found) {
        bool named = !claim->request->job_id || str_eq(claim->request->job_id, change->job.id);
        if (named && lease_claimed_before(&change->job, claim->request->owner, write->now_ms)) {
            *ret_found = true;
            return OK;
        }
    }
    return outcome;
}

/* The next lower priority that open jobs have. */
static enum outcome next_priority(struct sqlite_write *write, int64_t *priority, bool *ret_found, struct error *err) {
    static const char find[] =
        "SELECT priority FROM jobs INDEXED BY jobs_claim WHERE status IN ('pending', 'processing') "
        "AND priority < ? ORDER BY priority DESC LIMIT 1";
    AUTO_SQL struct sql sql = sql_start(write->conn, find);
    sql_int(&sql, *priority);
    enum outcome outcome = sql_row(&sql, ret_found, err);
    if (outcome == OK && *ret_found)
        *priority = sql_get_int(&sql);
    return outcome;
}

/* The claimable job that waits longest among the highest priority that has one. */
static enum outcome find_best(struct sqlite_write *write, struct change *change, struct error *err) {
    static const char find[] =
        "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_claim WHERE status IN ('pending', 'processing') "
        "AND priority = ? AND available_at <= ? ORDER BY available_at, seq LIMIT 1";
    int64_t priority = INT64_MAX;
    change->found = false;
    for (;;) {
        bool more = false;
        enum outcome outcome = next_priority(write, &priority, &more, err);
        if (outcome != OK || !more)
            return outcome;
        AUTO_SQL struct sql sql = sql_start(write->conn, find);
        sql_int(&sql, priority);
        sql_int(&sql, write->now_ms);
        outcome = next_row(&sql, change, err);
        if (outcome != OK || change->found)
            return outcome;
    }
}

static void describe_lease(struct claim *claim, bool taken_over, bool repeated) {
    const struct job *job = &claim->change.job;
    claim->lease = (struct lease){
        .run = job->runs, .lease_seconds = job->lease_seconds, .taken_over = taken_over, .repeated = repeated};
    str_copy(claim->lease.job_id, sizeof claim->lease.job_id, job->id);
    str_copy(claim->lease.token, sizeof claim->lease.token, job->lease_token);
}

/* Leases the job in claim->change, or cancels it. */
static enum outcome take(struct sqlite_write *write, struct claim *claim, enum claim_result *ret, struct error *err) {
    struct change *change = &claim->change;
    char token[TOKEN_MAX];
    random_hex(token, TOKEN_MAX - 1);
    *ret = lease_claim(&change->job, claim->request->owner, token, claim->request->lease_seconds, write->now_ms,
                       &change->ended);
    if (*ret == CLAIM_REFUSED)
        return OK;
    describe_lease(claim, *ret == CLAIM_TAKEN_OVER, false);
    return store(write, change, *ret != CLAIM_TAKEN, err);
}

static enum outcome not_claimable(const struct job *job, int64_t now_ms, struct error *err) {
    const char *why = "it has not been taken in yet";
    if (!job_status_open(job->status))
        why = job_status_name(job->status);
    else if (job_lease_live(job, now_ms))
        why = "another worker holds it";
    else if (job->available_at_ms > now_ms)
        why = "it backs off after a failed run";
    return error_set(err, GONE, "not_claimable", "the job cannot be taken: %s", why);
}

static enum outcome claim_named(struct sqlite_write *write, struct claim *claim, struct error *err) {
    claim->change.job_id = claim->request->job_id;
    enum outcome outcome = load(write, &claim->change, err);
    if (outcome != OK)
        return outcome;
    if (!claim->change.found)
        return unknown_job(err);
    enum claim_result result = CLAIM_REFUSED;
    outcome = take(write, claim, &result, err);
    if (outcome != OK || result == CLAIM_TAKEN || result == CLAIM_TAKEN_OVER)
        return outcome;
    write->keep = true; /* a cancel found here */
    return not_claimable(&claim->change.job, write->now_ms, err);
}

static enum outcome claim_best(struct sqlite_write *write, struct claim *claim, struct error *err) {
    enum claim_result result = CLAIM_CANCELLED;
    while (result == CLAIM_CANCELLED) {
        enum outcome outcome = find_best(write, &claim->change, err);
        if (outcome == OK && !claim->change.found) {
            write->keep = true; /* cancels found on the way */
            return error_set(err, GONE, "nothing_claimable", "no job waits for a worker");
        }
        if (outcome == OK)
            outcome = take(write, claim, &result, err);
        if (outcome != OK)
            return outcome;
    }
    return OK;
}

static enum outcome apply_claim(struct sqlite_write *write, void *arg, struct error *err) {
    struct claim *claim = arg;
    bool earlier = false;
    enum outcome outcome = find_earlier(write, claim, &earlier, err);
    if (outcome != OK)
        return outcome;
    if (earlier) {
        describe_lease(claim, false, true);
        return OK;
    }
    return claim->request->job_id ? claim_named(write, claim, err) : claim_best(write, claim, err);
}

enum outcome sqlite_claim(struct jobs *jobs, const struct jobs_claim_request *request, struct lease *ret,
                          struct error *err) {
    struct claim claim = {.request = request};
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_FAST, apply_claim, &claim, err);
    if (outcome == OK)
        *ret = claim.lease;
    return outcome;
}

/* ---- adopt, heartbeat ------------------------------------------------------------------------ */
struct adopt {
    struct change change;
    const char *nonce;
};

static enum outcome apply_adopt(struct sqlite_write *write, void *arg, struct error *err) {
    struct adopt *adopt = arg;
    struct change *change = &adopt->change;
    struct completeness rows;
    enum outcome outcome = load(write, change, err);
    if (outcome == OK)
        outcome = sqlite_count_rows(write->conn, change->job_id, &rows, err);
    if (outcome != OK)
        return outcome;
    int count = rows.stored + rows.unreadable + rows.missing;
    enum adopt_result result = lease_adopt(&change->job, change->token, adopt->nonce, count, write->now_ms);
    if (result == ADOPT_REFUSED)
        return error_set(err, GONE, "lease_taken", "the lease is over, or another process runs it");
    job_count_rows(&change->job, &rows);
    return result == ADOPT_STARTED ? store(write, change, false, err) : OK;
}

enum outcome sqlite_adopt(struct jobs *jobs, const char *job_id, const char *token, const char *nonce, struct job *ret,
                          struct error *err) {
    struct adopt adopt = {.change = {.job_id = job_id, .token = token}, .nonce = nonce};
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_FAST, apply_adopt, &adopt, err);
    if (outcome == OK)
        *ret = adopt.change.job;
    return outcome;
}

struct beat {
    struct change change;
    const struct run_numbers *numbers;
};

static enum outcome apply_beat(struct sqlite_write *write, void *arg, struct error *err) {
    struct beat *beat = arg;
    struct change *change = &beat->change;
    enum outcome outcome = load(write, change, err);
    if (outcome != OK)
        return outcome;
    if (!lease_beat(&change->job, change->token, beat->numbers, write->now_ms))
        return lease_lost(err);
    return store(write, change, false, err);
}

enum outcome sqlite_heartbeat(struct jobs *jobs, const char *job_id, const char *token,
                              const struct run_numbers *numbers, bool *ret_cancel_requested, struct error *err) {
    struct beat beat = {.change = {.job_id = job_id, .token = token}, .numbers = numbers};
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_FAST, apply_beat, &beat, err);
    if (outcome == OK)
        *ret_cancel_requested = beat.change.job.cancel_requested;
    return outcome;
}

struct naming {
    struct change change;
    const char *name;
};

static enum outcome apply_name(struct sqlite_write *write, void *arg, struct error *err) {
    struct naming *naming = arg;
    struct change *change = &naming->change;
    enum outcome outcome = load(write, change, err);
    if (outcome != OK)
        return outcome;
    if (!lease_name_company(&change->job, change->token, naming->name))
        return lease_lost(err);
    return store(write, change, false, err);
}

enum outcome sqlite_name_company(struct jobs *jobs, const char *job_id, const char *token, const char *name,
                                 struct error *err) {
    struct naming naming = {.change = {.job_id = job_id, .token = token}, .name = name};
    return sqlite_write(sqlite_store(jobs), WRITE_FAST, apply_name, &naming, err);
}

/* ---- end ------------------------------------------------------------------------------------- */
struct end {
    struct change change;
    struct lease_end end;
};

static enum outcome find_ended(struct sqlite_write *write, const char *job_id, const char *token,
                               struct run_record *ret, bool *ret_found, struct error *err) {
    static const char find[] = "SELECT " RUN_COLUMNS " FROM runs WHERE token = ? AND job_id = ?";
    AUTO_SQL struct sql sql = sql_start(write->conn, find);
    sql_text(&sql, token);
    sql_text(&sql, job_id);
    enum outcome outcome = sql_row(&sql, ret_found, err);
    if (outcome == OK && *ret_found)
        sqlite_get_run(&sql, ret);
    return outcome;
}

static enum outcome apply_end(struct sqlite_write *write, void *arg, struct error *err) {
    struct end *end = arg;
    struct change *change = &end->change;
    struct run_record before;
    struct ended_list ended = {.items = &before};
    bool ended_before = false;
    enum outcome outcome = load(write, change, err);
    if (outcome == OK)
        outcome = sqlite_count_rows(write->conn, change->job_id, &end->end.rows, err);
    if (outcome == OK)
        outcome = find_ended(write, change->job_id, change->token, &before, &ended_before, err);
    if (outcome != OK)
        return outcome;
    ended.count = ended_before ? 1 : 0;
    switch (lease_end(&change->job, &ended, change->token, &end->end, write->now_ms, &change->ended)) {
    case END_DONE:
        return store(write, change, true, err);
    case END_REPEATED:
        return OK;
    case END_INCOMPLETE:
        return error_set(err, INVALID, "incomplete", "a filing of the list has no row yet, or there is no list");
    case END_LOST:
        break;
    }
    return lease_lost(err);
}

enum outcome sqlite_end(struct jobs *jobs, const char *job_id, const char *token, const struct jobs_end *end,
                        enum job_status *ret_status, struct error *err) {
    struct end apply = {.change = {.job_id = job_id, .token = token},
                        .end = {.outcome = end->outcome,
                                .error_code = end->error_code,
                                .error_message = end->error_message,
                                .retry_after_ms = end->retry_after_ms,
                                .give_back_attempt = end->give_back_attempt,
                                .unadopted_only = end->unadopted_only,
                                .manifest_name = end->manifest_name,
                                .numbers = end->numbers}};
    random_bytes(&apply.end.random, sizeof apply.end.random);
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_DURABLE, apply_end, &apply, err);
    if (outcome == OK)
        *ret_status = apply.change.ended.job_status;
    return outcome;
}
