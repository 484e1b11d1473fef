/* One step of the job model: what the stores make of a request (rules.c), what processes do (worker.c, others.c), and
 * what must hold after it (invariants.c). */
#pragma once

#include "model/world.h"

struct step {
    struct search *search;
    const struct model_config *config;
    const struct layout *layout;
    struct world from, to;
    const char *broken; /* the first invariant that the step breaks */
    bool cut;           /* it needs more tokens than the configuration has */
};

/* What a store answers. */
struct answer {
    int result; /* the enum of the rule */
    uint8_t token;
    uint8_t attempts; /* adoption */
    uint8_t list;     /* the list that holds */
    bool cancel;      /* heartbeat: a cancel is requested */
    int what;         /* which it was about: of step_request */
};

/* How a request fares. */
enum fate { FATE_ANSWERED, FATE_REPLY_LOST, FATE_DELAYED, FATES };

enum action {
    ACTION_START,
    ACTION_CLAIM,
    ACTION_LOOK,
    ACTION_COUNT_ROWS,
    ACTION_ADOPT,
    ACTION_BEAT,
    ACTION_RELEASE,
    ACTION_LIST,
    ACTION_BLOB,
    ACTION_TORN_BLOB,
    ACTION_ROW,
    ACTION_FINISH,
    ACTION_MANIFEST,
    ACTION_FAIL,
    ACTION_STOP,
    ACTION_END,
    ACTION_LOOK_BACK,
    ACTION_EXIT,
    ACTION_CRASH,
    ACTION_RESTART,
    ACTION_TIME,
    ACTION_ARRIVES,
    ACTION_EXPIRE,
    ACTION_EXPIRE_LOOK,
    ACTION_RECORD_READ,
    ACTION_RECORD_INSERT,
    ACTION_RECORD_PULL,
    ACTION_KEEPER_CRASH,
    ACTION_TAKE_IN,
    ACTION_FSCK,
    ACTION_CANCEL,
    ACTION_RETRY,
    ACTION_ORDER,
    ACTION_OTHER_ENDS,
};
#define ACTION(action, who, what, fate)                                                                                \
    ((uint32_t)(action) | (uint32_t)(who) << 8 | (uint32_t)(what) << 16 | (uint32_t)(fate) << 24)

void step_begin(struct step *step);
void step_break(struct step *step, const char *invariant);
void step_emit(struct step *step, uint32_t action);

/* ---- rules.c: requests to the job store ---- */
void rules_apply(struct step *step, const struct world_request *request, struct answer *ret);
bool rules_look(const struct step *step, uint8_t owner);
/* Looks for the token's entry in `ended` (or, else, in `runs`) after an end that matched nothing. */
enum end_result rules_look_back(struct step *step, int worker, bool in_ended);
bool rules_expire(struct step *step, bool looked_before);
bool rules_take_in(struct step *step);
bool rules_time_passes(struct step *step);
void rules_order(struct step *step);

/* ---- facts.c: requests for facts ---- */
void facts_put_list(struct step *step, const struct world_request *request, struct answer *ret);
void facts_put_blob(struct step *step, const struct world_request *request);
void facts_add_row(struct step *step, const struct world_request *request);
void facts_put_manifest(struct step *step, const struct world_request *request);
void facts_record(struct step *step, const struct world_request *request);
void facts_pull(struct step *step, uint8_t token);
void facts_append_entry(struct step *step, uint8_t token, uint8_t outcome, uint8_t ender);
bool facts_fsck(struct step *step, int filing, int slot);

/* ---- steps ---- */
/* Emits every fate of the request. `learns` makes of the sender what the answer makes of it; NULL: nothing. */
void step_request(struct step *step, uint32_t action, int who, int what, const struct world_request *request,
                  void (*learns)(struct step *step, int who, const struct answer *answer));
void worker_steps(struct step *step, int worker);
void other_steps(struct step *step);

/* ---- invariants.c ---- */
const char *invariant_of_state(const struct model_config *config, const struct world *world);
const char *invariant_text(const char *name);
int invariants_count(void);
const char *invariant_name(int index);

/* ---- print.c ---- */
void print_step(FILE *out, const void *context, uint32_t action, const uint64_t *packed);
