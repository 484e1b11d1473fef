/* One write of the job, and the invariants of single writes; see change.h. */
#include "model/change.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

const char *const token_names[] = {"", "t1", "t2", "t3", "t4", "t5", "t6", "t7"};
const char *const nonce_names[] = {"", "n1", "n2", "n3", "n-gone"};
const char *const owner_names[] = {"", "A", "B", "C"};

static uint8_t number_of(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], name)) {
            return (uint8_t)i;
        }
    }
    assert(!"a name that the model did not give");
    return 0;
}

/* ---- the job, there and back ---- */

static int64_t available_ms(uint8_t available) {
    switch ((enum availability)available) {
    case AVAILABLE_NOW:
        return NOW_MS;
    case AVAILABLE_LATER:
        return NOW_MS + 1000;
    case AVAILABLE_NEVER:
    case AVAILABLE_SILENT:
        break;
    }
    return 0;
}

void change_load(const struct step *step, struct change *change) {
    static const struct job none;
    const struct world_job *from = &step->to.job;
    struct job *job = &change->before;
    *job = none;
    (void)str_copy(job->id, OBJECT_ID_MAX, THIS_JOB);
    job->created_at_ms = job->updated_at_ms = job->at_ms = NOW_MS - INTAKE_AFTER_MS;
    job->status = from->status;
    job->available_at_ms = available_ms(from->available);
    (void)str_copy(job->lease_token, TOKEN_MAX, token_names[from->token]);
    (void)str_copy(job->lease_owner, OWNER_MAX, owner_names[from->owner]);
    (void)str_copy(job->adopted_by, TOKEN_MAX, nonce_names[from->adopted]);
    if (from->token) {
        job->lease_seconds = LEASE_S;
    }
    if (from->available == AVAILABLE_NEVER) {
        job->updated_at_ms = NOW_MS;
    }
    job->cancel_requested = from->cancel;
    job->attempts = from->attempts;
    job->rows_seen = from->rows_seen;
    (void)str_copy(job->manifest_name, BLOB_NAME_MAX, from->manifest ? manifest_name(from->manifest) : "");
    change->job = *job;
}

static uint8_t availability_of(const struct job *job) {
    if (job->available_at_ms == 0) {
        return job->updated_at_ms + INTAKE_AFTER_MS > NOW_MS ? AVAILABLE_NEVER : AVAILABLE_SILENT;
    }
    return job->available_at_ms <= NOW_MS ? AVAILABLE_NOW : AVAILABLE_LATER;
}

static void save(struct step *step, const struct change *change) {
    const struct job *job = &change->job;
    int most = step->config->max_attempts + 2; /* more attempts than that make no difference */
    struct world_job to = {
        .status = (uint8_t)job->status,
        .available = availability_of(job),
        .token = number_of(token_names, COUNT_OF(token_names), job->lease_token),
        .owner = number_of(owner_names, COUNT_OF(owner_names), job->lease_owner),
        .adopted = number_of(nonce_names, COUNT_OF(nonce_names), job->adopted_by),
        .cancel = job->cancel_requested,
        .manifest = manifest_find(job->manifest_name),
    };
    if (step->config->max_attempts) {
        to.attempts = (uint8_t)(job->attempts < most ? job->attempts : most);
        to.rows_seen = (uint8_t)job->rows_seen;
    }
    step->to.job = to;
}

/* ---- what one write must hold ---- */

static bool changed(const struct change *change) {
    return memcmp(&change->before, &change->job, sizeof(change->job)) != 0;
}

static void check_holder(struct step *step, const struct change *change) {
    bool of_lease = change->kind == REQUEST_ADOPT || change->kind == REQUEST_BEAT || change->kind == REQUEST_END;
    const char *lease = change->before.lease_token;
    bool holder = of_lease && *change->token && str_eq(change->token, lease);
    if (of_lease && !holder && changed(change)) {
        step_break(step, "lost_lease_writes_nothing");
    }
    bool ended = *lease && !str_eq(lease, change->job.lease_token);
    if (ended && job_lease_live(&change->before, NOW_MS) && !(holder && change->kind == REQUEST_END)) {
        step_break(step, "live_lease_is_kept");
    }
    if (ended && !str_eq(change->ended.token, lease)) {
        step_break(step, "every_run_recorded_once");
    }
}

static void check_attempts(struct step *step, const struct change *change) {
    int more = change->job.attempts - change->before.attempts;
    bool may = change->kind == REQUEST_ADOPT || (change->kind == REQUEST_RETRY && change->job.attempts == 0) ||
               (change->kind == REQUEST_END && more == -1 && *change->before.adopted_by);
    if (more != 0 && !may) {
        step_break(step, "attempts_count_starts");
    }
    bool failed = change->job.status == JOB_FAILED && change->before.status != JOB_FAILED;
    bool new_row = world_count_rows(&step->to, step->config->filings) > change->job.rows_seen;
    if (failed && !new_row && step->to.fruitless <= step->config->max_attempts) {
        step_break(step, "failed_after_attempts");
    }
}

static void check_completeness(struct step *step, const struct change *change) {
    const struct completeness *shown = &change->job.completeness;
    int count = world_list_count(step->config, step->to.list);
    if (change->job.status != JOB_COMPLETED || change->before.status == JOB_COMPLETED) {
        return;
    }
    if (step->to.list == LIST_NONE || world_count_rows(&step->to, count) != count || shown->expected != count ||
        shown->stored + shown->unreadable + shown->missing != count) {
        step_break(step, "completed_is_complete");
    }
}

void change_commit(struct step *step, const struct change *change, uint8_t ender) {
    bool open = job_status_open(change->before.status);
    if (!open && changed(change) && !(change->kind == REQUEST_RETRY && change->before.status != JOB_COMPLETED)) {
        step_break(step, "finished_is_final");
    }
    check_holder(step, change);
    check_attempts(step, change);
    save(step, change);
    check_completeness(step, change);
    if (*change->ended.token) {
        facts_append_entry(step, number_of(token_names, COUNT_OF(token_names), change->ended.token),
                           (uint8_t)change->ended.outcome, ender);
    }
}
