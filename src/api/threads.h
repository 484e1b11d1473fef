/* What the background threads share. */
#pragma once

#include <pthread.h>

#include "base/macros.h"

void cond_init_monotonic(pthread_cond_t *cond);
/* pthread_cond_timedwait until a time of clock_monotonic_ms. */
void cond_wait_until_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);
bool thread_join_within(pthread_t thread, int64_t wait_ms); /* false: it still runs */
