/* What the job store makes of a request: core/lease.c decides. A guard that is removed is removed around the rule: it
 * is handed something else, or what it left out is done. */
#include <assert.h>

#include "base/str.h"
#include "model/change.h"

/* ---- claim ---- */

bool rules_look(const struct step *step, uint8_t owner) {
    struct change change = {.token = ""};
    change_load(step, &change);
    return lease_claimed_before(&change.job, owner_names[owner], NOW_MS);
}

static void claim_without(const struct model_config *config, struct job *job) {
    if (off(config, GUARD_CLAIM_DUE) && job->available_at_ms > NOW_MS) {
        job->available_at_ms = NOW_MS;
    }
    if (off(config, GUARD_CLAIM_OPEN) && !job_status_open(job->status)) {
        job->status = JOB_PENDING;
    }
    if (off(config, GUARD_CLAIM_CANCEL)) {
        job->cancel_requested = false;
    }
}

static void claim(struct step *step, const struct world_request *request, struct answer *ret) {
    const struct model_config *config = step->config;
    struct change change = {.kind = REQUEST_CLAIM, .token = token_names[request->token]};
    change_load(step, &change);
    if (off(config, GUARD_CLAIM_EXPIRED) && change.job.status == JOB_PROCESSING) {
        ret->result = CLAIM_REFUSED;
        return;
    }
    claim_without(config, &change.job);
    ret->result =
        (int)lease_claim(&change.job, owner_names[request->owner], change.token, LEASE_S, NOW_MS, &change.ended);
    ret->token = request->token;
    if (ret->result == CLAIM_REFUSED) {
        return;
    }
    bool taken = ret->result != CLAIM_CANCELLED;
    if (taken && off(config, GUARD_CLAIM_UNADOPTED)) {
        (void)str_copy(change.job.adopted_by, TOKEN_MAX, change.before.adopted_by);
    }
    if (taken && off(config, GUARD_COUNT_AT_START)) {
        change.job.attempts++;
    }
    if (taken && off(config, GUARD_FLAG_CLEARED)) {
        change.job.cancel_requested = change.before.cancel_requested;
    }
    if (off(config, GUARD_LOST_ENTRY)) {
        change.ended.token[0] = '\0';
    }
    if (taken && step->to.entries[request->token - 1].place != ENTRY_NONE) {
        step_break(step, "token_leases_once");
    }
    if (taken && !job_lease_live(&change.job, NOW_MS)) {
        step_break(step, "lease_begins_anew");
    }
    if (taken && *change.job.adopted_by) {
        step_break(step, "claim_is_unadopted");
    }
    change_commit(step, &change, NOBODY);
}

/* ---- adopt, heartbeat ---- */

static void note_start(struct step *step) {
    int most = step->config->max_attempts + 2;
    if (step->to.fruitless < most) {
        step->to.fruitless++;
    }
    if (!step->config->stale_rows && step->to.job.attempts != step->to.fruitless) {
        step_break(step, "attempts_count_starts");
    }
}

static void adopt(struct step *step, const struct world_request *request, struct answer *ret) {
    const struct model_config *config = step->config;
    struct change change = {.kind = REQUEST_ADOPT, .token = token_names[request->token]};
    change_load(step, &change);
    const char *given = off(config, GUARD_ADOPT_TOKEN) ? change.before.lease_token : change.token;
    int rows = config->stale_rows ? request->value : world_count_rows(&step->to, config->filings);
    if (off(config, GUARD_ADOPTED_BY)) {
        change.job.adopted_by[0] = '\0';
    }
    if (off(config, GUARD_ROWS_SEEN)) {
        change.job.rows_seen = rows;
    }
    ret->result = (int)lease_adopt(&change.job, given, nonce_names[request->process], rows, NOW_MS);
    ret->attempts = (uint8_t)change.job.attempts;
    if (ret->result != ADOPT_STARTED) {
        return;
    }
    change_commit(step, &change, NOBODY);
    if (config->max_attempts) {
        note_start(step);
    }
}

static void beat(struct step *step, const struct world_request *request, struct answer *ret) {
    struct change change = {.kind = REQUEST_BEAT, .token = token_names[request->token]};
    change_load(step, &change);
    const char *given = off(step->config, GUARD_BEAT_TOKEN) ? change.before.lease_token : change.token;
    ret->result = lease_beat(&change.job, given, NULL, NOW_MS);
    ret->cancel = change.job.cancel_requested;
    if (!ret->result) {
        return;
    }
    if (!job_lease_live(&change.job, NOW_MS)) {
        step_break(step, "lease_begins_anew");
    }
    change_commit(step, &change, NOBODY);
}

