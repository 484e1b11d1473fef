/* The transition rules of a job; see lease.h for the state diagram. */
#include "core/lease.h"

#include <assert.h>

#include "base/str.h"
#include "core/retry.h"

const struct run_record *ended_find(const struct ended_list *list, const char *token) {
    for (int i = 0; i < list->count; i++)
        if (str_eq(list->items[i].token, token))
            return &list->items[i];
    return NULL;
}

void job_place(struct job *job, const char *id, const struct company *company, int priority, int64_t now_ms,
               int64_t at_ms) {
    *job = (struct job){.status = JOB_PENDING,
                        .company = *company,
                        .priority = priority,
                        .created_at_ms = now_ms,
                        .updated_at_ms = now_ms,
                        .available_at_ms = now_ms,
                        .at_ms = at_ms};
    str_copy(job->id, sizeof job->id, id);
    if (job->company.name[0] == '\0')
        str_copy(job->company.name, sizeof job->company.name, company->cin);
}

bool job_claimable(const struct job *job, int64_t now_ms) {
    return job_status_open(job->status) && job->available_at_ms != 0 && job->available_at_ms <= now_ms;
}

bool job_lease_live(const struct job *job, int64_t now_ms) {
    return job->status == JOB_PROCESSING && job->available_at_ms > now_ms;
}

static bool holds(const struct job *job, const char *token) {
    return token[0] != '\0' && str_eq(job->lease_token, token);
}

/* The entry of the lease that ends now, and the job without it. The caller has set job->status. */
static void end_lease(struct job *job, enum run_outcome outcome, int64_t now_ms, struct run_record *ret_ended) {
    *ret_ended = (struct run_record){.run = job->runs,
                                     .outcome = outcome,
                                     .job_status = job->status,
                                     .started_at_ms = job->locked_at_ms,
                                     .ended_at_ms = now_ms,
                                     .numbers = job->run};
    str_copy(ret_ended->token, sizeof ret_ended->token, job->lease_token);
    str_copy(ret_ended->job_id, sizeof ret_ended->job_id, job->id);
    str_copy(ret_ended->owner, sizeof ret_ended->owner, job->lease_owner);
    job->lease_token[0] = job->lease_owner[0] = job->adopted_by[0] = '\0';
    job->lease_seconds = 0;
    job->locked_at_ms = 0;
    job->cancel_requested = false;
    job->run = (struct run_numbers){0};
    job->updated_at_ms = now_ms;
}

static void lose_lease(struct job *job, enum job_status status, int64_t now_ms, struct run_record *ret_ended) {
    job->run.run_ms = now_ms - job->locked_at_ms;
    job->status = status;
    end_lease(job, RUN_LOST, now_ms, ret_ended);
}

/* ---- claim ----------------------------------------------------------------------------------- */
bool lease_claimed_before(const struct job *job, const char *owner, int64_t now_ms) {
    return job_lease_live(job, now_ms) && job->adopted_by[0] == '\0' && str_eq(job->lease_owner, owner);
}

enum claim_result lease_claim(struct job *job, const char *owner, const char *token, int lease_seconds, int64_t now_ms,
                              struct run_record *ret_ended) {
    if (!job_claimable(job, now_ms))
        return CLAIM_REFUSED;
    int64_t waited_ms = now_ms - job->available_at_ms;
    bool take_over = job->status == JOB_PROCESSING;
    bool cancel = take_over && job->cancel_requested;
    if (take_over)
        lose_lease(job, cancel ? JOB_CANCELLED : JOB_PROCESSING, now_ms, ret_ended);
    if (cancel)
        return CLAIM_CANCELLED;
    job->status = JOB_PROCESSING;
    str_copy(job->lease_token, sizeof job->lease_token, token);
    str_copy(job->lease_owner, sizeof job->lease_owner, owner);
    job->cancel_requested = false; /* asks a run to stop; this one has not begun */
    job->lease_seconds = lease_seconds;
    job->locked_at_ms = job->updated_at_ms = now_ms;
    job->available_at_ms = now_ms + (int64_t)lease_seconds * 1000;
    job->runs++;
    job->run = (struct run_numbers){.claim_wait_ms = waited_ms};
    return take_over ? CLAIM_TAKEN_OVER : CLAIM_TAKEN;
}

