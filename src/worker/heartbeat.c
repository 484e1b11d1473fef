/* The heartbeat thread. */
#include "worker/heartbeat.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"

#define STEP_MS_DEFAULT ((int64_t)300000)

struct heartbeat {
    struct heartbeat_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop, ended;
    _Atomic int64_t last_step_ms; /* CLOCK_BOOTTIME */
    atomic_bool ending;
    struct jobs *jobs; /* of the thread alone */
};

/* True: the end was asked for. */
static bool pause_ms(struct heartbeat *heartbeat, int64_t wait_ms) {
    struct timespec until = cond_deadline(wait_ms);
    (void)pthread_mutex_lock(&heartbeat->lock);
    int waited = 0;
    while (!heartbeat->stop && waited == 0) {
        waited = pthread_cond_timedwait(&heartbeat->changed, &heartbeat->lock, &until);
    }
    bool stop = heartbeat->stop;
    (void)pthread_mutex_unlock(&heartbeat->lock);
    return stop;
}

static enum outcome send_beat(struct heartbeat *heartbeat, bool *ret_cancel, struct error *err) {
    const struct heartbeat_config *config = &heartbeat->config;
    struct run_numbers numbers = {0};
    if (!heartbeat->jobs) {
        const struct jobs_config store = {.data_dir = config->data_dir};
        enum outcome outcome = jobs_open(&store, &heartbeat->jobs, err);
        if (outcome != OK) {
            return outcome;
        }
    }
    config->numbers(config->context, &numbers);
    return jobs_heartbeat(heartbeat->jobs, config->job_id, config->token, &numbers, ret_cancel, err);
}

/* One beat; how long until the next one. */
static int64_t beat(struct heartbeat *heartbeat) {
    const struct heartbeat_config *config = &heartbeat->config;
    int64_t lease_ms = (int64_t)config->lease_seconds * 1000;
    int64_t sent_ms = clock_boot_ms();
    bool cancel = false;
    struct error err = {0};
    enum outcome outcome = send_beat(heartbeat, &cancel, &err);
    if (heartbeat->ending) {
        return lease_ms / 3;
    }
    if (outcome == OK) {
        halt_lease_renewed(config->halt, sent_ms, lease_ms);
        if (cancel) {
            halt_set(config->halt, HALT_CANCEL);
        }
        if (config->after) {
            config->after(config->context, heartbeat->jobs);
        }
        return lease_ms / 3;
    }
    if (outcome == DENIED) {
        halt_set(config->halt, HALT_LOST);
        return lease_ms;
    }
    log_warn("heartbeat failed", log_str("job", config->job_id), log_str("code", err.code),
             log_str("error", err.message));
    return lease_ms / 12;
}

/* A run that does not get on, or that has used up its time, shall lose its lease. */
static bool falls_silent(struct heartbeat *heartbeat) {
    if (halt_reason(heartbeat->config.halt) == HALT_RUN_TIME) {
        return true;
    }
    if (clock_boot_ms() - heartbeat->last_step_ms <= heartbeat->config.step_ms) {
        return false;
    }
    log_error("no heartbeat any more: the run does not get on", log_str("job", heartbeat->config.job_id),
              log_int("silent_after_ms", heartbeat->config.step_ms));
    return true;
}

static void *beat_on(void *context) {
    struct heartbeat *heartbeat = context;
    int64_t wait_ms = 0;
    do {
        if (falls_silent(heartbeat)) {
            break;
        }
        wait_ms = beat(heartbeat);
    } while (!pause_ms(heartbeat, wait_ms));
    jobs_close(heartbeat->jobs);
    (void)pthread_mutex_lock(&heartbeat->lock);
    heartbeat->ended = true;
    (void)pthread_cond_broadcast(&heartbeat->changed);
    (void)pthread_mutex_unlock(&heartbeat->lock);
    return NULL;
}

struct heartbeat *heartbeat_start(const struct heartbeat_config *config) {
    struct heartbeat *heartbeat = x_alloc(sizeof(*heartbeat));
    heartbeat->config = *config;
    if (heartbeat->config.step_ms == 0) {
        heartbeat->config.step_ms = STEP_MS_DEFAULT;
    }
    heartbeat->last_step_ms = clock_boot_ms();
    (void)pthread_mutex_init(&heartbeat->lock, NULL);
    cond_init_monotonic(&heartbeat->changed);
    if (pthread_create(&heartbeat->thread, NULL, beat_on, heartbeat) != 0) {
        abort();
    }
    return heartbeat;
}

void heartbeat_step(struct heartbeat *heartbeat) {
    heartbeat->last_step_ms = clock_boot_ms();
}

void heartbeat_ending(struct heartbeat *heartbeat) {
    heartbeat->ending = true;
}

bool heartbeat_stop(struct heartbeat *heartbeat, int64_t wait_ms) {
    if (!heartbeat) {
        return true;
    }
    (void)pthread_mutex_lock(&heartbeat->lock);
    heartbeat->stop = true;
    (void)pthread_cond_broadcast(&heartbeat->changed);
    struct timespec until = cond_deadline(wait_ms);
    int waited = 0;
    while (!heartbeat->ended && waited == 0) {
        waited = pthread_cond_timedwait(&heartbeat->changed, &heartbeat->lock, &until);
    }
    bool ended = heartbeat->ended;
    (void)pthread_mutex_unlock(&heartbeat->lock);
    if (!ended) {
        return false;
    }
    (void)pthread_join(heartbeat->thread, NULL);
    (void)pthread_mutex_destroy(&heartbeat->lock);
    (void)pthread_cond_destroy(&heartbeat->changed);
    free(heartbeat);
    return true;
}
