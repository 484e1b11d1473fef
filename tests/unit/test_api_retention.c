/* The bounds of one pass of retention, against stores that do what the test wants (the functions of jobs.h and blobs.h
 * that it calls are made here, and so is its clock). What is removed, and that it is whole:
 * tests/e2e/test_retention.py. */
#include "support/test.h"

#include <stdlib.h>

#include "api/retention.h"
#include "base/clock.h"
#include "base/str.h"

#define NOW_MS ((int64_t)1700000000000)
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static struct {
    enum outcome answers[RETENTION_PASS_JOBS]; /* of the n-th purge or removal; OK */
    const char *code;                          /* of what is not OK */
    int old, listed, asked;                    /* jobs that are old; calls of the list, of purge or removal */
    int slow_ms, list_slow_ms;                 /* each purge or removal takes so long, and finding what to remove */
    int stop_after;                            /* the keeper is to stop after so many; -1: never */
    int64_t before_ms, now_ms, clock_ms;       /* the store's time, and this machine's */
    bool looks;                                /* each purged job had blobs */
    int lost, looked, look_slow_ms;            /* so many of them have none any more; looks; each takes so long */
    char after[OBJECT_ID_MAX];                 /* where finishing is to go on */
    int strangers;                             /* calls about something else than the next job */
} store;

int64_t clock_monotonic_ms(void) {
    return store.clock_ms;
}

int64_t clock_real_ms(void) { /* new ids ask for it */
    return store.clock_ms;
}

static enum outcome next(const char *id, struct error *err) {
    char expected[OBJECT_ID_MAX];
    (void)str_format(expected, sizeof(expected), "%024d", store.asked);
    store.strangers += !str_eq(id, expected);
    store.clock_ms += store.slow_ms;
    enum outcome answer = store.asked < RETENTION_PASS_JOBS ? store.answers[store.asked] : OK;
    store.asked++;
    return answer == OK ? OK : error_set(err, answer, store.code, "no");
}

enum outcome jobs_now_ms(struct jobs *jobs, int64_t *ret, struct error *err) {
    (void)jobs, (void)err;
    *ret = store.now_ms;
    return OK;
}

enum outcome jobs_list_purgeable(struct jobs *jobs, int64_t before_ms, int limit, const char *cursor,
                                 struct job_list *ret, struct error *err) {
    (void)jobs, (void)cursor, (void)err;
    store.listed++;
    store.before_ms = before_ms;
    ret->count = store.old < limit ? store.old : limit;
    ret->items = x_alloc(sizeof(*ret->items) * (size_t)limit);
    for (int i = 0; i < ret->count; i++) {
        (void)str_format(ret->items[i].id, sizeof(ret->items[i].id), "%024d", i);
    }
    (void)str_copy(ret->next, sizeof(ret->next), store.old > limit ? "more" : "");
    return OK;
}

void job_list_finish(struct job_list *list) {
    free(list->items);
}

enum outcome jobs_purge(struct jobs *jobs, const struct jobs_purge *request, struct jobs_purged *ret,
                        struct error *err) {
    (void)jobs;
    store.strangers += !str_eq(request->actor, "retention") || request->dry_run;
    *ret = (struct jobs_purged){0};
    return next(request->job_id, err);
}

/* Stops at the first failure that is not "lost". */
enum outcome jobs_finish_purges(struct jobs *jobs, const struct purged_blobs *blobs, char *after, int *ret_finished,
                                struct error *err) {
    (void)jobs;
    store.clock_ms += store.list_slow_ms;
    store.strangers += !str_eq(after, store.after);
    *ret_finished = 0;
    for (int i = 0; i < store.old; i++) {
        char id[OBJECT_ID_MAX];
        bool any = false;
        (void)str_format(id, sizeof(id), "%024d", i);
        enum outcome outcome = store.looks ? blobs->find(blobs->arg, id, &any, err) : OK;
        if (outcome == OK && (any || !store.looks)) {
            outcome = blobs->remove(blobs->arg, id, err);
        }
        if (outcome != OK) {
            return outcome;
        }
        (void)str_copy(after, OBJECT_ID_MAX, id);
    }
    *after = '\0';
    *ret_finished = store.old;
    return OK;
}

