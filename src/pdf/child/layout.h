/* Which line of a page lies beside or above which: the base of reading labels. Every search has a step budget, so that
 * a page of thirty thousand lines at one place costs no more than a normal one. */
#pragma once

#include "pdf/child/page_text.h"

enum { LAYOUT_STEPS_MAX = 4000000 };

struct layout {
    const struct page_text *page;
    int32_t *rows; /* first line of each row of 10 points; -1: none */
    int32_t *next; /* next line of the same row */
    int rows_count;
    int steps_left;
};

void layout_make(fz_context *ctx, const struct page_text *page, struct layout *ret); /* memory: the page's pool */
/* The nearest line that ends left of line `index` on the same baseline; -1: none. */
int layout_left(struct layout *layout, int index);
/* The nearest line above that overlaps it sideways, at most `points` higher; -1: none. */
int layout_above(struct layout *layout, int index, int points);
/* The text a value stands after or under, with the line it wraps into: left neighbour, else the one above; "" when
 * there is none. Memory: the page's pool. */
const char *layout_label(fz_context *ctx, struct layout *layout, int index);
