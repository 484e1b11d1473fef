/* The heartbeat, against a job store that does what the test wants (the functions of jobs.h that it calls are made
 * here). */
#include "support/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "worker/heartbeat.h"

struct jobs {
    int opened;
};

static struct store {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum outcome answer, open_answer;
    bool cancel, hang;
    int beats, strangers, opens, closes, cuts, after;
    int64_t slow_ms; /* the answer takes so long */
    struct run_numbers numbers;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

enum outcome jobs_open(const struct jobs_config *config, struct jobs **ret, struct error *err) {
    (void)config;
    (void)pthread_mutex_lock(&store.lock);
    store.opens++;
    enum outcome answer = store.open_answer;
    (void)pthread_cond_broadcast(&store.changed);
    (void)pthread_mutex_unlock(&store.lock);
    if (answer != OK) {
        return error_set(err, answer, "store_down", "away");
    }
    *ret = x_alloc(sizeof(**ret));
    return OK;
}

void jobs_close(struct jobs *jobs) {
    (void)pthread_mutex_lock(&store.lock);
    store.closes += jobs != NULL;
    (void)pthread_cond_broadcast(&store.changed);
    (void)pthread_mutex_unlock(&store.lock);
    free(jobs);
}

enum outcome jobs_heartbeat(struct jobs *jobs, const char *job_id, const char *token, const struct run_numbers *numbers,
                            bool *ret_cancel_requested, struct error *err) {
    (void)jobs;
    (void)pthread_mutex_lock(&store.lock);
    store.beats++;
    store.strangers += !str_eq(job_id, "the job") || !str_eq(token, "the token");
    store.numbers = *numbers;
    (void)pthread_cond_broadcast(&store.changed);
    int64_t until_ms = clock_monotonic_ms() + store.slow_ms;
    while (store.hang || clock_monotonic_ms() < until_ms) {
        struct timespec soon;
        (void)clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 5000000;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&store.changed, &store.lock, &soon);
    }
    enum outcome answer = store.answer;
    *ret_cancel_requested = store.cancel;
    (void)pthread_mutex_unlock(&store.lock);
    return answer == OK ? OK : error_set(err, answer, answer == DENIED ? "lease_lost" : "store_down", "no");
}

static void on_cut(void *context) {
    (void)context;
    (void)pthread_mutex_lock(&store.lock);
    store.cuts++;
    (void)pthread_cond_broadcast(&store.changed);
    (void)pthread_mutex_unlock(&store.lock);
}

static void after(void *context, struct jobs *jobs) {
    (void)context;
    (void)jobs;
    (void)pthread_mutex_lock(&store.lock);
    store.after++;
    (void)pthread_cond_broadcast(&store.changed);
    (void)pthread_mutex_unlock(&store.lock);
}

static void numbers(void *context, struct run_numbers *ret) {
    (void)context;
    ret->listed = 7;
}

/* Waits until a counter of the store has reached a value; the test's time-out is the deadline. */
static void wait_for(const int *counter, int value) {
    (void)pthread_mutex_lock(&store.lock);
    while (*counter < value) {
        (void)pthread_cond_wait(&store.changed, &store.lock);
    }
    (void)pthread_mutex_unlock(&store.lock);
}

static int count_of(const int *counter) {
    (void)pthread_mutex_lock(&store.lock);
    int value = *counter;
    (void)pthread_mutex_unlock(&store.lock);
    return value;
}

static void set_store(enum outcome answer) {
    (void)pthread_mutex_lock(&store.lock);
    store.answer = answer;
    (void)pthread_mutex_unlock(&store.lock);
}

static struct heartbeat_config config = {.job_id = "the job", .token = "the token", .numbers = numbers, .after = after};

static int set_up_lease(void **state, int lease_seconds) {
    static int stop_fd = -1;
    if (stop_fd < 0) {
        stop_fd = stop_install();
    }
    store.answer = store.open_answer = OK;
    store.cancel = store.hang = false;
    store.beats = store.strangers = store.opens = store.closes = store.cuts = store.after = 0;
    store.slow_ms = 0;
    config.step_ms = 0;
    config.lease_seconds = lease_seconds;
    config.halt = halt_create(stop_fd, 0);
    halt_on(config.halt, on_cut, NULL);
    halt_lease_renewed(config.halt, clock_boot_ms(), lease_seconds * 1000);
    *state = heartbeat_start(&config);
    return 0;
}

static int set_up(void **state) {
    return set_up_lease(state, 3); /* long enough for a slow machine */
}

static int set_up_short(void **state) {
    return set_up_lease(state, 1);
}

static int tear_down(void **state) {
    assert_true(heartbeat_stop(*state, 30000));
    assert_int_equal(store.closes, store.open_answer == OK ? 1 : 0);
    halt_destroy(config.halt);
    return 0;
}

static void beats_and_keeps_the_lease(void **state) {
    (void)state;
    int64_t started_ms = clock_boot_ms();
    wait_for(&store.after, 4);
    assert_int_equal(halt_reason(config.halt), HALT_NONE);
    assert_true(clock_boot_ms() - started_ms > 2000); /* longer than the lease that was there at first */
    assert_int_equal(count_of(&store.opens), 1);
    assert_int_equal(count_of(&store.strangers), 0);
    assert_int_equal(count_of(&store.numbers.listed), 7);
}