/* ---- end ---- */

static void describe_end(const struct step *step, const struct world_request *request, struct lease_end *ret) {
    int count = world_list_count(step->config, step->to.list);
    bool trust = off(step->config, GUARD_COMPLETE_RULE);
    *ret = (struct lease_end){
        .outcome = request->outcome,
        .give_back_attempt = request->give_back,
        .manifest_name = request->value ? manifest_name(request->value) : NULL,
        .rows = {.expected = step->to.list || trust ? count : -1, .stored = world_count_rows(&step->to, count)},
    };
    if (request->outcome == RUN_FAILED) {
        ret->error_code = "portal_down";
        ret->error_message = "the portal is down";
    }
    if (trust) {
        ret->rows.stored = count;
    }
}

static void note_give_back(struct step *step, int attempts_before) {
    if (step->to.job.attempts < attempts_before && step->to.fruitless > 0) {
        step->to.fruitless--;
    }
}

static void end(struct step *step, const struct world_request *request, struct answer *ret) {
    static const struct ended_list nothing;
    const struct model_config *config = step->config;
    struct change change = {.kind = REQUEST_END, .token = token_names[request->token]};
    struct lease_end how;
    change_load(step, &change);
    const char *given = off(config, GUARD_END_TOKEN) ? change.before.lease_token : change.token;
    if (off(config, GUARD_END_CANCEL)) {
        change.job.cancel_requested = false;
    }
    if (off(config, GUARD_GIVE_BACK) && !*change.job.adopted_by) {
        (void)str_copy(change.job.adopted_by, TOKEN_MAX, "n-any");
    }
    describe_end(step, request, &how);
    how.unadopted_only = request->release && !off(config, GUARD_RELEASE) && *change.before.adopted_by;
    ret->result = (int)lease_end(&change.job, &nothing, given, &how, NOW_MS, &change.ended);
    if (ret->result != END_DONE) {
        return;
    }
    if (off(config, GUARD_FLAG_CLEARED)) {
        change.job.cancel_requested = change.before.cancel_requested;
    }
    change_commit(step, &change, request->process);
    if (request->give_back) {
        note_give_back(step, change.before.attempts);
    }
}

enum end_result rules_look_back(struct step *step, int worker, bool in_ended) {
    const struct model_config *config = step->config;
    uint8_t token = step->to.workers[worker].token;
    struct run_record found = {0};
    struct ended_list list = {.items = &found};
    for (uint8_t i = 0; i < M_TOKENS; i++) {
        const struct world_entry *entry = &step->to.entries[i];
        bool here = entry->place == ENTRY_BOTH || entry->place == ENTRY_TWICE ||
                    entry->place == (in_ended ? ENTRY_ENDED : ENTRY_RECORDED);
        bool mine = i + 1 == token || off(config, GUARD_LOOK_TOKEN);
        if (here && mine && list.count == 0) {
            (void)str_copy(found.token, TOKEN_MAX, token_names[token]);
            found.outcome = off(config, GUARD_LOOK_LOST) ? RUN_PENDING : entry->outcome;
            list.count = 1;
        }
    }
    struct change change = {.kind = REQUEST_END, .token = token_names[token]};
    const struct lease_end how = {.outcome = RUN_PENDING, .rows.expected = -1};
    change_load(step, &change);
    return lease_end(&change.job, &list, change.token, &how, NOW_MS, &change.ended);
}

bool rules_expire(struct step *step, bool looked_before) {
    struct change change = {.token = ""};
    change_load(step, &change);
    if (looked_before && change.job.available_at_ms > NOW_MS) {
        change.job.available_at_ms = NOW_MS;
    }
    if (off(step->config, GUARD_EXPIRE_CANCEL)) {
        change.job.cancel_requested = false;
    }
    if (!lease_expire(&change.job, NOW_MS, &change.ended)) {
        return false;
    }
    if (off(step->config, GUARD_EXPIRE_ENTRY)) {
        change.ended.token[0] = '\0';
    }
    change_commit(step, &change, NOBODY);
    return true;
}

/* ---- a person ---- */

