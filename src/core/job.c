/* Words for a job's states, and why it is waiting. */
#include "core/job.h"

#include "base/str.h"

static const char *const status_names[JOB_STATUS_COUNT] = {
    [JOB_PENDING] = "pending", [JOB_PROCESSING] = "processing", [JOB_COMPLETED] = "completed",
    [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled",
};
static const char *const outcome_names[] = {
    [RUN_PENDING] = "pending",     [RUN_COMPLETED] = "completed", [RUN_FAILED] = "failed",
    [RUN_EXHAUSTED] = "exhausted", [RUN_CANCELLED] = "cancelled", [RUN_INTERRUPTED] = "interrupted",
    [RUN_LOST] = "lost",
};
static const char *const waiting_names[] = {
    [WAIT_NONE] = "none",
    [WAIT_QUEUED] = "queued",
    [WAIT_BACKOFF] = "backoff",
    [WAIT_RATE_LIMITED] = "rate_limited",
    [WAIT_NO_WORKER] = "no_worker",
    [WAIT_LEASED] = "leased",
    [WAIT_CANCELLING] = "cancelling",
};

static int find_name(const char *const *names, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(text, names[i]))
            return (int)i;
    return -1;
}

const char *job_status_name(enum job_status status) {
    return status_names[status];
}

bool job_status_parse(const char *text, enum job_status *ret) {
    int found = find_name(status_names, COUNT_OF(status_names), text);
    if (found >= 0)
        *ret = (enum job_status)found;
    return found >= 0;
}

const char *run_outcome_name(enum run_outcome outcome) {
    return outcome_names[outcome];
}

bool run_outcome_parse(const char *text, enum run_outcome *ret) {
    int found = find_name(outcome_names, COUNT_OF(outcome_names), text);
    if (found >= 0)
        *ret = (enum run_outcome)found;
    return found >= 0;
}

const char *waiting_reason_name(enum waiting_reason reason) {
    return waiting_names[reason];
}

struct waiting job_waiting(const struct job *job, int64_t now_ms, int active_leases, int64_t no_worker_after_ms) {
    if (!job_status_open(job->status))
        return (struct waiting){.reason = WAIT_NONE};
    if (job->cancel_requested)
        return (struct waiting){WAIT_CANCELLING, job->updated_at_ms, job->available_at_ms};
    if (job->status == JOB_PROCESSING && job->available_at_ms > now_ms)
        return (struct waiting){WAIT_LEASED, job->locked_at_ms, job->available_at_ms};
    if (job->available_at_ms > now_ms) {
        bool limited = str_eq(job->error_code, "rate_limited");
        return (struct waiting){limited ? WAIT_RATE_LIMITED : WAIT_BACKOFF, job->updated_at_ms, job->available_at_ms};
    }
    int64_t since_ms = job->available_at_ms ? job->available_at_ms : job->created_at_ms;
    bool no_worker = active_leases == 0 && now_ms - since_ms > no_worker_after_ms;
    return (struct waiting){no_worker ? WAIT_NO_WORKER : WAIT_QUEUED, since_ms, 0};
}