static void a_cancel_request_halts(void **state) {
    (void)state;
    (void)pthread_mutex_lock(&store.lock);
    store.cancel = true;
    (void)pthread_mutex_unlock(&store.lock);
    wait_for(&store.cuts, 1);
    assert_int_equal(halt_reason(config.halt), HALT_CANCEL);
}

static void a_lost_lease_halts(void **state) {
    (void)state;
    set_store(DENIED);
    wait_for(&store.cuts, 1);
    assert_int_equal(halt_reason(config.halt), HALT_LOST);
}

static void a_store_that_is_away_halts_in_time(void **state) {
    (void)state;
    wait_for(&store.after, 1);
    set_store(RETRY);
    int before = count_of(&store.beats);
    wait_for(&store.cuts, 1);
    assert_int_equal(halt_reason(config.halt), HALT_OVERDUE);
    assert_true(count_of(&store.beats) - before >= 2); /* asked again sooner than a third of the lease */
}

static void a_store_that_hangs_halts_in_time(void **state) {
    struct heartbeat *heartbeat = *state;
    (void)pthread_mutex_lock(&store.lock);
    store.hang = true;
    (void)pthread_mutex_unlock(&store.lock);
    wait_for(&store.cuts, 1);
    assert_int_equal(halt_reason(config.halt), HALT_OVERDUE);
    assert_false(heartbeat_stop(heartbeat, 10)); /* it hangs: not joined, not freed */
    (void)pthread_mutex_lock(&store.lock);
    store.hang = false;
    (void)pthread_mutex_unlock(&store.lock);
}

static void a_good_answer_counts_from_when_it_was_sent(void **state) {
    (void)state;
    (void)pthread_mutex_lock(&store.lock);
    store.slow_ms = 250; /* the next good answer comes 833 ms after this one was sent, and 583 ms after it came */
    (void)pthread_mutex_unlock(&store.lock);
    wait_for(&store.cuts, 1);
    assert_int_equal(halt_reason(config.halt), HALT_OVERDUE);
}

static void what_comes_at_the_end_changes_nothing(void **state) {
    struct heartbeat *heartbeat = *state;
    wait_for(&store.after, 1);
    heartbeat_ending(heartbeat);
    set_store(DENIED);
    int before = count_of(&store.beats);
    wait_for(&store.beats, before + 1);
    assert_true(heartbeat_stop(heartbeat, 30000));
    assert_int_not_equal(halt_reason(config.halt), HALT_LOST);
    set_store(OK);
    *state = heartbeat_start(&config);
    store.closes = 0;
}

static int set_up_hanging_run(void **state) {
    int result = set_up_short(state);
    assert_true(heartbeat_stop(*state, 30000));
    store.closes = 0;
    config.step_ms = 100;
    *state = heartbeat_start(&config);
    return result;
}

static void a_run_that_hangs_loses_its_lease(void **state) {
    struct heartbeat *heartbeat = *state;
    for (int i = 0; i < 3; i++) { /* as long as steps come it goes on */
        heartbeat_step(heartbeat);
        wait_for(&store.cuts, 0);
    }
    wait_for(&store.cuts, 1);
    assert_int_equal(halt_reason(config.halt), HALT_OVERDUE);
    assert_true(count_of(&store.beats) <= 3);
}

static void a_run_that_used_up_its_time_loses_its_lease(void **state) {
    (void)state;
    wait_for(&store.after, 1);
    int before = count_of(&store.beats);
    halt_set_run_deadline(config.halt, clock_boot_ms());
    (void)pthread_mutex_lock(&store.lock);
    while (store.closes == 0 && store.beats <= before + 1) { /* one may have been on its way */
        (void)pthread_cond_wait(&store.changed, &store.lock);
    }
    int closes = store.closes;
    (void)pthread_mutex_unlock(&store.lock);
    assert_int_equal(closes, 1);
    assert_int_equal(halt_reason(config.halt), HALT_RUN_TIME);
}

#define CASE(function, lease) cmocka_unit_test_setup_teardown(function, lease, tear_down)

int main(void) {
    log_start("test", LOG_LEVEL_ERROR, false);
    const struct CMUnitTest tests[] = {
        CASE(beats_and_keeps_the_lease, set_up),
        CASE(a_cancel_request_halts, set_up),
        CASE(a_lost_lease_halts, set_up),
        CASE(a_store_that_is_away_halts_in_time, set_up_short),
        CASE(a_store_that_hangs_halts_in_time, set_up_short),
        CASE(a_good_answer_counts_from_when_it_was_sent, set_up_short),
        CASE(what_comes_at_the_end_changes_nothing, set_up_short),
        CASE(a_run_that_used_up_its_time_loses_its_lease, set_up_short),
        cmocka_unit_test_setup_teardown(a_run_that_hangs_loses_its_lease, set_up_hanging_run, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