/* ---- adopt, heartbeat ------------------------------------------------------------------------ */
enum adopt_result lease_adopt(struct job *job, const char *token, const char *nonce, int rows, int64_t now_ms) {
    if (!holds(job, token))
        return ADOPT_REFUSED;
    if (job->adopted_by[0] != '\0')
        return str_eq(job->adopted_by, nonce) ? ADOPT_REPEATED : ADOPT_REFUSED;
    str_copy(job->adopted_by, sizeof job->adopted_by, nonce);
    job->attempts = rows > job->rows_seen ? 1 : job->attempts + 1;
    job->rows_seen = rows;
    job->updated_at_ms = now_ms;
    return ADOPT_STARTED;
}

static void take_numbers(struct job *job, const struct run_numbers *numbers) {
    int64_t claim_wait_ms = job->run.claim_wait_ms;
    job->run = *numbers;
    job->run.claim_wait_ms = claim_wait_ms;
}

bool lease_beat(struct job *job, const char *token, const struct run_numbers *numbers, int64_t now_ms) {
    if (!holds(job, token))
        return false;
    if (numbers)
        take_numbers(job, numbers);
    job->available_at_ms = now_ms + (int64_t)job->lease_seconds * 1000;
    job->updated_at_ms = now_ms;
    return true;
}

bool lease_name_company(struct job *job, const char *token, const char *name) {
    if (!holds(job, token))
        return false;
    if (str_eq(job->company.name, job->company.cin))
        str_copy(job->company.name, sizeof job->company.name, name);
    return true;
}

/* ---- end ------------------------------------------------------------------------------------- */
static enum job_status status_after(const struct job *job, enum run_outcome outcome) {
    switch (outcome) {
    case RUN_COMPLETED:
        return JOB_COMPLETED;
    case RUN_EXHAUSTED:
        return JOB_FAILED;
    case RUN_CANCELLED:
        return JOB_CANCELLED;
    case RUN_PENDING:
    case RUN_FAILED:
    case RUN_INTERRUPTED:
    case RUN_LOST:
        break;
    }
    return job->cancel_requested ? JOB_CANCELLED : JOB_PENDING;
}

static void take_error(struct job *job, const struct lease_end *end, int64_t now_ms) {
    if (!end->error_code)
        return;
    str_copy(job->error_code, sizeof job->error_code, end->error_code);
    str_copy(job->error_message, sizeof job->error_message, end->error_message);
    job->error_at_ms = now_ms;
}

/* How long the job waits before its next run, and what the next back-off grows from. */
static int64_t delay_after(struct job *job, const struct lease_end *end) {
    if (end->outcome == RUN_FAILED)
        return job->backoff_ms = backoff_next_ms(job->backoff_ms, end->retry_after_ms, end->random);
    if (end->outcome != RUN_INTERRUPTED)
        job->backoff_ms = 0;
    return 0;
}

void job_count_rows(struct job *job, const struct completeness *rows) {
    job->completeness = *rows;
    if (rows->expected < 0)
        job->completeness.expected = 0;
    job->total_documents = job->completeness.expected;
    job->downloaded_documents = rows->stored + rows->unreadable + rows->missing;
}

enum end_result lease_end(struct job *job, const struct ended_list *ended, const char *token,
                          const struct lease_end *end, int64_t now_ms, struct run_record *ret_ended) {
    assert(end->outcome != RUN_LOST);
    if (!holds(job, token)) {
        const struct run_record *before = ended_find(ended, token);
        if (!before || before->outcome == RUN_LOST)
            return END_LOST;
        *ret_ended = *before;
        return END_REPEATED;
    }
    if (end->unadopted_only && job->adopted_by[0] != '\0')
        return END_LOST;
    const struct completeness *rows = &end->rows;
    bool complete = rows->stored + rows->unreadable + rows->missing == rows->expected; /* never without a list: -1 */
    if (end->outcome == RUN_COMPLETED && !complete)
        return END_INCOMPLETE;
    take_numbers(job, &end->numbers);
    take_error(job, end, now_ms);
    if (end->give_back_attempt && job->adopted_by[0] != '\0' && job->attempts > 0)
        job->attempts--;
    job->available_at_ms = now_ms + delay_after(job, end);
    job_count_rows(job, rows);
    job->status = status_after(job, end->outcome);
    if (job->status == JOB_COMPLETED) {
        str_copy(job->manifest_name, sizeof job->manifest_name, end->manifest_name);
        job->completed_at_ms = now_ms;
    }
    end_lease(job, end->outcome, now_ms, ret_ended);
    str_copy(ret_ended->error_code, sizeof ret_ended->error_code, end->error_code);
    str_copy(ret_ended->error_message, sizeof ret_ended->error_message, end->error_message);
    return END_DONE;
}

