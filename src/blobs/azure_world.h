/* What the Azure store takes from the world around it, so that tests can put something else there: clocks, sleeping,
 * addresses. All zero: the real thing. */
#pragma once

#include <pthread.h>

#include "base/buf.h"

struct azure_world {
    int64_t (*monotonic_ms)(void *context); /* NULL: clock_boot_ms */
    int64_t (*real_ms)(void *context);      /* NULL: clock_real_ms */
    void (*sleep_ms)(void *context, int64_t duration_ms);
    void *context;
    int64_t timeout_ms;       /* of a call; 0: 60 s */
    int64_t open_timeout_ms;  /* of the question for the container; 0: 10 s */
    int stall_s;              /* 0: http_client's */
    const char *metadata_url; /* of the machine's identity; NULL: the link-local address */
    bool plain_http;          /* tokens go over http, to loopback only */
};

int64_t azure_now_ms(const struct azure_world *world); /* for deadlines */
int64_t azure_real_ms(const struct azure_world *world);
void azure_sleep_ms(const struct azure_world *world, int64_t duration_ms);

/* Retries (azure.md's numbers in one place): up to AZURE_TRIES, full jitter in between. */
enum { AZURE_TRIES = 5, AZURE_CONNECT_MS = 5000 };
/* The pause before the next try; `tries` have been made. Never under what the other side asked for. */
int64_t azure_pause_ms(int tries, int64_t asked_ms);

/* Ends after 100 ms at the latest, for the next look at the time; the condition is one of cond_init_monotonic. */
void azure_wait(pthread_cond_t *cond, pthread_mutex_t *lock);

void azure_wipe(struct buf *secret); /* takes it out of the memory and frees it */
#define AUTO_WIPE CLEANUP(azure_wipe)
