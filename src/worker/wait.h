/* Condition variables whose deadlines no change of the wall clock moves. */
#pragma once

#include <pthread.h>
#include <time.h>

#include "base/macros.h"

void wait_cond_init(pthread_cond_t *cond);          /* counts on CLOCK_MONOTONIC */
struct timespec wait_deadline(int64_t from_now_ms); /* for pthread_cond_timedwait on such a one */
