/* What the background threads share. */
#pragma once

#include <pthread.h>

#include "base/macros.h"

void cond_init_monotonic(pthread_cond_t *cond);
/* pthread_cond_timedwait until a time of clock_monotonic_ms. */
void cond_wait_until_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);
/* Joins a thread that sets *ended under the lock, and signals cond, as its last act. False: it has not within wait_ms.
 */
bool thread_join_within(pthread_t thread, pthread_mutex_t *lock, pthread_cond_t *cond, const bool *ended,
                        int64_t wait_ms);
