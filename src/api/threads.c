/* Condition variables and joins with a deadline. */
#include "api/threads.h"

#include <time.h>

#include "base/clock.h"

static struct timespec timespec_of(int64_t time_ms) {
    return (struct timespec){.tv_sec = (time_t)(time_ms / 1000), .tv_nsec = (long)(time_ms % 1000) * 1000000};
}

void cond_init_monotonic(pthread_cond_t *cond) {
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void cond_wait_until_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms) {
    struct timespec until = timespec_of(until_ms);
    (void)pthread_cond_timedwait(cond, lock, &until);
}

bool thread_join_within(pthread_t thread, pthread_mutex_t *lock, pthread_cond_t *cond, const bool *ended,
                        int64_t wait_ms) {
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    (void)pthread_mutex_lock(lock);
    while (!*ended && clock_monotonic_ms() < until_ms) {
        cond_wait_until_ms(cond, lock, until_ms);
    }
    bool done = *ended;
    (void)pthread_mutex_unlock(lock);
    return done && pthread_join(thread, NULL) == 0;
}
