/* A growing byte buffer that has a maximum. An append that would pass the maximum appends nothing
 * and sets `full`, which stays set: a writer may append on and look once at the end. data is always
 * NUL-terminated once non-NULL. */
#pragma once

#include "base/macros.h"

struct buf {
    char *data;
    size_t size_bytes;
    size_t capacity_bytes;
    size_t max_bytes;
    bool full;
};

#define BUF_INIT(max) ((struct buf){.max_bytes = (max)})

void buf_finish(struct buf *buf); /* frees; NULL and unused are fine; the maximum stays */
void buf_clear(struct buf *buf);  /* size 0, `full` off, memory kept */
bool buf_append(struct buf *buf, const void *bytes, size_t size_bytes);
bool buf_append_str(struct buf *buf, const char *text);
bool buf_append_char(struct buf *buf, char byte);
bool buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
const char *buf_str(const struct buf *buf); /* never NULL */
char *buf_take(struct buf *buf);            /* the memory (NUL-terminated, never NULL); the buffer is empty after it */
#define AUTO_BUF CLEANUP(buf_finish)
