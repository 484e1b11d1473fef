/* Back-off and jitter. */
#include "core/retry.h"

#include "support/test.h"

static const uint64_t randoms[] = {0, 1, 4999, 5000, 123456789, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX};

static void stays_between_base_and_cap(void **state) {
    (void)state;
    const int64_t previous[] = {0, 1, 5000, 15000, 100000, 299999, 300000, INT64_MAX};
    for (size_t p = 0; p < COUNT_OF(previous); p++)
        for (size_t r = 0; r < COUNT_OF(randoms); r++) {
            int64_t delay_ms = backoff_next_ms(previous[p], 0, randoms[r]);
            assert_in_range(delay_ms, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
        }
}

/* jobs that failed together do not come back together */
static void first_delay_is_spread(void **state) {
    (void)state;
    assert_int_equal(backoff_next_ms(0, 0, 0), BACKOFF_BASE_MS);
    assert_int_equal(backoff_next_ms(0, 0, 2 * BACKOFF_BASE_MS), 3 * BACKOFF_BASE_MS);
    assert_int_equal(backoff_next_ms(0, 0, 2 * BACKOFF_BASE_MS + 1), BACKOFF_BASE_MS);
}

static void grows_to_three_times_the_delay_before(void **state) {
    (void)state;
    assert_int_equal(backoff_next_ms(20000, 0, 0), BACKOFF_BASE_MS);
    assert_int_equal(backoff_next_ms(20000, 0, 55000), 60000); /* 5000 + 55000 = 3 * 20000 */
    assert_int_equal(backoff_next_ms(20000, 0, 55001), BACKOFF_BASE_MS);
}

static void reaches_the_cap_and_no_more(void **state) {
    (void)state;
    int64_t delay_ms = 0;
    for (int i = 0; i < 10; i++)
        delay_ms = backoff_next_ms(
            delay_ms, 0, (uint64_t)(3 * (delay_ms > BACKOFF_BASE_MS ? delay_ms : BACKOFF_BASE_MS) - BACKOFF_BASE_MS));
    assert_int_equal(delay_ms, BACKOFF_CAP_MS);
}

static void obeys_what_the_other_side_asks(void **state) {
    (void)state;
    assert_int_equal(backoff_next_ms(0, 42000, 0), 42000);
    assert_int_equal(backoff_next_ms(0, 1000, 0), BACKOFF_BASE_MS);
    assert_int_equal(backoff_next_ms(0, 3600000, 0), BACKOFF_CAP_MS);
}

static void jitter_stays_below_its_doubling_bound(void **state) {
    (void)state;
    assert_int_equal(jitter_ms(100, 1000, 0, 100), 100);
    assert_int_equal(jitter_ms(100, 1000, 0, 101), 0);
    assert_int_equal(jitter_ms(100, 1000, 3, 800), 800);
    assert_int_equal(jitter_ms(100, 1000, 4, 1000), 1000);
    assert_int_equal(jitter_ms(100, 1000, 4, 1001), 0);
    assert_int_equal(jitter_ms(100, 1000, 2000000000, 1000), 1000);
    assert_int_equal(jitter_ms(0, 1000, 5, 77), 0);
    for (int attempt = 0; attempt < 70; attempt++)
        for (size_t r = 0; r < COUNT_OF(randoms); r++)
            assert_in_range(jitter_ms(100, INT64_MAX, attempt, randoms[r]), 0, INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_between_base_and_cap),
        cmocka_unit_test(first_delay_is_spread),
        cmocka_unit_test(grows_to_three_times_the_delay_before),
        cmocka_unit_test(reaches_the_cap_and_no_more),
        cmocka_unit_test(obeys_what_the_other_side_asks),
        cmocka_unit_test(jitter_stays_below_its_doubling_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
