#include "base/error.h"

#include <string.h>

#include "base/str.h"
#include "support/test.h"

static void set_fills_everything(void **state) {
    (void)state;
    struct error err = {.retry_after_ms = 7};
    assert_int_equal(error_set(&err, RETRY, "portal_down", "the portal answered %d", 503), RETRY);
    assert_int_equal(err.outcome, RETRY);
    assert_string_equal(err.code, "portal_down");
    assert_string_equal(err.message, "the portal answered 503");
    assert_int_equal(err.retry_after_ms, 0);
}

static void set_without_error_only_returns(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, DENIED, "x", "y"), DENIED);
}

static void message_is_one_line_of_utf8(void **state) {
    (void)state;
    struct error err;
    (void)error_set(&err, FATAL, "x", "a\nb\tc\x7f%s", "\xc3\xa9");
    assert_string_equal(err.message, "a b c \xc3\xa9");
    (void)error_set(&err, FATAL, "x", "a\xff%s", "\xc3\xa9");
    assert_string_equal(err.message, "a???");
}

static void long_message_is_cut_at_a_character(void **state) {
    (void)state;
    char text[ERROR_MESSAGE_MAX + 2];
    memset(text, 'a', sizeof(text));
    memcpy(text + ERROR_MESSAGE_MAX - 2, "\xc3\xa9", 3); /* its second byte would be the 512th */
    struct error err;
    (void)error_set(&err, FATAL, "x", "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 2);
    assert_true(utf8_valid(err.message, strlen(err.message)));
}

static void message_may_be_its_own_argument(void **state) {
    (void)state;
    struct error err;
    (void)error_set(&err, RETRY, "inner", "inside");
    (void)error_set(&err, INVALID, err.code, "outside: %s", err.message);
    assert_string_equal(err.message, "outside: inside");
    assert_string_equal(err.code, "inner");
}

static void prefix_keeps_the_rest(void **state) {
    (void)state;
    struct error err;
    (void)error_set(&err, GONE, "not_found", "no such file");
    err.retry_after_ms = 5;
    assert_int_equal(error_prefix(&err, "page %d", 3), GONE);
    assert_string_equal(err.message, "page 3: no such file");
    assert_string_equal(err.code, "not_found");
    assert_int_equal(err.retry_after_ms, 5);
}

static void long_prefix_is_cut_at_a_character(void **state) {
    (void)state;
    char prefix[2 * ERROR_MESSAGE_MAX + 1];
    for (size_t i = 0; i < ERROR_MESSAGE_MAX; i++)
        memcpy(prefix + 2 * i, "\xc3\xa9", 3);
    struct error err;
    (void)error_set(&err, GONE, "x", "y");
    (void)error_prefix(&err, "%s", prefix);
    assert_true(utf8_valid(err.message, strlen(err.message)));
    assert_int_equal((unsigned char)err.message[0], 0xc3);
    assert_null(strchr(err.message, '?'));
}

static void outcomes_have_names_and_statuses(void **state) {
    (void)state;
    static const struct {
        enum outcome outcome;
        const char *name;
        int status;
    } rows[] = {{OK, "ok", 200},           {RETRY, "retry", 503},   {GONE, "gone", 404},
                {INVALID, "invalid", 400}, {DENIED, "denied", 403}, {FATAL, "fatal", 500}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_string_equal(outcome_name(rows[i].outcome), rows[i].name);
        assert_int_equal(outcome_http_status(rows[i].outcome), rows[i].status);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_everything),
        cmocka_unit_test(set_without_error_only_returns),
        cmocka_unit_test(message_is_one_line_of_utf8),
        cmocka_unit_test(long_message_is_cut_at_a_character),
        cmocka_unit_test(message_may_be_its_own_argument),
        cmocka_unit_test(prefix_keeps_the_rest),
        cmocka_unit_test(long_prefix_is_cut_at_a_character),
        cmocka_unit_test(outcomes_have_names_and_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
