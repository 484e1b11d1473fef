/* How a run gets its lease and gives it back. Every call is repeated while the store is away: a claim by the same
 * owner, an adoption by the same nonce and an end under the same token are each one write, however often they are sent
 * (queue.md). */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "core/fault.h"
#include "core/retry.h"
#include "worker/run.h"

#define TAKE_FOR_MS ((int64_t)30000) /* how long a store that is down is asked again */
enum { PAUSE_BASE_MS = 50, PAUSE_CAP_MS = 2000 };

static int64_t pause_length_ms(int attempt) {
    uint64_t random = 0;
    random_bytes(&random, sizeof(random));
    return 10 + jitter_ms(PAUSE_BASE_MS, PAUSE_CAP_MS, attempt, random);
}

bool worker_pause(int attempt) {
    return stop_wait_ms(pause_length_ms(attempt));
}

static enum outcome claim_once(struct run *run, const char *job_id, struct lease *ret, struct error *err) {
    const struct jobs_claim_request request = {
        .owner = run->config->owner,
        .job_id = job_id,
        .lease_seconds = run->config->lease_seconds,
    };
    return jobs_claim(run->jobs, &request, ret, err);
}

/* Opens the store and, without a token, claims the job. sent_ms: CLOCK_BOOTTIME before the request that was answered.
 */
static enum outcome open_and_claim(struct run *run, const struct worker_task *task, struct lease *ret_lease,
                                   int64_t *ret_sent_ms, struct error *err) {
    const struct jobs_config store = {.data_dir = run->config->data_dir};
    int64_t deadline_ms = clock_monotonic_ms() + TAKE_FOR_MS;
    for (int attempt = 0;; attempt++) {
        enum outcome outcome = run->jobs ? OK : jobs_open(&store, &run->jobs, err);
        *ret_sent_ms = clock_boot_ms();
        if (outcome == OK && !*task->token) {
            outcome = claim_once(run, task->job_id, ret_lease, err);
        }
        if (outcome != RETRY || clock_monotonic_ms() > deadline_ms || worker_pause(attempt)) {
            return outcome;
        }
    }
}

static enum outcome adopt(struct run *run, const char *job_id, struct error *err) {
    char nonce[TOKEN_MAX];
    random_hex(nonce, TOKEN_MAX - 1);
    int64_t deadline_ms = clock_monotonic_ms() + TAKE_FOR_MS;
    for (int attempt = 0;; attempt++) {
        enum outcome outcome = jobs_adopt(run->jobs, job_id, run->token, nonce, &run->job, err);
        if (outcome != RETRY || clock_monotonic_ms() > deadline_ms || worker_pause(attempt)) {
            return outcome;
        }
    }
}

/* A lease that somebody else has, or a job that is finished, is nothing to do; an id nobody knows is a mistake. */
static int explain_refusal(struct run *run, const char *job_id, const struct error *refusal) {
    struct job job;
    struct error err = {0};
    if (refusal->outcome != GONE) {
        log_error("no lease", log_str("job", job_id), log_str("code", refusal->code),
                  log_str("error", refusal->message));
        return refusal->outcome == RETRY && stop_requested() ? WORKER_OK : WORKER_FAILED;
    }
    if (str_eq(refusal->code, "unknown_job") || jobs_get(run->jobs, job_id, &job, &err) == GONE) {
        log_error("unknown job", log_str("job", job_id));
        return WORKER_FAILED;
    }
    log_info("nothing to do", log_str("job", job_id), log_str("reason", refusal->message));
    return WORKER_OK;
}

bool run_take_lease(struct run *run, const struct worker_task *task, int *ret_code) {
    struct lease lease = {0};
    struct error err = {0};
    int64_t sent_ms = 0;
    enum outcome outcome = open_and_claim(run, task, &lease, &sent_ms, &err);
    if (outcome == OK) {
        if (!*task->token) {
            FAULT_POINT("before_claim_ack");
        }
        (void)str_copy(run->token, sizeof(run->token), *task->token ? task->token : lease.token);
        FAULT_POINT("claimed");
        outcome = adopt(run, task->job_id, &err);
    }
    if (outcome != OK) {
        *ret_code = explain_refusal(run, task->job_id, &err);
        return false;
    }
    halt_lease_renewed(run->halt, sent_ms, (int64_t)run->job.lease_seconds * 1000);
    halt_set_run_deadline(run->halt, clock_boot_ms() + (int64_t)run->config->run_seconds * 1000);
    run->began_ms = clock_monotonic_ms();
    worker_metric(run->metrics, METRIC_JOBS_FOUND, NULL, 1);
    worker_metric(run->metrics, METRIC_JOBS_LOCKED, NULL, 1);
    worker_metric(run->metrics, METRIC_LOCK_CLEANUP, NULL, lease.taken_over);
    log_info("run started", log_str("job", run->job.id), log_int("run", run->job.runs),
             log_int("attempt", run->job.attempts), log_int("taken_over", lease.taken_over));
    return true;
}

