/* Numbers and texts of the protocol with the PDF reader: round trips, and everything cut short or out of bounds. */
#include "pdf/wire.h"

#include <string.h>

#include "support/test.h"

static unsigned char space[4096];

static struct wire_writer writer_of(size_t capacity) {
    memset(space, 0xee, sizeof(space));
    return (struct wire_writer){.data = space, .capacity_bytes = capacity};
}

static struct wire_cursor cursor_of(const struct wire_writer *writer) {
    return (struct wire_cursor){writer->data, writer->data + writer->size_bytes, false};
}

static void numbers_come_back(void **state) {
    (void)state;
    struct wire_writer out = writer_of(sizeof(space));
    wire_put_u32(&out, 0);
    wire_put_u32(&out, 0xfedcba98);
    wire_put_u64(&out, 0x0123456789abcdef);
    wire_put_box(&out, (struct wire_box){-5, 0, 7, WIRE_COORDINATE_MAX});
    assert_false(out.full);
    struct wire_cursor in = cursor_of(&out);
    assert_int_equal(wire_get_u32(&in), 0);
    assert_int_equal(wire_get_u32(&in), 0xfedcba98);
    assert_true(wire_get_u64(&in) == 0x0123456789abcdef);
    struct wire_box box = wire_get_box(&in);
    assert_int_equal(box.x0, -5);
    assert_int_equal(box.y1, WIRE_COORDINATE_MAX);
    assert_true(wire_at_end(&in));
}

static void every_cut_is_noticed(void **state) {
    (void)state;
    struct wire_writer out = writer_of(sizeof(space));
    const struct wire_where where = {
        3, {1, 2, 3, 4}, wire_text_of("form1[0].CIN_C[0]"), wire_text_of("data[0].CIN[0]")};
    wire_put_u64(&out, 7);
    wire_put_where(&out, &where);
    wire_put_bytes(&out, "0123456789", 10);
    for (size_t size = 0; size <= out.size_bytes; size++) {
        struct wire_cursor in = {space, space + size, false};
        (void)wire_get_u64(&in);
        (void)wire_get_where(&in);
        (void)wire_get_bytes(&in, 10);
        assert_int_equal(wire_at_end(&in), size == out.size_bytes);
        assert_int_equal(in.bad, size < out.size_bytes);
    }
}

static void a_full_writer_writes_nothing_beyond(void **state) {
    (void)state;
    for (size_t capacity = 0; capacity < 40; capacity++) {
        struct wire_writer out = writer_of(capacity);
        wire_put_u32(&out, 1);
        wire_put_text(&out, wire_text_of("twelve bytes"), 100);
        wire_put_u64(&out, 2);
        assert_int_equal(out.full, capacity < 4 + 4 + 12 + 8);
        assert_true(out.size_bytes <= capacity);
        assert_int_equal(space[capacity], 0xee);
    }
}

static void assert_put(const char *bytes, size_t size, size_t max, const char *expected) {
    struct wire_writer out = writer_of(sizeof(space));
    wire_put_text(&out, (struct wire_text){bytes, size}, max);
    struct wire_cursor in = cursor_of(&out);
    struct wire_text text = wire_get_text(&in, max);
    assert_true(wire_at_end(&in));
    assert_int_equal(text.size_bytes, strlen(expected));
    assert_memory_equal(text.data, expected, text.size_bytes);
}

static void texts_are_cleaned_and_cut_at_characters(void **state) {
    (void)state;
    assert_put("plain", 5, 100, "plain");
    assert_put("a\rb\r\nc\nd\te", 10, 100, "a\nb\nc\nd\te");
    assert_put("a\0b\x1f"
               "c\x7f",
               6, 100, "a b c ");
    assert_put("\xc2\x85", 2, 100, " ");
    assert_put("\xff\xc3", 2, 100, "\xef\xbf\xbd\xef\xbf\xbd");
    assert_put("\xed\xa0\x80", 3, 100, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_put("ab\xc3\xa4", 4, 3, "ab");
    assert_put("ab\xc3\xa4", 4, 4, "ab\xc3\xa4");
    assert_put("", 0, 0, "");
}

static bool takes(const char *bytes, size_t size, size_t max) {
    struct wire_writer out = writer_of(sizeof(space));
    wire_put_u32(&out, (uint32_t)size);
    wire_put_bytes(&out, bytes, size);
    struct wire_cursor in = cursor_of(&out);
    (void)wire_get_text(&in, max);
    return wire_at_end(&in);
}

static void hostile_texts_are_refused(void **state) {
    (void)state;
    assert_true(takes("line\none\ttab", 12, 12));
    assert_false(takes("longer than allowed", 19, 18));
    assert_false(takes("form\ffeed", 9, 100));
    assert_false(takes("nul\0nul", 7, 100));
    assert_false(takes("\x1b[31m", 5, 100));
    assert_false(takes("del\x7f", 4, 100));
    assert_false(takes("c1\xc2\x9b", 4, 100));
    assert_false(takes("bad\xff", 4, 100));
    assert_false(takes("cut\xe2\x82", 5, 100));
    assert_false(takes("surrogate\xed\xa0\x80", 12, 100));
    assert_false(takes("overlong\xc0\x80", 10, 100));
    struct wire_writer out = writer_of(sizeof(space));
    wire_put_u32(&out, 0xffffffff); /* claims four gigabytes */
    struct wire_cursor in = cursor_of(&out);
    (void)wire_get_text(&in, SIZE_MAX);
    assert_true(in.bad);
}

static void boxes_out_of_order_or_range_are_refused(void **state) {
    (void)state;
    static const struct wire_box bad[] = {
        {2, 0, 1, 0}, {0, 2, 0, 1}, {WIRE_COORDINATE_MAX + 1, 0, 0, 0}, {0, INT32_MIN, 0, 0}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct wire_writer out = writer_of(sizeof(space));
        wire_put_box(&out, bad[i]);
        struct wire_cursor in = cursor_of(&out);
        (void)wire_get_box(&in);
        assert_true(in.bad);
    }
}

static void unknown_types_have_no_room(void **state) {
    (void)state;
    assert_int_equal(wire_bytes_max(0), 0);
    assert_int_equal(wire_bytes_max(WIRE_TYPE_COUNT), 0);
    assert_int_equal(wire_count_max(0xffffffff), 0);
    for (uint32_t type = WIRE_DOCUMENT; type < WIRE_TYPE_COUNT; type++) {
        assert_in_range(wire_bytes_max(type), 1, WIRE_FRAME_BYTES_MAX);
        assert_true(wire_count_max(type) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(a_full_writer_writes_nothing_beyond),
        cmocka_unit_test(texts_are_cleaned_and_cut_at_characters),
        cmocka_unit_test(hostile_texts_are_refused),
        cmocka_unit_test(boxes_out_of_order_or_range_are_refused),
        cmocka_unit_test(unknown_types_have_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
