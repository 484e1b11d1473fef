/* Finding identifiers and dates in text. */
#include "pdf/child/identify.h"

#include <string.h>

#include "support/test.h"

/* All that is found, as "kind:value kind:value". */
static void found_in(const char *text, const char *label, char out[512]) {
    static const char *const kinds[] = {"cin", "srn", "pan", "din", "frn", "email"};
    struct found found;
    size_t used = 0;
    out[0] = '\0';
    for (size_t at = 0; identify_next(text, strlen(text), label, &at, &found);) {
        assert_true(found.from < found.to && found.to <= strlen(text));
        assert_memory_equal(text + found.from, found.value, found.to - found.from);
        used += (size_t)snprintf(out + used, 512 - used, "%s%s:%s", used ? " " : "", kinds[found.kind], found.value);
    }
}

static void identifiers(void **state) {
    (void)state;
    static const struct {
        const char *text, *label, *expected;
    } cases[] = {
        {"CIN: U72200MH2015PTC123456", "", "cin:U72200MH2015PTC123456"},
        {"(L17110MH1973PLC019786).", "", "cin:L17110MH1973PLC019786"},
        {"XU72200MH2015PTC123456", "", ""},
        {"U72200MH2015PTC1234567", "", ""},
        {"F72200MH2015PTC123456", "", ""},
        {"AB1234567_SRN_FORM_AOC-4", "", "srn:AB1234567"},
        {"VN722002015123456359512344_SRN_FORM_DIR-12", "", "srn:VN722002015123456359512344"},
        {"AB1234567", "", ""},
        {"AB1234567", "Service request number (SRN)", "srn:AB1234567"},
        {"SRN R12345678", "", "srn:R12345678"},
        {"R12345678", "DSRN", ""},
        {"PAN AAAPL1234C", "", "pan:AAAPL1234C"},
        {"AAAPL1234C", "", "pan:AAAPL1234C"},
        {"AAAXL1234C", "PAN", ""},
        {"AA******1K", "Income-tax PAN", "pan:AA******1K"},
        {"AA*****1K", "PAN", ""},
        {"**********", "PAN", ""},
        {"01234567", "DIN", "din:01234567"},
        {"01234567", "Director Identification Number of the person", "din:01234567"},
        {"01234567", "DINNER", ""},
        {"DIN 01234567 and 07654321", "", "din:01234567 din:07654321"},
        {"The DIN of the director is 99201051.", "", "din:99201051"},
        {"20240131", "", ""},
        {"012345678", "DIN", ""},
        {"FRN: 012754N/N500016", "", "frn:012754N/N500016"},
        {"101248W/W-100022", "Firm's registration number", "frn:101248W/W-100022"},
        {"W100018", "FRN", "frn:W100018"},
        {"966105E", "", ""},
        {"write to di*****@example.com.", "", "email:di*****@example.com"},
        {"a.b+c@sub.example.co.in,", "", "email:a.b+c@sub.example.co.in"},
        {"not@host", "", ""},
        {"@example.com", "", ""},
    };
    char out[512];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        found_in(cases[i].text, cases[i].label, out);
        if (strcmp(out, cases[i].expected) != 0)
            fail_msg("\"%s\" (%s): \"%s\" instead of \"%s\"", cases[i].text, cases[i].label, out, cases[i].expected);
    }
}

static uint32_t srn_confidence(const char *text, const char *label) {
    struct found found;
    size_t at = 0;
    assert_true(identify_next(text, strlen(text), label, &at, &found));
    assert_int_equal(found.kind, WIRE_SRN);
    return found.confidence;
}

static void own_numbers_are_told_from_others(void **state) {
    (void)state;
    assert_int_equal(srn_confidence("AB1234567_SRN_FORM_AOC-4", ""), 99);
    assert_int_equal(srn_confidence("SRN: AB1234567", ""), 95);
    assert_int_equal(srn_confidence("AB1234567", "eForm service request number (SRN)"), 95);
    assert_int_equal(srn_confidence("AB1234567", "SRN C[0]"), 95);
    assert_int_equal(srn_confidence("AB1234567", "SRN of the related form"), 70);
    assert_int_equal(srn_confidence("paid by SRN AB1234567", ""), 70);
}

static void dates(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"31/12/2024", "2024-12-31"},
        {"1/2/2024", "2024-02-01"},
        {"on 05-06-2019.", "2019-06-05"},
        {"31.03.2025", "2025-03-31"},
        {"12/31/2024", "2024-12-31"},
        {"29/02/2023", ""},
        {"29/02/2024", "2024-02-29"},
        {"31/04/2024", ""},
        {"2024-03-31", "2024-03-31"},
        {"2024-03-31T10:00:00", "2024-03-31"},
        {"12 March 2024", "2024-03-12"},
        {"12th day of March, 2024", "2024-03-12"},
        {"12-Mar-2024", "2024-03-12"},
        {"March 12, 2024", "2024-03-12"},
        {"Sept. 1, 2024", "2024-09-01"},
        {"1st April 2024", "2024-04-01"},
        {"Marching 12, 2024", ""},
        {"31/12-2024", ""},
        {"1234/12/2024", ""},
        {"31/12/20245", ""},
        {"31/12/24", ""},
        {"(DD/MM/YYYY)", ""},
        {"00/00/0000", ""},
        {"01/01/1700", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct found found = {0};
        size_t at = 0;
        bool any = date_next(cases[i].text, strlen(cases[i].text), &at, &found);
        if (strcmp(any ? found.value : "", cases[i].expected) != 0)
            fail_msg("\"%s\": \"%s\" instead of \"%s\"", cases[i].text, found.value, cases[i].expected);
    }
}

static void several_dates_in_one_line(void **state) {
    (void)state;
    const char *text = "from 01/04/2024 to 31/03/2025";
    struct found found;
    size_t at = 0;
    assert_true(date_next(text, strlen(text), &at, &found));
    assert_string_equal(found.value, "2024-04-01");
    assert_true(date_next(text, strlen(text), &at, &found));
    assert_string_equal(found.value, "2025-03-31");
    assert_false(date_next(text, strlen(text), &at, &found));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers),
        cmocka_unit_test(own_numbers_are_told_from_others),
        cmocka_unit_test(dates),
        cmocka_unit_test(several_dates_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
