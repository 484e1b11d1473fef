#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static void grows_and_stays_terminated(void **state) {
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(10000);
    for (int i = 0; i < 1000; i++) {
        assert_true(buf_append(&buf, "0123456789", 10));
        assert_int_equal(buf.data[buf.size_bytes], '\0');
    }
    assert_int_equal(buf.size_bytes, 10000);
    assert_int_equal(strlen(buf_str(&buf)), 10000);
    assert_false(buf.full);
}

static void too_much_appends_nothing_and_stays_full(void **state) {
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(5);
    assert_true(buf_append_str(&buf, "abc"));
    assert_false(buf_append_str(&buf, "def"));
    assert_true(buf.full);
    assert_string_equal(buf_str(&buf), "abc");
    assert_false(buf_append_char(&buf, 'd')); /* it would fit, but there is a hole before it */
    assert_string_equal(buf_str(&buf), "abc");
    buf_clear(&buf);
    assert_false(buf.full);
    assert_string_equal(buf_str(&buf), "");
    assert_true(buf_append_str(&buf, "abcde"));
}

static void maximum_holds_for_printf(void **state) {
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(6);
    assert_true(buf_printf(&buf, "%d-%s", 12, "ab"));
    assert_false(buf_printf(&buf, "%d", 34));
    assert_true(buf.full);
    assert_string_equal(buf_str(&buf), "12-ab");
    assert_true(buf.capacity_bytes >= 6);
}

static void huge_size_does_not_wrap_round(void **state) {
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(100);
    assert_true(buf_append_str(&buf, "abc"));
    assert_false(buf_append(&buf, "x", SIZE_MAX));
    assert_false(buf_append(&buf, "x", SIZE_MAX - 2));
    assert_int_equal(buf.size_bytes, 3);
}

static void unused_is_an_empty_text(void **state) {
    (void)state;
    struct buf buf = BUF_INIT(5);
    assert_string_equal(buf_str(&buf), "");
    assert_true(buf_append(&buf, NULL, 0));
    buf_clear(&buf);
    buf_finish(&buf);
    buf_finish(NULL);
    assert_int_equal(buf.max_bytes, 5);
}

static void take_hands_over(void **state) {
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(5);
    AUTO_FREE char *nothing = buf_take(&buf);
    assert_string_equal(nothing, "");
    assert_true(buf_append_str(&buf, "abc"));
    AUTO_FREE char *text = buf_take(&buf);
    assert_string_equal(text, "abc");
    assert_null(buf.data);
    assert_int_equal(buf.size_bytes, 0);
    assert_true(buf_append_str(&buf, "abcde"));
    assert_false(buf_append_char(&buf, 'f'));
}

static void bytes_may_be_nul(void **state) {
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(5);
    assert_true(buf_append(&buf, "a\0b", 3));
    assert_int_equal(buf.size_bytes, 3);
    assert_memory_equal(buf.data, "a\0b", 4);
}

static void allocation_helpers(void **state) {
    (void)state;
    assert_null(x_strdup(NULL));
    AUTO_FREE char *cut = x_strndup("abcdef", 3);
    assert_string_equal(cut, "abc");
    AUTO_FREE char *whole = x_strndup("ab", 99);
    assert_string_equal(whole, "ab");
    AUTO_FREE char *zeroed = x_alloc(64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(zeroed[i], 0);
    char *pointer = zeroed;
    zeroed = NULL;
    zeroed = take_ptr(pointer);
    assert_null(pointer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated), cmocka_unit_test(too_much_appends_nothing_and_stays_full),
        cmocka_unit_test(maximum_holds_for_printf),   cmocka_unit_test(huge_size_does_not_wrap_round),
        cmocka_unit_test(unused_is_an_empty_text),    cmocka_unit_test(take_hands_over),
        cmocka_unit_test(bytes_may_be_nul),           cmocka_unit_test(allocation_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
