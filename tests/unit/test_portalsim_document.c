/* The bytes of the simulated filings: determinism, the structure of the PDFs, what the forms say. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/str.h"
#include "portalsim/broken.h"
#include "portalsim/day.h"
#include "portalsim/form_values.h"
#include "portalsim/pdf_writer.h"
#include "portalsim/shapes.h"
#include "portalsim/xfa.h"
#include "support/test.h"

static const char cin[] = "U72200MH2015PTC123456";

struct made {
    struct sim_company company;
    struct sim_filing filings[SIM_FILINGS_MAX];
    int count;
};

static struct made make(const char *of) {
    struct made made;
    struct error err;
    assert_int_equal(sim_company_make(of, &made.company, &err), OK);
    made.count = sim_filings_make(&made.company, made.filings);
    return made;
}

static size_t number_at(const char *text) {
    return (size_t)strtoull(text, NULL, 10);
}

/* Every entry of the cross-reference table points at its object, every object is in it, and the trailer agrees. */
static void check_structure(const struct buf *file) {
    assert_memory_equal(file->data, "%PDF-1.7\n", 9);
    assert_memory_equal(file->data + file->size_bytes - 7, "\n%%EOF\n", 7);
    size_t tail = file->size_bytes > 300 ? file->size_bytes - 300 : 0;
    const char *start = strstr(file->data + tail, "startxref\n");
    assert_non_null(start);
    size_t table = number_at(start + 10);
    int count = 0, length = 0;
    assert_true(table < file->size_bytes && str_starts_with(file->data + table, "xref\n0 "));
    count = (int)number_at(file->data + table + 7);
    length = (int)(strchr(file->data + table + 5, '\n') - (file->data + table)) + 1;
    const char *entry = file->data + table + length;
    assert_true(str_starts_with(entry, "0000000000 65535 f \n"));
    for (int i = 1; i < count; i++) {
        char expected[32];
        entry += 20;
        assert_memory_equal(entry + 10, " 00000 n \n", 10);
        size_t offset = number_at(entry);
        (void)str_format(expected, sizeof expected, "%d 0 obj\n", i);
        assert_true(offset < table && str_starts_with(file->data + offset, expected));
        assert_true(offset == 0 || file->data[offset - 1] == '\n');
    }
    char size[32];
    (void)str_format(size, sizeof size, "/Size %d ", count);
    assert_true(str_starts_with(entry + 20, "trailer\n") && strstr(entry + 20, size));
}

/* Lengths of streams: "stream\n", that many bytes, "\nendstream". */
static void check_streams(const struct buf *file) {
    const char *at = file->data, *end = file->data + file->size_bytes;
    int streams = 0;
    while ((at = memmem(at, (size_t)(end - at), "/Length ", 8)) != NULL) {
        size_t length = number_at(at + 8);
        at = strchr(at, '\n') + 1;
        if (str_starts_with(at, "stream\n")) {
            at += 7 + length;
            assert_true(at < end && str_starts_with(at, "\nendstream"));
            streams++;
        }
    }
    assert_true(streams > 0);
}

/* Forms have two to four pages, letters one or two. */
static void check_pages(const struct sim_filing *filing, const struct buf *file) {
    const char *count = strstr(file->data, "/Type /Pages ");
    assert_non_null(count);
    size_t pages = number_at(strstr(count, "/Count ") + 7);
    bool form = filing->form != SIM_FORMS;
    assert_in_range(pages, form ? 2 : 1, form ? 4 : 2);
}