enum outcome blobs_any_under(struct blobs *blobs, const char *prefix, bool *ret_any, struct error *err) {
    (void)blobs, (void)prefix, (void)err;
    store.looked++;
    store.clock_ms += store.look_slow_ms;
    *ret_any = store.looked > store.lost;
    store.asked += !*ret_any;
    return OK;
}

enum outcome blobs_remove_under(struct blobs *blobs, const char *prefix, int64_t *ret_removed, struct error *err) {
    (void)blobs, (void)ret_removed;
    char id[OBJECT_ID_MAX] = "";
    bool whole = str_starts_with(prefix, "jobs/") && str_ends_with(prefix, "/");
    (void)str_format(id, sizeof(id), "%.24s", prefix + 5);
    return next(whole ? id : "?", err);
}

static bool stop(void *context) {
    (void)context;
    return store.stop_after >= 0 && store.asked >= store.stop_after;
}

static char finished_to[OBJECT_ID_MAX];
static struct retention retention = {.keep_ms = 30 * DAY_MS, .stop = stop, .finished_to = finished_to};
static struct error err;
static int count;
static bool more;

static int set_up(void **state) {
    (void)state;
    memset(&store, 0, sizeof(store));
    store.stop_after = -1;
    store.now_ms = NOW_MS;
    retention.keep_ms = 30 * DAY_MS;
    finished_to[0] = '\0';
    count = -1;
    return 0;
}

static enum outcome purge(int old) {
    store.old = old;
    return retention_purge(&retention, NULL, &count, &more, &err);
}

static enum outcome finish(int purged) {
    store.old = purged;
    return retention_finish(&retention, NULL, &count, &more, &err);
}

static void without_a_time_nothing_is_asked(void **state) {
    (void)state;
    retention.keep_ms = 0;
    assert_int_equal(purge(7), OK);
    assert_int_equal(count, 0);
    assert_false(more);
    assert_int_equal(store.listed, 0);
    assert_int_equal(store.asked, 0);
}

static void what_ended_before_is_asked_for(void **state) {
    (void)state;
    assert_int_equal(purge(3), OK);
    assert_true(store.before_ms == NOW_MS - 30 * DAY_MS);
    assert_int_equal(count, 3);
    assert_int_equal(store.asked, 3);
    assert_int_equal(store.strangers, 0);
    assert_false(more);
}

static void a_time_before_all_time_holds_nothing(void **state) {
    (void)state;
    retention.keep_ms = NOW_MS + 1;
    assert_int_equal(purge(3), OK);
    assert_int_equal(store.asked, 0);
}

static void a_full_pass_goes_on_at_once(void **state) {
    (void)state;
    assert_int_equal(purge(RETENTION_PASS_JOBS + 1), OK);
    assert_int_equal(count, RETENTION_PASS_JOBS);
    assert_true(more);
    set_up(NULL);
    assert_int_equal(finish(RETENTION_PASS_JOBS + 1), OK);
    assert_int_equal(count, RETENTION_PASS_JOBS);
    assert_true(more);
    set_up(NULL);
    assert_int_equal(finish(RETENTION_PASS_JOBS), OK);
    assert_false(more);
}

static void a_slow_pass_ends_early_and_goes_on(void **state) {
    (void)state;
    store.slow_ms = RETENTION_PASS_MS / 5;
    assert_int_equal(purge(40), OK);
    assert_int_equal(count, 5);
    assert_true(more);
    set_up(NULL);
    store.slow_ms = RETENTION_PASS_MS / 5;
    assert_int_equal(finish(40), OK);
    assert_int_equal(count, 5);
    assert_true(more);
}

static void a_very_slow_pass_does_one(void **state) {
    (void)state;
    store.slow_ms = RETENTION_PASS_MS;
    assert_int_equal(purge(2), OK);
    assert_int_equal(count, 1);
    assert_true(more);
    set_up(NULL);
    store.slow_ms = RETENTION_PASS_MS;
    assert_int_equal(finish(2), OK);
    assert_int_equal(count, 1);
    assert_true(more);
}

static void a_store_that_is_slow_to_list_gets_on(void **state) {
    (void)state;
    store.list_slow_ms = RETENTION_PASS_MS;
    assert_int_equal(finish(2), OK);
    assert_int_equal(count, 1);
    assert_true(more);
}

static void a_store_that_is_slow_to_look_gets_on(void **state) {
    (void)state;
    store.looks = true;
    store.look_slow_ms = RETENTION_PASS_MS;
    assert_int_equal(finish(2), OK);
    assert_int_equal(count, 1);
    assert_true(more);
}

