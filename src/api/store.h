/* The job store as handlers see it: opened when it can be reached, behind a breaker, and measured.
 *
 * A store that is down must cost a request no more than a second, and must not hold every server thread. So the
 * handlers' calls have a short deadline, and after a failure a class of calls (reads, writes) is refused at once until
 * one trial call has come through: closed ──failure──> open ──BREAKER_MS──> half open (one call on trial) ──success──>
 * closed ^                              │failure └──────────────────────────────┘ */
#pragma once

#include "api/metrics.h"
#include "jobs/jobs.h"

enum store_kind { STORE_READ, STORE_WRITE };
enum { STORE_KINDS = 2, STORE_DEADLINE_MS = 700, STORE_BACKGROUND_DEADLINE_MS = 10000, BREAKER_MS = 500 };

struct store;
struct store_call {
    struct store *store;
    struct jobs *jobs; /* the handle to call */
    enum store_kind kind;
    const char *operation;
    double started_s;
};

struct store *store_create(const char *data_dir, struct api_metrics *metrics);
void store_destroy(struct store *store);
/* Opens what is not open yet; for one thread at a time. */
MUST_USE enum outcome store_open(struct store *store, struct error *err);
/* The handle of keeper and snapshot (longer deadline); NULL before store_open was OK. */
struct jobs *store_background(struct store *store);
/* False: not open yet, or refused by the breaker. */
bool store_begin(struct store *store, enum store_kind kind, const char *operation, struct store_call *ret);
/* Measures, moves the breaker, logs when it opens. Returns outcome. */
enum outcome store_end(struct store_call *call, enum outcome outcome, const struct error *err);
/* The snapshot found the store not answering: handlers need not try. */
void store_set_down(struct store *store);
double clock_seconds(void); /* monotonic */
