/* Condition variables whose deadlines no change of the wall clock moves. */
#pragma once

#include <pthread.h>
#include <time.h>

#include "base/macros.h"

void cond_init_monotonic(pthread_cond_t *cond);     /* counts on CLOCK_MONOTONIC; the rest here is for such ones only */
struct timespec cond_deadline(int64_t from_now_ms); /* for pthread_cond_timedwait */
/* pthread_cond_timedwait until a time of clock_monotonic_ms. */
void cond_wait_until_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);