static enum outcome send_end(struct run *run, const struct jobs_end *end, enum job_status *ret_status,
                             struct error *err) {
    int64_t deadline_ms = clock_monotonic_ms() + (int64_t)run->job.lease_seconds * 1000;
    for (int attempt = 0;; attempt++) {
        FAULT_POINT("before_end");
        enum outcome outcome = jobs_end(run->jobs, run->job.id, run->token, end, ret_status, err);
        FAULT_POINT("end_applied");
        if (outcome != RETRY || clock_monotonic_ms() > deadline_ms) {
            return outcome;
        }
        (void)poll(NULL, 0, (int)pause_length_ms(attempt)); /* after SIGTERM too; halt.c bounds it then */
    }
}

static void count_end(struct run *run, enum run_outcome outcome, enum job_status status, int64_t run_ms) {
    bool failed = outcome == RUN_FAILED || outcome == RUN_EXHAUSTED;
    const char *became = failed                    ? "failed"
                         : status == JOB_COMPLETED ? "completed"
                         : status == JOB_CANCELLED ? "cancelled"
                                                   : "pending";
    worker_metric(run->metrics, METRIC_JOBS_PROCESSED, became, 1);
    worker_metric(run->metrics, METRIC_JOBS_FAILED, NULL, failed);
    worker_metric(run->metrics, METRIC_JOB_SECONDS, NULL, (double)run_ms / 1000);
}

static void log_end(const struct run *run, const struct ending *ending, const struct run_numbers *numbers,
                    enum job_status status) {
    bool failed = ending->outcome == RUN_FAILED || ending->outcome == RUN_EXHAUSTED;
    const struct log_field fields[] = {
        log_str("job", run->job.id),
        log_int("run", run->job.runs),
        log_str("outcome", run_outcome_name(ending->outcome)),
        log_str("status", job_status_name(status)),
        log_int("stored", numbers->stored),
        log_int("unreadable", numbers->unreadable),
        log_int("missing", numbers->missing),
        log_int("listed", numbers->listed),
        log_int("ms", numbers->run_ms),
        failed ? log_str("code", ending->error.code) : (struct log_field){0},
        log_str("error", ending->error.message),
        {0},
    };
    log_write(failed ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, failed ? "run failed" : "run ended", fields);
}

int run_give_lease(struct run *run, const struct ending *ending) {
    bool failed = ending->outcome == RUN_FAILED || ending->outcome == RUN_EXHAUSTED;
    struct jobs_end end = {
        .outcome = ending->outcome,
        .error_code = failed ? ending->error.code : NULL,
        .error_message = failed ? ending->error.message : NULL,
        .retry_after_ms = failed ? ending->error.retry_after_ms : 0,
        .give_back_attempt = ending->give_back,
        .manifest_name = *ending->manifest_name ? ending->manifest_name : NULL,
    };
    struct error err = {0};
    enum job_status status = JOB_PENDING;
    run_get_numbers(run, &end.numbers);
    if (run->heartbeat) {
        heartbeat_ending(run->heartbeat);
    }
    enum outcome outcome = send_end(run, &end, &status, &err);
    if (outcome == DENIED) {
        log_error("lease lost", log_str("job", run->job.id), log_int("run", run->job.runs),
                  log_str("error", err.message));
        return WORKER_FAILED;
    }
    if (outcome != OK) {
        log_error("end not written: the lease will run out", log_str("job", run->job.id), log_str("code", err.code),
                  log_str("error", err.message));
        return WORKER_FAILED;
    }
    count_end(run, ending->outcome, status, end.numbers.run_ms);
    log_end(run, ending, &end.numbers, status);
    return failed ? WORKER_FAILED : WORKER_OK;
}
