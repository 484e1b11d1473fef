/* Expired leases, run records, unfinished orders, intake, watermark, clock sanity, retention: each with its own period.
 */
#include "api/keeper.h"

#include <stdlib.h>

#include "api/threads.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/str.h"

struct step {
    const char *name;
    const char *done; /* logged with the count when there was something to do; NULL: nothing is said */
    int64_t period_ms;
    enum outcome (*run)(struct jobs *jobs, int *ret_count, struct error *err);
    retention_pass *pass;  /* instead of run */
    bool leaves_to_finish; /* what it has done is finished by the next step, at once */
};

static enum outcome advance_totals(struct jobs *jobs, int *ret_count, struct error *err) {
    bool advanced = false;
    enum outcome outcome = jobs_advance_totals(jobs, &advanced, err);
    *ret_count = advanced;
    return outcome;
}

static const struct step steps[] = {
    {.name = "expire", .done = "leases expired", .period_ms = 500, .run = jobs_expire},
    {.name = "record_runs", .period_ms = 500, .run = jobs_record_runs},
    {.name = "finish_orders", .done = "unfinished orders finished", .period_ms = 2000, .run = jobs_finish_orders},
    {.name = "take_in", .done = "jobs taken in", .period_ms = 1000, .run = jobs_take_in},
    {.name = "advance_totals", .period_ms = 30000, .run = advance_totals},
    {.name = "check_clock",
     .done = "jobs stranded by the store's clock mended",
     .period_ms = 10000,
     .run = jobs_check_clock},
    {.name = "purge",
     .done = "finished jobs purged",
     .period_ms = 60000,
     .pass = retention_purge,
     .leaves_to_finish = true},
    {.name = "finish_purges", .done = "blobs of purged jobs removed", .period_ms = 60000, .pass = retention_finish},
};
enum { STEPS = COUNT_OF(steps), PAUSE_MAX_MS = 500 };

struct keeper {
    struct store *store;
    struct api_metrics *metrics;
    struct retention retention;
    char finished_to[OBJECT_ID_MAX];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping, ended; /* under the lock */
    int64_t due_ms[STEPS];
    char failing[STEPS][ERROR_CODE_MAX]; /* the code that was logged; "" while the step works */
};

static void tell(struct keeper *own, size_t at, enum outcome outcome, int count, const struct error *err) {
    const struct step *step = &steps[at];
    char *failing = own->failing[at];
    if (outcome != OK) {
        api_metrics_keeper_failed(own->metrics, step->name);
        if (!str_eq(failing, err->code)) {
            log_warn("keeper step fails", log_str("step", step->name), log_str("code", err->code),
                     log_str("error", err->message));
        }
        (void)str_copy(failing, sizeof(own->failing[at]), err->code);
        return;
    }
    if (*failing) {
        log_info("keeper step works again", log_str("step", step->name));
        *failing = '\0';
    }
    if (count > 0 && step->done) {
        log_info("keeper", log_str("done", step->done), log_int("count", count));
    }
}

static bool stopping(void *context) {
    struct keeper *own = context;
    (void)pthread_mutex_lock(&own->lock);
    bool stop = own->stopping;
    (void)pthread_mutex_unlock(&own->lock);
    return stop;
}

static enum outcome run_step(struct keeper *own, size_t at, struct jobs *jobs) {
    const struct step *step = &steps[at];
    struct error err = {0};
    int count = 0;
    bool more = false;
    enum outcome outcome =
        step->run ? step->run(jobs, &count, &err) : step->pass(&own->retention, jobs, &count, &more, &err);
    tell(own, at, outcome, count, &err);
    own->due_ms[at] = clock_monotonic_ms() + (more ? 0 : step->period_ms);
    if (step->leaves_to_finish && count > 0) {
        own->due_ms[at + 1] = 0;
    }
    return outcome;
}

/* The steps that are due. A store that is away ends the pass: the other steps would only wait for it too. */
static void pass(struct keeper *own, struct jobs *jobs) {
    for (size_t at = 0; at < STEPS && !stopping(own); at++) {
        if (clock_monotonic_ms() >= own->due_ms[at] && run_step(own, at, jobs) == RETRY) {
            return;
        }
    }
}

/* True: stop. */
static bool wait_for_due(struct keeper *own) {
    int64_t until_ms = clock_monotonic_ms() + PAUSE_MAX_MS;
    for (size_t at = 0; at < STEPS; at++) {
        until_ms = own->due_ms[at] > 0 && own->due_ms[at] < until_ms ? own->due_ms[at] : until_ms;
    }
    int64_t earliest_ms = clock_monotonic_ms() + 50;
    until_ms = until_ms < earliest_ms ? earliest_ms : until_ms;
    (void)pthread_mutex_lock(&own->lock);
    while (!own->stopping && clock_monotonic_ms() < until_ms) {
        cond_wait_until_ms(&own->wake, &own->lock, until_ms);
    }
    bool stop = own->stopping;
    (void)pthread_mutex_unlock(&own->lock);
    return stop;
}

static void *run(void *context) {
    struct keeper *own = context;
    do {
        struct jobs *jobs = store_background(own->store);
        if (jobs) {
            pass(own, jobs);
        }
    } while (!wait_for_due(own));
    (void)pthread_mutex_lock(&own->lock);
    own->ended = true;
    (void)pthread_cond_broadcast(&own->wake);
    (void)pthread_mutex_unlock(&own->lock);
    return NULL;
}

struct keeper *keeper_start(const struct keeper_config *config) {
    struct keeper *own = x_alloc(sizeof(*own));
    own->store = config->store;
    own->metrics = config->metrics;
    own->retention = (struct retention){.blobs = config->blobs,
                                        .keep_ms = (int64_t)config->retention_days * 24 * 60 * 60 * 1000,
                                        .stop = stopping,
                                        .context = own,
                                        .finished_to = own->finished_to};
    (void)pthread_mutex_init(&own->lock, NULL);
    cond_init_monotonic(&own->wake);
    if (pthread_create(&own->thread, NULL, run, own) != 0) {
        abort();
    }
    return own;
}

void keeper_ask_to_stop(struct keeper *own) {
    (void)pthread_mutex_lock(&own->lock);
    own->stopping = true;
    (void)pthread_cond_broadcast(&own->wake);
    (void)pthread_mutex_unlock(&own->lock);
}

bool keeper_stop(struct keeper *own, int64_t wait_ms) {
    if (!own) {
        return true;
    }
    keeper_ask_to_stop(own);
    if (!thread_join_within(own->thread, &own->lock, &own->wake, &own->ended, wait_ms)) {
        return false;
    }
    (void)pthread_cond_destroy(&own->wake);
    (void)pthread_mutex_destroy(&own->lock);
    free(own);
    return true;
}
