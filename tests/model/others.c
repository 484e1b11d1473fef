/* Steps of everything that is no worker: the network, time, keepers, fsck, a person. And how a step is made. */
#include <string.h>

#include "model/step.h"

/* ---- how a step is made ---- */

void step_begin(struct step *step) {
    step->to = step->from;
    step->broken = NULL;
    step->cut = false;
}

void step_break(struct step *step, const char *invariant) {
    if (!step->broken) {
        step->broken = invariant;
    }
}

void step_emit(struct step *step, uint32_t action) {
    uint64_t packed[SEARCH_WORDS_MAX];
    if (step->cut) {
        search_cut(step->search);
        return;
    }
    if (!step->broken && action != ACTION_START && memcmp(&step->to, &step->from, sizeof(step->to)) == 0) {
        search_stay(step->search);
        return;
    }
    world_settle(step->config, &step->to);
    const char *broken = step->broken ? step->broken : invariant_of_state(step->config, &step->to);
    layout_pack(step->layout, &step->to, packed);
    search_emit(step->search, action, packed, broken);
}

/* The request goes on its way and its sender knows nothing about it any more. */
static void delay(struct step *step, uint32_t action, const struct world_request *request) {
    step_begin(step);
    for (int i = 0; i < step->config->requests; i++) {
        if (step->to.requests[i].kind == REQUEST_NONE) {
            step->to.requests[i] = *request;
            step_emit(step, action);
            return;
        }
    }
}

void step_request(struct step *step, uint32_t action, int who, int what, const struct world_request *request,
                  void (*learns)(struct step *step, int who, const struct answer *answer)) {
    struct answer answer;
    for (enum fate fate = FATE_ANSWERED; fate <= FATE_REPLY_LOST; fate++) {
        step_begin(step);
        rules_apply(step, request, &answer);
        answer.what = what;
        if (fate == FATE_ANSWERED && learns) {
            learns(step, who, &answer);
        }
        step_emit(step, ACTION(action, who, what, fate));
        if (!learns) {
            break; /* it makes no difference whether the answer arrives */
        }
    }
    if (step->config->delayed >> request->kind & 1) {
        delay(step, ACTION(action, who, what, FATE_DELAYED), request);
    }
}

/* ---- the network, time ---- */

static void arrival_steps(struct step *step) {
    struct answer answer;
    for (int i = 0; i < step->config->requests; i++) {
        const struct world_request request = step->from.requests[i];
        bool same = i > 0 && memcmp(&request, &step->from.requests[0], sizeof(request)) == 0;
        if (request.kind == REQUEST_NONE || same) {
            continue;
        }
        step_begin(step);
        step->to.requests[i] = (struct world_request){0};
        rules_apply(step, &request, &answer);
        step_emit(step, ACTION(ACTION_ARRIVES, i, request.kind, FATE_ANSWERED));
    }
}

static void time_step(struct step *step) {
    step_begin(step);
    if (rules_time_passes(step)) {
        step_emit(step, ACTION(ACTION_TIME, 0, 0, FATE_ANSWERED));
    }
}

/* ---- keepers ---- */

static void expire_steps(struct step *step) {
    step_begin(step);
    if (!off(step->config, GUARD_EXPIRE) && rules_expire(step, false)) {
        step_emit(step, ACTION(ACTION_EXPIRE, 0, 0, FATE_ANSWERED));
    }
    step_begin(step);
    if (step->config->foreign && rules_take_in(step)) {
        step_emit(step, ACTION(ACTION_TAKE_IN, 0, 0, FATE_ANSWERED));
    }
}

/* A keeper that reads which leases ran out and then writes without looking again. */
static void read_then_expire(struct step *step, int keeper) {
    uint8_t pc = step->from.keepers[keeper].pc;
    step_begin(step);
    struct step look = *step;
    if (pc == KEEPER_IDLE && rules_expire(&look, false)) {
        step->to.keepers[keeper].pc = KEEPER_EXPIRES;
        step_emit(step, ACTION(ACTION_EXPIRE_LOOK, keeper, 0, FATE_ANSWERED));
    } else if (pc == KEEPER_EXPIRES) {
        step->to.keepers[keeper].pc = KEEPER_IDLE;
        (void)rules_expire(step, true);
        step_emit(step, ACTION(ACTION_EXPIRE, keeper, 0, FATE_ANSWERED));
    }
}

