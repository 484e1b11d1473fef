/* The text of one page as lines with the place of every character, and what a flattened form draws around it. */
#pragma once

#include <mupdf/fitz.h>
#include <mupdf/pdf.h>

#include "pdf/wire.h"

struct page_line {
    struct wire_box box;
    const char *text; /* UTF-8, NUL-terminated, no blanks at the ends, not empty */
    size_t size_bytes;
    const struct wire_box *boxes; /* one for each byte of text: the character it belongs to */
};
struct page_mark {
    struct wire_box box;
    bool round;  /* a radio button; else a check box */
    bool chosen; /* a dot or tick lies inside */
};

struct page_text {
    fz_pool *pool; /* owns everything below */
    uint32_t number;
    int32_t width, height; /* 1/100 point */
    uint32_t image_percent;
    bool unreadable, cut;
    struct page_line *lines;
    uint32_t lines_count;
    struct page_mark *marks;
    uint32_t marks_count;
    struct wire_box *boxes; /* answers stand in them */
    uint32_t boxes_count;
    struct wire_box *bars; /* headings stand on them */
    uint32_t bars_count;
};

/* Reads page `number` (from 1). A page that cannot be read gives no lines and `unreadable`; only a lack of memory
 * throws. */
void page_text_read(fz_context *ctx, pdf_document *document, int number, struct page_text *ret);
void page_text_finish(fz_context *ctx, struct page_text *page);
/* The box around bytes [from, to) of a line. */
struct wire_box page_line_box(const struct page_line *line, size_t from, size_t to);
/* Lines from top to bottom and from left to right, whatever order they were drawn in: for forms, whose columns belong
 * together row by row. */
void page_text_sort(struct page_text *page);
struct wire_box page_box_of_rect(fz_rect rect);
int32_t page_coordinate(float points); /* to 1/100 point, bounded */
