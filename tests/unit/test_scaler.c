/* How many workers `filesure up` starts: KEDA's "accurate" strategy. */
#include "cli/scaler.h"

#include "support/test.h"

static void test_one_worker_for_each_job(void **state) {
    (void)state;
    assert_int_equal(scaler_missing_workers(0, 0, 0, 4), 0);
    assert_int_equal(scaler_missing_workers(1, 0, 0, 4), 1);
    assert_int_equal(scaler_missing_workers(3, 0, 0, 4), 3);
    assert_int_equal(scaler_missing_workers(4, 0, 0, 4), 4);
}

static void test_never_more_than_max(void **state) {
    (void)state;
    assert_int_equal(scaler_missing_workers(5, 0, 0, 4), 4);
    assert_int_equal(scaler_missing_workers(1000000000000, 0, 0, 64), 64);
    assert_int_equal(scaler_missing_workers(10, 0, 3, 4), 1);
    assert_int_equal(scaler_missing_workers(10, 0, 4, 4), 0);
    assert_int_equal(scaler_missing_workers(10, 0, 5, 4), 0); /* max was lowered */
}

/* Running jobs are not in the query's result (their lease is in the future), so they are not taken off it. */
static void test_running_workers_hold_slots_only(void **state) {
    (void)state;
    assert_int_equal(scaler_missing_workers(2, 0, 2, 8), 2);
    assert_int_equal(scaler_missing_workers(2, 0, 7, 8), 1);
}

/* A worker that has not claimed yet will take one of the jobs the query still shows. */
static void test_pending_workers_are_taken_off(void **state) {
    (void)state;
    assert_int_equal(scaler_missing_workers(3, 3, 3, 8), 0);
    assert_int_equal(scaler_missing_workers(3, 1, 1, 8), 2);
    assert_int_equal(scaler_missing_workers(1, 3, 3, 8), 0); /* never negative */
    assert_int_equal(scaler_missing_workers(0, 2, 2, 8), 0);
    assert_int_equal(scaler_missing_workers(9, 4, 6, 8), 2);
}

/* For every small case: within its bounds, and nothing is left waiting while a slot is free. */
static void test_every_small_case(void **state) {
    (void)state;
    for (int queued = 0; queued < 9; queued++)
        for (int running = 0; running < 9; running++)
            for (int pending = 0; pending <= running; pending++)
                for (int max = 1; max < 9; max++) {
                    int missing = scaler_missing_workers(queued, pending, running, max);
                    assert_true(missing >= 0);
                    assert_true(missing == 0 || running + missing <= max);
                    assert_true(missing == 0 || pending + missing <= queued);
                    bool all_served = pending + missing >= queued, full = running + missing >= max;
                    assert_true(all_served || full);
                }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_worker_for_each_job),
        cmocka_unit_test(test_never_more_than_max),
        cmocka_unit_test(test_running_workers_hold_slots_only),
        cmocka_unit_test(test_pending_workers_are_taken_off),
        cmocka_unit_test(test_every_small_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
