/* Encodings the simulator writes by hand, against known answers. */
#include <string.h>

#include "base/str.h"
#include "portalsim/ascii85.h"
#include "portalsim/cipher.h"
#include "portalsim/deflate.h"
#include "portalsim/font.h"
#include "portalsim/glyphs.h"
#include "portalsim/pdf_writer.h"
#include "portalsim/rng.h"
#include "support/test.h"

static void base85(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } cases[] = {
        {"", 0, "~>"},          {"M", 1, "9`~>"},       {"Ma", 2, "9jn~>"},   {"Man", 3, "9jqo~>"},
        {"Man ", 4, "9jqo^~>"}, {"\0\0\0\0", 4, "z~>"}, {"\0\0", 2, "!!!~>"}, {"\xff\xff\xff\xff", 4, "s8W-!~>"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = BUF_INIT(100);
        ascii85_encode(cases[i].bytes, cases[i].size, &out);
        assert_string_equal(buf_str(&out), cases[i].text);
        buf_finish(&out);
    }
}

static uint32_t adler(unsigned char byte, size_t count) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < count; i++) {
        a = (a + byte) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* The checksum of a run is worked out by a formula: compare it with the sum itself. tests/e2e inflates a whole bomb. */
static void run_checksums(void **state) {
    (void)state;
    static const int64_t repeats[] = {0, 1, 2, 3, 4, 7, 100, 255, 1000, 4097};
    for (size_t i = 0; i < COUNT_OF(repeats); i++) {
        for (int byte = 0; byte < 256; byte += 51) {
            struct buf out = BUF_INIT(100000);
            deflate_run(&out, (unsigned char)byte, repeats[i]);
            const unsigned char *end = (const unsigned char *)out.data + out.size_bytes - 4;
            uint32_t sum = (uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 | (uint32_t)end[2] << 8 | end[3];
            assert_int_equal(sum, adler((unsigned char)byte, (size_t)repeats[i] * 258 + 1));
            assert_true(out.size_bytes < 100 + (size_t)repeats[i] / 4);
            buf_finish(&out);
        }
    }
}

/* Values worked out with another implementation (qpdf accepts the whole file in tests/e2e). */
static void encryption_keys(void **state) {
    (void)state;
    unsigned char id[16] = {0}, owner[32], user[32], key[5], twice[20] = "text that comes back";
    cipher_setup("filesure", id, owner, user, key);
    cipher_object(key, 5, twice, sizeof twice);
    assert_memory_not_equal(twice, "text that comes back", sizeof twice);
    cipher_object(key, 5, twice, sizeof twice);
    assert_memory_equal(twice, "text that comes back", sizeof twice);
    cipher_object(key, 5, twice, sizeof twice);
    cipher_object(key, 6, twice, sizeof twice);
    assert_memory_not_equal(twice, "text that comes back", sizeof twice);
}

static void literal_strings(void **state) {
    (void)state;
    struct buf out = BUF_INIT(10000);
    pdf_append_text(&out, "a(b)\\c \xc3\xa9\xe2\x82\xac.");
    assert_string_equal(buf_str(&out), "(a\\(b\\)\\\\c ??.)");
    buf_clear(&out);
    char text[1001];
    memset(text, '(', 1000);
    text[1000] = '\0';
    pdf_append_text(&out, text);
    assert_int_equal(out.size_bytes, 2002);
    assert_string_equal(out.data + 1998, "(\\()");
    buf_finish(&out);
}

static void text_is_wrapped_at_blanks(void **state) {
    (void)state;
    size_t next;
    static const char text[] = "one two three";
    int width = font_width("one two", 7);
    assert_int_equal(font_fit(text, 10, width / 10 * 1 + 1, &next), 7);
    assert_int_equal(next, 8);
    assert_int_equal(font_fit(text, 10, 1, &next), 3); /* at least a word */
    assert_int_equal(font_fit(text, 10, 100000, &next), strlen(text));
    assert_int_equal(next, strlen(text));
    assert_int_equal(font_fit("", 10, 100, &next), 0);
    assert_int_equal(next, 0);
}

static void glyphs_have_ink(void **state) {
    (void)state;
    for (int c = ' '; c <= '~'; c++) {
        const unsigned char *bits = glyph_bits((char)c);
        int ink = 0;
        for (int i = 0; i < GLYPH_HEIGHT * GLYPH_BYTES; i++) {
            ink += __builtin_popcount(bits[i]);
        }
        assert_true(c == ' ' ? ink == 0 : ink > 20);
        for (int other = ' '; other < c; other++) { /* capital I and a few more may look alike to a person, not here */
            assert_memory_not_equal(bits, glyph_bits((char)other), GLYPH_HEIGHT * GLYPH_BYTES);
        }
    }
    assert_ptr_equal(glyph_bits('\n'), glyph_bits('?'));
}

/* splitmix64's published sequence for the state 1234567. */
static void generator_is_splitmix64(void **state) {
    (void)state;
    struct rng rng = {.state = 1234567};
    assert_true(rng_next(&rng) == UINT64_C(6457827717110365317));
    assert_true(rng_next(&rng) == UINT64_C(3203168211198807973));
    assert_true(rng_next(&rng) == UINT64_C(9817491932198370423));
    int seen[6] = {0};
    for (int i = 0; i < 6000; i++) {
        int value = rng_between(&rng, 5, 10);
        assert_in_range(value, 5, 10);
        seen[value - 5]++;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        assert_in_range(seen[i], 850, 1150);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base85),
        cmocka_unit_test(run_checksums),
        cmocka_unit_test(encryption_keys),
        cmocka_unit_test(literal_strings),
        cmocka_unit_test(text_is_wrapped_at_blanks),
        cmocka_unit_test(glyphs_have_ink),
        cmocka_unit_test(generator_is_splitmix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
