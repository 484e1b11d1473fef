#include "base/str.h"

#include <string.h>

#include "support/test.h"

static void compares(void **state) {
    (void)state;
    assert_true(str_eq("a", "a"));
    assert_false(str_eq("a", "b"));
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_false(str_eq("", NULL));
    assert_true(str_starts_with("abc", "ab"));
    assert_true(str_starts_with("abc", ""));
    assert_false(str_starts_with("ab", "abc"));
    assert_true(str_ends_with("abc", "bc"));
    assert_false(str_ends_with("bc", "abc"));
    assert_false(str_ends_with("abc", "ab"));
}

static void copy_says_when_cut(void **state) {
    (void)state;
    char out[4] = "zzz";
    assert_true(str_copy(out, sizeof(out), "abc"));
    assert_string_equal(out, "abc");
    assert_false(str_copy(out, sizeof(out), "abcd"));
    assert_string_equal(out, "abc");
    assert_true(str_copy(out, sizeof(out), NULL));
    assert_string_equal(out, "");
    assert_false(str_copy(out, 0, ""));
}

static void format_says_when_cut(void **state) {
    (void)state;
    char out[4];
    assert_true(str_format(out, sizeof(out), "%d", 123));
    assert_false(str_format(out, sizeof(out), "%d", 1234));
    assert_string_equal(out, "123");
}

static void trims_and_lowers(void **state) {
    (void)state;
    char text[] = " \t\r\n a b \v\f";
    assert_string_equal(str_trim(text), "a b");
    char blank[] = "   ";
    assert_string_equal(str_trim(blank), "");
    char mixed[] = "AbZ[@\xc3\x89";
    str_lower(mixed);
    assert_string_equal(mixed, "abz[@\xc3\x89");
}

static void hex(void **state) {
    (void)state;
    assert_true(str_is_hex("09af", 4));
    assert_false(str_is_hex("09aF", 4));
    assert_false(str_is_hex("09a", 4));
    assert_false(str_is_hex("09aff", 4));
    assert_false(str_is_hex("09ag", 4));
    assert_true(str_is_hex("", 0));
    char out[7];
    str_hex(out, "\x00\xa9\xff", 3);
    assert_string_equal(out, "00a9ff");
}

static void utf8_characters(void **state) {
    (void)state;
    static const char *const good[] = {"a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(utf8_valid(good[i], strlen(good[i])));
        assert_int_equal(utf8_char(good[i], 4), strlen(good[i]));
        for (size_t cut = 1; cut < strlen(good[i]); cut++)
            assert_false(utf8_valid(good[i], cut));
    }
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2z",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe1\x80z",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80",
                                      "\xfe",
                                      "\xff"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
        assert_int_equal(utf8_char(bad[i], strlen(bad[i])), 0);
    }
    assert_true(utf8_valid("a\0b", 3));
    assert_true(utf8_valid("", 0));
    assert_false(utf8_valid("ab\xff", 3));
}

static void utf8_cuts_at_a_character(void **state) {
    (void)state;
    const char *text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* lengths 1 2 3 4 1 */
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < COUNT_OF(expected); max++)
        assert_int_equal(utf8_cut(text, max), expected[max]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(copy_says_when_cut),
        cmocka_unit_test(format_says_when_cut),
        cmocka_unit_test(trims_and_lowers),
        cmocka_unit_test(hex),
        cmocka_unit_test(utf8_characters),
        cmocka_unit_test(utf8_cuts_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
