/* Companies, filings and SRNs of the simulated registry. */
#include "portalsim/registry.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "portalsim/day.h"
#include "portalsim/search.h"
#include "portalsim/srn.h"
#include "support/test.h"

/* CINs from everywhere in the grammar: samples, edges, absurd years. */
static const char *const edges[] = {
    "L00000AA0000AAA000200", "U99999ZZ9999ZZZ999999", "U72200MH2015PTC123456", "U72200MH2025OPC123456",
    "L17110MH2026PLC019786", "U01403DL1850NPL000101", "U01403DL1849PTC000100", "U01403DL2027PTC500000",
};

static void any_cin(int index, char out[CIN_MAX]) {
    struct company company;
    if (index < (int)COUNT_OF(edges)) {
        (void)str_copy(out, CIN_MAX, edges[index]);
    } else {
        company_sample((uint64_t)index, &company);
        (void)str_copy(out, CIN_MAX, company.cin);
    }
}

static struct sim_company company_of(const char *cin) {
    struct sim_company company;
    struct error err;
    assert_int_equal(sim_company_make(cin, &company, &err), OK);
    return company;
}

static void days_are_those_of_the_calendar(void **state) {
    (void)state;
    assert_int_equal(day_number(1970, 1, 1), 0);
    assert_int_equal(day_number(2000, 2, 29), 11016);
    assert_int_equal(day_number(1969, 12, 31), -1);
    int last = day_number(1849, 12, 31);
    for (int number = last + 1; number < day_number(2101, 1, 1); number++) {
        int year, month, day;
        int64_t time_ms;
        char iso[DATE_MAX], form[DATE_MAX], expected[DATE_MAX];
        day_split(number, &year, &month, &day);
        assert_int_equal(day_number(year, month, day), number);
        day_iso(number, iso);
        assert_true(date_valid(iso));
        assert_true(clock_parse(iso, &time_ms));
        assert_int_equal(time_ms, (int64_t)number * 86400000);
        day_form(number, form);
        (void)str_format(expected, sizeof expected, "%02d/%02d/%04d", day, month, year);
        assert_string_equal(form, expected);
        assert_int_equal(day_financial_year(number), month < 4 ? year - 1 : year);
    }
}

static void every_company_has_a_plausible_life(void **state) {
    (void)state;
    for (int i = 0; i < 2000; i++) {
        char cin[CIN_MAX];
        struct sim_filing filings[SIM_FILINGS_MAX];
        any_cin(i, cin);
        struct sim_company company = company_of(cin);
        int count = sim_filings_make(&company, filings);
        assert_in_range(count, SIM_FILINGS_MIN, SIM_FILINGS_MAX);
        for (int k = 0; k < count; k++) {
            const struct sim_filing *filing = &filings[k];
            assert_int_equal(filing->place, k);
            assert_true(k == 0 || filings[k - 1].filed_day <= filing->filed_day);
            assert_true(filing->filed_day >= company.registered_day + 30);
            assert_in_range(filing->filed_day, day_number(2019, 4, 1), day_number(2026, 9, 30));
            assert_true(filing->shape != SIM_V3 || filing->filed_day >= day_number(2025, 7, 14));
            assert_true(filing->shape != SIM_V2 || filing->filed_day < day_number(2025, 7, 14));
            bool letter = filing->shape == SIM_LETTER || filing->shape == SIM_SCAN;
            assert_true(letter == (filing->form == SIM_FORMS));
            if (filing->financial_year) { /* it ended before the filing and after the company began; one of a kind */
                int end = day_number(filing->financial_year + 1, 3, 31);
                assert_true(end < filing->filed_day && end >= company.registered_day);
                for (int j = 0; j < k; j++) {
                    assert_false(filings[j].form == filing->form &&
                                 filings[j].financial_year == filing->financial_year);
                }
            }
            char title[FILING_TITLE_MAX];
            sim_filing_title(filing, title);
            assert_true(title[0] && srn_valid(filing->srn));
            assert_true(strlen(sim_form_name(filing->form)) < FORM_MAX);
        }
    }
}

static void all_shapes_and_forms_occur(void **state) {
    (void)state;
    int shapes[4] = {0}, forms[SIM_FORMS + 1] = {0};
    for (int i = 0; i < 200; i++) {
        char cin[CIN_MAX];
        struct sim_filing filings[SIM_FILINGS_MAX];
        any_cin(i, cin);
        struct sim_company company = company_of(cin);
        int count = sim_filings_make(&company, filings);
        for (int k = 0; k < count; k++) {
            shapes[filings[k].shape]++;
            forms[filings[k].form]++;
        }
    }
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        assert_true(shapes[i] > 100);
    }
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        assert_true(forms[i] > 10);
    }
}

