/* The walk over a parsed head and the request target, without a server. */
#include "support/test.h"

#include <string.h>

#include "base/str.h"
#include "httpd/head.h"

static bool check(const char *bytes, size_t size_bytes, bool http_1_0, struct head_facts *facts, struct refusal *why) {
    return head_check(bytes, size_bytes, http_1_0, facts, why);
}
#define HEAD(literal) (literal), sizeof(literal) - 1

static void reads_facts(void **state) {
    (void)state;
    struct head_facts facts;
    struct refusal why;
    assert_true(
        check(HEAD("\0\0Host\0 a:1\0\0Content-Length\0 12 \0\0Expect\0 100-continue\0\0\0\0"), false, &facts, &why));
    assert_int_equal(facts.lines, 3);
    assert_int_equal(facts.content_length, 12);
    assert_true(facts.expects_continue);
    assert_false(facts.chunked);
    assert_true(check(HEAD("\0\0hOST\0[::1]:80\0\0transfer-encoding\0\tCHUNKED\0\0\0\0"), false, &facts, &why));
    assert_true(facts.chunked);
    assert_int_equal(facts.content_length, -1);
    assert_true(check(HEAD("\0\0\0\0"), true, &facts, &why));
    assert_int_equal(facts.lines, 0);
}

static void refuses(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size_bytes;
        const char *code;
    } rows[] = {
        {HEAD(""), "bad_request_line"},
        {HEAD("\0"), "bad_request_line"},
        {HEAD("\0Host\0a\0\0\0\0"), "bad_request_line"},
        {HEAD("\0\0"), "bad_header"},
        {HEAD("\0\0Host\0a\0\0"), "bad_header"},
        {HEAD("\0\0Host\0a\0\0\0"), "bad_header"},
        {HEAD("\0\0Host\0a\0X\0b\0\0\0\0"), "bad_header"},
        {HEAD("\0\0\0\0Host\0a\0\0\0\0"), "bad_header"},
        {HEAD("\0\0Ho st\0a\0\0\0\0"), "bad_header"},
        {HEAD("\0\0Host:\0a\0\0\0\0"), "bad_header"},
        {HEAD("\0\0Host\0a\x1f\0\0\0\0"), "bad_header"},
        {HEAD("\0\0\0\0"), "bad_host"},
        {HEAD("\0\0Host\0a\0\0Host\0a\0\0\0\0"), "bad_host"},
        {HEAD("\0\0Host\0a@b\0\0\0\0"), "bad_host"},
        {HEAD("\0\0Host\0a\0\0Content-Length\0 "
              "99999999999999999999999999999999999999999999999999999999999999999999\0\0\0\0"),
         "bad_framing"},
        {HEAD("\0\0Host\0a\0\0Content-Length\0 1\0\0Content-Length\0 1\0\0\0\0"), "bad_framing"},
        {HEAD("\0\0Host\0a\0\0Transfer-Encoding\0 chunked\0\0Transfer-Encoding\0 chunked\0\0\0\0"), "bad_framing"},
        {HEAD("\0\0Host\0a\0\0Transfer-Encoding\0 chunkedx\0\0\0\0"), "bad_framing"},
        {HEAD("\0\0Host\0a\0\0Transfer-Encoding\0 chunked\0\0Content-Length\0 1\0\0\0\0"), "bad_framing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct head_facts facts;
        struct refusal why = {0};
        if (check(rows[i].bytes, rows[i].size_bytes, false, &facts, &why))
            fail_msg("row %zu passes", i);
        if (strcmp(why.code, rows[i].code) != 0)
            fail_msg("row %zu: %s, wanted %s", i, why.code, rows[i].code);
        assert_int_equal(why.status, 400);
    }
}

static void chunked_is_of_http_1_1(void **state) {
    (void)state;
    static const char head[] = "\0\0Host\0a\0\0Transfer-Encoding\0 chunked\0\0\0\0";
    struct head_facts facts;
    struct refusal why = {0};
    assert_true(check(head, sizeof(head) - 1, false, &facts, &why) && facts.chunked);
    assert_false(check(head, sizeof(head) - 1, true, &facts, &why));
    assert_string_equal(why.code, "bad_framing");
}

static void bad_targets(void **state) {
    (void)state;
    static const char *const bad[] = {"a",    "http://a/", "/a b", "/a#b", "/\x7f", "/%0a",    "/a/%7f",
                                      "/%ff", "/%c3/a",    "/%00", "/%4",  "/?a=%", "/?%1f=1", "/?a=%ff"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[64];
        struct target target;
        struct refusal why = {0};
        (void)str_copy(text, sizeof(text), bad[i]);
        if (target_parse(text, &target, &why))
            fail_msg("%s passes", bad[i]);
        assert_int_equal(why.status, 400);
    }
}

static void targets(void **state) {
    (void)state;
    char text[] = "/a%2Fb//c%20d?x=1&y&=z&&q=a+b%2B&x=%C3%A4";
    struct target target;
    struct refusal why;
    assert_true(target_parse(text, &target, &why));
    assert_int_equal(target.segment_count, 3);
    assert_string_equal(target.segments[0], "a/b");
    assert_string_equal(target.segments[1], "");
    assert_string_equal(target.segments[2], "c d");
    assert_int_equal(target.query_count, 5);
    assert_string_equal(target.query[0].name, "x");
    assert_string_equal(target.query[0].value, "1");
    assert_string_equal(target.query[1].name, "y");
    assert_string_equal(target.query[1].value, "");
    assert_string_equal(target.query[2].name, "");
    assert_string_equal(target.query[2].value, "z");
    assert_string_equal(target.query[3].value, "a b+");
    assert_string_equal(target.query[4].value, "\xc3\xa4");
    char star[] = "*";
    assert_true(target_parse(star, &target, &why));
    assert_true(target.asterisk);
    char root[] = "/";
    assert_true(target_parse(root, &target, &why));
    assert_int_equal(target.segment_count, 1);
    assert_string_equal(target.segments[0], "");
}

static void tokens(void **state) {
    (void)state;
    assert_true(head_is_token("X-a_b.c!", 8));
    assert_false(head_is_token("", 0));
    assert_false(head_is_token("a b", 3));
    assert_false(head_is_token("a\0b", 3));
    assert_false(head_is_token("a:", 2));
    assert_false(head_is_token("\xc3\xa4", 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_facts), cmocka_unit_test(chunked_is_of_http_1_1),
        cmocka_unit_test(bad_targets), cmocka_unit_test(refuses),
        cmocka_unit_test(targets),     cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
