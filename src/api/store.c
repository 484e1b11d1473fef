/* The job store's handles and their breaker (store.h). */
#include "api/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

struct breaker {
    bool open;
    bool on_trial;
    int64_t until_ms;
};

struct store {
    char *data_dir;
    struct api_metrics *metrics;
    _Atomic(struct jobs *) front;
    _Atomic(struct jobs *) background;
    pthread_mutex_t lock;
    struct breaker breakers[STORE_KINDS];
};

double clock_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct store *store_create(const char *data_dir, struct api_metrics *metrics) {
    struct store *store = x_alloc(sizeof(*store));
    store->data_dir = x_strdup(data_dir);
    store->metrics = metrics;
    (void)pthread_mutex_init(&store->lock, NULL);
    return store;
}

void store_destroy(struct store *store) {
    if (!store) {
        return;
    }
    jobs_close(store->front);
    jobs_close(store->background);
    (void)pthread_mutex_destroy(&store->lock);
    free(store->data_dir);
    free(store);
}

static enum outcome open_handle(struct store *store, int deadline_ms, _Atomic(struct jobs *) *handle,
                                struct error *err) {
    if (*handle) {
        return OK;
    }
    const struct jobs_config config = {.data_dir = store->data_dir, .deadline_ms = deadline_ms};
    struct jobs *jobs = NULL;
    enum outcome outcome = jobs_open(&config, &jobs, err);
    if (outcome == OK) {
        *handle = jobs;
    }
    return outcome;
}

enum outcome store_open(struct store *store, struct error *err) {
    enum outcome outcome =
        open_handle(store, STORE_DEADLINE_MS, &store->front, err); /* the one that gives up sooner first */
    return outcome == OK ? open_handle(store, STORE_BACKGROUND_DEADLINE_MS, &store->background, err) : outcome;
}

struct jobs *store_background(struct store *store) {
    return store->background;
}

static bool breaker_lets_through(struct breaker *breaker) {
    if (!breaker->open) {
        return true;
    }
    if (breaker->on_trial || clock_monotonic_ms() < breaker->until_ms) {
        return false;
    }
    breaker->on_trial = true;
    return true;
}

bool store_begin(struct store *store, enum store_kind kind, const char *operation, struct store_call *ret) {
    struct jobs *jobs = store->background ? store->front : NULL; /* both are open */
    (void)pthread_mutex_lock(&store->lock);
    bool through = jobs && breaker_lets_through(&store->breakers[kind]);
    (void)pthread_mutex_unlock(&store->lock);
    if (through) {
        *ret = (struct store_call){
            .store = store, .jobs = jobs, .kind = kind, .operation = operation, .started_s = clock_seconds()};
    }
    return through;
}

static bool is_failure(enum outcome outcome) {
    return outcome == RETRY || outcome == FATAL;
}

/* True when this opened the breaker. */
static bool breaker_take(struct breaker *breaker, bool failed) {
    bool opened = failed && !breaker->open;
    breaker->open = failed;
    breaker->on_trial = false;
    breaker->until_ms = failed ? clock_monotonic_ms() + BREAKER_MS : 0;
    return opened;
}

enum outcome store_end(struct store_call *call, enum outcome outcome, const struct error *err) {
    struct store *store = call->store;
    bool failed = is_failure(outcome);
    (void)pthread_mutex_lock(&store->lock);
    bool opened = breaker_take(&store->breakers[call->kind], failed);
    (void)pthread_mutex_unlock(&store->lock);
    api_metrics_store(store->metrics, call->operation, clock_seconds() - call->started_s,
                      failed && call->kind == STORE_WRITE);
    if (opened) {
        log_warn("the job store does not answer", log_str("operation", call->operation), log_str("code", err->code),
                 log_str("error", err->message));
    }
    return outcome;
}

void store_set_down(struct store *store) {
    (void)pthread_mutex_lock(&store->lock);
    for (int kind = 0; kind < STORE_KINDS; kind++) {
        if (!store->breakers[kind].open) {
            (void)breaker_take(&store->breakers[kind], true);
        }
    }
    (void)pthread_mutex_unlock(&store->lock);
}
