/* Which filings a run takes: a queue, its threads, and the wait for their end. */
#include "worker/fetch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cond.h"

struct fetch {
    struct fetch_plan plan;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t *threads;
    int started, running;
    int next;   /* index in the list of the first filing not looked at */
    int *again; /* indices of filings that failed once, in order */
    int again_count, again_next;
    int in_flight;
    bool cut;
    int64_t last_done_ms;
    struct fetch_result result;
};

static void fetch_destroy(struct fetch *fetch) {
    (void)pthread_mutex_destroy(&fetch->lock);
    (void)pthread_cond_destroy(&fetch->changed);
    free(fetch->threads);
    free(fetch->again);
    free(fetch);
}

/* Under the lock: whether nothing more is to be taken. */
static bool is_over(struct fetch *fetch) {
    struct fetch_result *result = &fetch->result;
    bool failing = fetch->again_count > 0 || result->failed > 0;
    if (failing && clock_monotonic_ms() - fetch->last_done_ms > fetch->plan.give_up_ms) {
        result->over = true; /* its error is that of the last failure */
    }
    return result->over || halt_reason(fetch->plan.halt) != HALT_NONE;
}

enum take { TAKE_FIRST, TAKE_AGAIN, TAKE_WAIT, TAKE_NONE };

/* Under the lock: the next filing's index, or that it has to wait for those under way, or that there is none. */
static enum take take(struct fetch *fetch, int *ret_index) {
    const struct fetch_plan *plan = &fetch->plan;
    if (is_over(fetch)) {
        return TAKE_NONE;
    }
    while (fetch->next < plan->list->count && plan->have[plan->list->items[fetch->next].number]) {
        fetch->next++;
    }
    bool list_left = fetch->next < plan->list->count;
    if (list_left && fetch->result.done + fetch->in_flight < plan->batch) {
        *ret_index = fetch->next++;
        return TAKE_FIRST;
    }
    bool first_pass_over = !list_left || fetch->result.done >= plan->batch;
    if (first_pass_over && fetch->again_next < fetch->again_count) {
        *ret_index = fetch->again[fetch->again_next++];
        return TAKE_AGAIN;
    }
    return fetch->in_flight > 0 ? TAKE_WAIT : TAKE_NONE;
}

/* Under the lock. */
static void settle(struct fetch *fetch, enum take pass, int index, enum fetch_verdict verdict,
                   const struct error *err) {
    struct fetch_result *result = &fetch->result;
    if (verdict == FETCH_DONE) {
        result->done++;
        fetch->last_done_ms = clock_monotonic_ms();
        return;
    }
    if (!result->over) {
        result->error = *err;
    }
    if (verdict == FETCH_OVER) {
        result->over = true;
    } else if (pass == TAKE_FIRST) {
        fetch->again[fetch->again_count++] = index;
    } else {
        result->failed++;
    }
}

static void *work(void *context) {
    struct fetch *fetch = context;
    const struct fetch_plan *plan = &fetch->plan;
    (void)pthread_mutex_lock(&fetch->lock);
    for (;;) {
        int index = 0;
        enum take pass = take(fetch, &index);
        if (pass == TAKE_NONE) {
            break;
        }
        if (pass == TAKE_WAIT) {
            (void)pthread_cond_wait(&fetch->changed, &fetch->lock);
            continue;
        }
        fetch->in_flight++;
        (void)pthread_mutex_unlock(&fetch->lock);
        struct error err = {0};
        enum fetch_verdict verdict = plan->one(plan->context, &plan->list->items[index], &err);
        (void)pthread_mutex_lock(&fetch->lock);
        fetch->in_flight--;
        settle(fetch, pass, index, verdict, &err);
        (void)pthread_cond_broadcast(&fetch->changed);
    }
    fetch->running--;
    bool last_of_abandoned = fetch->result.abandoned && fetch->running == 0;
    (void)pthread_cond_broadcast(&fetch->changed);
    (void)pthread_mutex_unlock(&fetch->lock);
    if (last_of_abandoned) {
        fetch_destroy(fetch);
    }
    return NULL;
}

/* Called by halt's thread. */
static void on_halt(void *context) {
    struct fetch *fetch = context;
    fetch->plan.cut(fetch->plan.context);
    (void)pthread_mutex_lock(&fetch->lock);
    fetch->cut = true;
    (void)pthread_cond_broadcast(&fetch->changed);
    (void)pthread_mutex_unlock(&fetch->lock);
}

/* Until every thread has ended, or cut_ms after those under way were cut. The last of those left behind frees. */
static void wait_for_threads(struct fetch *fetch, struct fetch_result *ret) {
    (void)pthread_mutex_lock(&fetch->lock);
    while (fetch->running > 0 && !fetch->cut && !fetch->result.over) {
        (void)pthread_cond_wait(&fetch->changed, &fetch->lock);
    }
    if (fetch->running > 0 && !fetch->cut) {
        (void)pthread_mutex_unlock(&fetch->lock);
        fetch->plan.cut(fetch->plan.context);
        (void)pthread_mutex_lock(&fetch->lock);
    }
    struct timespec until = cond_deadline(fetch->plan.cut_ms);
    int waited = 0;
    while (fetch->running > 0 && waited == 0) {
        waited = pthread_cond_timedwait(&fetch->changed, &fetch->lock, &until);
    }
    (void)pthread_mutex_unlock(&fetch->lock);
    halt_off(fetch->plan.halt); /* before anybody frees; not under the lock, which on_halt takes */
    (void)pthread_mutex_lock(&fetch->lock);
    fetch->result.abandoned = fetch->running > 0;
    *ret = fetch->result;
    for (int i = 0; ret->abandoned && i < fetch->started; i++) {
        (void)pthread_detach(fetch->threads[i]);
    }
    (void)pthread_mutex_unlock(&fetch->lock);
    for (int i = 0; !ret->abandoned && i < fetch->started; i++) {
        (void)pthread_join(fetch->threads[i], NULL);
    }
}

static void start_threads(struct fetch *fetch) {
    int count = fetch->plan.batch < fetch->plan.parallel ? fetch->plan.batch : fetch->plan.parallel;
    fetch->threads = x_alloc(sizeof(*fetch->threads) * ((size_t)count + 1));
    (void)pthread_mutex_lock(&fetch->lock);
    while (fetch->started < count && pthread_create(&fetch->threads[fetch->started], NULL, work, fetch) == 0) {
        fetch->started++;
        fetch->running++;
    }
    if (count > 0 && fetch->started == 0) {
        fetch->result.over = true;
        (void)error_set(&fetch->result.error, FATAL, "no_threads", "cannot start a thread");
    }
    (void)pthread_mutex_unlock(&fetch->lock);
}

void fetch_run(const struct fetch_plan *plan, struct fetch_result *ret) {
    struct fetch *fetch = x_alloc(sizeof(*fetch));
    fetch->plan = *plan;
    fetch->again = x_alloc(sizeof(int) * ((size_t)plan->list->count + 1));
    fetch->last_done_ms = clock_monotonic_ms();
    (void)pthread_mutex_init(&fetch->lock, NULL);
    cond_init_monotonic(&fetch->changed);
    start_threads(fetch);
    halt_on(plan->halt, on_halt, fetch);
    wait_for_threads(fetch, ret);
    if (!ret->abandoned) {
        fetch_destroy(fetch);
    }
}
