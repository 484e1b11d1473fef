/* A MuPDF device that hands text on to the text extractor and notes on the way what else is drawn: how much of the page
 * images cover, and the shapes a flattened form is made of. Nothing is rendered or decoded. */
#pragma once

#include <mupdf/fitz.h>

#include "base/macros.h"

enum { PAGE_SHAPES_MAX = 1024, PAGE_GLYPHS_MAX = 500000 };

enum page_shape {
    SHAPE_CIRCLE, /* stroked, 4..20 points: a radio button */
    SHAPE_DOT,    /* filled and round, 1..10 points: its choice */
    SHAPE_SQUARE, /* stroked, 5..16 points: a check box */
    SHAPE_TICK,   /* anything else that small */
    SHAPE_BOX,    /* stroked rectangle: where an answer stands */
    SHAPE_BAR,    /* filled, at least 200 points wide: a heading's background */
    SHAPE_KINDS
};
struct page_shapes {
    fz_rect items[SHAPE_KINDS][PAGE_SHAPES_MAX];
    int counts[SHAPE_KINDS];
    float image_area; /* square points, overlaps counted twice */
    int glyphs;
    bool cut; /* more glyphs than PAGE_GLYPHS_MAX: the page was stopped there */
};

/* `shapes` and `cookie` must outlive the device; `text` is kept by the caller. */
fz_device *page_device_create(fz_context *ctx, fz_device *text, struct page_shapes *shapes, fz_cookie *cookie);
