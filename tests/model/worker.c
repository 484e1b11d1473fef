/* What a worker does, as src/worker has it (run.c, run_lease.c, run_end.c, document.c): at every point any of the next
 * requests, or that it is told to stop, fails or dies. A worker that takes no step for long is one that was stopped. It
 * looks at no clock: that a run halts itself after 2/3 of its lease saves work, nothing here rests on it. */
#include <assert.h>

#include "core/batch.h"
#include "model/step.h"

enum { BATCH_PERCENT = 35 };

static struct world_worker *self(struct step *step, int worker) {
    return &step->to.workers[worker];
}

static const struct world_worker *before(const struct step *step, int worker) {
    return &step->from.workers[worker];
}

static struct world_request request_of(const struct step *step, int worker, enum request_kind kind) {
    return (struct world_request){
        .kind = (uint8_t)kind,
        .token = before(step, worker)->token,
        .process = (uint8_t)(worker + 1),
    };
}

/* ---- claim ---- */

static void learn_claim(struct step *step, int worker, const struct answer *answer) {
    if (answer->result == CLAIM_TAKEN || answer->result == CLAIM_TAKEN_OVER) {
        self(step, worker)->pc = WORKER_CLAIMED;
        self(step, worker)->token = answer->token;
    }
}

/* The token of the next try. A worker that does not draw anew uses that of the try whose fate it does not know. */
static uint8_t token_to_try(const struct step *step, int worker) {
    for (int i = 0; i < step->config->requests && off(step->config, GUARD_FRESH_TOKEN); i++) {
        const struct world_request *sent = &step->from.requests[i];
        if (sent->kind == REQUEST_CLAIM && sent->process == worker + 1) {
            return sent->token;
        }
    }
    return world_fresh_token(step->config, &step->from);
}

static void claim_steps(struct step *step, int worker) {
    uint8_t owner = step->config->owners[worker];
    bool earlier = rules_look(step, owner);
    if (earlier && !off(step->config, GUARD_OWNER_LOOK)) {
        step_begin(step);
        self(step, worker)->pc = WORKER_CLAIMED;
        self(step, worker)->token = step->to.job.token;
        if (step->to.job.owner != owner || step->to.job.adopted) {
            step_break(step, "look_finds_own");
        }
        step_emit(step, ACTION(ACTION_LOOK, worker, 0, FATE_ANSWERED));
    }
    struct world_request request = request_of(step, worker, REQUEST_CLAIM);
    request.owner = owner;
    request.token = token_to_try(step, worker);
    if (!request.token) {
        search_cut(step->search);
        return;
    }
    step_request(step, ACTION_CLAIM, worker, 0, &request, learn_claim);
}

/* ---- adopt ---- */

static void learn_adoption(struct step *step, int worker, const struct answer *answer) {
    struct world_worker *at = self(step, worker);
    if (answer->result == ADOPT_REFUSED) {
        if (step->from.job.token == at->token && step->from.job.adopted == worker + 1) {
            step_break(step, "own_adoption_is_recognised");
        }
        world_process_ends(&step->to, worker);
        return;
    }
    at->pc = WORKER_RUNNING;
    at->rows = 0;
    if (step->config->max_attempts && answer->attempts > step->config->max_attempts) {
        at->pc = WORKER_ENDING;
        at->outcome = RUN_EXHAUSTED;
    }
}

static void adopt_steps(struct step *step, int worker) {
    bool counts = step->config->stale_rows;
    if (counts && before(step, worker)->pc == WORKER_CLAIMED) {
        step_begin(step);
        self(step, worker)->pc = WORKER_COUNTED;
        self(step, worker)->rows = (uint8_t)world_count_rows(&step->to, step->config->filings);
        step_emit(step, ACTION(ACTION_COUNT_ROWS, worker, 0, FATE_ANSWERED));
        return;
    }
    struct world_request request = request_of(step, worker, REQUEST_ADOPT);
    request.value = before(step, worker)->rows;
    step_request(step, ACTION_ADOPT, worker, 0, &request, learn_adoption);
}

/* ---- end ---- */

static void begin_end(struct step *step, int worker, enum run_outcome outcome, bool give_back) {
    struct world_worker *at = self(step, worker);
    at->pc = WORKER_ENDING;
    at->outcome = (uint8_t)outcome;
    at->give_back = give_back;
    for (int n = 0; n < M_FILINGS && !step->config->zombies; n++) {
        at->filings[n] = FILING_IDLE;
    }
}

static void over(struct step *step, int worker) {
    struct world_worker *at = self(step, worker);
    bool threads = at->filings[0] || at->filings[1] || at->filings[2];
    if (!threads) {
        world_process_ends(&step->to, worker);
        return;
    }
    at->pc = WORKER_ENDED;
    at->token = at->outcome = at->give_back = at->manifest = at->list = 0;
}

static void judge_repeated(struct step *step, int worker, const struct world_entry *entry) {
    if (entry->ender != worker + 1) {
        step_break(step, "end_claimed_is_own");
    }
}

