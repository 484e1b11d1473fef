/* Which filings a run takes, in which order, and when it stops. */
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/stop.h"
#include "base/str.h"
#include "worker/fetch.h"

enum { FILINGS = 12, TRIES_MAX = 2 };

struct scene {
    struct filing filings[FILINGS];
    struct filing_list list;
    bool have[FILINGS + 1];
    int fails[FILINGS + 1]; /* how many tries of filing n fail */
    int over_at;            /* filing whose verdict ends the run */
    bool block;             /* every filing hangs until it is cut */
    bool deaf;              /* … and does not hear the cut */
    int together;           /* no filing ends before so many are under way at once */
    struct halt *halt;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool cut, released;
    int cuts;
    int order[FILINGS * TRIES_MAX + 1], tries, tried[FILINGS + 1], in_flight, most_in_flight;
    struct fetch_plan plan;
    struct fetch_result result;
};

static enum fetch_verdict one(void *context, const struct filing *filing, struct error *err) {
    struct scene *scene = context;
    enum fetch_verdict verdict = FETCH_DONE;
    (void)pthread_mutex_lock(&scene->lock);
    if (scene->tries < FILINGS * TRIES_MAX) {
        scene->order[scene->tries] = filing->number;
    }
    scene->tries++;
    scene->in_flight++;
    if (scene->in_flight > scene->most_in_flight) {
        scene->most_in_flight = scene->in_flight;
    }
    (void)pthread_cond_broadcast(&scene->changed);
    while (scene->most_in_flight < scene->together) {
        (void)pthread_cond_wait(&scene->changed, &scene->lock);
    }
    while (scene->block && !(scene->deaf ? scene->released : scene->cut)) {
        (void)pthread_cond_wait(&scene->changed, &scene->lock);
    }
    if (++scene->tried[filing->number] <= scene->fails[filing->number] || scene->block) {
        verdict = FETCH_LATER;
        (void)error_set(err, RETRY, "portal_down", "filing %d: not now", filing->number);
    }
    if (scene->over_at == filing->number) {
        verdict = FETCH_OVER;
        (void)error_set(err, FATAL, "disk_full", "filing %d: full", filing->number);
    }
    scene->in_flight--;
    (void)pthread_cond_broadcast(&scene->changed);
    (void)pthread_mutex_unlock(&scene->lock);
    return verdict;
}

static void cut(void *context) {
    struct scene *scene = context;
    (void)pthread_mutex_lock(&scene->lock);
    scene->cut = true;
    scene->cuts++;
    (void)pthread_cond_broadcast(&scene->changed);
    (void)pthread_mutex_unlock(&scene->lock);
}

static int set_up(void **state) {
    struct scene *scene = x_alloc(sizeof(*scene));
    for (int i = 0; i < FILINGS; i++) {
        scene->filings[i].number = i + 1;
    }
    scene->list = (struct filing_list){scene->filings, FILINGS};
    (void)pthread_mutex_init(&scene->lock, NULL);
    (void)pthread_cond_init(&scene->changed, NULL);
    scene->halt = halt_create(*(int *)*state, 0);
    scene->plan = (struct fetch_plan){
        .list = &scene->list,
        .have = scene->have,
        .batch = 4,
        .parallel = 1,
        .give_up_ms = 60000,
        .halt = scene->halt,
        .one = one,
        .cut = cut,
        .context = scene,
        .cut_ms = 20000,
    };
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    halt_destroy(scene->halt);
    (void)pthread_mutex_destroy(&scene->lock);
    (void)pthread_cond_destroy(&scene->changed);
    free(scene);
    return 0;
}

static void assert_order(const struct scene *scene, const int *order, int count) {
    assert_int_equal(scene->tries, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(scene->order[i], order[i]);
    }
}

static void takes_the_first_without_a_row(void **state) {
    struct scene *scene = *state;
    scene->have[1] = scene->have[3] = scene->have[4] = true;
    fetch_run(&scene->plan, &scene->result);
    assert_order(scene, (int[]){2, 5, 6, 7}, 4);
    assert_int_equal(scene->result.done, 4);
    assert_int_equal(scene->result.failed, 0);
    assert_false(scene->result.over);
    assert_int_equal(scene->cuts, 0);
}

