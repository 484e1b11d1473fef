#include "core/blob_name.h"

#include <string.h>

#include "base/str.h"
#include "support/test.h"

static const char job[] = "65a1b2c3d4e5f6a7b8c9d0e1";
static const char sha[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void names(void **state) {
    (void)state;
    char name[BLOB_NAME_MAX];
    blob_name_document(job, 7, BLOB_TEXT, sha, name);
    assert_string_equal(name, "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_7.ba7816bf8f01cfea.txt");
    blob_name_document(job, FILINGS_MAX, BLOB_ORIGINAL, sha, name);
    assert_string_equal(name, "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_5000.ba7816bf8f01cfea.pdf");
    blob_name_document(job, 1, BLOB_FIELDS, sha, name);
    assert_string_equal(name, "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfea.json");
    blob_name_manifest(job, sha, name);
    assert_string_equal(name, "jobs/65a1b2c3d4e5f6a7b8c9d0e1/manifest.ba7816bf8f01cfea.json");
    blob_name_prefix(job, name);
    assert_string_equal(name, "jobs/65a1b2c3d4e5f6a7b8c9d0e1/");
    char file[64];
    document_file_name(12, "txt", file);
    assert_string_equal(file, "document_12.txt");
}

static void parse_gives_the_parts(void **state) {
    (void)state;
    static const enum blob_kind kinds[] = {BLOB_TEXT, BLOB_ORIGINAL, BLOB_FIELDS};
    static const char *const extensions[] = {"txt", "pdf", "json"};
    for (size_t i = 0; i <= COUNT_OF(kinds); i++) {
        bool manifest = i == COUNT_OF(kinds);
        char name[BLOB_NAME_MAX];
        if (manifest)
            blob_name_manifest(job, sha, name);
        else
            blob_name_document(job, 4321, kinds[i], sha, name);
        char job_id[OBJECT_ID_MAX];
        char hex[17];
        char extension[8];
        int number = -1;
        assert_true(blob_name_parse(name, job_id, &number, hex, extension));
        assert_string_equal(job_id, job);
        assert_int_equal(number, manifest ? 0 : 4321);
        assert_string_equal(hex, "ba7816bf8f01cfea");
        assert_string_equal(extension, manifest ? "json" : extensions[i]);
        assert_true(blob_name_parse(name, NULL, NULL, NULL, NULL));
        assert_true(blob_name_matches(name, sha));
    }
}

static void parse_refuses_other_names(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "jobs/",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/x",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/manifest",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/manifest.",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/manifest.ba7816bf8f01cfea",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/manifest.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfe.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfea0.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.BA7816BF8F01CFEA.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfea.exe",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfea.txt.tmp",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfea.",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_0.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_01.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_-1.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_5001.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_99999999999.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1/../x.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e1/.document_1.ba7816bf8f01cfea.txt",
        "jobs/65A1B2C3D4E5F6A7B8C9D0E1/document_1.ba7816bf8f01cfea.txt",
        "jobs/../../../../../etc/shad/document_1.ba7816bf8f01cfea.txt",
        "jobs/65a1b2c3d4e5f6a7b8c9d0e12/document_1.ba7816bf8f01cfea.txt",
        "/jobs/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfea.txt",
        "JOBS/65a1b2c3d4e5f6a7b8c9d0e1/document_1.ba7816bf8f01cfea.txt",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int number = 77;
        if (blob_name_parse(bad[i], NULL, &number, NULL, NULL))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(number, 77);
        assert_false(blob_name_matches(bad[i], sha));
    }
}

static void every_cut_of_a_name_is_refused(void **state) {
    (void)state;
    char name[BLOB_NAME_MAX];
    blob_name_document(job, 12, BLOB_TEXT, sha, name);
    for (size_t length = strlen(name); length-- > 0;) {
        AUTO_FREE char *cut = x_strndup(name, length); /* its own memory: a sanitizer sees a read past it */
        assert_false(blob_name_parse(cut, NULL, NULL, NULL, NULL));
    }
}

static void matches_the_digest_only(void **state) {
    (void)state;
    char name[BLOB_NAME_MAX];
    blob_name_document(job, 1, BLOB_TEXT, sha, name);
    char other[65];
    (void)str_copy(other, sizeof(other), sha);
    other[15] = '0';
    assert_false(blob_name_matches(name, other));
    assert_false(blob_name_matches(name, "ba7816bf8f01cfea"));
    assert_false(blob_name_matches(name, ""));
}

static void content_types(void **state) {
    (void)state;
    assert_string_equal(blob_content_type("a/b.txt"), "text/plain; charset=utf-8");
    assert_string_equal(blob_content_type("a/b.pdf"), "application/pdf");
    assert_string_equal(blob_content_type("a/b.json"), "application/json");
    assert_string_equal(blob_content_type("a/b"), "application/octet-stream");
    assert_string_equal(blob_content_type("a/b.html"), "application/octet-stream");
}

static void document_states(void **state) {
    (void)state;
    static const char *const words[] = {"stored", "unreadable", "missing"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        enum document_state parsed = DOCUMENT_STORED;
        assert_string_equal(document_state_name((enum document_state)i), words[i]);
        assert_true(document_state_parse(words[i], &parsed));
        assert_int_equal(parsed, i);
    }
    enum document_state parsed = DOCUMENT_MISSING;
    assert_false(document_state_parse("other", &parsed));
    assert_false(document_state_parse(NULL, &parsed));
    assert_int_equal(parsed, DOCUMENT_MISSING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(parse_gives_the_parts),
        cmocka_unit_test(parse_refuses_other_names),
        cmocka_unit_test(every_cut_of_a_name_is_refused),
        cmocka_unit_test(matches_the_digest_only),
        cmocka_unit_test(content_types),
        cmocka_unit_test(document_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
