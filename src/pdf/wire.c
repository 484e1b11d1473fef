/* Encoding and bounds of the frames between filesure and filesure-pdf (compiled into both). */
#include "pdf/wire.h"

#include <string.h>

#include "base/str.h"

static const struct {
    uint32_t count_max, bytes_max;
} limits[WIRE_TYPE_COUNT] = {
    [WIRE_DOCUMENT] = {1, 8 * 1024},      [WIRE_PAGE] = {WIRE_PAGES_TEXT_MAX, WIRE_FRAME_BYTES_MAX},
    [WIRE_IDENTIFIER] = {1000, 8 * 1024}, [WIRE_DATE] = {1000, 8 * 1024},
    [WIRE_FIELD] = {10000, 64 * 1024},    [WIRE_ATTACHMENT] = {500, 8 * 1024},
    [WIRE_SIGNATURE] = {200, 8 * 1024},   [WIRE_FORM] = {1, 1024},
    [WIRE_WARNING] = {200, 1024},         [WIRE_END] = {1, 1024},
};

uint32_t wire_count_max(uint32_t type) {
    return type < WIRE_TYPE_COUNT ? limits[type].count_max : 0;
}

uint32_t wire_bytes_max(uint32_t type) {
    return type < WIRE_TYPE_COUNT ? limits[type].bytes_max : 0;
}

void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t size_bytes) {
    if (writer->full || size_bytes > writer->capacity_bytes - writer->size_bytes) {
        writer->full = true;
        return;
    }
    if (size_bytes) {
        memcpy(writer->data + writer->size_bytes, bytes, size_bytes);
    }
    writer->size_bytes += size_bytes;
}

