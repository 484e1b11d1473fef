/* Joins with a deadline. */
#include "api/threads.h"

#include "base/clock.h"
#include "base/cond.h"

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
