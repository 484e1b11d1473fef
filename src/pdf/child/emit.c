/* Frames out. */
#include "pdf/child/emit.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FLUSH_BYTES = 256 * 1024,
    RESERVE_BYTES = 512 * 1024, /* of the total: for warnings, FORM and END */
};

struct emit {
    int fd;
    size_t used_bytes; /* finished frames in `bytes` */
    size_t sent_bytes;
    uint32_t counts[WIRE_TYPE_COUNT];
    bool noted[WIRE_TYPE_COUNT];
    bool open;
    enum wire_type type;
    struct wire_writer payload;
    unsigned char bytes[FLUSH_BYTES + WIRE_HEADER_BYTES + WIRE_FRAME_BYTES_MAX];
};

static struct emit the_emit;

static const char *const plural[WIRE_TYPE_COUNT] = {
    [WIRE_PAGE] = "pages",       [WIRE_IDENTIFIER] = "identifiers", [WIRE_DATE] = "dates",
    [WIRE_FIELD] = "fields",     [WIRE_ATTACHMENT] = "attachments", [WIRE_SIGNATURE] = "signatures",
    [WIRE_WARNING] = "warnings", [WIRE_DOCUMENT] = "documents",     [WIRE_FORM] = "forms",
};

struct emit *emit_open(int fd) {
    memset(&the_emit, 0, offsetof(struct emit, bytes)); /* not the bytes: pages never touched cost nothing */
    the_emit.fd = fd;
    return &the_emit;
}

static void flush(struct emit *emit) {
    size_t at = 0;
    while (at < emit->used_bytes && emit->fd >= 0) {
        ssize_t written = write(emit->fd, emit->bytes + at, emit->used_bytes - at);
        if (written < 0 && errno != EINTR) {
            _exit(3); /* nobody listens any more */
        }
        at += written > 0 ? (size_t)written : 0;
    }
    emit->used_bytes = 0;
}

static bool room(const struct emit *emit, enum wire_type type) {
    if (emit->counts[type] >= wire_count_max(type)) {
        return false;
    }
    bool small = type == WIRE_WARNING || type == WIRE_FORM || type == WIRE_END;
    size_t needed = WIRE_HEADER_BYTES + wire_bytes_max(type) + (small ? 0 : RESERVE_BYTES);
    return emit->sent_bytes + needed <= WIRE_TOTAL_BYTES_MAX;
}

static void note_limit(struct emit *emit, enum wire_type type) {
    if (!emit->noted[type] && type != WIRE_WARNING) {
        emit->noted[type] = true;
        emit_warning(emit, "limited", "more %s than are kept", plural[type] ? plural[type] : "frames");
    }
}

struct wire_writer *emit_begin(struct emit *emit, enum wire_type type) {
    if (!room(emit, type)) {
        note_limit(emit, type);
        return NULL;
    }
    emit->open = true;
    emit->type = type;
    emit->payload = (struct wire_writer){.data = emit->bytes + emit->used_bytes + WIRE_HEADER_BYTES,
                                         .capacity_bytes = wire_bytes_max(type)};
    return &emit->payload;
}

void emit_end(struct emit *emit) {
    assert(emit->open);
    emit->open = false;
    if (emit->payload.full) {
        note_limit(emit, emit->type);
        return;
    }
    wire_put_header(emit->bytes + emit->used_bytes, emit->type, (uint32_t)emit->payload.size_bytes);
    emit->used_bytes += WIRE_HEADER_BYTES + emit->payload.size_bytes;
    emit->sent_bytes += WIRE_HEADER_BYTES + emit->payload.size_bytes;
    emit->counts[emit->type]++;
    if (emit->used_bytes >= FLUSH_BYTES) {
        flush(emit);
    }
}

void emit_warning(struct emit *emit, const char *code, const char *format, ...) {
    char detail[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    struct wire_writer *out = emit_begin(emit, WIRE_WARNING);
    if (out) {
        wire_put_text(out, wire_text_of(code), 48);
        wire_put_text(out, wire_text_of(detail), 256);
        emit_end(emit);
    }
}

void emit_finish(struct emit *emit, enum wire_end outcome, const char *detail) {
    struct wire_writer *out = emit_begin(emit, WIRE_END);
    assert(out);
    wire_put_u32(out, outcome);
    wire_put_text(out, wire_text_of(detail), 200);
    emit_end(emit);
    flush(emit);
}
