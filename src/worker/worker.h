/* What the files of filesure-worker share: its configuration, and its two commands. */
#pragma once

#include "base/settings.h"
#include "core/job.h"

enum { WORKER_OK = 0, WORKER_FAILED = 1 }; /* exit codes (contract.md); there are no others */

struct worker_config {
    const char *data_dir, *container, *portal_url, *metrics_listen;
    bool create_container;
    int portal_timeout_ms, lease_seconds, run_seconds, batch_percent, max_attempts, parallel, linger_seconds;
    char owner[OWNER_MAX];
    int stop_fd; /* of stop_install */
};
/* Texts stay owned by the settings. */
void worker_config_init(struct worker_config *config, const struct settings_values *settings);

/* Which lease a run is about. token "": none yet, claim the job first. */
struct worker_task {
    const char *job_id;
    const char *token;
};
/* One run of one job; the exit code. *ret_abandoned: threads still use memory of the run, so the process must end by
 * _exit. */
int worker_run(const struct worker_config *config, const struct worker_task *task, bool *ret_abandoned);

/* Takes the best claimable job (or job_id, when not NULL and not empty) and writes the claim file; the exit code. */
int worker_claim(const struct worker_config *config, const char *job_id, const char *out_path);

/* Pause before try number `attempt` (from 0) of a store call that answered RETRY. True: SIGTERM came meanwhile. */
bool worker_pause(int attempt);