void wire_put_u32(struct wire_writer *writer, uint32_t number) {
    unsigned char bytes[4];
    for (int i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    wire_put_bytes(writer, bytes, sizeof(bytes));
}

void wire_put_u64(struct wire_writer *writer, uint64_t number) {
    wire_put_u32(writer, (uint32_t)number);
    wire_put_u32(writer, (uint32_t)(number >> 32));
}

/* U+0000..001F but line feed and tab, U+007F..009F: never part of a text here. */
static bool is_control(const unsigned char *at, size_t length) {
    if (length == 1) {
        return (*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f;
    }
    return length == 2 && at[0] == 0xc2 && at[1] < 0xa0;
}

void wire_put_text(struct wire_writer *writer, struct wire_text text, size_t max_bytes) {
    size_t length_at = writer->size_bytes;
    wire_put_u32(writer, 0);
    size_t start = writer->size_bytes;
    size_t at = 0;
    while (at < text.size_bytes && !writer->full) {
        const unsigned char *byte = (const unsigned char *)text.data + at;
        size_t length = utf8_char(byte, text.size_bytes - at);
        const void *put = byte;
        size_t put_bytes = length;
        if (length == 0) {
            put = "\xef\xbf\xbd";
            put_bytes = 3;
        } else if (is_control(byte, length)) {
            put = *byte == '\r' ? "\n" : " ";
            put_bytes = 1;
            length += *byte == '\r' && at + 1 < text.size_bytes && byte[1] == '\n';
        }
        if (writer->size_bytes - start + put_bytes > max_bytes) {
            break;
        }
        wire_put_bytes(writer, put, put_bytes);
        at += length ? length : 1;
    }
    if (writer->full) {
        return;
    }
    struct wire_writer length = {writer->data + length_at, 0, 4, false};
    wire_put_u32(&length, (uint32_t)(writer->size_bytes - start));
}

void wire_put_box(struct wire_writer *writer, struct wire_box box) {
    wire_put_u32(writer, (uint32_t)box.x0);
    wire_put_u32(writer, (uint32_t)box.y0);
    wire_put_u32(writer, (uint32_t)box.x1);
    wire_put_u32(writer, (uint32_t)box.y1);
}

void wire_put_where(struct wire_writer *writer, const struct wire_where *where) {
    wire_put_u32(writer, where->page);
    wire_put_box(writer, where->box);
    wire_put_text(writer, where->acroform, WIRE_NAME_MAX);
    wire_put_text(writer, where->xfa, WIRE_NAME_MAX);
}

const unsigned char *wire_get_bytes(struct wire_cursor *cursor, size_t size_bytes) {
    if (cursor->bad || size_bytes > (size_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        return NULL;
    }
    const unsigned char *bytes = cursor->at;
    cursor->at += size_bytes;
    return bytes;
}

uint32_t wire_get_u32(struct wire_cursor *cursor) {
    const unsigned char *bytes = wire_get_bytes(cursor, 4);
    if (!bytes) {
        return 0;
    }
    uint32_t number = 0;
    for (int i = 3; i >= 0; i--) {
        number = number << 8 | bytes[i];
    }
    return number;
}

uint32_t wire_get_below(struct wire_cursor *cursor, uint32_t bound) {
    uint32_t number = wire_get_u32(cursor);
    if (number >= bound) {
        cursor->bad = true;
        return 0;
    }
    return number;
}

uint64_t wire_get_u64(struct wire_cursor *cursor) {
    uint64_t low = wire_get_u32(cursor);
    return low | (uint64_t)wire_get_u32(cursor) << 32;
}

struct wire_text wire_get_text(struct wire_cursor *cursor, size_t max_bytes) {
    static const struct wire_text none = {"", 0};
    uint32_t size = wire_get_u32(cursor);
    if (size > max_bytes) {
        cursor->bad = true;
    }
    const unsigned char *bytes = wire_get_bytes(cursor, size);
    if (!bytes) {
        return none;
    }
    for (size_t at = 0; at < size;) {
        size_t length = utf8_char(bytes + at, size - at);
        if (length == 0 || is_control(bytes + at, length)) {
            cursor->bad = true;
            return none;
        }
        at += length;
    }
    return (struct wire_text){(const char *)bytes, size};
}

static int32_t get_coordinate(struct wire_cursor *cursor) {
    int32_t number = (int32_t)wire_get_u32(cursor);
    if (number < -WIRE_COORDINATE_MAX || number > WIRE_COORDINATE_MAX) {
        cursor->bad = true;
        return 0;
    }
    return number;
}

struct wire_box wire_get_box(struct wire_cursor *cursor) {
    struct wire_box box;
    box.x0 = get_coordinate(cursor);
    box.y0 = get_coordinate(cursor);
    box.x1 = get_coordinate(cursor);
    box.y1 = get_coordinate(cursor);
    if (box.x1 < box.x0 || box.y1 < box.y0) {
        cursor->bad = true;
    }
    return box;
}

struct wire_where wire_get_where(struct wire_cursor *cursor) {
    struct wire_where where;
    where.page = wire_get_below(cursor, WIRE_PAGES_TEXT_MAX + 1);
    where.box = wire_get_box(cursor);
    where.acroform = wire_get_text(cursor, WIRE_NAME_MAX);
    where.xfa = wire_get_text(cursor, WIRE_NAME_MAX);
    return where;
}

bool wire_at_end(const struct wire_cursor *cursor) {
    return !cursor->bad && cursor->at == cursor->end;
}

void wire_put_header(unsigned char out[WIRE_HEADER_BYTES], uint32_t type, uint32_t payload_bytes) {
    struct wire_writer writer = {out, 0, WIRE_HEADER_BYTES, false};
    wire_put_u32(&writer, type);
    wire_put_u32(&writer, payload_bytes);
}

void wire_get_header(const unsigned char in[WIRE_HEADER_BYTES], uint32_t *ret_type, uint32_t *ret_payload_bytes) {
    struct wire_cursor cursor = {in, in + WIRE_HEADER_BYTES, false};
    *ret_type = wire_get_u32(&cursor);
    *ret_payload_bytes = wire_get_u32(&cursor);
}
