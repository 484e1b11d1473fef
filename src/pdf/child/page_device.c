/* The device. */
#include "pdf/child/page_device.h"

#include <math.h>

struct page_device {
    fz_device base;
    fz_device *text;
    struct page_shapes *shapes;
    fz_cookie *cookie;
};

static fz_device *text_of(fz_device *device) {
    return ((struct page_device *)device)->text;
}

static void count_glyphs(fz_device *device, const fz_text *text) {
    struct page_device *self = (struct page_device *)device;
    for (const fz_text_span *span = text->head; span; span = span->next) {
        self->shapes->glyphs += span->len;
        if (self->shapes->glyphs > PAGE_GLYPHS_MAX) {
            self->shapes->cut = true;
            self->cookie->abort = 1;
            return;
        }
    }
}

static void fill_text(fz_context *ctx, fz_device *device, const fz_text *text, fz_matrix ctm, fz_colorspace *space,
                      const float *color, float alpha, fz_color_params params) {
    count_glyphs(device, text);
    fz_fill_text(ctx, text_of(device), text, ctm, space, color, alpha, params);
}

static void stroke_text(fz_context *ctx, fz_device *device, const fz_text *text, const fz_stroke_state *stroke,
                        fz_matrix ctm, fz_colorspace *space, const float *color, float alpha, fz_color_params params) {
    count_glyphs(device, text);
    fz_stroke_text(ctx, text_of(device), text, stroke, ctm, space, color, alpha, params);
}

static void clip_text(fz_context *ctx, fz_device *device, const fz_text *text, fz_matrix ctm, fz_rect scissor) {
    count_glyphs(device, text);
    fz_clip_text(ctx, text_of(device), text, ctm, scissor);
    fz_pop_clip(ctx, text_of(device));
}

static void clip_stroke_text(fz_context *ctx, fz_device *device, const fz_text *text, const fz_stroke_state *stroke,
                             fz_matrix ctm, fz_rect scissor) {
    count_glyphs(device, text);
    fz_clip_stroke_text(ctx, text_of(device), text, stroke, ctm, scissor);
    fz_pop_clip(ctx, text_of(device));
}

static void ignore_text(fz_context *ctx, fz_device *device, const fz_text *text, fz_matrix ctm) {
    count_glyphs(device, text);
    fz_ignore_text(ctx, text_of(device), text, ctm);
}

/* What a path is made of. */
struct outline {
    int starts, lines, curves;
};

static void count_start(fz_context *ctx, void *argument, float x, float y) {
    (void)ctx, (void)x, (void)y;
    ((struct outline *)argument)->starts++;
}

static void count_line(fz_context *ctx, void *argument, float x, float y) {
    (void)ctx, (void)x, (void)y;
    ((struct outline *)argument)->lines++;
}

static void count_curve(fz_context *ctx, void *argument, float x1, float y1, float x2, float y2, float x3, float y3) {
    (void)ctx, (void)x1, (void)y1, (void)x2, (void)y2, (void)x3, (void)y3;
    ((struct outline *)argument)->curves++;
}

static void ignore_close(fz_context *ctx, void *argument) {
    (void)ctx, (void)argument;
}

static bool between(float value, float least, float most) {
    return value >= least && value <= most;
}

/* SHAPE_KINDS: nothing a form is made of. */
static enum page_shape shape_of(const struct outline *outline, fz_rect box, bool stroked) {
    float width = box.x1 - box.x0;
    float height = box.y1 - box.y0;
    float longer = fmaxf(width, height);
    bool even = fabsf(width - height) <= 0.15f * longer;
    bool round = even && between((float)outline->curves, 2, 16);
    bool straight = outline->starts == 1 && outline->curves == 0 && between((float)outline->lines, 3, 5);
    if (stroked && round && between(longer, 4, 20)) {
        return SHAPE_CIRCLE;
    }
    if (!stroked && round && between(longer, 1, 10)) {
        return SHAPE_DOT;
    }
    if (stroked && straight && even && between(longer, 5, 16)) {
        return SHAPE_SQUARE;
    }
    if (stroked && straight && width >= 40 && between(height, 9, 400)) {
        return SHAPE_BOX;
    }
    if (!stroked && straight && width >= 200 && between(height, 8, 40)) {
        return SHAPE_BAR;
    }
    return between(longer, 2, 16) ? SHAPE_TICK : SHAPE_KINDS;
}

static void note(fz_context *ctx, fz_device *device, const fz_path *path, fz_matrix ctm, bool stroked) {
    struct page_shapes *shapes = ((struct page_device *)device)->shapes;
    const fz_path_walker walker = {
        .moveto = count_start, .lineto = count_line, .curveto = count_curve, .closepath = ignore_close};
    fz_rect box = fz_bound_path(ctx, path, NULL, ctm);
    if (!(box.x1 - box.x0 < 2000 && box.y1 - box.y0 <= 400)) {
        return;
    }
    struct outline outline = {0};
    fz_walk_path(ctx, path, &walker, &outline);
    enum page_shape shape = shape_of(&outline, box, stroked);
    if (shape != SHAPE_KINDS && shapes->counts[shape] < PAGE_SHAPES_MAX) {
        shapes->items[shape][shapes->counts[shape]++] = box;
    }
}

static void fill_path(fz_context *ctx, fz_device *device, const fz_path *path, int even_odd, fz_matrix ctm,
                      fz_colorspace *space, const float *color, float alpha, fz_color_params params) {
    (void)even_odd, (void)space, (void)color, (void)alpha, (void)params;
    note(ctx, device, path, ctm, false);
}

static void stroke_path(fz_context *ctx, fz_device *device, const fz_path *path, const fz_stroke_state *stroke,
                        fz_matrix ctm, fz_colorspace *space, const float *color, float alpha, fz_color_params params) {
    (void)stroke, (void)space, (void)color, (void)alpha, (void)params;
    note(ctx, device, path, ctm, true);
}

static void add_image(fz_device *device, fz_matrix ctm) {
    float area = fabsf(ctm.a * ctm.d - ctm.b * ctm.c);
    if (isfinite(area)) {
        ((struct page_device *)device)->shapes->image_area += area;
    }
}

static void fill_image(fz_context *ctx, fz_device *device, fz_image *image, fz_matrix ctm, float alpha,
                       fz_color_params params) {
    (void)ctx, (void)image, (void)alpha, (void)params;
    add_image(device, ctm);
}

static void fill_image_mask(fz_context *ctx, fz_device *device, fz_image *image, fz_matrix ctm, fz_colorspace *space,
                            const float *color, float alpha, fz_color_params params) {
    (void)ctx, (void)image, (void)space, (void)color, (void)alpha, (void)params;
    add_image(device, ctm);
}

fz_device *page_device_create(fz_context *ctx, fz_device *text, struct page_shapes *shapes, fz_cookie *cookie) {
    struct page_device *device = fz_new_derived_device(ctx, struct page_device);
    device->text = text;
    device->shapes = shapes;
    device->cookie = cookie;
    device->base.fill_text = fill_text;
    device->base.stroke_text = stroke_text;
    device->base.clip_text = clip_text;
    device->base.clip_stroke_text = clip_stroke_text;
    device->base.ignore_text = ignore_text;
    device->base.fill_path = fill_path;
    device->base.stroke_path = stroke_path;
    device->base.fill_image = fill_image;
    device->base.fill_image_mask = fill_image_mask;
    return &device->base;
}
