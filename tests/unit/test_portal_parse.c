/* The portal's answers, one by one, without a network. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "portal/portal_parse.h"

#define CIN "U12345MH2001PTC123456"
#define MD5 "0123456789abcdef0123456789abcdef"
#define FILING_OF(srn, size)                                                                                           \
    "{\"srn\":\"" srn                                                                                                  \
    "\",\"form\":\"AOC-4\",\"title\":\"T\",\"filedOn\":\"2024-01-31\",\"period\":\"2023-24\",\"bytes\":" size          \
    ",\"md5\":\"" MD5 "\"}"

static void companies(void **state) {
    (void)state;
    static const char good[] =
        "{\"cin\":\"" CIN "\",\"name\":\"\xc3\x84 Ltd\",\"status\":\"Active\",\"state\":\"MH\",\"more\":[1]}";
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"cin\":\"" CIN "\",\"name\":\"A\",\"status\":\"B\"} x",
        "{\"cin\":\"U12345MH2001PTC123457\",\"name\":\"A\",\"status\":\"B\"}",
        "{\"cin\":\"" CIN "\",\"name\":\"\",\"status\":\"B\"}",
        "{\"cin\":\"" CIN "\",\"name\":7,\"status\":\"B\"}",
        "{\"cin\":\"" CIN "\",\"name\":\"A\\nB\",\"status\":\"B\"}",
        "{\"cin\":\"" CIN "\",\"name\":\"A\"}",
        "{\"cin\":\"" CIN "\",\"name\":\"A\",\"name\":\"B\",\"status\":\"B\"}",
    };
    struct portal_company company;
    struct error err;
    assert_int_equal(portal_parse_company(good, strlen(good), CIN, &company, &err), OK);
    assert_string_equal(company.name, "\xc3\x84 Ltd");
    assert_string_equal(company.status, "Active");
    assert_string_equal(company.cin, CIN);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (portal_parse_company(bad[i], strlen(bad[i]), CIN, &company, &err) != INVALID)
            fail_msg("passes: %s", bad[i]);
        assert_string_equal(err.code, "portal_answer");
    }
}

static void filings(void **state) {
    (void)state;
    static const char page[] =
        "{\"filings\":[" FILING_OF("A1", "10") "," FILING_OF("B_2-x", "52428800") "],\"total\":2}";
    static const char plain[] = "[" FILING_OF("C3", "1") "]";
    struct filing_list list = {0};
    struct error err;
    assert_int_equal(portal_parse_filings(page, strlen(page), &list, &err), OK);
    assert_int_equal(portal_parse_filings(plain, strlen(plain), &list, &err), OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[1].srn, "B_2-x");
    assert_int_equal(list.items[1].size_bytes, 52428800);
    assert_string_equal(list.items[2].md5, MD5);
    assert_string_equal(list.items[0].filed_on, "2024-01-31");
    assert_int_equal(portal_parse_filings("[]", 2, &list, &err), OK);
    assert_int_equal(list.count, 3);
    filing_list_finish(&list);
}

static void bad_filings(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"filings\":{}}",
        "7",
        "[7]",
        "[{}]",
        "[" FILING_OF("../x", "10") "]",
        "[" FILING_OF("", "10") "]",
        "[" FILING_OF("a b", "10") "]",
        "[" FILING_OF("abcdefghijklmnopqrstuvwxyzABCDEFG", "10") "]",
        "[" FILING_OF("A1", "0") "]",
        "[" FILING_OF("A1", "-1") "]",
        "[" FILING_OF("A1", "1.5") "]",
        "[" FILING_OF("A1", "\"10\"") "]",
        "[" FILING_OF("A1", "52428801") "]",
        "[{\"srn\":\"A\",\"form\":\"\",\"title\":\"T\",\"filedOn\":\"2024-01-31\",\"bytes\":1,\"md5\":\"" MD5 "\"}]",
        "[{\"srn\":\"A\",\"form\":\"F\",\"title\":7,\"filedOn\":\"2024-01-31\",\"bytes\":1,\"md5\":\"" MD5 "\"}]",
        "[{\"srn\":\"A\",\"form\":\"F\",\"title\":\"a\\n\",\"filedOn\":\"2024-01-31\",\"bytes\":1,\"md5\":\"" MD5
        "\"}]",
        "[{\"srn\":\"A\",\"form\":\"F\",\"title\":\"T\",\"filedOn\":\"2024-02-31\",\"bytes\":1,\"md5\":\"" MD5 "\"}]",
        "[{\"srn\":\"A\",\"form\":\"F\",\"title\":\"T\",\"filedOn\":\"2024-01-31\",\"bytes\":1,\"md5\":"
        "\"0123456789ABCDEF0123456789ABCDEF\"}]",
        "[{\"srn\":\"A\",\"form\":\"F\",\"title\":\"T\",\"filedOn\":\"2024-01-31\",\"bytes\":1}]",
    };
    struct filing_list list = {0};
    struct error err;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (portal_parse_filings(bad[i], strlen(bad[i]), &list, &err) != INVALID)
            fail_msg("passes: %s", bad[i]);
        assert_string_equal(err.code, "portal_answer");
        assert_int_equal(list.count, 0);
    }
    filing_list_finish(&list);
}

static void too_many_filings(void **state) {
    (void)state;
    struct buf page = BUF_INIT(4 * 1024 * 1024);
    struct filing_list list = {0};
    struct error err;
    assert_true(buf_append_str(&page, "["));
    for (int i = 0; i < FILINGS_MAX; i++)
        assert_true(buf_printf(&page, "%s" FILING_OF("A%d", "1"), i ? "," : "", i));
    assert_true(buf_append_str(&page, "]"));
    assert_int_equal(portal_parse_filings(page.data, page.size_bytes, &list, &err), OK);
    assert_int_equal(list.count, FILINGS_MAX);
    static const char one[] = "[" FILING_OF("B", "1") "]";
    assert_int_equal(portal_parse_filings(one, strlen(one), &list, &err), INVALID);
    assert_int_equal(list.count, FILINGS_MAX);
    filing_list_finish(&list);
    buf_finish(&page);
}

static int next_of(const char *base, const char *link, int page) {
    struct url url;
    struct error err;
    int next = -2;
    assert_int_equal(url_parse(base, &url, &err), OK);
    return portal_parse_next(link, &url, CIN, page, &next, &err) == OK ? next : -1;
}

static void next_pages(void **state) {
    (void)state;
#define LIST "/companies/" CIN "/filings?page="
    static const struct {
        const char *base, *link;
        int page, next;
    } rows[] = {
        {"http://a:5080", "", 1, 0},
        {"http://a:5080", "<" LIST "2>; rel=\"next\"", 1, 2},
        {"http://a:5080", "<http://a:5080" LIST "2>; rel=next", 1, 2},
        {"http://a:5080", "<HTTP://A:5080" LIST "3>; rel=\"next\"", 1, 3},
        {"http://a", "<http://a" LIST "2>; rel=\"next\"", 1, 2},
        {"http://a", "<http://a:80" LIST "2>; rel=\"next\"", 1, 2},
        {"https://a", "<https://a:443" LIST "2>; rel=\"next\"", 1, 2},
        {"http://[::1]:9/r/", "<http://[::1]:9/r" LIST "2>; rel=\"next\"", 1, 2},
        {"http://a:5080/r", "<" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<" LIST "1>; rel=\"prev\", <" LIST "3>; rel=\"next\"", 2, 3},
        {"http://a:5080", "<" LIST "1>; rel=\"prev\"", 2, 0},
        {"http://a:5080", "<" LIST "1>; rel=\"nextish\"", 2, 0},
        {"http://a:5080", "<" LIST "2", 1, 0},
        {"http://a:5080", "<http://b:5080" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<http://a:5081" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<http://a:50800" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<http://a" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<https://a:5080" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<//b" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<http://a:5080@b" LIST "2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "</companies/U12345MH2001PTC123457/filings?page=2>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<" LIST "1>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<" LIST "501>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<" LIST "2&x=1>; rel=\"next\"", 1, -1},
        {"http://a:5080", "<" LIST ">; rel=\"next\"", 1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int next = next_of(rows[i].base, rows[i].link, rows[i].page);
        if (next != rows[i].next)
            fail_msg("%s %s: %d", rows[i].base, rows[i].link, next);
    }
}

static void content_ranges(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "bytes",
                                      "bytes 5-9",
                                      "bytes 9-5/10",
                                      "bytes 5-10/10",
                                      "bytes -5/10",
                                      "bytes 5-/10",
                                      "bytes 5-9/*",
                                      "bytes */10",
                                      "lines 5-9/10",
                                      "bytes 5-9/10x",
                                      "bytes 99999999999999999999-1/2"};
    int64_t first = 0;
    int64_t last = 0;
    int64_t total = 0;
    assert_true(portal_parse_content_range("bytes 5-9/10", &first, &last, &total));
    assert_int_equal(first, 5);
    assert_int_equal(last, 9);
    assert_int_equal(total, 10);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (portal_parse_content_range(bad[i], &first, &last, &total))
            fail_msg("passes: %s", bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(companies),        cmocka_unit_test(filings),    cmocka_unit_test(bad_filings),
        cmocka_unit_test(too_many_filings), cmocka_unit_test(next_pages), cmocka_unit_test(content_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
