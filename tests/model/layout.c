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
    uint64_t lost = 0;
    for (size_t i = 0; i < layout->size; i += sizeof(lost)) {
        uint64_t held = 0;
        uint64_t places;
        size_t left = layout->size - i;
        memcpy(&held, bytes + i, left < sizeof(held) ? left : sizeof(held));
        memcpy(&places, layout->places + i, sizeof(places));
        lost |= held & ~places;
    }
    return lost == 0;
}

void layout_pack(const struct layout *layout, const void *state, uint64_t *ret) {
    const uint8_t *bytes = state;
    uint64_t *word = ret;
    unsigned at = 0;
    memset(ret, 0, layout->words * sizeof(*ret));
    for (int i = 0; i < layout->count; i++) {
        unsigned bits = layout->fields[i].bits;
        uint64_t value = bytes[layout->fields[i].offset];
        *word |= value << at;
        at += bits;
        if (at >= 64) {
            at -= 64;
            word++;
            if (at) {
                *word |= value >> (bits - at);
            }
        }
    }
    assert(all_placed(layout, bytes));
}
