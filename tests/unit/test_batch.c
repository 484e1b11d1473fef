#include "core/batch.h"

#include "support/test.h"

static int runs(int total, int percent) {
    int count = 0;
    for (int left = total; left > 0; count++) {
        int size = batch_size(total, percent);
        assert_in_range(size, 1, total);
        left -= size;
    }
    return count;
}

static void known_sizes(void **state) {
    (void)state;
    assert_int_equal(batch_size(0, 35), 0);
    assert_int_equal(batch_size(-1, 35), 0);
    assert_int_equal(batch_size(1, 35), 1);
    assert_int_equal(batch_size(20, 35), 7);
    assert_int_equal(batch_size(40, 35), 14);
    assert_int_equal(batch_size(41, 35), 15);
    assert_int_equal(batch_size(5000, 35), 1750);
    assert_int_equal(batch_size(5000, 100), 5000);
    assert_int_equal(batch_size(5000, 1), 50);
    assert_int_equal(batch_size(1, 1), 1);
    assert_int_equal(batch_size(2147483647, 100), 2147483647);
}

static void three_runs_at_35_percent(void **state) {
    (void)state;
    static const int small[] = {0, 1, 2, 2, 2, 3, 2};
    for (int total = 0; total < 7; total++)
        assert_int_equal(runs(total, 35), small[total]);
    for (int total = 7; total <= 5000; total++)
        assert_int_equal(runs(total, 35), 3);
}

static void every_share_ends(void **state) {
    (void)state;
    for (int percent = 1; percent <= 100; percent++) {
        for (int total = 1; total <= 60; total++)
            assert_in_range(runs(total, percent), 1, (100 + percent - 1) / percent);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sizes),
        cmocka_unit_test(three_runs_at_35_percent),
        cmocka_unit_test(every_share_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
