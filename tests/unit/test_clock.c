#include "base/clock.h"

#include <string.h>

#include "support/test.h"

static const struct {
    int64_t time_ms;
    const char *text;
} known[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951782400123, "2000-02-29T00:00:00.123Z"},
    {1764064800000, "2025-11-25T10:00:00.000Z"},
    {-2203891200000, "1900-03-01T00:00:00.000Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void formats_and_parses(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        char text[CLOCK_TEXT_MAX];
        clock_format(known[i].time_ms, text);
        assert_string_equal(text, known[i].text);
        int64_t time_ms = 1;
        assert_true(clock_parse(known[i].text, &time_ms));
        assert_true(time_ms == known[i].time_ms);
    }
}

static void format_never_writes_past_its_end(void **state) {
    (void)state;
    struct {
        char text[CLOCK_TEXT_MAX];
        char guard[8];
    } out = {.guard = "guard"};
    clock_format(INT64_MAX, out.text);
    assert_string_equal(out.text, "292278994-08-17T07:12:55.807Z");
    clock_format(INT64_MIN, out.text);
    assert_true(strlen(out.text) < CLOCK_TEXT_MAX);
    assert_string_equal(out.guard, "guard");
}

static void fractions_and_dates(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t time_ms;
    } rows[] = {{"1970-01-01", 0},
                {"1970-01-02", 86400000},
                {"1970-01-01T00:00:01Z", 1000},
                {"1970-01-01T00:00:01.5Z", 1500},
                {"1970-01-01T00:00:01.05Z", 1050},
                {"1970-01-01T00:00:01.123456789Z", 1123},
                {"1970-01-01T00:00:01.9999Z", 1999}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t time_ms = 1;
        assert_true(clock_parse(rows[i].text, &time_ms));
        assert_true(time_ms == rows[i].time_ms);
    }
}

static void refuses_what_is_no_time(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "1970",
                                      "1970-01-01T",
                                      "1970-01-01T00:00:00",
                                      "1970-01-01T00:00:00+00:00",
                                      "1970-01-01 00:00:00Z",
                                      "1970-01-01T24:00:00Z",
                                      "1970-01-01T00:60:00Z",
                                      "1970-01-01T00:00:60Z",
                                      "1970-01-01T00:00:00.Z",
                                      "1970-01-01T00:00:00.1234567890Z",
                                      "1970-01-01T00:00:00Zx",
                                      "1970-13-01T00:00:00Z",
                                      "1970-1-01",
                                      " 1970-01-01",
                                      "1970-01-01 "};
    int64_t time_ms = 42;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(clock_parse(bad[i], &time_ms));
    assert_false(clock_parse(NULL, &time_ms));
    assert_int_equal(time_ms, 42);
}

static void dates_exist_in_the_calendar(void **state) {
    (void)state;
    static const char *const good[] = {"2024-02-29", "2000-02-29", "2023-12-31", "2023-04-30"};
    static const char *const bad[] = {"2023-02-29",
                                      "1900-02-29",
                                      "2023-04-31",
                                      "2023-00-10",
                                      "2023-13-01",
                                      "2023-01-00",
                                      "2023-01-32",
                                      "23-01-01",
                                      "2023/01/01",
                                      "2023-01-01T00:00:00Z",
                                      ""};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(date_valid(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(date_valid(bad[i]));
    assert_false(date_valid(NULL));
}

static void clocks_run(void **state) {
    (void)state;
    assert_true(clock_real_ms() > 1700000000000);
    int64_t monotonic_ms = clock_monotonic_ms();
    int64_t boot_ms = clock_boot_ms();
    assert_true(monotonic_ms > 0 && boot_ms >= monotonic_ms);
    assert_true(clock_monotonic_ms() >= monotonic_ms && clock_boot_ms() >= boot_ms);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_parses),          cmocka_unit_test(format_never_writes_past_its_end),
        cmocka_unit_test(fractions_and_dates),         cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(dates_exist_in_the_calendar), cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