static void an_srn_leads_back_to_its_filing(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++) {
        char cin[CIN_MAX];
        struct sim_filing filings[SIM_FILINGS_MAX], filing;
        struct error err;
        any_cin(i, cin);
        struct sim_company company = company_of(cin), found;
        int count = sim_filings_make(&company, filings);
        for (int k = 0; k < count; k++) {
            assert_int_equal(strlen(filings[k].srn), SIM_SRN_LENGTH);
            assert_int_equal(sim_srn_find(filings[k].srn, &found, &filing, &err), OK);
            assert_string_equal(found.cin, cin);
            assert_int_equal(filing.place, k);
            assert_int_equal(filing.filed_day, filings[k].filed_day);
            assert_string_equal(filing.srn, filings[k].srn);
        }
        char beyond[SRN_MAX];
        srn_make(cin, count, beyond);
        assert_int_equal(sim_srn_find(beyond, &found, &filing, &err), GONE);
    }
}

static void made_up_srns_are_unknown(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "A",
        "AB1234567",
        "aa722002015123456359512320",
        "UW72200201512345635951232",
        "UW7220020151234563595123200",
        "UW72200201512345635951232x",
        "UW722002015123456999999999",
        "UW-22002015123456359512320",
        "../../etc/passwd",
    };
    struct sim_company company;
    struct sim_filing filing;
    struct error err;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(sim_srn_find(bad[i], &company, &filing, &err), GONE);
        assert_string_equal(err.code, "unknown_filing");
    }
    /* a typing error in a right one is noticed, but for one in a few hundred */
    char srn[SRN_MAX], cin[CIN_MAX];
    int place, missed = 0, tried = 0;
    srn_make("U72200MH2015PTC123456", 7, srn);
    for (size_t at = 0; at < SIM_SRN_LENGTH; at++) {
        for (char byte = at < 2 ? 'A' : '0'; byte <= (at < 2 ? 'Z' : '9'); byte++) {
            char typed[SRN_MAX];
            memcpy(typed, srn, sizeof typed);
            typed[at] = byte;
            bool same = byte == srn[at];
            tried += !same;
            missed += !same && srn_parse(typed, cin, &place);
        }
    }
    assert_true(tried > 250 && missed <= 4);
}

static void reserved_numbers(void **state) {
    (void)state;
    struct sim_company company;
    struct error err;
    assert_int_equal(sim_company_make("U72200MH2015PTC000000", &company, &err), GONE);
    assert_int_equal(sim_company_make("U72200MH2015PTC000099", &company, &err), GONE);
    assert_string_equal(err.code, "unknown_company");
    assert_int_equal(sim_company_make("U72200MH2015PTC00009", &company, &err), INVALID);
    struct sim_filing filings[SIM_FILINGS_MAX], filing;
    company = company_of("U72200MH2015PTC000100");
    int count = sim_filings_make(&company, filings);
    for (int i = 0; i < count; i++) {
        assert_true(filings[i].withdrawn == (i == count - 1));
    }
    assert_int_equal(sim_srn_find(filings[count - 1].srn, &company, &filing, &err), OK);
    assert_true(filing.withdrawn);
    company = company_of("U72200MH2015PTC000200");
    count = sim_filings_make(&company, filings);
    assert_false(filings[count - 1].withdrawn);
}

static void samples_exist_and_are_whole(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct company sample;
        struct sim_filing filings[SIM_FILINGS_MAX];
        company_sample(seed, &sample);
        struct sim_company company = company_of(sample.cin);
        assert_string_equal(company.name, sample.name);
        int count = sim_filings_make(&company, filings);
        assert_false(filings[count - 1].withdrawn);
    }
}

static void search_finds_by_name_and_by_cin(void **state) {
    (void)state;
    struct sim_company found[SEARCH_MAX];
    int count = search_companies("PRAVA", 7, found);
    assert_int_equal(count, 7);
    for (int i = 0; i < count; i++) {
        assert_non_null(strstr(found[i].name, "Prava"));
    }
    count = search_companies("u72200mh2015p", 100, found);
    assert_true(count > 50);
    for (int i = 0; i < count; i++) {
        assert_true(str_starts_with(found[i].cin, "U72200MH2015P"));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(found[i].cin, found[k].cin);
        }
    }
    assert_int_equal(search_companies("U72200MH2015PTC123456", 100, found), 1);
    assert_int_equal(search_companies("U72200MH2015PTC000005", 100, found), 0);
    assert_int_equal(search_companies("no such company", 100, found), 0);
    assert_int_equal(search_companies("U72200MH2015PTC1234567", 100, found), 0);
    assert_int_equal(search_companies("", 100, found), 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_those_of_the_calendar), cmocka_unit_test(every_company_has_a_plausible_life),
        cmocka_unit_test(all_shapes_and_forms_occur),     cmocka_unit_test(an_srn_leads_back_to_its_filing),
        cmocka_unit_test(made_up_srns_are_unknown),       cmocka_unit_test(reserved_numbers),
        cmocka_unit_test(samples_exist_and_are_whole),    cmocka_unit_test(search_finds_by_name_and_by_cin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
