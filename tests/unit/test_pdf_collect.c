/* Frames to JSON: what good frames make, byte for byte; and every way a hostile child can be wrong. */
#include "pdf/collect.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "pdf_frames.h"
#include "support/test.h"

static struct collect *collect;
static struct frame frame;

static int setup(void **state) {
    (void)state;
    collect = collect_create();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    collect_destroy(collect);
    return 0;
}

static bool put(void) {
    const char *problem = NULL;
    return collect_frame(collect, frame.type, frame.out.data, frame.out.size_bytes, &problem);
}

static const struct collect_source source = {.sha256 = "abc", .size_bytes = 1234, .parser = "1+test"};

static void fill(void) {
    frame_document(&frame, 2);
    assert_true(put());
    frame_page(&frame, 1, "first");
    assert_true(put());
    frame_identifier(&frame, WIRE_CIN, 99, "U72200MH2015PTC123456");
    assert_true(put());
    frame_identifier(&frame, WIRE_SRN, 70, "AA0000001");
    assert_true(put());
    frame_identifier(&frame, WIRE_SRN, 99, "AB1234567");
    assert_true(put());
    frame_date(&frame, "2025-02-28");
    assert_true(put());
    frame_page(&frame, 2, "second");
    assert_true(put());
    frame_warning(&frame, "page_count", "one\ntwo");
    assert_true(put());
    frame_form(&frame, WIRE_V3, "AOC-4");
    assert_true(put());
    frame_end(&frame, WIRE_END_OK, "");
    assert_true(put());
}

static void good_frames_make_this_json(void **state) {
    (void)state;
    fill();
    struct pdf_reading reading;
    collect_finish(collect, &source, PDF_OK, "", &reading);
    assert_string_equal(buf_str(&reading.text), "first\fsecond");
    assert_string_equal(reading.form, "AOC-4");
    assert_string_equal(reading.srn, "AB1234567");
    assert_string_equal(reading.cin, "U72200MH2015PTC123456");
    assert_int_equal(reading.pages, 2);
    static const char expected[] =
        "{\"schema\":1,\"outcome\":\"ok\",\"source\":{\"sha256\":\"abc\",\"bytes\":1234},\"parser\":\"1+test\","
        "\"form\":{\"number\":\"AOC-4\",\"version\":\"V3\"},"
        "\"pdf\":{\"version\":\"1.7\",\"title\":\"a \\\"title\\\"\",\"producer\":\"tests\",\"encrypted\":false,"
        "\"repaired\":false,\"acroform\":false,\"xfa\":false},\"pageCount\":2,"
        "\"identifiers\":[{\"kind\":\"cin\",\"value\":\"U72200MH2015PTC123456\",\"confidence\":0.99,"
        "\"where\":{\"page\":1,\"box\":[1,2,3,4.5]}},"
        "{\"kind\":\"srn\",\"value\":\"AA0000001\",\"confidence\":0.7,\"where\":{\"page\":1,\"box\":[1,2,3,4.5]}},"
        "{\"kind\":\"srn\",\"value\":\"AB1234567\",\"confidence\":0.99,\"where\":{\"page\":1,\"box\":[1,2,3,4.5]}}],"
        "\"dates\":[{\"value\":\"2025-02-28\",\"label\":\"Date of the meeting\",\"confidence\":0.9,"
        "\"where\":{\"page\":1,\"box\":[1,2,3,4.5]}}],"
        "\"fields\":[],\"attachments\":[],\"signatures\":[],"
        "\"warnings\":[{\"code\":\"page_count\",\"detail\":\"one\\ntwo\"}],"
        "\"pages\":[{\"page\":1,\"width\":595,\"height\":842,\"imagePercent\":0,\"unreadable\":false,\"cut\":false,"
        "\"lines\":[{\"box\":[40,50,100.5,62.05],\"text\":\"first\"}]},"
        "{\"page\":2,\"width\":595,\"height\":842,\"imagePercent\":0,\"unreadable\":false,\"cut\":false,"
        "\"lines\":[{\"box\":[40,50,100.5,62.05],\"text\":\"second\"}]}]}";
    assert_string_equal(buf_str(&reading.fields), expected);
    pdf_reading_finish(&reading);
}

