/* Types by bytes, whatever pieces they come in. */
#include "pdf/child/magic.h"

#include <string.h>

#include "support/test.h"

static struct magic magic;

static const char *type_of(const char *bytes, size_t size, size_t piece) {
    memset(&magic, 0, sizeof(magic));
    for (size_t at = 0; at < size; at += piece)
        magic_add(&magic, (const unsigned char *)bytes + at, size - at < piece ? size - at : piece);
    return magic_type(&magic);
}

static void types(void **state) {
    (void)state;
#define CASE(bytes, type)                                                                                              \
    { bytes, sizeof(bytes) - 1, type }
    static const struct {
        const char *bytes;
        size_t size;
        const char *type;
    } cases[] = {
        CASE("%PDF-1.4\n", "application/pdf"),
        CASE("junk before %PDF-1.4", "application/pdf"),
        CASE("\x89PNG\r\n\x1a\n....", "image/png"),
        CASE("\xff\xd8\xff\xe0", "image/jpeg"),
        CASE("II*\0....", "image/tiff"),
        CASE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        CASE("PK\3\4..........", "application/zip"),
        CASE("PK\3\4....[Content_Types].xml....xl/workbook.xml....",
             "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        CASE("PK\3\4....xl/workbook.xml.................................................xl/vbaProject.bin",
             "application/vnd.ms-excel.sheet.macroEnabled.12"),
        CASE("PK\3\4...word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        CASE("MZ\x90", "application/x-msdownload"),
        CASE("<?xml version=\"1.0\"?>", "application/xml"),
        CASE("\xef\xbb\xbf  <?xml?>", "application/xml"),
        CASE("<!DOCTYPE html>", "text/html"),
        CASE("plain text\n", "text/plain"),
        CASE("caf\xc3\xa9", "text/plain"),
        CASE("nul\0", "application/octet-stream"),
        CASE("\x80\x81", "application/octet-stream"),
        CASE("", "application/octet-stream"),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t piece = 1; piece <= 64; piece++) {
            const char *type = type_of(cases[i].bytes, cases[i].size, piece);
            if (strcmp(type, cases[i].type) != 0)
                fail_msg("case %zu in pieces of %zu: %s instead of %s", i, piece, type, cases[i].type);
        }
    }
}

static void a_character_cut_by_the_head_is_still_text(void **state) {
    (void)state;
    static char bytes[MAGIC_HEAD_BYTES + 2];
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes + MAGIC_HEAD_BYTES - 1, "\xe2\x82\xac", 3);
    assert_string_equal(type_of(bytes, sizeof(bytes), 1000), "text/plain");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(a_character_cut_by_the_head_is_still_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