static void files_are_well_formed_and_repeatable(void **state) {
    (void)state;
    static const char *const cins[] = {"U72200MH2015PTC123456", "L00000AA0000AAA000200", "U99999ZZ9999ZZZ999999"};
    struct buf first = BUF_INIT(PDF_FILE_MAX), second = BUF_INIT(PDF_FILE_MAX);
    for (size_t c = 0; c < COUNT_OF(cins); c++) {
        struct made made = make(cins[c]);
        for (int i = 0; i < made.count; i++) {
            sim_document_make(&made.company, &made.filings[i], &first);
            sim_document_make(&made.company, &made.filings[i], &second);
            assert_false(first.full);
            assert_int_equal(first.size_bytes, second.size_bytes);
            assert_memory_equal(first.data, second.data, first.size_bytes);
            check_structure(&first);
            check_streams(&first);
            check_pages(&made.filings[i], &first);
        }
    }
    buf_finish(&first);
    buf_finish(&second);
}

/* The bytes are the same on every machine and in every build. Change this value when the generator is changed on
 * purpose. */
static void bytes_stay_what_they_are(void **state) {
    (void)state;
    struct made made = make(cin);
    struct buf file = BUF_INIT(PDF_FILE_MAX);
    struct hash_stream *stream = hash_stream_create(HASH_MD5);
    char hex[HASH_HEX_MAX];
    for (int i = 0; i < made.count; i++) {
        sim_document_make(&made.company, &made.filings[i], &file);
        hash_stream_add(stream, file.data, file.size_bytes);
    }
    hash_stream_end(stream, hex);
    hash_stream_destroy(stream);
    buf_finish(&file);
    assert_int_equal(made.count, 47);
    assert_string_equal(hex, "e5dd9c64188ea017df83314b65d96777");
}

static void broken_files(void **state) {
    (void)state;
    struct made made = make(cin);
    struct buf file = BUF_INIT(PDF_FILE_MAX), again = BUF_INIT(PDF_FILE_MAX);
    for (enum fault_kind kind = FAULT_DAMAGED; kind <= FAULT_PAGES; kind++) {
        sim_document_make(&made.company, &made.filings[3], &file);
        sim_document_make(&made.company, &made.filings[3], &again);
        broken_make(kind, &made.filings[3], &file);
        broken_make(kind, &made.filings[3], &again);
        assert_int_equal(file.size_bytes, again.size_bytes);
        assert_memory_equal(file.data, again.data, file.size_bytes);
        assert_memory_equal(file.data, "%PDF-", 5);
        if (kind != FAULT_DAMAGED) {
            check_structure(&file);
        }
    }
    buf_finish(&file);
    buf_finish(&again);
}

static bool pan_valid(const char *pan) {
    for (int i = 0; i < 10; i++) {
        bool letter = pan[i] >= 'A' && pan[i] <= 'Z';
        if (i < 5 || i == 9 ? !letter : pan[i] != '0') {
            return false;
        }
    }
    return pan[10] == '\0' && (pan[3] == 'P' || pan[3] == 'C');
}

/* DD/MM/YYYY of the calendar -> its day */
static int form_day(const char *text) {
    char iso[FORM_VALUE_MAX];
    int64_t time_ms = 0;
    assert_int_equal(strlen(text), 10);
    (void)str_format(iso, sizeof iso, "%.4s-%.2s-%.2s", text + 6, text + 3, text);
    assert_true(date_valid(iso) && clock_parse(iso, &time_ms));
    return (int)(time_ms / 86400000);
}

static void check_value(const struct made *made, const struct sim_filing *filing, const struct form_value *value) {
    char shown[FORM_VALUE_MAX], data[FORM_VALUE_MAX];
    form_mask(value->row->kind, value->text, shown);
    xfa_value(value, data);
    switch (value->row->kind) {
    case ROW_CIN:
        assert_string_equal(value->text, made->company.cin);
        break;
    case ROW_PAN_COMPANY:
    case ROW_PAN_PERSON:
        assert_true(pan_valid(value->text));
        assert_true(strlen(shown) == 10 && memcmp(shown + 2, "******", 6) == 0 && shown[8] == '0');
        break;
    case ROW_EMAIL:
        assert_true(str_ends_with(value->text, "@example.com") && str_ends_with(shown, "*@example.com"));
        break;
    case ROW_DIN:
        assert_true(strlen(value->text) == 8 && memcmp(value->text, "99", 2) == 0);
        break;
    case ROW_DATE:
    case ROW_YEAR_TO:
    case ROW_YEAR_FROM:
    case ROW_FILED_ON:
        assert_true(form_day(value->text) <= filing->filed_day);
        assert_true(form_day(value->text) >= made->company.registered_day);
        assert_true(date_valid(data));
        break;
    case ROW_DATE_LATER:
        assert_true(form_day(value->text) > filing->filed_day);
        break;
    case ROW_AMOUNT:
        assert_true(str_ends_with(value->text, ".00") && !strchr(data, ','));
        break;
    case ROW_RADIO:
        assert_true(data[0] && value->text[0]);
        break;
    default:
        assert_string_equal(shown, value->text);
    }
}