static void judge_lost(struct step *step, int worker, const struct world_entry *entry) {
    if (entry->ender == worker + 1 && entry->outcome != RUN_LOST) {
        step_break(step, "own_end_is_recognised");
    }
}

/* The end matched nothing: was it mine? */
static void look_back(struct step *step, int worker) {
    bool first = before(step, worker)->pc == WORKER_LOOK_1;
    const struct world_entry *entry = &step->from.entries[before(step, worker)->token - 1];
    step_begin(step);
    bool in_ended = first != off(step->config, GUARD_LOOK_ORDER);
    enum end_result found = rules_look_back(step, worker, in_ended);
    if (found == END_REPEATED) {
        judge_repeated(step, worker, entry);
        over(step, worker);
    } else if (first) {
        self(step, worker)->pc = WORKER_LOOK_2;
    } else {
        judge_lost(step, worker, entry);
        over(step, worker);
    }
    step_emit(step, ACTION(ACTION_LOOK_BACK, worker, in_ended, FATE_ANSWERED));
}

static void learn_end(struct step *step, int worker, const struct answer *answer) {
    if (answer->result != END_LOST) { /* END_INCOMPLETE: the lease runs out */
        over(step, worker);
    } else if (step->config->records) {
        self(step, worker)->pc = WORKER_LOOK_1;
    } else { /* the embedded store looks within the same transaction */
        const struct world_entry *entry = &step->from.entries[before(step, worker)->token - 1];
        if (rules_look_back(step, worker, false) == END_REPEATED) {
            judge_repeated(step, worker, entry);
        } else {
            judge_lost(step, worker, entry);
        }
        over(step, worker);
    }
}

static void learn_release(struct step *step, int worker, const struct answer *answer) {
    (void)answer;
    world_process_ends(&step->to, worker);
}

static void end_steps(struct step *step, int worker) {
    const struct world_worker *at = before(step, worker);
    bool release = at->pc == WORKER_RELEASING;
    struct world_request request = request_of(step, worker, REQUEST_END);
    request.outcome = at->outcome;
    request.give_back = at->give_back;
    request.release = release;
    request.value = at->manifest;
    step_request(step, ACTION_END, worker, at->outcome, &request, release ? learn_release : learn_end);
}

/* ---- facts ---- */

static void learn_list(struct step *step, int worker, const struct answer *answer) {
    struct world_worker *at = self(step, worker);
    int count = world_list_count(step->config, answer->list);
    int left = batch_size(count, BATCH_PERCENT);
    at->list = answer->list;
    for (int n = 0; n < count; n++) {
        if (!step->to.rows[n] && left > 0) {
            at->filings[n] = off(step->config, GUARD_BLOB_FIRST) ? FILING_STORED : FILING_TODO;
            left--;
        }
    }
}

static void list_steps(struct step *step, int worker) {
    struct world_request request = request_of(step, worker, REQUEST_LIST);
    uint8_t first = step->config->list_grows ? LIST_SHORT : LIST_FULL;
    for (request.value = first; request.value <= LIST_FULL; request.value++) {
        step_request(step, ACTION_LIST, worker, request.value, &request, learn_list);
        if (step->from.list != LIST_NONE && !off(step->config, GUARD_LIST_ONCE)) {
            return; /* the list that is there is read, the portal is not asked */
        }
    }
}

static void learn_blob(struct step *step, int worker, const struct answer *answer) {
    bool first = !off(step->config, GUARD_BLOB_FIRST);
    self(step, worker)->filings[answer->what] = first ? FILING_STORED : FILING_IDLE;
}

static void learn_row(struct step *step, int worker, const struct answer *answer) {
    bool first = !off(step->config, GUARD_BLOB_FIRST);
    self(step, worker)->filings[answer->what] = first ? FILING_IDLE : FILING_TODO;
}

/* The put was cut by the death of its process and left other bytes under the name. */
static void torn_blob(struct step *step, int worker, int n, uint8_t reading) {
    step_begin(step);
    uint8_t *blob = &step->to.blobs[n][blob_slot(step->config, reading)];
    if (*blob == BLOB_ABSENT) {
        *blob = BLOB_DAMAGED;
        world_process_ends(&step->to, worker);
        step_emit(step, ACTION(ACTION_TORN_BLOB, worker, n, FATE_ANSWERED));
    }
}

static void filing_steps(struct step *step, int worker) {
    for (int n = 0; n < step->config->filings; n++) {
        uint8_t at = before(step, worker)->filings[n];
        uint8_t reading = step->config->readings[worker];
        struct world_request request = request_of(step, worker, at == FILING_TODO ? REQUEST_BLOB : REQUEST_ROW);
        request.token = 0;
        request.number = (uint8_t)n;
        request.value = reading;
        if (at == FILING_TODO) {
            step_request(step, ACTION_BLOB, worker, n, &request, learn_blob);
        } else if (at == FILING_STORED) {
            step_request(step, ACTION_ROW, worker, n, &request, learn_row);
        }
        if (at == FILING_TODO && step->config->torn) {
            torn_blob(step, worker, n, reading);
        }
    }
}

