/* Clocks, sleeping, pauses; see azure_world.h. */
#include "blobs/azure_world.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/hash.h"
#include "core/retry.h"

enum { WAIT_MS = 100 };
#define PAUSE_BASE_MS ((int64_t)500)
#define PAUSE_CAP_MS ((int64_t)20000)

int64_t azure_now_ms(const struct azure_world *world) {
    return world->monotonic_ms ? world->monotonic_ms(world->context) : clock_boot_ms();
}

int64_t azure_real_ms(const struct azure_world *world) {
    return world->real_ms ? world->real_ms(world->context) : clock_real_ms();
}

void azure_sleep_ms(const struct azure_world *world, int64_t duration_ms) {
    if (world->sleep_ms) {
        world->sleep_ms(world->context, duration_ms);
        return;
    }
    struct timespec left = {.tv_sec = duration_ms / 1000, .tv_nsec = duration_ms % 1000 * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR) {
    }
}

int64_t azure_pause_ms(int tries, int64_t asked_ms) {
    uint64_t random = 0;
    random_bytes(&random, sizeof(random));
    int64_t pause_ms = jitter_ms(PAUSE_BASE_MS, PAUSE_CAP_MS, tries - 1, random);
    return pause_ms > asked_ms ? pause_ms : asked_ms;
}

void azure_wait(pthread_cond_t *cond, pthread_mutex_t *lock) {
    const struct timespec until = cond_deadline(WAIT_MS);
    (void)pthread_cond_timedwait(cond, lock, &until);
}

void azure_wipe(struct buf *secret) {
    if (secret->data) {
        explicit_bzero(secret->data, secret->capacity_bytes);
    }
    buf_finish(secret);
}