static void forms_say_what_the_grammars_allow(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct company sample;
        company_sample(seed, &sample);
        struct made made = make(sample.cin);
        for (int i = 0; i < made.count; i++) {
            struct form_values values;
            if (made.filings[i].form == SIM_FORMS) {
                continue;
            }
            form_values_make(&made.company, &made.filings[i], &values);
            assert_true(values.count >= 16);
            for (int k = 0; k < values.count; k++) {
                check_value(&made, &made.filings[i], &values.items[k]);
            }
        }
    }
}

static void check_section(const struct form_section *section) {
    for (int i = 0; i < section->rows_count; i++) {
        const struct form_row *row = &section->rows[i];
        char name[XFA_NAME_MAX], other[XFA_NAME_MAX], option[FORM_VALUE_MAX];
        char exports[FORM_OPTIONS_MAX][XFA_EXPORT_MAX];
        size_t length = strlen(row->field);
        assert_true(length > 2 && row->field[length - 2] == '_');
        xfa_data_name(row, name);
        for (int k = 0; k < i; k++) {
            xfa_data_name(&section->rows[k], other);
            assert_string_not_equal(name, other);
            assert_string_not_equal(row->field, section->rows[k].field);
        }
        for (int k = 0; row->kind == ROW_RADIO && form_option(row->options, k, option); k++) {
            assert_true(k < FORM_OPTIONS_MAX);
            xfa_export(row->options, k, exports[k]);
            assert_true(exports[k][0] && !str_eq(exports[k], "OFF"));
            for (int j = 0; j < k; j++) {
                assert_string_not_equal(exports[k], exports[j]);
            }
        }
    }
}

static void field_names_are_unambiguous(void **state) {
    (void)state;
    check_section(&form_opening);
    check_section(&form_closing);
    check_section(&form_office);
    for (int form = 0; form < SIM_FORMS; form++) {
        for (int i = 0; i < form_tables[form].sections_count; i++) {
            check_section(&form_tables[form].sections[i]);
        }
    }
}

static void masks(void **state) {
    (void)state;
    char out[FORM_VALUE_MAX];
    form_mask(ROW_PAN_PERSON, "AAAPA0001K", out);
    assert_string_equal(out, "AA******1K");
    form_mask(ROW_EMAIL, "director@example.com", out);
    assert_string_equal(out, "di******@example.com");
    form_mask(ROW_DIN, "99000001", out);
    assert_string_equal(out, "99000001");
}

static void truth_says_what_is_there(void **state) {
    (void)state;
    struct made made = make(cin);
    for (int i = 0; i < made.count; i++) {
        json_t *truth AUTO_JSON = sim_document_truth(&made.company, &made.filings[i]);
        assert_non_null(truth);
        assert_string_equal(json_member_string(truth, "srn"), made.filings[i].srn);
        bool letter = made.filings[i].form == SIM_FORMS;
        assert_true(json_array_size(json_object_get(truth, letter ? "paragraphs" : "fields")) > 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_well_formed_and_repeatable),
        cmocka_unit_test(bytes_stay_what_they_are),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(forms_say_what_the_grammars_allow),
        cmocka_unit_test(field_names_are_unambiguous),
        cmocka_unit_test(masks),
        cmocka_unit_test(truth_says_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
