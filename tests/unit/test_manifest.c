/* The manifest follows from list and rows alone, byte for byte, whoever makes it. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "core/blob_name.h"
#include "core/manifest.h"

#define JOB "65a000000000000000000001"
#define CIN "U72900KA2015PTC082988"
enum { FILINGS = 3 };

struct scene {
    struct filing filings[FILINGS];
    struct filing_list list;
    struct document rows[FILINGS];
};

static void set_row(struct document *row, const struct filing *filing, enum document_state state) {
    char sha256[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, filing->srn, strlen(filing->srn), sha256);
    row->number = filing->number;
    row->state = state;
    row->pages = 3;
    row->text_bytes = 100 + filing->number;
    (void)str_copy(row->srn, sizeof(row->srn), filing->srn);
    (void)str_copy(row->form, sizeof(row->form), filing->form);
    (void)str_copy(row->filed_on, sizeof(row->filed_on), filing->filed_on);
    (void)str_copy(row->text_md5, sizeof(row->text_md5), "00112233445566778899aabbccddeeff");
    blob_name_document(JOB, row->number, BLOB_TEXT, sha256, row->text_name);
    if (state != DOCUMENT_MISSING) {
        blob_name_document(JOB, row->number, BLOB_ORIGINAL, sha256, row->original_name);
        blob_name_document(JOB, row->number, BLOB_FIELDS, sha256, row->fields_name);
        (void)str_copy(row->original_sha256, sizeof(row->original_sha256), sha256);
        (void)str_copy(row->fields_sha256, sizeof(row->fields_sha256), sha256);
        row->original_bytes = 1000;
    }
}

static int set_up(void **state) {
    struct scene *scene = x_alloc(sizeof(*scene));
    static const enum document_state states[FILINGS] = {DOCUMENT_STORED, DOCUMENT_UNREADABLE, DOCUMENT_MISSING};
    for (int i = 0; i < FILINGS; i++) {
        struct filing *filing = &scene->filings[i];
        filing->number = i + 1;
        (void)str_format(filing->srn, sizeof(filing->srn), "AB%d", 100 + i);
        (void)str_copy(filing->form, sizeof(filing->form), "AOC-4");
        (void)str_copy(filing->filed_on, sizeof(filing->filed_on), "2024-10-29");
        set_row(&scene->rows[i], filing, states[i]);
    }
    scene->list = (struct filing_list){scene->filings, FILINGS};
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    free(*state);
    return 0;
}

static void build(const struct scene *scene, struct buf *out) {
    struct error err = {0};
    assert_int_equal(manifest_build(JOB, CIN, &scene->list, scene->rows, FILINGS, out, &err), OK);
}

static void names_every_document(void **state) {
    struct scene *scene = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(MANIFEST_MAX_BYTES);
    AUTO_JSON json_t *manifest = NULL;
    struct error err = {0};
    build(scene, &bytes);
    assert_int_equal(json_parse(bytes.data, bytes.size_bytes, &manifest, &err), OK);
    assert_string_equal(json_member_string(manifest, "jobId"), JOB);
    assert_string_equal(json_member_string(manifest, "cin"), CIN);
    assert_int_equal(json_member_int(manifest, "expected", -1), 3);
    assert_int_equal(json_member_int(manifest, "stored", -1), 1);
    assert_int_equal(json_member_int(manifest, "unreadable", -1), 1);
    assert_int_equal(json_member_int(manifest, "missing", -1), 1);
    const json_t *documents = json_object_get(manifest, "documents");
    assert_int_equal(json_array_size(documents), FILINGS);
    for (size_t i = 0; i < FILINGS; i++) {
        const json_t *document = json_array_get(documents, i);
        const struct document *row = &scene->rows[i];
        assert_int_equal(json_member_int(document, "number", -1), row->number);
        assert_string_equal(json_member_string(document, "srn"), row->srn);
        assert_string_equal(json_member_string(document, "state"), document_state_name(row->state));
        const json_t *text = json_object_get(document, "text");
        assert_string_equal(json_member_string(text, "name"), row->text_name);
        assert_int_equal(json_member_int(text, "bytes", -1), row->text_bytes);
        assert_string_equal(json_member_string(text, "md5"), row->text_md5);
        assert_true(json_is_null(json_object_get(document, "original")) == (row->state == DOCUMENT_MISSING));
        assert_true(json_is_null(json_object_get(document, "fields")) == (row->state == DOCUMENT_MISSING));
    }
}

/* What differs between two workers that make the same manifest: nothing of it may be in the bytes. */
static void does_not_depend_on_who_made_the_rows(void **state) {
    struct scene *scene = *state;
    AUTO_BUF struct buf first = BUF_INIT(MANIFEST_MAX_BYTES);
    AUTO_BUF struct buf second = BUF_INIT(MANIFEST_MAX_BYTES);
    build(scene, &first);
    for (int i = 0; i < FILINGS; i++) {
        struct document *row = &scene->rows[i];
        object_id_make(row->id);
        random_hex(row->by, 32);
        (void)str_copy(row->text_url, sizeof(row->text_url), "https://elsewhere.example/x.txt");
        (void)str_copy(row->company_name, sizeof(row->company_name), "ANOTHER NAME LIMITED");
        row->at_ms = row->downloaded_at_ms = 1764000000000;
        row->download_ms = row->read_ms = row->store_ms = 7;
    }
    build(scene, &second);
    assert_int_equal(first.size_bytes, second.size_bytes);
    assert_memory_equal(first.data, second.data, first.size_bytes);
}

static void changes_with_what_is_stored(void **state) {
    struct scene *scene = *state;
    AUTO_BUF struct buf first = BUF_INIT(MANIFEST_MAX_BYTES);
    AUTO_BUF struct buf second = BUF_INIT(MANIFEST_MAX_BYTES);
    build(scene, &first);
    scene->rows[0].original_sha256[0] = scene->rows[0].original_sha256[0] == 'a' ? 'b' : 'a';
    build(scene, &second);
    assert_string_not_equal(buf_str(&first), buf_str(&second));
}

static void needs_a_row_for_every_filing(void **state) {
    struct scene *scene = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(MANIFEST_MAX_BYTES);
    struct error err = {0};
    assert_int_equal(manifest_build(JOB, CIN, &scene->list, scene->rows, FILINGS - 1, &bytes, &err), INVALID);
    assert_string_equal(err.code, "incomplete");
    scene->rows[1].number = 3; /* a doubled one hides a gap */
    assert_int_equal(manifest_build(JOB, CIN, &scene->list, scene->rows, FILINGS, &bytes, &err), INVALID);
    assert_string_equal(err.code, "incomplete");
    assert_int_equal(bytes.size_bytes, 0);
}

static void of_no_filings_is_a_manifest(void **state) {
    (void)state;
    AUTO_BUF struct buf bytes = BUF_INIT(MANIFEST_MAX_BYTES);
    struct filing_list none = {0};
    struct error err = {0};
    assert_int_equal(manifest_build(JOB, CIN, &none, NULL, 0, &bytes, &err), OK);
    assert_non_null(strstr(buf_str(&bytes), "\"documents\":[]"));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(names_every_document),        CASE(does_not_depend_on_who_made_the_rows),
        CASE(changes_with_what_is_stored), CASE(needs_a_row_for_every_filing),
        CASE(of_no_filings_is_a_manifest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
