/* A growing byte buffer that has a maximum. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_finish(struct buf *buf) {
    if (!buf) {
        return;
    }
    free(buf->data);
    *buf = (struct buf){.max_bytes = buf->max_bytes};
}

void buf_clear(struct buf *buf) {
    buf->size_bytes = 0;
    buf->full = false;
    if (buf->data) {
        buf->data[0] = '\0';
    }
}

/* Room for `more` bytes and the NUL, or false and full. */
static bool make_room(struct buf *buf, size_t more) {
    if (buf->full || buf->size_bytes > buf->max_bytes || more > buf->max_bytes - buf->size_bytes) {
        buf->full = true;
        return false;
    }
    size_t needed = buf->size_bytes + more;
    if (needed < buf->capacity_bytes) {
        return true;
    }
    size_t capacity = buf->capacity_bytes < 64 ? 64 : buf->capacity_bytes;
    while (capacity <= needed && capacity <= buf->max_bytes / 2) {
        capacity *= 2;
    }
    if (capacity <= needed) {
        capacity = buf->max_bytes + 1;
    }
    buf->data = x_realloc(buf->data, capacity, 1);
    buf->data[buf->size_bytes] = '\0';
    buf->capacity_bytes = capacity;
    return true;
}

bool buf_append(struct buf *buf, const void *bytes, size_t size_bytes) {
    if (!make_room(buf, size_bytes)) {
        return false;
    }
    if (size_bytes) {
        memcpy(buf->data + buf->size_bytes, bytes, size_bytes);
    }
    buf->size_bytes += size_bytes;
    buf->data[buf->size_bytes] = '\0';
    return true;
}

bool buf_append_str(struct buf *buf, const char *text) {
    return buf_append(buf, text, strlen(text));
}

bool buf_append_char(struct buf *buf, char byte) {
    return buf_append(buf, &byte, 1);
}

bool buf_printf(struct buf *buf, const char *format, ...) {
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool fits = length >= 0 && make_room(buf, (size_t)length);
    if (fits) {
        (void)vsnprintf(buf->data + buf->size_bytes, (size_t)length + 1, format, again);
        buf->size_bytes += (size_t)length;
    }
    va_end(again);
    return fits;
}

const char *buf_str(const struct buf *buf) {
    return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf) {
    char *data = buf->data ? buf->data : x_alloc(1);
    *buf = (struct buf){.max_bytes = buf->max_bytes};
    return data;
}
