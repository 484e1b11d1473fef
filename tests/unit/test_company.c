#include "core/company.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "support/test.h"

static const char good[] = "U72200MH2009PLC123456";

static void cin_grammar(void **state) {
    (void)state;
    assert_true(cin_valid(good));
    assert_true(cin_valid("L17110MH1973PLC019786"));
    /* each place: every byte but the allowed ones is refused, with the place named */
    static const char *const allowed = "kdddddaaddddaaadddddd";
    for (int place = 0; place < 21; place++) {
        for (int byte = 1; byte < 256; byte++) {
            char cin[CIN_MAX];
            (void)str_copy(cin, sizeof(cin), good);
            cin[place] = (char)byte;
            bool digit = byte >= '0' && byte <= '9';
            bool capital = byte >= 'A' && byte <= 'Z';
            bool expected = allowed[place] == 'd'   ? digit
                            : allowed[place] == 'a' ? capital
                                                    : byte == 'L' || byte == 'U';
            struct error err = {0};
            assert_int_equal(cin_check(cin, &err), expected ? OK : INVALID);
            if (!expected) {
                char position[32];
                (void)str_format(position, sizeof(position), "position %d of", place + 1);
                assert_true(str_starts_with(err.message, position));
                assert_string_equal(err.code, "bad_cin");
            }
        }
    }
}

static void cin_length(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(cin_check("U72200MH2009PLC12345", &err), INVALID);
    assert_string_equal(err.message, "a CIN has 21 characters, this has 20");
    assert_int_equal(cin_check("U72200MH2009PLC1234567", &err), INVALID);
    assert_string_equal(err.message, "a CIN has 21 characters, this has more");
    assert_int_equal(cin_check("", &err), INVALID);
    assert_int_equal(cin_check(NULL, &err), INVALID);
    assert_string_equal(err.message, "a CIN has 21 characters, this has none");
}

static void typed_cin_is_normalised(void **state) {
    (void)state;
    char cin[CIN_MAX] = "old";
    assert_int_equal(cin_normalise(" u72200mh2009plc123456\n", cin, NULL), OK);
    assert_string_equal(cin, good);
    assert_int_equal(cin_normalise("x", cin, NULL), INVALID);
    assert_int_equal(cin_normalise(NULL, cin, NULL), INVALID);
    char longer[200];
    memset(longer, ' ', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    memcpy(longer, good, 21);
    assert_int_equal(cin_normalise(longer, cin, NULL), INVALID);
    assert_string_equal(cin, good);
    assert_false(cin_valid("u72200mh2009plc123456"));
}

static void company_names(void **state) {
    (void)state;
    assert_int_equal(company_name_check("A", NULL), OK);
    assert_int_equal(company_name_check("Soci\xc3\xa9t\xc3\xa9 \xe0\xa4\xae Ltd", NULL), OK);
    static const char *const bad[] = {"", "a\nb", "a\x7f", "a\xff", "\xc2\x80", "a\xc2\x9f", "a\xc3"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        assert_int_equal(company_name_check(bad[i], &err), INVALID);
        assert_string_equal(err.code, "bad_company_name");
    }
    assert_int_equal(company_name_check("\xc2\xa0", NULL), OK);
    assert_int_equal(company_name_check(NULL, NULL), INVALID);
    char name[COMPANY_NAME_MAX + 1];
    memset(name, 'a', sizeof(name));
    name[COMPANY_NAME_MAX] = '\0';
    assert_int_equal(company_name_check(name, NULL), INVALID);
    assert_int_equal(company_name_check(name + 1, NULL), OK);
}

static int by_cin(const void *a, const void *b) {
    return strcmp(((const struct company *)a)->cin, ((const struct company *)b)->cin);
}

static void samples(void **state) {
    (void)state;
    enum { COUNT = 2000 };
    static struct company made[COUNT];
    for (uint64_t seed = 0; seed < COUNT; seed++) {
        struct company again;
        company_sample(seed, &made[seed]);
        company_sample(seed, &again);
        assert_string_equal(made[seed].cin, again.cin);
        assert_true(cin_valid(made[seed].cin));
        assert_int_equal(company_name_check(made[seed].name, NULL), OK);
        assert_true(made[seed].cin[15] != '0'); /* the simulated registry keeps low numbers for its faults */
        char name[COMPANY_NAME_MAX];
        company_simulated_name(made[seed].cin, name);
        assert_string_equal(name, made[seed].name);
        assert_true(str_ends_with(name, "Limited"));
        assert_int_equal(strstr(made[seed].cin, "PTC") != NULL, strstr(name, "Private") != NULL);
    }
    qsort(made, COUNT, sizeof(made[0]), by_cin);
    for (int i = 1; i < COUNT; i++)
        assert_string_not_equal(made[i - 1].cin, made[i].cin);
}

static void sample_stays_what_it_is(void **state) {
    (void)state;
    struct company made;
    company_sample(1, &made);
    assert_string_equal(made.cin, "L84519PB2014PLC668761");
    assert_string_equal(made.name, "Tirupradi Infra Limited");
    char name[COMPANY_NAME_MAX];
    company_simulated_name("", name);
    assert_int_equal(company_name_check(name, NULL), OK);
    company_simulated_name("U72200MH2009NPL123456", name);
    assert_true(str_ends_with(name, " Foundation"));
    company_simulated_name("U72200MH2009OPC123456", name);
    assert_true(str_ends_with(name, " (OPC) Private Limited"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cin_grammar),   cmocka_unit_test(cin_length), cmocka_unit_test(typed_cin_is_normalised),
        cmocka_unit_test(company_names), cmocka_unit_test(samples),    cmocka_unit_test(sample_stays_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
