/* Frames as the PDF reader's child would send them, for tests of the host's side. */
#pragma once

#include "base/buf.h"
#include "pdf/wire.h"

struct frame {
    unsigned char bytes[WIRE_HEADER_BYTES + 4096];
    struct wire_writer out; /* the payload */
    uint32_t type;
};

static inline void frame_start(struct frame *frame, uint32_t type) {
    frame->type = type;
    frame->out = (struct wire_writer){.data = frame->bytes + WIRE_HEADER_BYTES, .capacity_bytes = 4096};
}

static inline void frame_text(struct frame *frame, const char *text) {
    wire_put_text(&frame->out, wire_text_of(text), 4000);
}

static inline void frame_where(struct frame *frame, uint32_t page) {
    const struct wire_where where = {page, {100, 200, 300, 450}, {"", 0}, {"", 0}};
    wire_put_where(&frame->out, &where);
}

static inline void frame_document(struct frame *frame, uint32_t pages) {
    frame_start(frame, WIRE_DOCUMENT);
    wire_put_u32(&frame->out, pages);
    wire_put_u32(&frame->out, 0);
    frame_text(frame, "a \"title\"");
    frame_text(frame, "tests");
    frame_text(frame, "1.7");
}

static inline void frame_page(struct frame *frame, uint32_t number, const char *text) {
    frame_start(frame, WIRE_PAGE);
    wire_put_u32(&frame->out, number);
    wire_put_u32(&frame->out, 59500);
    wire_put_u32(&frame->out, 84200);
    wire_put_u32(&frame->out, 0);
    wire_put_u32(&frame->out, 0);
    wire_put_u32(&frame->out, 1);
    wire_put_box(&frame->out, (struct wire_box){4000, 5000, 10050, 6205});
    frame_text(frame, text);
}

static inline void frame_identifier(struct frame *frame, uint32_t kind, uint32_t confidence, const char *value) {
    frame_start(frame, WIRE_IDENTIFIER);
    wire_put_u32(&frame->out, kind);
    wire_put_u32(&frame->out, confidence);
    frame_text(frame, value);
    frame_where(frame, 1);
}

static inline void frame_date(struct frame *frame, const char *value) {
    frame_start(frame, WIRE_DATE);
    wire_put_u32(&frame->out, 90);
    frame_text(frame, value);
    frame_text(frame, "Date of the meeting");
    frame_where(frame, 1);
}

static inline void frame_warning(struct frame *frame, const char *code, const char *detail) {
    frame_start(frame, WIRE_WARNING);
    frame_text(frame, code);
    frame_text(frame, detail);
}

static inline void frame_form(struct frame *frame, uint32_t version, const char *number) {
    frame_start(frame, WIRE_FORM);
    wire_put_u32(&frame->out, version);
    frame_text(frame, number);
}

static inline void frame_end(struct frame *frame, uint32_t end, const char *detail) {
    frame_start(frame, WIRE_END);
    wire_put_u32(&frame->out, end);
    frame_text(frame, detail);
}

/* Header and payload as they go over the pipe; returns their size. */
static inline size_t frame_bytes(struct frame *frame) {
    wire_put_header(frame->bytes, frame->type, (uint32_t)frame->out.size_bytes);
    return WIRE_HEADER_BYTES + frame->out.size_bytes;
}
