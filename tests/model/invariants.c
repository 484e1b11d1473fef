/* What must hold in every state of the job model, and what each invariant says. */
#include "base/str.h"
#include "model/step.h"

static const struct {
    const char *name, *text;
} texts[] = {
    {"one_runner_per_token", "at most one living process runs under a token"},
    {"lease_fields_agree", "a lease has a token, an owner and a status processing, or none of them"},
    {"request_while_leased", "a cancel is requested of a processing job only, and not kept beyond its lease"},
    {"lease_begins_anew", "after a claim and after a heartbeat the lease has not run out"},
    {"look_finds_own", "an owner that looks for its earlier claim finds only its own, and unadopted"},
    {"own_adoption_is_recognised", "a process whose adoption was applied is not refused when it asks again"},
    {"foreign_job_is_left", "a job that another program works on is taken in only after INTAKE_AFTER_MS of silence"},
    {"claim_is_unadopted", "a lease that was just claimed is adopted by nobody"},
    {"token_leases_once", "no token leases twice"},
    {"live_lease_is_kept", "a lease that has not run out is ended by its holder only"},
    {"lost_lease_writes_nothing", "who does not hold the lease changes no field of the job"},
    {"finished_is_final", "a finished job changes by retry only, a completed one never"},
    {"attempts_count_starts", "attempts = starts since the last new row or retry, without those given back"},
    {"failed_after_attempts", "a job fails only after MAX_ATTEMPTS starts without a new row"},
    {"cancel_is_kept", "a cancel that was accepted ends in cancelled, completed or failed"},
    {"cancel_was_asked", "a job is cancelled only when somebody asked for it"},
    {"every_run_recorded_once", "every lease that ended has one entry, in `ended` or as a run record, and one record"},
    {"end_claimed_is_own", "a worker that takes an end for its own has made it"},
    {"own_end_is_recognised", "a worker is never told that its lease is lost when it has ended it"},
    {"row_never_changes", "a row is inserted once and never changes"},
    {"list_never_changes", "the list of filings is inserted once and never changes"},
    {"named_blob_is_good", "every blob that a row or the job names exists and has the bytes its name says"},
    {"manifest_is_one", "every manifest made for the job is the same"},
    {"completed_is_complete", "completed: a row for every filing, and the named manifest is what list and rows make"},
    {"one_open_job", "at most one open unforced job of a company"},
    {"goal_reachable", "from every state the job can still be finished (completed, where a person may retry)"},
    {"totals_equal_facts", "every fact is counted once: in the totals or at or above the watermark"},
    {"reading_is_exact", "a reading holds every fact there was at its begin, none twice, none that is not"},
    {"reading_never_down", "a later reading is never smaller"},
    {"watermark_forward", "the watermark never goes back"},
};

const char *invariant_text(const char *name) {
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (str_eq(texts[i].name, name)) {
            return texts[i].text;
        }
    }
    return "?";
}

int invariants_count(void) {
    return (int)COUNT_OF(texts);
}

const char *invariant_name(int index) {
    return texts[index].name;
}

static bool runs(const struct world_worker *worker) {
    return worker->pc == WORKER_RUNNING || worker->pc == WORKER_MANIFEST || worker->pc == WORKER_ENDING;
}

static bool two_runners(const struct model_config *config, const struct world *world) {
    for (int a = 0; a < config->workers; a++) {
        for (int b = 0; b < a; b++) {
            const struct world_worker *one = &world->workers[a];
            const struct world_worker *other = &world->workers[b];
            if (runs(one) && runs(other) && one->token == other->token) {
                return true;
            }
        }
    }
    return false;
}

static bool fields_agree(const struct world_job *job) {
    bool foreign = job->available == AVAILABLE_NEVER || job->available == AVAILABLE_SILENT;
    bool leased = job->token != 0;
    return leased == (job->owner != 0) && (leased || !job->adopted) &&
           leased == (job->status == JOB_PROCESSING && !foreign);
}

static bool named_blobs_good(const struct model_config *config, const struct world *world) {
    for (int n = 0; n < config->filings; n++) {
        uint8_t row = world->rows[n];
        if (row && world->blobs[n][blob_slot(config, row)] != row) {
            return false;
        }
    }
    return !world->job.manifest || world->manifest_blob == world->job.manifest;
}

static bool complete(const struct model_config *config, const struct world *world) {
    int count = world_list_count(config, world->list);
    if (world->job.status != JOB_COMPLETED) {
        return world->job.manifest == 0;
    }
    return world->list != LIST_NONE && world_count_rows(world, count) == count &&
           world->job.manifest == manifest_id(config, world->list, world->rows);
}

const char *invariant_of_state(const struct model_config *config, const struct world *world) {
    const struct world_job *job = &world->job;
    if (two_runners(config, world)) {
        return "one_runner_per_token";
    }
    if (!fields_agree(job)) {
        return "lease_fields_agree";
    }
    if (world->cancel_wanted && job_status_open(job->status) && !(job->status == JOB_PROCESSING && job->cancel)) {
        return "cancel_is_kept";
    }
    if (job->status == JOB_CANCELLED && !world->cancel_wanted) {
        return "cancel_was_asked";
    }
    if (job->cancel && job->status != JOB_PROCESSING) {
        return "request_while_leased";
    }
    if (!named_blobs_good(config, world)) {
        return "named_blob_is_good";
    }
    if (!complete(config, world)) {
        return "completed_is_complete";
    }
    if (job_status_open(job->status) && world->other == OTHER_OPEN) {
        return "one_open_job";
    }
    return NULL;
}
