/* The number of pages by walking the tree: /Count may claim 1.4e9 in a file of 2 KB. */
#include <string.h>

#include "pdf/child/reading.h"

enum { TREE_STEPS_MAX = 50000, PLACES = 1 << 13 };

struct walk {
    struct reading *reading;
    int steps, pages;
    bool cut;
};

static void count(struct walk *walk, pdf_obj *node, int depth) {
    fz_context *ctx = walk->reading->ctx;
    if (depth > WALK_DEPTH_MAX) {
        walk->cut = true;
        return;
    }
    pdf_obj *kids = pdf_dict_get(ctx, node, PDF_NAME(Kids));
    if (!pdf_is_array(ctx, kids)) {
        if (pdf_is_dict(ctx, node)) {
            if (walk->pages < WIRE_PAGES_TEXT_MAX) {
                walk->reading->page_objects[walk->pages] = pdf_keep_obj(ctx, node);
            }
            walk->pages++;
        }
        return;
    }
    if (pdf_mark_obj(ctx, node)) {
        return; /* a node inside itself */
    }
    fz_try(ctx) {
        int length = pdf_array_len(ctx, kids);
        for (int i = 0; i < length && !walk->cut; i++) {
            walk->cut = ++walk->steps > TREE_STEPS_MAX;
            count(walk, pdf_array_get(ctx, kids, i), depth + 1);
        }
    }
    fz_always(ctx) {
        pdf_unmark_obj(ctx, node);
    }
    fz_catch(ctx) {
        fz_rethrow(ctx);
    }
}

int page_tree_count(struct reading *reading, bool *ret_cut) {
    struct walk walk = {.reading = reading};
    pdf_obj *root = pdf_dict_get(reading->ctx, pdf_trailer(reading->ctx, reading->document), PDF_NAME(Root));
    count(&walk, pdf_dict_get(reading->ctx, root, PDF_NAME(Pages)), 0);
    *ret_cut = walk.cut;
    return walk.pages;
}

/* Object number → page, for everything the pages' /Annots name. Open addressing; full: no place is known. */
static struct {
    int numbers[PLACES];
    short pages[PLACES];
    int used;
} places;

static int *place_of(int number) {
    size_t slot = (size_t)number * 2654435761u % PLACES;
    while (places.numbers[slot] != 0 && places.numbers[slot] != number) {
        slot = (slot + 1) % PLACES;
    }
    return &places.numbers[slot];
}

static void make_places(struct reading *reading) {
    fz_context *ctx = reading->ctx;
    reading->places_made = true;
    memset(&places, 0, sizeof(places));
    for (int page = 0; page < reading->pages && page < WIRE_PAGES_TEXT_MAX; page++) {
        pdf_obj *annotations = pdf_dict_get(ctx, reading->page_objects[page], PDF_NAME(Annots));
        int length = pdf_array_len(ctx, annotations);
        for (int i = 0; i < length && places.used < PLACES / 2; i++) {
            int number = pdf_to_num(ctx, pdf_array_get(ctx, annotations, i));
            int *slot = place_of(number);
            if (number > 0 && *slot == 0) {
                *slot = number;
                places.pages[slot - places.numbers] = (short)(page + 1);
                places.used++;
            }
        }
    }
}

struct wire_where page_tree_place(struct reading *reading, pdf_obj *annotation) {
    struct wire_where where = {0};
    int number = pdf_to_num(reading->ctx, annotation);
    if (!reading->places_made) {
        make_places(reading);
    }
    int *slot = place_of(number);
    if (number <= 0 || *slot == 0) {
        return where;
    }
    where.page = (uint32_t)places.pages[slot - places.numbers];
    fz_rect media;
    fz_matrix matrix;
    pdf_page_obj_transform(reading->ctx, reading->page_objects[where.page - 1], &media, &matrix);
    fz_rect rect = pdf_dict_get_rect(reading->ctx, annotation, PDF_NAME(Rect));
    where.box = page_box_of_rect(fz_transform_rect(rect, matrix));
    return where;
}

fz_buffer *reading_load_stream(struct reading *reading, pdf_obj *stream, size_t max_bytes, bool *ret_cut) {
    fz_context *ctx = reading->ctx;
    fz_buffer *buffer = fz_new_buffer(ctx, 4096);
    fz_stream *in = NULL;
    fz_var(in);
    *ret_cut = false;
    fz_try(ctx) {
        in = pdf_open_stream(ctx, stream);
        static unsigned char piece[16 * 1024];
        size_t total = 0;
        for (size_t got; (got = fz_read(ctx, in, piece, sizeof(piece))) > 0 && !*ret_cut;) {
            *ret_cut = total + got > max_bytes;
            got = *ret_cut ? max_bytes - total : got;
            fz_append_data(ctx, buffer, piece, got);
            total += got;
        }
    }
    fz_always(ctx) {
        fz_drop_stream(ctx, in);
    }
    fz_catch(ctx) {
        fz_drop_buffer(ctx, buffer);
        fz_rethrow(ctx);
    }
    return buffer;
}
