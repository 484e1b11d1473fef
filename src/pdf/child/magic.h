/* The type of a file by its bytes. Pure. */
#pragma once

#include "base/macros.h"

enum { MAGIC_HEAD_BYTES = 4096 };
struct magic {
    unsigned char head[MAGIC_HEAD_BYTES];
    size_t head_bytes;
    unsigned char tail[64]; /* of what was seen, for marks that lie across two pieces */
    size_t tail_bytes;
    unsigned marks; /* names seen in a ZIP's directory */
};
/* Bytes in order, in pieces of any size; start with a zeroed struct. */
void magic_add(struct magic *magic, const unsigned char *bytes, size_t size_bytes);
const char *magic_type(const struct magic *magic); /* a media type; application/octet-stream when it is nothing known */
