/* Rows of 10 points as buckets; see layout.h. */
#include "pdf/child/layout.h"

#include <string.h>

enum { ROW_HEIGHT = 1000, ROWS_MAX = 2000 };

static int row_of(const struct layout *layout, const struct wire_box *box) {
    int row = (box->y0 / 2 + box->y1 / 2) / ROW_HEIGHT;
    return row < 0 ? 0 : row >= layout->rows_count ? layout->rows_count - 1 : row;
}

void layout_make(fz_context *ctx, const struct page_text *page, struct layout *ret) {
    int rows = page->height / ROW_HEIGHT + 1;
    *ret = (struct layout){.page = page, .steps_left = LAYOUT_STEPS_MAX};
    ret->rows_count = rows < 1 ? 1 : rows > ROWS_MAX ? ROWS_MAX : rows;
    ret->rows = fz_pool_alloc(ctx, page->pool, (size_t)ret->rows_count * sizeof(*ret->rows));
    ret->next = fz_pool_alloc(ctx, page->pool, ((size_t)page->lines_count + 1) * sizeof(*ret->next));
    for (int i = 0; i < ret->rows_count; i++) {
        ret->rows[i] = -1;
    }
    for (int i = (int)page->lines_count - 1; i >= 0; i--) {
        int row = row_of(ret, &page->lines[i].box);
        ret->next[i] = ret->rows[row];
        ret->rows[row] = i;
    }
}

static bool same_baseline(const struct wire_box *a, const struct wire_box *b) {
    int32_t top = a->y0 > b->y0 ? a->y0 : b->y0;
    int32_t bottom = a->y1 < b->y1 ? a->y1 : b->y1;
    int32_t height = a->y1 - a->y0 < b->y1 - b->y0 ? a->y1 - a->y0 : b->y1 - b->y0;
    return 2 * (bottom - top) > height;
}

int layout_left(struct layout *layout, int index) {
    const struct wire_box *box = &layout->page->lines[index].box;
    int row = row_of(layout, box);
    int best = -1;
    int32_t best_gap = INT32_MAX;
    for (int r = row > 0 ? row - 1 : 0; r <= row + 1 && r < layout->rows_count; r++) {
        for (int i = layout->rows[r]; i >= 0 && layout->steps_left > 0; i = layout->next[i]) {
            layout->steps_left--;
            const struct wire_box *other = &layout->page->lines[i].box;
            int32_t gap = box->x0 - other->x1;
            if (i != index && gap >= -100 && gap < best_gap && same_baseline(box, other)) {
                best = i;
                best_gap = gap;
            }
        }
    }
    return best;
}

int layout_above(struct layout *layout, int index, int points) {
    const struct wire_box *box = &layout->page->lines[index].box;
    int row = row_of(layout, box);
    int last = row - points * 100 / ROW_HEIGHT - 1;
    int best = -1;
    int32_t best_gap = points * 100;
    for (int r = row; r >= 0 && r >= last; r--) {
        for (int i = layout->rows[r]; i >= 0 && layout->steps_left > 0; i = layout->next[i]) {
            layout->steps_left--;
            const struct wire_box *other = &layout->page->lines[i].box;
            int32_t gap = box->y0 - other->y1;
            bool overlaps = other->x0 < box->x1 && other->x1 > box->x0;
            if (i != index && overlaps && other->y0 < box->y0 && gap > -300 && gap < best_gap) {
                best = i;
                best_gap = gap;
            }
        }
    }
    return best;
}

/* The line right under one that begins where it begins: what it wraps into; -1: none. */
static int line_under(struct layout *layout, int index) {
    const struct wire_box *box = &layout->page->lines[index].box;
    int row = row_of(layout, box);
    for (int r = row; r <= row + 2 && r < layout->rows_count; r++) {
        for (int i = layout->rows[r]; i >= 0 && layout->steps_left > 0; i = layout->next[i]) {
            layout->steps_left--;
            const struct wire_box *other = &layout->page->lines[i].box;
            int32_t gap = other->y0 - box->y1;
            int32_t indent = other->x0 - box->x0;
            if (i != index && other->y0 > box->y0 && gap < 100 && indent > -300 && indent < 300) {
                return i;
            }
        }
    }
    return -1;
}

const char *layout_label(fz_context *ctx, struct layout *layout, int index) {
    int label = layout_left(layout, index);
    label = label >= 0 ? label : layout_above(layout, index, 20);
    if (label < 0) {
        return "";
    }
    const struct page_line *first = &layout->page->lines[label];
    int under = line_under(layout, label);
    if (under < 0 || under == index) {
        return first->text;
    }
    const struct page_line *second = &layout->page->lines[under];
    char *both = fz_pool_alloc(ctx, layout->page->pool, first->size_bytes + second->size_bytes + 2);
    memcpy(both, first->text, first->size_bytes);
    both[first->size_bytes] = ' ';
    memcpy(both + first->size_bytes + 1, second->text, second->size_bytes + 1);
    return both;
}
