/* Lines of a page: MuPDF's text extractor, its characters turned into UTF-8 with a box for every byte. */
#include "pdf/child/page_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pdf/child/page_device.h"

enum { LINES_MAX = 30000 };

int32_t page_coordinate(float points) {
    if (!isfinite(points)) {
        return 0;
    }
    float bounded = fminf(fmaxf(points, -1e5f), 1e5f);
    return (int32_t)lroundf(bounded * 100);
}

struct wire_box page_box_of_rect(fz_rect rect) {
    struct wire_box box = {page_coordinate(fminf(rect.x0, rect.x1)), page_coordinate(fminf(rect.y0, rect.y1)),
                           page_coordinate(fmaxf(rect.x0, rect.x1)), page_coordinate(fmaxf(rect.y0, rect.y1))};
    return box;
}

struct wire_box page_line_box(const struct page_line *line, size_t from, size_t to) {
    struct wire_box box = line->boxes[from];
    for (size_t i = from + 1; i < to && i < line->size_bytes; i++) {
        const struct wire_box *other = &line->boxes[i];
        box.x0 = other->x0 < box.x0 ? other->x0 : box.x0;
        box.y0 = other->y0 < box.y0 ? other->y0 : box.y0;
        box.x1 = other->x1 > box.x1 ? other->x1 : box.x1;
        box.y1 = other->y1 > box.y1 ? other->y1 : box.y1;
    }
    return box;
}

static bool is_blank(int c) {
    return c <= 0x20 || c == 0x7f || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a);
}

/* What is written of a character: blanks become one kind, what is no character becomes U+FFFD. */
static int clean(int c) {
    if (is_blank(c) || (c >= 0x80 && c < 0xa0)) {
        return ' ';
    }
    return c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
}

static void copy_line(fz_context *ctx, const fz_stext_line *from, struct page_text *page) {
    const fz_stext_char *first = from->first_char;
    const fz_stext_char *end = NULL; /* after the last that is no blank */
    while (first && is_blank(first->c)) {
        first = first->next;
    }
    size_t size = 0;
    size_t size_to_end = 0;
    for (const fz_stext_char *at = first; at; at = at->next) {
        size += (size_t)fz_runelen(clean(at->c));
        if (!is_blank(at->c)) {
            end = at->next;
            size_to_end = size;
        }
    }
    if (size_to_end == 0) {
        return;
    }
    if (size_to_end > WIRE_TEXT_MAX || page->lines_count >= LINES_MAX) {
        page->cut = true;
        return;
    }
    char *text = fz_pool_alloc(ctx, page->pool, size_to_end + 1);
    struct wire_box *boxes = fz_pool_alloc(ctx, page->pool, size_to_end * sizeof(*boxes));
    size_t at_byte = 0;
    for (const fz_stext_char *at = first; at != end; at = at->next) {
        struct wire_box box = page_box_of_rect(fz_rect_from_quad(at->quad));
        int length = fz_runetochar(text + at_byte, clean(at->c));
        for (int i = 0; i < length; i++) {
            boxes[at_byte++] = box;
        }
    }
    text[at_byte] = '\0';
    struct page_line *line = &page->lines[page->lines_count];
    *line = (struct page_line){.text = text, .size_bytes = at_byte, .boxes = boxes};
    line->box = page_line_box(line, 0, at_byte);
    bool outside = line->box.x1 < 0 || line->box.y1 < 0 || line->box.x0 > page->width || line->box.y0 > page->height;
    page->lines_count += outside ? 0 : 1;
}

static void copy_lines(fz_context *ctx, const fz_stext_page *text, struct page_text *page) {
    size_t count = 0;
    for (const fz_stext_block *block = text->first_block; block; block = block->next) {
        for (const fz_stext_line *line = block->type == FZ_STEXT_BLOCK_TEXT ? block->u.t.first_line : NULL;
             line && count < LINES_MAX; line = line->next) {
            count++;
        }
    }
    page->lines = fz_pool_alloc(ctx, page->pool, (count + 1) * sizeof(*page->lines));
    for (const fz_stext_block *block = text->first_block; block; block = block->next) {
        for (const fz_stext_line *line = block->type == FZ_STEXT_BLOCK_TEXT ? block->u.t.first_line : NULL;
             line && page->lines_count < count; line = line->next) {
            copy_line(ctx, line, page);
        }
    }
}

static bool contains(fz_rect outer, fz_rect inner) {
    return inner.x0 >= outer.x0 - 0.5f && inner.x1 <= outer.x1 + 0.5f && inner.y0 >= outer.y0 - 0.5f &&
           inner.y1 <= outer.y1 + 0.5f;
}

/* A radio button's dot is smaller than its circle; a tick may fill its box. */
static bool is_chosen(const struct page_shapes *shapes, fz_rect mark, bool round) {
    enum page_shape inside = round ? SHAPE_DOT : SHAPE_TICK;
    for (int i = 0; i < shapes->counts[inside]; i++) {
        fz_rect shape = shapes->items[inside][i];
        if (contains(mark, shape) && (!round || shape.x1 - shape.x0 < 0.85f * (mark.x1 - mark.x0))) {
            return true;
        }
    }
    return false;
}

static void copy_marks(const struct page_shapes *shapes, enum page_shape kind, struct page_text *page) {
    for (int i = 0; i < shapes->counts[kind]; i++) {
        fz_rect mark = shapes->items[kind][i];
        bool round = kind == SHAPE_CIRCLE;
        page->marks[page->marks_count++] =
            (struct page_mark){page_box_of_rect(mark), round, is_chosen(shapes, mark, round)};
    }
}

