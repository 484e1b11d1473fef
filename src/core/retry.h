/* Back-off: decorrelated jitter (base 5 s, cap 5 min). Pure: the random number is passed in. */
#pragma once

#include "base/macros.h"

#define BACKOFF_BASE_MS ((int64_t)5000)
#define BACKOFF_CAP_MS ((int64_t)300000)

/* Next delay from the one before (0 = none), uniformly in [base, 3*max(base, previous)], capped; never under what the
 * other side asked for (retry_after_ms, itself capped). `random` is any 64 random bits. */
int64_t backoff_next_ms(int64_t previous_ms, int64_t retry_after_ms, uint64_t random);
/* Full jitter for retries inside a run: uniformly in [0, min(cap, base << attempt)], attempt from 0. */
int64_t jitter_ms(int64_t base_ms, int64_t cap_ms, int attempt, uint64_t random);
