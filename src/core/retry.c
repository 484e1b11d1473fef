/* Back-off; see retry.h. */
#include "core/retry.h"

static int64_t at_most(int64_t value, int64_t limit) {
    return value < limit ? value : limit;
}

int64_t backoff_next_ms(int64_t previous_ms, int64_t retry_after_ms, uint64_t random) {
    int64_t top_ms = 3 * at_most(previous_ms > BACKOFF_BASE_MS ? previous_ms : BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    uint64_t span = (uint64_t)(top_ms - BACKOFF_BASE_MS) + 1;
    int64_t delay_ms = at_most(BACKOFF_BASE_MS + (int64_t)(random % span), BACKOFF_CAP_MS);
    int64_t asked_ms = at_most(retry_after_ms, BACKOFF_CAP_MS);
    return delay_ms > asked_ms ? delay_ms : asked_ms;
}

int64_t jitter_ms(int64_t base_ms, int64_t cap_ms, int attempt, uint64_t random) {
    int64_t top_ms = at_most(base_ms, cap_ms);
    for (int i = 0; i < attempt && top_ms < cap_ms; i++)
        top_ms = top_ms > cap_ms / 2 ? cap_ms : top_ms * 2;
    if (top_ms <= 0)
        return 0;
    return (int64_t)(random % ((uint64_t)top_ms + 1));
}