static void cancel(struct step *step, struct answer *ret) {
    const struct model_config *config = step->config;
    struct change change = {.kind = REQUEST_CANCEL, .token = ""};
    uint8_t fresh = world_fresh_token(config, &step->to);
    change_load(step, &change);
    if (off(config, GUARD_CANCEL_OPEN) && !job_status_open(change.job.status)) {
        change.job.status = JOB_PENDING;
    }
    if (off(config, GUARD_CANCEL_LEASED) && change.job.status == JOB_PROCESSING) {
        change.job.status = JOB_PENDING;
    }
    ret->result = (int)job_cancel(&change.job, token_names[fresh], NOW_MS, &change.ended);
    if (ret->result == CANCEL_REFUSED) {
        return;
    }
    if (ret->result == CANCEL_DONE && !fresh) {
        step->cut = true;
        return;
    }
    step->to.cancel_wanted = 1;
    change_commit(step, &change, NOBODY);
}

static void retry(struct step *step, struct answer *ret) {
    const struct model_config *config = step->config;
    struct job other = {.id = OTHER_JOB, .status = step->to.other == OTHER_OPEN ? JOB_PENDING : JOB_COMPLETED};
    struct change change = {.kind = REQUEST_RETRY, .token = ""};
    change_load(step, &change);
    const struct job *named = step->to.names_other ? &other : &change.before;
    if (off(config, GUARD_RETRY_STATUS) && change.job.status == JOB_COMPLETED) {
        change.job.status = JOB_FAILED;
    }
    ret->result = (int)job_retry(&change.job, off(config, GUARD_RETRY_COMPANY) ? NULL : named, NOW_MS);
    if (ret->result != RETRY_DONE) {
        return;
    }
    if (off(config, GUARD_RETRY_ATTEMPTS)) {
        change.job.attempts = change.before.attempts;
    }
    if (off(config, GUARD_FLAG_CLEARED)) {
        change.job.cancel_requested = change.before.cancel_requested;
    }
    step->to.cancel_wanted = step->to.names_other = step->to.fruitless = 0;
    change_commit(step, &change, NOBODY);
}

/* Another order of the company, unforced. */
void rules_order(struct step *step) {
    struct job other = {.status = step->to.other == OTHER_OPEN ? JOB_PENDING : JOB_COMPLETED};
    struct change change = {.token = ""};
    change_load(step, &change);
    if (!company_job_answers(step->to.names_other ? &other : &change.before)) {
        step->to.other = OTHER_OPEN;
        step->to.names_other = 1;
    }
}

/* ---- keeper and time ---- */

bool rules_take_in(struct step *step) {
    struct change change = {.token = ""};
    change_load(step, &change);
    bool asked = change.job.cancel_requested, unheeded = asked && off(step->config, GUARD_TAKE_IN_CANCEL);
    change.job.cancel_requested = asked && !unheeded;
    if (!job_take_in(&change.job, NOW_MS, NOW_MS)) {
        return false;
    }
    change.job.cancel_requested = change.job.cancel_requested || unheeded;
    if (step->to.job.available != AVAILABLE_SILENT) {
        step_break(step, "foreign_job_is_left");
    }
    change_commit(step, &change, NOBODY);
    return true;
}

bool rules_time_passes(struct step *step) {
    struct world_job *job = &step->to.job;
    if (job->available != AVAILABLE_LATER && job->available != AVAILABLE_NEVER) {
        return false;
    }
    job->available = job->available == AVAILABLE_LATER ? AVAILABLE_NOW : AVAILABLE_SILENT;
    return job_status_open(job->status);
}

void rules_apply(struct step *step, const struct world_request *request, struct answer *ret) {
    *ret = (struct answer){0};
    switch ((enum request_kind)request->kind) {
    case REQUEST_CLAIM:
        claim(step, request, ret);
        break;
    case REQUEST_ADOPT:
        adopt(step, request, ret);
        break;
    case REQUEST_BEAT:
        beat(step, request, ret);
        break;
    case REQUEST_END:
        end(step, request, ret);
        break;
    case REQUEST_CANCEL:
        cancel(step, ret);
        break;
    case REQUEST_RETRY:
        retry(step, ret);
        break;
    case REQUEST_LIST:
        facts_put_list(step, request, ret);
        break;
    case REQUEST_BLOB:
        facts_put_blob(step, request);
        break;
    case REQUEST_ROW:
        facts_add_row(step, request);
        break;
    case REQUEST_MANIFEST:
        facts_put_manifest(step, request);
        break;
    case REQUEST_RECORD:
        facts_record(step, request);
        break;
    case REQUEST_NONE:
    case REQUEST_KINDS:
        assert(!"no request");
    }
}
