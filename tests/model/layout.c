#include "model/layout.h"

#include <assert.h>
#include <string.h>

void layout_start(struct layout *layout, size_t size) {
    assert(size <= LAYOUT_BYTES_MAX);
    *layout = (struct layout){.size = size};
}

void layout_add(struct layout *layout, size_t offset, unsigned bits) {
    assert(layout->count < LAYOUT_FIELDS_MAX && bits >= 1 && bits <= 8);
    layout->fields[layout->count].offset = (uint16_t)offset;
    layout->fields[layout->count++].bits = (uint8_t)bits;
    layout->places[offset] = (uint8_t)((1u << bits) - 1);
    layout->bits += bits;
    layout->words = (layout->bits + 63) / 64;
    assert(layout->words <= SEARCH_WORDS_MAX);
}

void layout_unpack(const struct layout *layout, const uint64_t *packed, void *ret) {
    uint8_t *bytes = ret;
    size_t at = 0;
    memset(bytes, 0, layout->size);
    for (int i = 0; i < layout->count; i++) {
        unsigned bits = layout->fields[i].bits;
        uint64_t value = packed[at / 64] >> at % 64;
        if (at % 64 + bits > 64) {
            value |= packed[at / 64 + 1] << (64 - at % 64);
        }
        bytes[layout->fields[i].offset] = (uint8_t)(value & ((1u << bits) - 1));
        at += bits;
    }
}

static bool all_placed(const struct layout *layout, const uint8_t *bytes) {
    unsigned lost = 0;
    for (size_t i = 0; i < layout->size; i++) {
        lost |= bytes[i] & ~(unsigned)layout->places[i];
    }
    return lost == 0;
}

void layout_pack(const struct layout *layout, const void *state, uint64_t *ret) {
    const uint8_t *bytes = state;
    size_t at = 0;
    memset(ret, 0, layout->words * sizeof(*ret));
    for (int i = 0; i < layout->count; i++) {
        unsigned bits = layout->fields[i].bits;
        uint64_t value = bytes[layout->fields[i].offset];
        ret[at / 64] |= value << at % 64;
        if (at % 64 + bits > 64) {
            ret[at / 64 + 1] |= value >> (64 - at % 64);
        }
        at += bits;
    }
    assert(all_placed(layout, bytes));
}