static void keeper_reads(struct step *step, int keeper) {
    for (int i = 0; i < step->config->tokens; i++) {
        uint8_t place = step->from.entries[i].place;
        if (place == ENTRY_ENDED || place == ENTRY_BOTH) {
            step_begin(step);
            step->to.keepers[keeper] = (struct world_keeper){KEEPER_READ, (uint8_t)(i + 1)};
            step_emit(step, ACTION(ACTION_RECORD_READ, keeper, i + 1, FATE_ANSWERED));
        }
    }
}

static void next_of_keeper(struct step *step, int keeper, bool inserts_next) {
    struct world_keeper *at = &step->to.keepers[keeper];
    if (at->pc == KEEPER_READ) {
        at->pc = KEEPER_MOVING;
    } else {
        *at = (struct world_keeper){0};
    }
    uint32_t action = inserts_next ? ACTION_RECORD_INSERT : ACTION_RECORD_PULL;
    step_emit(step, ACTION(action, keeper, step->from.keepers[keeper].token, FATE_ANSWERED));
}

static void learn_insert(struct step *step, int keeper, const struct answer *answer) {
    (void)answer;
    struct world_keeper *at = &step->to.keepers[keeper];
    *at = at->pc == KEEPER_READ ? (struct world_keeper){KEEPER_MOVING, at->token} : (struct world_keeper){0};
}

static void keeper_moves(struct step *step, int keeper) {
    const struct world_keeper *at = &step->from.keepers[keeper];
    bool pull = (at->pc == KEEPER_READ) == off(step->config, GUARD_RECORD_ORDER);
    if (pull) {
        step_begin(step);
        facts_pull(step, at->token);
        next_of_keeper(step, keeper, false);
    } else {
        const struct world_request request = {.kind = REQUEST_RECORD, .token = at->token};
        step_request(step, ACTION_RECORD_INSERT, keeper, at->token, &request, learn_insert);
    }
    step_begin(step);
    step->to.keepers[keeper] = (struct world_keeper){0};
    step_emit(step, ACTION(ACTION_KEEPER_CRASH, keeper, 0, FATE_ANSWERED));
}

static void keeper_steps(struct step *step, int keeper) {
    uint8_t pc = step->from.keepers[keeper].pc;
    if (off(step->config, GUARD_EXPIRE_WHOLE)) {
        read_then_expire(step, keeper);
    }
    if (!step->config->records) {
        return;
    }
    if (pc == KEEPER_IDLE) {
        keeper_reads(step, keeper);
    } else if (pc == KEEPER_READ || pc == KEEPER_MOVING) {
        keeper_moves(step, keeper);
    }
}

static void fsck_steps(struct step *step) {
    for (int n = 0; n < step->config->filings && step->config->fsck; n++) {
        for (int slot = 0; slot < M_READINGS; slot++) {
            step_begin(step);
            if (facts_fsck(step, n, slot)) {
                step_emit(step, ACTION(ACTION_FSCK, n, slot, FATE_ANSWERED));
            }
        }
    }
}

/* ---- a person ---- */

static void person_steps(struct step *step) {
    const struct world_request cancel = {.kind = REQUEST_CANCEL};
    const struct world_request retry = {.kind = REQUEST_RETRY};
    if (step->config->cancel) {
        step_request(step, ACTION_CANCEL, 0, 0, &cancel, NULL);
    }
    if (step->config->retry) {
        step_request(step, ACTION_RETRY, 0, 0, &retry, NULL);
    }
    if (step->config->company) {
        step_begin(step);
        rules_order(step);
        step_emit(step, ACTION(ACTION_ORDER, 0, 0, FATE_ANSWERED));
        step_begin(step);
        if (step->to.other == OTHER_OPEN) {
            step->to.other = OTHER_FINISHED;
            step_emit(step, ACTION(ACTION_OTHER_ENDS, 0, 0, FATE_ANSWERED));
        }
    }
}

void other_steps(struct step *step) {
    arrival_steps(step);
    time_step(step);
    expire_steps(step);
    for (int k = 0; k < step->config->keepers; k++) {
        keeper_steps(step, k);
    }
    fsck_steps(step);
    person_steps(step);
}