bool lease_expire(struct job *job, int64_t now_ms, struct run_record *ret_ended) {
    if (job->status != JOB_PROCESSING || !job_claimable(job, now_ms))
        return false;
    lose_lease(job, status_after(job, RUN_LOST), now_ms, ret_ended);
    return true;
}

/* ---- a person -------------------------------------------------------------------------------- */
enum cancel_result job_cancel(struct job *job, const char *fresh_token, int64_t now_ms, struct run_record *ret_ended) {
    if (!job_status_open(job->status))
        return CANCEL_REFUSED;
    job->updated_at_ms = now_ms;
    if (job->status == JOB_PROCESSING) {
        job->cancel_requested = true;
        return CANCEL_REQUESTED;
    }
    job->status = JOB_CANCELLED;
    end_lease(job, RUN_CANCELLED, now_ms, ret_ended);
    ret_ended->run = 0;
    ret_ended->started_at_ms = now_ms;
    str_copy(ret_ended->token, sizeof ret_ended->token, fresh_token);
    return CANCEL_DONE;
}

bool company_job_answers(const struct job *company_job) {
    return company_job && job_status_open(company_job->status);
}

enum retry_result job_retry(struct job *job, const struct job *company_job, int64_t now_ms) {
    if (job->status != JOB_FAILED && job->status != JOB_CANCELLED)
        return RETRY_REFUSED;
    if (company_job_answers(company_job) && !str_eq(company_job->id, job->id))
        return RETRY_TAKEN;
    job->status = JOB_PENDING;
    job->available_at_ms = job->updated_at_ms = now_ms;
    job->attempts = 0;
    job->backoff_ms = 0;
    job->cancel_requested = false;
    return RETRY_DONE;
}

/* ---- keeper ---------------------------------------------------------------------------------- */
bool job_take_in(struct job *job, int64_t now_ms, int64_t at_ms) {
    if (job->available_at_ms != 0 || !job_status_open(job->status))
        return false;
    if (job->status == JOB_PROCESSING) {
        int64_t seen_ms = job->locked_at_ms ? job->locked_at_ms : job->updated_at_ms;
        if (seen_ms + INTAKE_AFTER_MS > now_ms)
            return false;
        job->status = job->cancel_requested ? JOB_CANCELLED : JOB_PENDING;
        job->cancel_requested = false;
        job->lease_owner[0] = '\0';
        job->locked_at_ms = 0;
        job->available_at_ms = now_ms;
    } else {
        bool usable = job->created_at_ms > 0 && job->created_at_ms < now_ms;
        job->available_at_ms = usable ? job->created_at_ms : now_ms;
    }
    if (job->created_at_ms == 0)
        job->created_at_ms = now_ms;
    if (job->company.name[0] == '\0')
        str_copy(job->company.name, sizeof job->company.name, job->company.cin);
    job->updated_at_ms = now_ms;
    job->at_ms = at_ms;
    return true;
}

bool job_mend_clock(struct job *job, int64_t now_ms) {
    int64_t most_ms = BACKOFF_CAP_MS;
    if (job->status == JOB_PROCESSING)
        most_ms = (int64_t)job->lease_seconds * 1000;
    else if (job->status != JOB_PENDING)
        return false;
    if (job->available_at_ms <= now_ms + most_ms)
        return false;
    job->available_at_ms = now_ms + most_ms;
    job->updated_at_ms = now_ms;
    return true;
}
