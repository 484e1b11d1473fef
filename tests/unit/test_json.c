#include "base/json.h"

#include <string.h>

#include "base/str.h"
#include "support/test.h"

static void refused(const char *text, size_t size) {
    json_t *value = NULL;
    struct error err = {0};
    if (json_parse(text, size, &value, &err) != INVALID)
        fail_msg("accepted: %s", text);
    assert_null(value);
    assert_string_equal(err.code, "bad_json");
    assert_true(str_starts_with(err.message, "line "));
}

static void refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "{}x",
        "{} {}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "{'a':1}",
        "{a:1}",
        "[01]",
        "[1e999]",
        "[NaN]",
        "[99999999999999999999]",
        "[\"\xff\"]",
        "[\"\xc0\x80\"]",
        "[\"\xed\xa0\x80\"]",
        "[\"\\ud800\"]",
        "[\"\\u0000\"]",
        "{\"a\\u0000b\":1}",
        "[\"a\nb\"]",
        "\xef\xbb\xbf{}",
        "// x\n{}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        refused(bad[i], strlen(bad[i]));
    refused("[\"a\0b\"]", 7);
    refused("{}\0", 3);
    refused(NULL, 0);
}

static void position_is_named(void **state) {
    (void)state;
    json_t *value = NULL;
    struct error err = {0};
    assert_int_equal(json_parse("{\n  \"a\": x}", 11, &value, &err), INVALID);
    assert_true(str_starts_with(err.message, "line 2, column "));
}

static void depth_is_bounded(void **state) {
    (void)state;
    for (int levels = JSON_DEPTH_MAX; levels <= JSON_DEPTH_MAX + 1; levels++) {
        AUTO_BUF struct buf text = BUF_INIT(1000);
        for (int i = 0; i < levels; i++)
            assert_true(buf_append_str(&text, i % 2 ? "{\"a\":" : "["));
        assert_true(buf_append_str(&text, "\"[[[{{{\\\"[\""));
        for (int i = levels; i-- > 0;)
            assert_true(buf_append_char(&text, i % 2 ? '}' : ']'));
        AUTO_JSON json_t *value = NULL;
        struct error err = {0};
        enum outcome outcome = json_parse(text.data, text.size_bytes, &value, &err);
        assert_int_equal(outcome, levels > JSON_DEPTH_MAX ? INVALID : OK);
        if (outcome != OK)
            assert_string_equal(err.message, "line 1: more than 32 levels");
    }
    static char opening[200000];
    memset(opening, '[', sizeof(opening));
    refused(opening, sizeof(opening));
}

static void accepts_any_value(void **state) {
    (void)state;
    static const char *const good[] = {
        "{}", "[]", "null", "true", "1", "-0.5", "\"a\"", " {} \n", "[\"\\ud83d\\ude00\"]", "[9223372036854775807]"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        AUTO_JSON json_t *value = NULL;
        struct error err = {0};
        if (json_parse(good[i], strlen(good[i]), &value, &err) != OK)
            fail_msg("%s: %s", good[i], err.message);
    }
}

static void writes_what_it_reads(void **state) {
    (void)state;
    const char *text = "{\"b\":[1,2.5,null,true],\"a\":\"\xc3\xa9\\n\\\"\"}";
    AUTO_JSON json_t *value = NULL;
    assert_int_equal(json_parse(text, strlen(text), &value, NULL), OK);
    AUTO_BUF struct buf out = BUF_INIT(100);
    assert_true(json_append(&out, value));
    assert_string_equal(buf_str(&out), text);
    AUTO_BUF struct buf small = BUF_INIT(10);
    assert_false(json_append(&small, value));
    assert_false(json_append(&out, NULL));
}

static void strings_are_escaped(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *expected;
    } rows[] = {{"", 0, "\"\""},
                {"abc", 3, "\"abc\""},
                {"\"\\\b\f\n\r\t\x01\x1f\x7f", 10, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
                {"a\0b", 3, "\"a\\u0000b\""},
                {"\xc3\xa9\xe2\x82\xac", 5, "\"\xc3\xa9\xe2\x82\xac\""},
                {"\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
                {"a\xed\xa0\x80z", 5, "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
                {"\xc3\xa9", 1, "\"\xef\xbf\xbd\""}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = BUF_INIT(100);
        assert_true(json_append_string(&out, rows[i].text, rows[i].size));
        assert_string_equal(buf_str(&out), rows[i].expected);
        for (size_t max = 0; max < out.size_bytes; max++) {
            AUTO_BUF struct buf small = BUF_INIT(max);
            assert_false(json_append_string(&small, rows[i].text, rows[i].size));
        }
    }
}

static void members_have_their_type(void **state) {
    (void)state;
    const char *text = "{\"s\":\"text\",\"i\":7,\"r\":7.0,\"t\":true,\"f\":false,\"n\":null}";
    AUTO_JSON json_t *object = NULL;
    assert_int_equal(json_parse(text, strlen(text), &object, NULL), OK);
    assert_string_equal(json_member_string(object, "s"), "text");
    assert_null(json_member_string(object, "i"));
    assert_null(json_member_string(object, "missing"));
    assert_int_equal(json_member_int(object, "i", -1), 7);
    assert_int_equal(json_member_int(object, "r", -1), -1);
    assert_int_equal(json_member_int(object, "s", -1), -1);
    assert_true(json_member_bool(object, "t", false));
    assert_false(json_member_bool(object, "f", true));
    assert_true(json_member_bool(object, "n", true));
    char out[5] = "x";
    assert_true(json_member_copy(object, "s", out, 5));
    assert_string_equal(out, "text");
    assert_false(json_member_copy(object, "s", out, 4));
    assert_false(json_member_copy(object, "i", out, 5));
    assert_string_equal(out, "text");
    AUTO_JSON json_t *list = json_array();
    assert_null(json_member_string(list, "s"));
    assert_int_equal(json_member_int(NULL, "s", 3), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(position_is_named),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(accepts_any_value),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(members_have_their_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
