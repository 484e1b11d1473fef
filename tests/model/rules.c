/* What the job store makes of a request: the model's job becomes a real one, core/lease.c decides, the result becomes
 * the model's job again. A guard that is removed is removed around the rule: it is handed something else, or what it
 * left out is done. Here too are the invariants about single writes. */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "model/step.h"

enum { LEASE_S = 60 };
#define NOW_MS ((int64_t)1700000000000)

static const char *const token_names[] = {"", "t1", "t2", "t3", "t4", "t5", "t6", "t7"};
static const char *const nonce_names[] = {"", "n1", "n2", "n3", "n-gone"};
static const char *const owner_names[] = {"", "A", "B", "C"};
_Static_assert(COUNT_OF(token_names) == M_TOKENS + 1 && COUNT_OF(nonce_names) == GONE_PROCESS + 1, "all are named");

/* One write of the job. */
struct change {
    enum request_kind kind;
    const char *token; /* of the caller; "" when it has none */
    struct job before, job;
    struct run_record ended; /* the entry that the rule made; token "" when none */
};

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

static void load(const struct step *step, struct change *change) {
    static const struct job none;
    const struct world_job *from = &step->to.job;
    struct job *job = &change->before;
    *job = none;
    memcpy(job->id, "65a000000000000000000001", OBJECT_ID_MAX);
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

static void commit(struct step *step, const struct change *change, uint8_t ender) {
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

/* ---- claim ---- */

bool rules_look(const struct step *step, uint8_t owner) {
    struct change change = {.token = ""};
    load(step, &change);
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
    load(step, &change);
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
    if (off(config, GUARD_LOST_ENTRY)) {
        change.ended.token[0] = '\0';
    }
    if (taken && step->to.entries[request->token - 1].place != ENTRY_NONE) {
        step_break(step, "token_leases_once");
    }
    if (taken && *change.job.adopted_by) {
        step_break(step, "claim_is_unadopted");
    }
    commit(step, &change, NOBODY);
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
    load(step, &change);
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
    commit(step, &change, NOBODY);
    if (config->max_attempts) {
        note_start(step);
    }
}

static void beat(struct step *step, const struct world_request *request, struct answer *ret) {
    struct change change = {.kind = REQUEST_BEAT, .token = token_names[request->token]};
    load(step, &change);
    const char *given = off(step->config, GUARD_BEAT_TOKEN) ? change.before.lease_token : change.token;
    ret->result = lease_beat(&change.job, given, NULL, NOW_MS);
    ret->cancel = change.job.cancel_requested;
    if (ret->result) {
        commit(step, &change, NOBODY);
    }
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
    load(step, &change);
    /* The filter of a release; src/worker/claim.c does not send it, see docs/model.md. */
    if (request->release && !off(config, GUARD_RELEASE) && *change.job.adopted_by) {
        ret->result = END_LOST;
        return;
    }
    const char *given = off(config, GUARD_END_TOKEN) ? change.before.lease_token : change.token;
    if (off(config, GUARD_END_CANCEL)) {
        change.job.cancel_requested = false;
    }
    if (off(config, GUARD_GIVE_BACK) && !*change.job.adopted_by) {
        (void)str_copy(change.job.adopted_by, TOKEN_MAX, "n-any");
    }
    describe_end(step, request, &how);
    ret->result = (int)lease_end(&change.job, &nothing, given, &how, NOW_MS, &change.ended);
    if (ret->result != END_DONE) {
        return;
    }
    if (off(config, GUARD_FLAG_CLEARED)) {
        change.job.cancel_requested = change.before.cancel_requested;
    }
    commit(step, &change, request->process);
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
    load(step, &change);
    return lease_end(&change.job, &list, change.token, &how, NOW_MS, &change.ended);
}

bool rules_expire(struct step *step, bool looked_before) {
    struct change change = {.token = ""};
    load(step, &change);
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
    commit(step, &change, NOBODY);
    return true;
}

/* ---- a person ---- */

static void cancel(struct step *step, struct answer *ret) {
    const struct model_config *config = step->config;
    struct change change = {.kind = REQUEST_CANCEL, .token = ""};
    uint8_t fresh = world_fresh_token(config, &step->to);
    load(step, &change);
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
    commit(step, &change, NOBODY);
}

static void retry(struct step *step, struct answer *ret) {
    const struct model_config *config = step->config;
    struct job other = {.id = "65a000000000000000000002",
                        .status = step->to.other == OTHER_OPEN ? JOB_PENDING : JOB_COMPLETED};
    struct change change = {.kind = REQUEST_RETRY, .token = ""};
    load(step, &change);
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
    commit(step, &change, NOBODY);
}

/* Another order of the company, unforced. */
void rules_order(struct step *step) {
    struct job other = {.status = step->to.other == OTHER_OPEN ? JOB_PENDING : JOB_COMPLETED};
    struct change change = {.token = ""};
    load(step, &change);
    if (!company_job_answers(step->to.names_other ? &other : &change.before)) {
        step->to.other = OTHER_OPEN;
        step->to.names_other = 1;
    }
}

/* ---- keeper and time ---- */

bool rules_take_in(struct step *step) {
    struct change change = {.token = ""};
    load(step, &change);
    if (!job_take_in(&change.job, NOW_MS, NOW_MS)) {
        return false;
    }
    commit(step, &change, NOBODY);
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