static struct wire_box *copy_boxes(fz_context *ctx, const struct page_shapes *shapes, enum page_shape kind,
                                   struct page_text *page, uint32_t *ret_count) {
    size_t count = (size_t)shapes->counts[kind];
    struct wire_box *boxes = fz_pool_alloc(ctx, page->pool, (count + 1) * sizeof(*boxes));
    for (size_t i = 0; i < count; i++) {
        boxes[i] = page_box_of_rect(shapes->items[kind][i]);
    }
    *ret_count = (uint32_t)count;
    return boxes;
}

static void copy_shapes(fz_context *ctx, const struct page_shapes *shapes, struct page_text *page) {
    page->marks = fz_pool_alloc(ctx, page->pool, 2 * PAGE_SHAPES_MAX * sizeof(*page->marks));
    copy_marks(shapes, SHAPE_CIRCLE, page);
    copy_marks(shapes, SHAPE_SQUARE, page);
    page->boxes = copy_boxes(ctx, shapes, SHAPE_BOX, page, &page->boxes_count);
    page->bars = copy_boxes(ctx, shapes, SHAPE_BAR, page, &page->bars_count);
}

static int by_top(const void *a, const void *b) {
    const struct page_line *left = a;
    const struct page_line *right = b;
    int64_t difference = (int64_t)left->box.y0 + left->box.y1 - right->box.y0 - right->box.y1;
    difference = difference ? difference : left->box.x0 - right->box.x0;
    return difference < 0 ? -1 : difference > 0;
}

static int by_left(const void *a, const void *b) {
    const struct page_line *left = a;
    const struct page_line *right = b;
    return left->box.x0 < right->box.x0 ? -1 : left->box.x0 > right->box.x0;
}

void page_text_sort(struct page_text *page) {
    if (page->lines_count == 0) {
        return;
    }
    enum { SAME_ROW = 400 }; /* twice 2 points: middles nearer than that are one row */
    qsort(page->lines, page->lines_count, sizeof(*page->lines), by_top);
    for (uint32_t start = 0, end = 0; start < page->lines_count; start = end) {
        int32_t middle = page->lines[start].box.y0 + page->lines[start].box.y1;
        while (end < page->lines_count && page->lines[end].box.y0 + page->lines[end].box.y1 - middle < SAME_ROW) {
            end++;
        }
        qsort(page->lines + start, end - start, sizeof(*page->lines), by_left);
    }
}

static void set_size(struct page_text *page, fz_rect bounds, float image_area) {
    struct wire_box box = page_box_of_rect(bounds);
    page->width = box.x1 - box.x0;
    page->height = box.y1 - box.y0;
    float area = (bounds.x1 - bounds.x0) * (bounds.y1 - bounds.y0);
    float percent = area > 0 ? 100 * image_area / area : 0;
    page->image_percent = percent >= 100 ? 100 : percent > 0 ? (uint32_t)percent : 0;
}

/* Runs the page's own content and the appearances of its form fields and notes. */
static void run(fz_context *ctx, pdf_page *page, fz_stext_page *text, struct page_shapes *shapes) {
    fz_device *extractor = NULL;
    fz_device *device = NULL;
    fz_cookie cookie = {0};
    fz_var(extractor);
    fz_var(device);
    fz_try(ctx) {
        fz_stext_options options = {0}; /* its own clipping loads every glyph's outline */
        extractor = fz_new_stext_device(ctx, text, &options);
        device = page_device_create(ctx, extractor, shapes, &cookie);
        pdf_run_page(ctx, page, device, fz_identity, &cookie);
        fz_close_device(ctx, device);
        fz_close_device(ctx, extractor);
    }
    fz_always(ctx) {
        fz_drop_device(ctx, device);
        fz_drop_device(ctx, extractor);
    }
    fz_catch(ctx) {
        fz_rethrow(ctx);
    }
}

static void read_page(fz_context *ctx, pdf_document *document, int number, struct page_text *ret) {
    static struct page_shapes shapes;
    memset(shapes.counts, 0, sizeof(shapes.counts));
    shapes.glyphs = 0;
    shapes.image_area = 0;
    shapes.cut = false;
    pdf_page *page = NULL;
    fz_stext_page *text = NULL;
    fz_var(page);
    fz_var(text);
    fz_try(ctx) {
        page = pdf_load_page(ctx, document, number - 1);
        pdf_update_page(ctx, page); /* appearances of fields that have none yet */
        fz_rect bounds = pdf_bound_page(ctx, page);
        set_size(ret, bounds, 0);
        text = fz_new_stext_page(ctx, bounds);
        run(ctx, page, text, &shapes);
        set_size(ret, bounds, shapes.image_area);
        ret->cut = shapes.cut;
        copy_lines(ctx, text, ret);
        copy_shapes(ctx, &shapes, ret);
    }
    fz_always(ctx) {
        fz_drop_stext_page(ctx, text);
        fz_drop_page(ctx, (fz_page *)page);
    }
    fz_catch(ctx) {
        fz_rethrow(ctx);
    }
}

void page_text_read(fz_context *ctx, pdf_document *document, int number, struct page_text *ret) {
    *ret = (struct page_text){.number = (uint32_t)number, .pool = fz_new_pool(ctx)};
    fz_try(ctx) {
        read_page(ctx, document, number, ret);
    }
    fz_catch(ctx) {
        if (fz_caught(ctx) == FZ_ERROR_MEMORY) {
            page_text_finish(ctx, ret);
            fz_rethrow(ctx);
        }
        ret->unreadable = true;
        ret->lines_count = ret->marks_count = ret->boxes_count = ret->bars_count = 0;
    }
}

void page_text_finish(fz_context *ctx, struct page_text *page) {
    fz_drop_pool(ctx, page->pool);
    *page = (struct page_text){0};
}
