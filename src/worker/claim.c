/* filesure-worker claim: takes a job for the container that starts after this one, and writes down which. */
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "core/fault.h"
#include "jobs/jobs.h"
#include "worker/claim_file.h"
#include "worker/worker.h"

#define CLAIM_FOR_MS ((int64_t)30000) /* how long a store that is down is asked again */

static void cleanup_jobs(struct jobs **jobs) {
    jobs_close(*jobs);
}

static enum outcome open_and_claim(const struct worker_config *config, const char *job_id, struct jobs **ret_jobs,
                                   struct lease *ret_lease, struct error *err) {
    const struct jobs_config store = {.data_dir = config->data_dir};
    const struct jobs_claim_request request = {
        .owner = config->owner,
        .job_id = job_id,
        .lease_seconds = config->lease_seconds,
    };
    int64_t deadline_ms = clock_monotonic_ms() + CLAIM_FOR_MS;
    for (int attempt = 0;; attempt++) {
        enum outcome outcome = *ret_jobs ? OK : jobs_open(&store, ret_jobs, err);
        if (outcome == OK) {
            outcome = jobs_claim(*ret_jobs, &request, ret_lease, err);
        }
        if (outcome != RETRY || clock_monotonic_ms() > deadline_ms || worker_pause(attempt)) {
            return outcome;
        }
    }
}

/* The pod is going away: somebody else shall have the job at once. */
static int release(struct jobs *jobs, const struct lease *lease, const char *out_path) {
    const struct jobs_end end = {.outcome = RUN_INTERRUPTED, .unadopted_only = true};
    const struct claim_file nothing = {0};
    enum job_status status = JOB_PENDING;
    struct error err = {0};
    if (jobs_end(jobs, lease->job_id, lease->token, &end, &status, &err) != OK) {
        log_warn("claim not released: its lease will run out", log_str("job", lease->job_id),
                 log_str("error", err.message));
    } else {
        log_info("claim released", log_str("job", lease->job_id));
    }
    if (claim_file_write(out_path, &nothing, &err) != OK) {
        log_warn("claim file not emptied", log_str("error", err.message));
    }
    return WORKER_OK;
}

static int hand_over(struct jobs *jobs, const struct lease *lease, const char *out_path) {
    struct claim_file claim = {0};
    struct error err = {0};
    (void)str_copy(claim.job_id, sizeof(claim.job_id), lease->job_id);
    (void)str_copy(claim.token, sizeof(claim.token), lease->token);
    if (!stop_requested() && claim_file_write(out_path, &claim, &err) != OK) {
        log_error("claim file not written", log_str("job", lease->job_id), log_str("error", err.message));
        (void)release(jobs, lease, out_path);
        return WORKER_FAILED;
    }
    FAULT_POINT("claimed");
    if (stop_requested()) {
        return release(jobs, lease, out_path);
    }
    log_info("job claimed", log_str("job", lease->job_id), log_int("run", lease->run),
             log_int("lease_s", lease->lease_seconds), log_int("taken_over", lease->taken_over),
             log_int("repeated", lease->repeated));
    return WORKER_OK;
}

int worker_claim(const struct worker_config *config, const char *job_id, const char *out_path) {
    CLEANUP(cleanup_jobs) struct jobs *jobs = NULL;
    struct lease lease = {0};
    struct error err = {0};
    job_id = job_id && *job_id ? job_id : NULL;
    enum outcome outcome = open_and_claim(config, job_id, &jobs, &lease, &err);
    if (outcome == OK) {
        FAULT_POINT("before_claim_ack");
        return hand_over(jobs, &lease, out_path);
    }
    if (outcome == GONE && !str_eq(err.code, "unknown_job")) {
        const struct claim_file nothing = {0};
        log_info("nothing to claim", log_str("reason", err.message));
        outcome = claim_file_write(out_path, &nothing, &err);
    } else if (outcome == RETRY && stop_requested()) {
        return WORKER_OK;
    }
    if (outcome != OK) {
        log_error("claim failed", log_str("code", err.code), log_str("error", err.message));
        return WORKER_FAILED;
    }
    return WORKER_OK;
}