static void a_failed_outcome_keeps_nothing_of_the_document(void **state) {
    (void)state;
    fill();
    struct pdf_reading reading;
    collect_finish(collect, &source, PDF_CRASHED, "the reader crashed (SEGV)", &reading);
    assert_int_equal(reading.text.size_bytes, 0);
    assert_string_equal(reading.srn, "");
    assert_string_equal(reading.form, "unknown");
    assert_string_equal(buf_str(&reading.fields),
                        "{\"schema\":1,\"outcome\":\"crashed\",\"detail\":\"the reader crashed (SEGV)\","
                        "\"source\":{\"sha256\":\"abc\",\"bytes\":1234},\"parser\":\"1+test\"}");
    pdf_reading_finish(&reading);
}

static void identifiers_outside_their_grammar_are_refused(void **state) {
    (void)state;
    static const struct {
        uint32_t kind;
        const char *value;
        bool good;
    } cases[] = {
        {WIRE_CIN, "U72200MH2015PTC123456", true},
        {WIRE_CIN, "X72200MH2015PTC123456", false},
        {WIRE_CIN, "U72200MH2015PTC12345", false},
        {WIRE_SRN, "AB1234567", true},
        {WIRE_SRN, "R12345678", true},
        {WIRE_SRN, "VN722002015123456359512344", true},
        {WIRE_SRN, "AB123456", false},
        {WIRE_SRN, "AB1234567/../x", false},
        {WIRE_SRN, "R1234567", false},
        {WIRE_PAN, "AAAPL1234C", true},
        {WIRE_PAN, "AA******1K", true},
        {WIRE_PAN, "AAAPL1234", false},
        {WIRE_PAN, "aaapl1234c", false},
        {WIRE_DIN, "01234567", true},
        {WIRE_DIN, "1234567", false},
        {WIRE_FRN, "012754N/N500016", true},
        {WIRE_FRN, "101248W/W-100022", true},
        {WIRE_FRN, "W100018", true},
        {WIRE_FRN, "012754", false},
        {WIRE_EMAIL, "di*****@example.com", true},
        {WIRE_EMAIL, "a@b", false},
        {WIRE_EMAIL, "<script>@example.com", false},
        {WIRE_IDENTIFIER_KINDS, "x", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        frame_identifier(&frame, cases[i].kind, 90, cases[i].value);
        if (put() != cases[i].good)
            fail_msg("%u %s", cases[i].kind, cases[i].value);
    }
    frame_identifier(&frame, WIRE_CIN, 101, "U72200MH2015PTC123456");
    assert_false(put());
}

static void dates_forms_and_codes_are_checked(void **state) {
    (void)state;
    frame_date(&frame, "2025-02-29");
    assert_false(put());
    frame_date(&frame, "2024-02-29");
    assert_true(put());
    frame_date(&frame, "28/02/2025");
    assert_false(put());
    frame_warning(&frame, "Not A Code", "");
    assert_false(put());
    for (int larger = 0; larger < 2; larger++) {
        static const unsigned char digest[32];
        frame_start(&frame, WIRE_ATTACHMENT);
        for (int i = 0; i < 4; i++)
            frame_text(&frame, "a");
        wire_put_u32(&frame.out, 0);
        wire_put_u64(&frame.out, ((uint64_t)1 << 40) + (uint64_t)larger);
        wire_put_bytes(&frame.out, digest, sizeof(digest));
        assert_int_equal(put(), !larger);
    }
    frame_form(&frame, WIRE_V3, "<b>");
    assert_false(put());
    collect_destroy(collect);
    collect = collect_create();
    frame_form(&frame, WIRE_FORM_VERSIONS, "");
    assert_false(put());
}

static void pages_come_in_order(void **state) {
    (void)state;
    frame_page(&frame, 2, "x");
    assert_false(put());
    frame_page(&frame, 1, "x");
    assert_true(put());
    frame_page(&frame, 1, "x");
    assert_false(put());
}

static void every_cut_of_every_frame_is_refused(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        kind == 0   ? frame_document(&frame, 1)
        : kind == 1 ? frame_page(&frame, 1, "x")
        : kind == 2 ? frame_identifier(&frame, WIRE_DIN, 50, "01234567")
        : kind == 3 ? frame_date(&frame, "2025-01-01")
        : kind == 4 ? frame_form(&frame, WIRE_V2, "MGT-7")
                    : frame_end(&frame, WIRE_END_OK, "x");
        size_t whole = frame.out.size_bytes;
        for (size_t size = 0; size <= whole + 1; size++) {
            collect_destroy(collect);
            collect = collect_create();
            frame.out.size_bytes = size;
            assert_int_equal(put(), size == whole);
        }
    }
}

