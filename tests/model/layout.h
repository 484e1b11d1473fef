/* How a state, a struct of bytes, packs into words: each used byte has so many bits. */
#pragma once

#include "model/search.h"

enum { LAYOUT_FIELDS_MAX = 192, LAYOUT_BYTES_MAX = 256 };

struct layout {
    size_t size; /* of the struct */
    int count;
    struct {
        uint16_t offset;
        uint8_t bits;
    } fields[LAYOUT_FIELDS_MAX];
    size_t bits, words;               /* of a packed state */
    uint8_t places[LAYOUT_BYTES_MAX]; /* the bits of each byte that have a place */
};

void layout_start(struct layout *layout, size_t size);
void layout_add(struct layout *layout, size_t offset, unsigned bits);
/* A byte without a place, or with more than its place holds, is a mistake of the model: packing asserts that. */
void layout_pack(const struct layout *layout, const void *state, uint64_t *ret);
void layout_unpack(const struct layout *layout, const uint64_t *packed, void *ret);
