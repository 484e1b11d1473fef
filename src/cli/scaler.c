#include "cli/scaler.h"

#include <stdio.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/str.h"

enum { TARGETS_MAX = 16 * 1024, FIRST_HOST = 10, METRICS_PORT = 9100 };

int scaler_missing_workers(int64_t queued, int pending, int running, int max) {
    int64_t wanted = queued - pending;
    if (wanted > max - running)
        wanted = max - running;
    return wanted > 0 ? (int)wanted : 0;
}

static int free_slot(const struct children *children) {
    bool used[WORKERS_MAX] = {false};
    for (int i = 0; i < children->count; i++)
        if (children->items[i].role == CHILD_WORKER)
            used[children->items[i].slot] = true;
    for (int slot = 0; slot < WORKERS_MAX; slot++)
        if (!used[slot])
            return slot;
    return -1;
}

static enum outcome start_worker(struct scaler *scaler, const struct lease *lease, struct error *err) {
    int slot = free_slot(scaler->children);
    char job_id[64], token[80], data[4200], portal[300], metrics[64];
    if (slot < 0)
        return error_set(err, FATAL, "no_slot", "all %d slots for workers are in use", WORKERS_MAX);
    str_format(job_id, sizeof(job_id), "JOB_ID=%s", lease->job_id);
    str_format(token, sizeof(token), "LEASE_TOKEN=%s", lease->token);
    str_format(data, sizeof(data), "FILESURE_DATA=%s", scaler->data_dir);
    str_format(portal, sizeof(portal), "PORTAL_URL=%s", scaler->portal_url);
    str_format(metrics, sizeof(metrics), "WORKER_METRICS_LISTEN=127.0.0.%d:%d", FIRST_HOST + slot, METRICS_PORT);
    const char *arguments[] = {scaler->worker_program, "run", NULL};
    const char *environment[] = {job_id, token, data, portal, metrics, NULL};
    struct child *child = NULL;
    enum outcome outcome =
        children_start(scaler->children, CHILD_WORKER, scaler->worker_program, arguments, environment, &child, err);
    if (outcome != OK)
        return outcome;
    child->slot = slot;
    str_copy(child->job_id, sizeof(child->job_id), lease->job_id);
    str_copy(child->token, sizeof(child->token), lease->token);
    log_debug("worker started", log_str("job", lease->job_id), log_int("run", lease->run), log_int("slot", slot));
    return OK;
}

void scaler_release(struct scaler *scaler, const char *job_id, const char *token) {
    const struct jobs_end end = {.outcome = RUN_INTERRUPTED, .give_back_attempt = true};
    enum job_status status;
    struct error err;
    if (jobs_end(scaler->jobs, job_id, token, &end, &status, &err) != OK)
        log_debug("lease not released", log_str("job", job_id), log_str("error", err.message));
}

/* As KEDA's init container: the claim comes first, so that no worker is started for nothing. */
static enum outcome claim_and_start(struct scaler *scaler, struct error *err) {
    char owner[OWNER_MAX];
    str_format(owner, sizeof(owner), "up:%d:%lld", (int)getpid(), (long long)scaler->claims);
    const struct jobs_claim_request request = {.owner = owner, .lease_seconds = scaler->lease_seconds};
    struct lease lease;
    enum outcome outcome = jobs_claim(scaler->jobs, &request, &lease, err);
    if (outcome != OK)
        return outcome;
    scaler->claims++;
    outcome = start_worker(scaler, &lease, err);
    if (outcome != OK)
        scaler_release(scaler, lease.job_id, lease.token);
    return outcome;
}

enum outcome scaler_step(struct scaler *scaler, int64_t *ret_open, struct error *err) {
    struct jobs_counts counts;
    enum outcome outcome = jobs_count(scaler->jobs, &counts, err);
    if (outcome != OK)
        return outcome;
    int running = children_count(scaler->children, CHILD_WORKER);
    int missing = scaler_missing_workers(counts.claimable, 0, running, scaler->max_workers);
    while (missing-- > 0 && outcome == OK)
        outcome = claim_and_start(scaler, err);
    *ret_open = counts.by_status[JOB_PENDING] + counts.by_status[JOB_PROCESSING];
    return outcome == GONE ? OK : outcome; /* somebody was quicker */
}

enum outcome scaler_write_targets(const struct scaler *scaler, struct error *err) {
    AUTO_BUF struct buf text = BUF_INIT(TARGETS_MAX);
    buf_append_str(&text, "[{\"targets\": [");
    for (int slot = 0; slot < scaler->max_workers; slot++)
        buf_printf(&text, "%s\"127.0.0.%d:%d\"", slot ? ", " : "", FIRST_HOST + slot, METRICS_PORT);
    buf_append_str(&text, "], \"labels\": {\"job\": \"filesure-worker\"}}]\n");
    char path[4200];
    str_format(path, sizeof(path), "%s/prometheus", scaler->data_dir);
    enum outcome outcome = dir_make(path, err);
    str_format(path, sizeof(path), "%s/prometheus/workers.json", scaler->data_dir);
    return outcome == OK ? file_replace(path, buf_str(&text), text.size_bytes, 0644, err) : outcome;
}