static void nothing_comes_after_the_end(void **state) {
    (void)state;
    frame_end(&frame, WIRE_END_OK, "");
    assert_true(put());
    frame_warning(&frame, "late", "");
    assert_false(put());
}

static void unknown_types_are_refused(void **state) {
    (void)state;
    static const uint32_t types[] = {0, WIRE_TYPE_COUNT, 1000000, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        frame_start(&frame, types[i]);
        assert_false(put());
    }
}

static void more_of_a_type_than_allowed_is_refused(void **state) {
    (void)state;
    frame_warning(&frame, "again", "");
    for (uint32_t i = 0; i < wire_count_max(WIRE_WARNING); i++)
        assert_true(put());
    assert_false(put());
    frame_document(&frame, 1);
    assert_true(put());
    assert_false(put());
}

/* A page that is right in all but its size: lines without text, 20 bytes each. */
static size_t empty_lines(uint32_t number, uint32_t lines, unsigned char *payload, size_t capacity) {
    struct wire_writer out = {.data = payload, .capacity_bytes = capacity};
    wire_put_u32(&out, number);
    for (int i = 0; i < 4; i++)
        wire_put_u32(&out, 0);
    wire_put_u32(&out, lines);
    for (uint32_t i = 0; i < lines; i++) {
        wire_put_box(&out, (struct wire_box){0, 0, 0, 0});
        wire_put_u32(&out, 0);
    }
    assert_false(out.full);
    return out.size_bytes;
}

static unsigned char payload[WIRE_FRAME_BYTES_MAX + 4096];

static void one_frame_too_large_is_refused(void **state) {
    (void)state;
    const char *problem = NULL;
    size_t size = empty_lines(1, WIRE_FRAME_BYTES_MAX / 20 + 1, payload, sizeof(payload));
    assert_true(size > wire_bytes_max(WIRE_PAGE));
    assert_false(collect_frame(collect, WIRE_PAGE, payload, size, &problem));
    assert_non_null(problem);
    size = empty_lines(1, WIRE_FRAME_BYTES_MAX / 20 - 2, payload, sizeof(payload));
    assert_true(collect_frame(collect, WIRE_PAGE, payload, size, &problem));
}

static void all_frames_together_are_limited(void **state) {
    (void)state;
    size_t taken = 0;
    for (uint32_t number = 1;; number++) {
        const char *problem = NULL;
        size_t size = empty_lines(number, 100000, payload, sizeof(payload));
        if (!collect_frame(collect, WIRE_PAGE, payload, size, &problem))
            break;
        taken += size;
    }
    assert_true(taken <= WIRE_TOTAL_BYTES_MAX);
    assert_true(taken > WIRE_TOTAL_BYTES_MAX / 2);
}

static void a_count_of_lines_that_is_a_lie_costs_nothing(void **state) {
    (void)state;
    frame_page(&frame, 1, "x");
    struct wire_writer lie = {.data = frame.out.data + 20, .capacity_bytes = 4};
    wire_put_u32(&lie, UINT32_MAX);
    assert_false(put());
}

static void hundredths(const char *expected, int64_t number) {
    collect_destroy(collect);
    collect = collect_create();
    frame_document(&frame, 1);
    assert_true(put());
    frame_page(&frame, 1, "x");
    struct wire_writer width = {.data = frame.out.data + 4, .capacity_bytes = 4};
    wire_put_u32(&width, (uint32_t)number);
    assert_true(put());
    struct pdf_reading reading;
    collect_finish(collect, &source, PDF_OK, "", &reading);
    char member[64];
    snprintf(member, sizeof(member), "\"width\":%s,", expected);
    if (!strstr(buf_str(&reading.fields), member))
        fail_msg("%s not in %s", member, buf_str(&reading.fields));
    pdf_reading_finish(&reading);
}

static void points_are_written_without_spare_digits(void **state) {
    (void)state;
    hundredths("0", 0);
    hundredths("0.01", 1);
    hundredths("0.1", 10);
    hundredths("1", 100);
    hundredths("1.01", 101);
    hundredths("10.5", 1050);
    hundredths("123456.78", 12345678);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_frames_make_this_json, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_outcome_keeps_nothing_of_the_document, setup, teardown),
        cmocka_unit_test_setup_teardown(identifiers_outside_their_grammar_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(dates_forms_and_codes_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_come_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(every_cut_of_every_frame_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_comes_after_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_types_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(more_of_a_type_than_allowed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(one_frame_too_large_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(all_frames_together_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(a_count_of_lines_that_is_a_lie_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(points_are_written_without_spare_digits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