/* They come first in every round. */
static void jobs_that_are_not_found_take_none_of_the_number(void **state) {
    (void)state;
    store.looks = true;
    store.lost = RETENTION_PASS_JOBS + 1;
    assert_int_equal(finish(RETENTION_PASS_JOBS + 4), OK);
    assert_int_equal(count, 3);
    assert_false(more);
    set_up(NULL);
    store.looks = true;
    store.lost = 100;
    store.look_slow_ms = RETENTION_PASS_MS / 5;
    assert_int_equal(finish(100), OK);
    assert_int_equal(store.looked, 5);
    assert_true(more);
}

static void the_next_pass_goes_on_where_this_one_ended(void **state) {
    (void)state;
    assert_int_equal(finish(RETENTION_PASS_JOBS + 1), OK);
    (void)str_format(store.after, sizeof(store.after), "%024d", RETENTION_PASS_JOBS - 1);
    assert_string_equal(finished_to, store.after);
    assert_int_equal(finish(0), OK);
    assert_int_equal(store.strangers, 0);
    assert_string_equal(finished_to, "");
}

static void a_stop_begins_nothing_more(void **state) {
    (void)state;
    store.stop_after = 2;
    assert_int_equal(purge(9), OK);
    assert_int_equal(store.asked, 2);
    assert_int_equal(count, 2);
    set_up(NULL);
    store.stop_after = 0;
    assert_int_equal(purge(9), OK);
    assert_int_equal(store.asked, 0);
    assert_int_equal(finish(9), OK);
    assert_int_equal(store.asked, 0);
}

static void what_another_was_first_at_is_passed_over(void **state) {
    (void)state;
    store.answers[0] = GONE;
    store.answers[2] = INVALID;
    store.code = "not_purgeable";
    assert_int_equal(purge(4), OK);
    assert_int_equal(store.asked, 4);
    assert_int_equal(count, 2);
}

static void what_never_goes_is_not_asked_without_end(void **state) {
    (void)state;
    for (int i = 0; i < RETENTION_PASS_JOBS; i++) {
        store.answers[i] = INVALID;
    }
    store.code = "not_purgeable";
    assert_int_equal(purge(RETENTION_PASS_JOBS + 1), OK);
    assert_int_equal(count, 0);
    assert_false(more);
}

static void a_store_that_is_away_ends_the_pass(void **state) {
    (void)state;
    store.answers[2] = RETRY;
    store.code = "store_down";
    assert_int_equal(purge(RETENTION_PASS_JOBS + 1), RETRY);
    assert_int_equal(store.asked, 3);
    assert_int_equal(count, 2); /* they are to be finished */
    assert_false(more);
    set_up(NULL);
    store.answers[1] = RETRY;
    store.code = "blobs_busy";
    assert_int_equal(finish(4), RETRY);
    assert_int_equal(store.asked, 2);
    assert_string_equal(err.code, "blobs_busy");
    assert_false(more);
}

static void a_store_for_reading_leaves_nothing_to_do(void **state) {
    (void)state;
    store.answers[0] = DENIED;
    store.code = "read_only";
    assert_int_equal(purge(4), OK);
    assert_int_equal(store.asked, 1);
    assert_false(more);
    set_up(NULL);
    store.answers[0] = GONE;
    store.code = "no_container";
    assert_int_equal(finish(4), OK);
    assert_int_equal(store.asked, 1);
    assert_int_equal(count, 0);
    assert_false(more);
}

#define CASE(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(without_a_time_nothing_is_asked),
        CASE(what_ended_before_is_asked_for),
        CASE(a_time_before_all_time_holds_nothing),
        CASE(a_full_pass_goes_on_at_once),
        CASE(a_slow_pass_ends_early_and_goes_on),
        CASE(a_very_slow_pass_does_one),
        CASE(a_store_that_is_slow_to_list_gets_on),
        CASE(a_stop_begins_nothing_more),
        CASE(a_store_that_is_slow_to_look_gets_on),
        CASE(jobs_that_are_not_found_take_none_of_the_number),
        CASE(the_next_pass_goes_on_where_this_one_ended),
        CASE(what_another_was_first_at_is_passed_over),
        CASE(what_never_goes_is_not_asked_without_end),
        CASE(a_store_that_is_away_ends_the_pass),
        CASE(a_store_for_reading_leaves_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
