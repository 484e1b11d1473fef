/* A4 pages as PDF content (ISO 32000-1, sections 8 and 9), and the objects around them that every shape needs. Lengths
 * are tenths of a point, from the lower left corner. Each page has two layers, as a flattened form has: what the blank
 * form says, then all values; the order in the file is not the order of reading. */
#pragma once

#include "portalsim/pdf_writer.h"

enum { PAPER_PAGES_MAX = 8, PAPER_WIDTH = 5950, PAPER_HEIGHT = 8420, PAPER_MARGIN = 400 };

enum paper_font { PAPER_REGULAR, PAPER_BOLD };

struct paper {
    struct buf forms[PAPER_PAGES_MAX];  /* the blank form */
    struct buf values[PAPER_PAGES_MAX]; /* drawn over it */
    int pages;
    int y; /* the free space of the last page ends here */
};

void paper_start(struct paper *paper); /* with a first, empty page */
void paper_finish(struct paper *paper);
#define AUTO_PAPER CLEANUP(paper_finish)
/* Makes sure that so much height is free, by a new page if need be. True: it is a new page. */
bool paper_room(struct paper *paper, int height);
struct buf *paper_form(struct paper *paper);
struct buf *paper_value(struct paper *paper);

void draw_text(struct buf *out, enum paper_font font, int size, int x, int y, const char *text);
void draw_text_part(struct buf *out, enum paper_font font, int size, int x, int y, const char *text, size_t size_bytes);
void draw_centred(struct buf *out, enum paper_font font, int size, int y, const char *text);
void draw_box(struct buf *out, int x, int y, int width, int height);
void draw_bar(struct buf *out, int x, int y, int width, int height); /* light grey, filled */
void draw_circle(struct buf *out, int x, int y, int radius, bool filled);
void draw_tick(struct buf *out, int x, int y, int side);

/* The objects of a document that is made of paper. */
struct pdf_frame {
    struct pdf_writer pdf;
    int catalog, pages, info, regular, bold;
    int page[PAPER_PAGES_MAX];
};
struct pdf_about {
    const char *title;
    const char *creator;
    int day; /* of creation */
};
/* Reserves the numbers of catalog, page tree, fonts and pages. */
void frame_start(struct pdf_frame *frame, struct buf *out, int pages);
/* Writes pages with content (annotations: "/Annots […]" per page or NULL), fonts and information. */
void frame_paper(struct pdf_frame *frame, const struct paper *paper, const struct buf *annotations);
void frame_tree(struct pdf_frame *frame, int pages);
void frame_fonts(struct pdf_frame *frame);
void frame_about(struct pdf_frame *frame, const struct pdf_about *about);
/* catalog: further entries. seed makes the file's identity. Ends the file. */
void frame_end(struct pdf_frame *frame, const char *catalog, uint64_t seed);
