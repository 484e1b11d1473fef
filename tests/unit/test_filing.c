#include "core/filing.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "support/test.h"

static struct filing make(const char *srn, const char *filed_on) {
    struct filing filing = {.number = 99, .size_bytes = 10};
    (void)str_copy(filing.srn, sizeof(filing.srn), srn);
    (void)str_copy(filing.form, sizeof(filing.form), "AOC-4");
    (void)str_copy(filing.filed_on, sizeof(filing.filed_on), filed_on);
    (void)str_copy(filing.md5, sizeof(filing.md5), "900150983cd24fb0d6963f7d28e17f72");
    return filing;
}

static void ordered_by_date_then_srn(void **state) {
    (void)state;
    struct filing items[] = {make("B", "2023-01-02"), make("A", "2023-01-02"), make("Z", "2022-12-31"),
                             make("C", "2023-01-01"), make("a", "2023-01-02")};
    struct filing_list list = {.items = items, .count = COUNT_OF(items)};
    assert_int_equal(filing_list_order(&list, NULL), OK);
    static const char *const expected[] = {"Z", "C", "A", "B", "a"};
    for (int i = 0; i < list.count; i++) {
        assert_string_equal(list.items[i].srn, expected[i]);
        assert_int_equal(list.items[i].number, i + 1);
    }
}

static void order_does_not_depend_on_arrival(void **state) {
    (void)state;
    enum { COUNT = 40 };
    struct filing first[COUNT];
    struct filing second[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char srn[16];
        char date[DATE_MAX];
        (void)str_format(srn, sizeof(srn), "S%d", i);
        (void)str_format(date, sizeof(date), "2023-01-%02d", i % 7 + 1);
        first[i] = make(srn, date);
        second[(i * 13) % COUNT] = first[i];
    }
    struct filing_list one = {.items = first, .count = COUNT};
    struct filing_list two = {.items = second, .count = COUNT};
    assert_int_equal(filing_list_order(&one, NULL), OK);
    assert_int_equal(filing_list_order(&two, NULL), OK);
    assert_memory_equal(first, second, sizeof(first));
}

static void refused(struct filing bad, const char *field) {
    struct filing items[] = {make("A", "2023-01-01"), bad};
    struct filing_list list = {.items = items, .count = 2};
    struct error err = {0};
    assert_int_equal(filing_list_order(&list, &err), INVALID);
    assert_string_equal(err.code, "bad_filings");
    char expected[64];
    (void)str_format(expected, sizeof(expected), "filing 2 of the list: malformed %s", field);
    assert_string_equal(err.message, expected);
}

static void malformed_fields_are_named(void **state) {
    (void)state;
    struct filing good = make("B", "2023-01-01");
    struct filing bad = good;
    (void)str_copy(bad.srn, sizeof(bad.srn), "../B");
    refused(bad, "srn");
    bad = good;
    bad.form[0] = '\0';
    refused(bad, "form");
    bad = good;
    bad.form[0] = '\n';
    refused(bad, "form");
    bad = good;
    memset(bad.form, 'x', sizeof(bad.form)); /* not terminated */
    refused(bad, "form");
    bad = good;
    bad.title[0] = '\xff';
    refused(bad, "title");
    bad = good;
    memset(bad.title, 'x', sizeof(bad.title));
    refused(bad, "title");
    bad = good;
    (void)str_copy(bad.filed_on, sizeof(bad.filed_on), "2023-02-29");
    refused(bad, "filing date");
    bad = good;
    bad.size_bytes = -1;
    refused(bad, "size");
    bad = good;
    bad.md5[31] = '\0';
    refused(bad, "md5");
    bad = good;
    bad.md5[0] = 'F';
    refused(bad, "md5");
}

static void doubled_srn_is_refused(void **state) {
    (void)state;
    struct filing items[] = {make("A", "2023-01-01"), make("B", "2023-01-02"), make("A", "2023-01-03")};
    struct filing_list list = {.items = items, .count = 3};
    struct error err = {0};
    assert_int_equal(filing_list_order(&list, &err), INVALID);
    assert_string_equal(err.message, "the filing A stands in the list twice");
}

static void count_is_bounded(void **state) {
    (void)state;
    for (int count = FILINGS_MAX; count <= FILINGS_MAX + 1; count++) {
        struct filing_list list = {.items = x_alloc((size_t)count * sizeof(struct filing)), .count = count};
        for (int i = 0; i < count; i++) {
            char srn[16];
            (void)str_format(srn, sizeof(srn), "S%d", i);
            list.items[i] = make(srn, "2023-01-01");
        }
        assert_int_equal(filing_list_order(&list, NULL), count > FILINGS_MAX ? INVALID : OK);
        filing_list_finish(&list);
        assert_null(list.items);
        assert_int_equal(list.count, 0);
    }
}

static void empty_list(void **state) {
    (void)state;
    struct filing_list list = {0};
    assert_int_equal(filing_list_order(&list, NULL), OK);
    filing_list_finish(&list);
    filing_list_finish(NULL);
}

static void srn_grammar(void **state) {
    (void)state;
    assert_true(srn_valid("A"));
    assert_true(srn_valid("az_AZ-09"));
    assert_true(srn_valid("12345678901234567890123456789012"));
    static const char *const bad[] = {
        "", "123456789012345678901234567890123", "a/b", "a.b", "a b", "a%2f", "\xc3\xa9", "a\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(srn_valid(bad[i]));
    assert_false(srn_valid(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordered_by_date_then_srn),
        cmocka_unit_test(order_does_not_depend_on_arrival),
        cmocka_unit_test(malformed_fields_are_named),
        cmocka_unit_test(doubled_srn_is_refused),
        cmocka_unit_test(count_is_bounded),
        cmocka_unit_test(empty_list),
        cmocka_unit_test(srn_grammar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