/* The batch is done: counts the rows again and says completed or pending. */
static void finish_step(struct step *step, int worker) {
    const struct model_config *config = step->config;
    uint8_t list = before(step, worker)->list;
    int count = world_list_count(config, list);
    step_begin(step);
    struct world_worker *at = self(step, worker);
    if (world_count_rows(&step->to, count) == count || off(config, GUARD_COMPLETE_LOOK)) {
        uint8_t own = config->readings[worker];
        const uint8_t mine[M_FILINGS] = {own, own, own};
        at->pc = WORKER_MANIFEST;
        at->manifest = manifest_id(config, list, off(config, GUARD_MANIFEST_ROWS) ? mine : step->to.rows);
        if (off(config, GUARD_MANIFEST_FIRST)) {
            begin_end(step, worker, RUN_COMPLETED, false);
        }
    } else {
        begin_end(step, worker, RUN_PENDING, false);
    }
    step_emit(step, ACTION(ACTION_FINISH, worker, 0, FATE_ANSWERED));
}

static void learn_manifest(struct step *step, int worker, const struct answer *answer) {
    (void)answer;
    begin_end(step, worker, RUN_COMPLETED, false);
}

static void manifest_steps(struct step *step, int worker) {
    struct world_request request = request_of(step, worker, REQUEST_MANIFEST);
    request.value = before(step, worker)->manifest;
    step_request(step, ACTION_MANIFEST, worker, 0, &request, learn_manifest);
}

/* ---- a run ---- */

static void halt(struct step *step, int worker, enum run_outcome outcome, bool give_back) {
    begin_end(step, worker, outcome, give_back);
    self(step, worker)->manifest = 0;
}

static void learn_beat(struct step *step, int worker, const struct answer *answer) {
    if (!answer->result) {
        halt(step, worker, RUN_FAILED, true);
    } else if (answer->cancel) {
        halt(step, worker, RUN_CANCELLED, false);
    }
}

static void halt_steps(struct step *step, int worker) {
    const struct model_config *config = step->config;
    for (int give_back = 0; give_back < 2 && config->failures; give_back++) {
        step_begin(step);
        halt(step, worker, RUN_FAILED, give_back);
        step_emit(step, ACTION(ACTION_FAIL, worker, give_back, FATE_ANSWERED));
    }
    if (config->stops) {
        step_begin(step);
        halt(step, worker, RUN_INTERRUPTED, true);
        step_emit(step, ACTION(ACTION_STOP, worker, 0, FATE_ANSWERED));
    }
}

static void run_steps(struct step *step, int worker) {
    const struct world_worker *at = before(step, worker);
    const struct world_request request = request_of(step, worker, REQUEST_BEAT);
    step_request(step, ACTION_BEAT, worker, 0, &request, learn_beat);
    halt_steps(step, worker);
    if (at->pc == WORKER_MANIFEST) {
        manifest_steps(step, worker);
    } else if (at->list == LIST_NONE) {
        list_steps(step, worker);
    } else if (!at->filings[0] && !at->filings[1] && !at->filings[2]) {
        finish_step(step, worker);
    }
}

static void release_step(struct step *step, int worker) {
    if (step->config->stops) {
        step_begin(step);
        self(step, worker)->pc = WORKER_RELEASING;
        self(step, worker)->outcome = RUN_INTERRUPTED;
        self(step, worker)->give_back = 1;
        step_emit(step, ACTION(ACTION_RELEASE, worker, 0, FATE_ANSWERED));
    }
}

static void death_steps(struct step *step, int worker) {
    uint8_t token = before(step, worker)->token;
    step_begin(step);
    world_process_ends(&step->to, worker);
    bool ended = before(step, worker)->pc == WORKER_ENDED;
    step_emit(step, ACTION(ended ? ACTION_EXIT : ACTION_CRASH, worker, 0, FATE_ANSWERED));
    if (step->config->restarts && token) { /* its container starts again with the same claim file */
        step_begin(step);
        world_process_ends(&step->to, worker);
        self(step, worker)->pc = WORKER_CLAIMED;
        self(step, worker)->token = token;
        step_emit(step, ACTION(ACTION_RESTART, worker, 0, FATE_ANSWERED));
    }
}

void worker_steps(struct step *step, int worker) {
    switch ((enum worker_pc)before(step, worker)->pc) {
    case WORKER_IDLE:
        claim_steps(step, worker);
        return;
    case WORKER_CLAIMED:
        release_step(step, worker);
        adopt_steps(step, worker);
        break;
    case WORKER_COUNTED:
        adopt_steps(step, worker);
        break;
    case WORKER_RUNNING:
    case WORKER_MANIFEST:
        run_steps(step, worker);
        break;
    case WORKER_ENDING:
    case WORKER_RELEASING:
        end_steps(step, worker);
        break;
    case WORKER_LOOK_1:
    case WORKER_LOOK_2:
        look_back(step, worker);
        break;
    case WORKER_ENDED:
        break;
    }
    filing_steps(step, worker);
    death_steps(step, worker);
}
