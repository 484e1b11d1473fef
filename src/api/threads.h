/* What the background threads share. */
#pragma once

#include <pthread.h>

#include "base/macros.h"

/* Joins a thread that sets *ended under the lock, and signals cond, as its last act. False: it has not within wait_ms.
 */
bool thread_join_within(pthread_t thread, pthread_mutex_t *lock, pthread_cond_t *cond, const bool *ended,
                        int64_t wait_ms);
