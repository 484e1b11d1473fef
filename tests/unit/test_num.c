#include "base/num.h"

#include "support/test.h"

static void accepts_digits(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"0", 0},
                {"-0", 0},
                {"7", 7},
                {"-7", -7},
                {"007", 7},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 99;
        assert_true(num_parse(rows[i].text, INT64_MIN, INT64_MAX, &value));
        assert_true(value == rows[i].value);
    }
}

static void refuses_everything_else(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e3",
                                      "0x10",
                                      "--1",
                                      "1-",
                                      "a",
                                      "1a",
                                      "\xd9\xa1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "18446744073709551617",
                                      "99999999999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t value = 99;
        assert_false(num_parse(bad[i], INT64_MIN, INT64_MAX, &value));
        assert_int_equal(value, 99);
    }
    int64_t value = 99;
    assert_false(num_parse(NULL, 0, 1, &value));
}

static void limits_hold(void **state) {
    (void)state;
    int64_t value = 0;
    assert_true(num_parse("2", 2, 3600, &value));
    assert_true(num_parse("3600", 2, 3600, &value));
    assert_false(num_parse("1", 2, 3600, &value));
    assert_false(num_parse("3601", 2, 3600, &value));
    assert_false(num_parse("-2", 2, 3600, &value));
    assert_int_equal(value, 3600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_digits),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