static void takes_what_is_left(void **state) {
    struct scene *scene = *state;
    for (int n = 1; n <= 10; n++) {
        scene->have[n] = true;
    }
    fetch_run(&scene->plan, &scene->result);
    assert_order(scene, (int[]){11, 12}, 2);
    assert_int_equal(scene->result.done, 2);
}

static void passes_over_and_tries_again_last(void **state) {
    struct scene *scene = *state;
    scene->fails[1] = scene->fails[3] = 1;
    fetch_run(&scene->plan, &scene->result);
    assert_order(scene, (int[]){1, 2, 3, 4, 5, 6, 1, 3}, 8);
    assert_int_equal(scene->result.done, 6);
    assert_int_equal(scene->result.failed, 0);
}

static void the_first_never_block_the_rest(void **state) {
    struct scene *scene = *state;
    for (int n = 1; n <= 7; n++) {
        scene->fails[n] = 99;
    }
    fetch_run(&scene->plan, &scene->result);
    assert_order(scene, (int[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2, 3, 4, 5, 6, 7}, 18);
    assert_int_equal(scene->result.done, 4);
    assert_int_equal(scene->result.failed, 7);
    assert_false(scene->result.over);
    assert_string_equal(scene->result.error.message, "filing 7: not now");
}

static void all_failing_ends(void **state) {
    struct scene *scene = *state;
    for (int n = 1; n <= FILINGS; n++) {
        scene->fails[n] = 99;
    }
    scene->plan.parallel = 4;
    fetch_run(&scene->plan, &scene->result);
    assert_int_equal(scene->result.done, 0);
    assert_int_equal(scene->result.failed, FILINGS);
    assert_int_equal(scene->tries, FILINGS * 2);
}

static void gives_up_when_nothing_comes(void **state) {
    struct scene *scene = *state;
    scene->fails[1] = scene->fails[2] = 99;
    scene->plan.give_up_ms = -1; /* the first failure is one too many */
    fetch_run(&scene->plan, &scene->result);
    assert_order(scene, (int[]){1}, 1);
    assert_true(scene->result.over);
    assert_string_equal(scene->result.error.code, "portal_down");
}

static void a_verdict_ends_the_run(void **state) {
    struct scene *scene = *state;
    scene->over_at = 2;
    fetch_run(&scene->plan, &scene->result);
    assert_order(scene, (int[]){1, 2}, 2);
    assert_true(scene->result.over);
    assert_string_equal(scene->result.error.code, "disk_full");
    assert_int_equal(scene->result.done, 1);
}

static void never_more_at_once_than_allowed(void **state) {
    struct scene *scene = *state;
    scene->plan.batch = FILINGS;
    scene->plan.parallel = 3;
    fetch_run(&scene->plan, &scene->result);
    assert_int_equal(scene->result.done, FILINGS);
    assert_in_range(scene->most_in_flight, 1, 3);
    for (int n = 1; n <= FILINGS; n++) {
        assert_int_equal(scene->tried[n], 1);
    }
}

/* The first of them to end would otherwise take a fifth one: three of the four are not done yet. */
static void those_under_way_count_against_the_batch(void **state) {
    struct scene *scene = *state;
    scene->plan.parallel = scene->together = scene->plan.batch;
    fetch_run(&scene->plan, &scene->result);
    assert_int_equal(scene->tries, scene->plan.batch);
    assert_int_equal(scene->result.done, scene->plan.batch);
    for (int n = 1; n <= FILINGS; n++) {
        assert_int_equal(scene->tried[n], n <= scene->plan.batch);
    }
}

static void *halt_when_all_hang(void *context) {
    struct scene *scene = context;
    (void)pthread_mutex_lock(&scene->lock);
    while (scene->in_flight < scene->plan.parallel) {
        (void)pthread_cond_wait(&scene->changed, &scene->lock);
    }
    (void)pthread_mutex_unlock(&scene->lock);
    halt_set(scene->halt, HALT_CANCEL);
    return NULL;
}

static void a_halt_cuts_what_hangs(void **state) {
    struct scene *scene = *state;
    pthread_t thread;
    scene->block = true;
    scene->plan.parallel = 3;
    assert_int_equal(pthread_create(&thread, NULL, halt_when_all_hang, scene), 0);
    fetch_run(&scene->plan, &scene->result);
    (void)pthread_join(thread, NULL);
    assert_int_equal(scene->tries, 3); /* nothing more was taken */
    assert_int_equal(scene->cuts, 1);
    assert_int_equal(scene->result.done, 0);
    assert_false(scene->result.abandoned);
}

static void what_does_not_hear_is_abandoned(void **state) {
    struct scene *scene = *state;
    pthread_t thread;
    scene->block = scene->deaf = true;
    scene->plan.parallel = 2;
    scene->plan.cut_ms = 30;
    assert_int_equal(pthread_create(&thread, NULL, halt_when_all_hang, scene), 0);
    int64_t started_ms = clock_monotonic_ms();
    fetch_run(&scene->plan, &scene->result);
    (void)pthread_join(thread, NULL);
    assert_true(scene->result.abandoned);
    assert_true(clock_monotonic_ms() - started_ms < 20000);
    (void)pthread_mutex_lock(&scene->lock); /* let them go, so that the test leaves none behind */
    scene->released = true;
    (void)pthread_cond_broadcast(&scene->changed);
    while (scene->in_flight > 0) {
        (void)pthread_cond_wait(&scene->changed, &scene->lock);
    }
    (void)pthread_mutex_unlock(&scene->lock);
}

static void a_halted_run_takes_nothing(void **state) {
    struct scene *scene = *state;
    halt_set(scene->halt, HALT_LOST);
    fetch_run(&scene->plan, &scene->result);
    assert_int_equal(scene->tries, 0);
    assert_int_equal(scene->result.done, 0);
}

static void any_mix_of_failures_is_taken_right(void **state) {
    struct scene *scene = *state;
    for (int round = 0; round < 200; round++) {
        int good = 0;
        int open = 0;
        scene->tries = 0;
        memset(scene->tried, 0, sizeof(scene->tried));
        for (int n = 1; n <= FILINGS; n++) {
            scene->have[n] = random_below(4) == 0;
            scene->fails[n] = (int)random_below(3);
            open += !scene->have[n];
            good += !scene->have[n] && scene->fails[n] < TRIES_MAX;
        }
        scene->plan.batch = 1 + (int)random_below(FILINGS);
        scene->plan.parallel = 1 + (int)random_below(4);
        fetch_run(&scene->plan, &scene->result);
        assert_true(scene->result.done >= (good < scene->plan.batch ? good : scene->plan.batch) || open == 0);
        assert_true(scene->result.done <= good);
        assert_false(scene->result.over);
        for (int n = 1; n <= FILINGS; n++) {
            assert_true(scene->tried[n] <= TRIES_MAX);
            assert_true(!scene->have[n] || scene->tried[n] == 0);
        }
    }
}

#define CASE(function)                                                                                                 \
    { #function, function, set_up, tear_down, &stop_fd }

int main(void) {
    static int stop_fd;
    stop_fd = stop_install();
    const struct CMUnitTest tests[] = {
        CASE(takes_the_first_without_a_row),
        CASE(takes_what_is_left),
        CASE(passes_over_and_tries_again_last),
        CASE(the_first_never_block_the_rest),
        CASE(all_failing_ends),
        CASE(gives_up_when_nothing_comes),
        CASE(a_verdict_ends_the_run),
        CASE(never_more_at_once_than_allowed),
        CASE(those_under_way_count_against_the_batch),
        CASE(a_halt_cuts_what_hangs),
        CASE(what_does_not_hear_is_abandoned),
        CASE(a_halted_run_takes_nothing),
        CASE(any_mix_of_failures_is_taken_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
