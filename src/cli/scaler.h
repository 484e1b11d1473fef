/* The local scaler: does on one machine what KEDA does in a cluster. */
#pragma once

#include "cli/children.h"
#include "cli/cli.h"
#include "jobs/jobs.h"

enum { WORKERS_MAX = 64 };

struct scaler {
    struct jobs *jobs;
    struct children *children;
    char worker_program[PROGRAM_PATH_MAX];
    char data_dir[4096];
    char portal_url[256];
    int max_workers, lease_seconds;
    int64_t claims; /* answered so far: makes each lease owner new, but repeats it after a lost reply */
};

/* KEDA's "accurate" strategy (from 2.19 on): min(queued - pending, max - running), never negative. queued: jobs that
 * can be taken; pending: workers that have not claimed yet; running: all that have not ended. */
int scaler_missing_workers(int64_t queued, int pending, int running, int max);

/* Starts a worker for each job that can be taken while slots are free. *ret_open: jobs not finished, as counted before.
 */
MUST_USE enum outcome scaler_step(struct scaler *scaler, int64_t *ret_open, struct error *err);
/* Gives the lease of a worker that has ended without ending its run back at once; for the end of everything only: the
 * lease of a worker that crashed runs out, as in a cluster. */
void scaler_release(struct scaler *scaler, const char *job_id, const char *token);
/* Writes the Prometheus file_sd list of all worker slots: 127.0.0.(10+k):9100. */
MUST_USE enum outcome scaler_write_targets(const struct scaler *scaler, struct error *err);
