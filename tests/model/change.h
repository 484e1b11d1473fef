/* One write of the job: the model's job becomes a real one, a rule of core/lease.h changes it, and it becomes the
 * model's job again. What must hold of a single write is checked on the way. */
#pragma once

#include "model/step.h"

enum { LEASE_S = 60 };
#define NOW_MS ((int64_t)1700000000000)
#define THIS_JOB "65a000000000000000000001"
#define OTHER_JOB "65a000000000000000000002"

extern const char *const token_names[M_TOKENS + 1]; /* "" for 0, as the others */
extern const char *const nonce_names[GONE_PROCESS + 1];
extern const char *const owner_names[M_WORKERS + 1];

struct change {
    enum request_kind kind;
    const char *token; /* of the caller; "" when it has none */
    struct job before, job;
    struct run_record ended; /* the entry that the rule made; token "" when none */
};

void change_load(const struct step *step, struct change *change);
/* ender: the process whose request it was, when it ends a lease. */
void change_commit(struct step *step, const struct change *change, uint8_t ender);
