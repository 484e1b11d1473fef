/* Labels and answers by geometry. */
#include "pdf/child/labelled.h"

#include <stdlib.h>
#include <string.h>

enum {
    NEAR = 1400,       /* 14 points: an option stands this close to its mark */
    ROWS_APART = 2200, /* options of one question in a second row */
    LEADING = 300,     /* between two lines of one label */
    ANSWERS_MAX = 2048,
    TEXT_MAX = 4096,
};

struct answer {
    enum { ANSWER_TEXT, ANSWER_CHOICE, ANSWER_CHECK } kind;
    struct wire_box box; /* around all of it */
    bool boxed;
    int line;          /* ANSWER_TEXT without box: the value's line */
    const char *value; /* choice: option chosen; check: what the box says */
    bool chosen;
};

struct form {
    struct reading *reading;
    struct layout *layout;
    const struct page_text *page;
    struct answer answers[ANSWERS_MAX];
    int count;
    bool *taken; /* lines that are part of an answer or a heading */
};

struct joined {
    char text[TEXT_MAX + 1];
    size_t size_bytes;
};

static bool step(struct form *form) {
    return form->layout->steps_left > 0 && form->layout->steps_left-- > 0;
}

static bool overlaps_rows(const struct wire_box *a, const struct wire_box *b) {
    int32_t top = a->y0 > b->y0 ? a->y0 : b->y0;
    int32_t bottom = a->y1 < b->y1 ? a->y1 : b->y1;
    int32_t height = a->y1 - a->y0 < b->y1 - b->y0 ? a->y1 - a->y0 : b->y1 - b->y0;
    return 3 * (bottom - top) > height;
}

static bool middle_inside(const struct wire_box *outer, const struct wire_box *inner) {
    int32_t x = inner->x0 / 2 + inner->x1 / 2;
    int32_t y = inner->y0 / 2 + inner->y1 / 2;
    return x > outer->x0 && x < outer->x1 && y > outer->y0 && y < outer->y1;
}

static void join(struct joined *joined, const struct page_line *line) {
    size_t blank = joined->size_bytes > 0;
    if (joined->size_bytes + blank + line->size_bytes < TEXT_MAX) {
        memcpy(joined->text + joined->size_bytes, " ", blank);
        memcpy(joined->text + joined->size_bytes + blank, line->text, line->size_bytes);
        joined->size_bytes += blank + line->size_bytes;
    }
}

/* Lines are in reading order already. */
static struct wire_text text_in(struct form *form, const struct wire_box *box, struct joined *joined) {
    joined->size_bytes = 0;
    for (uint32_t i = 0; i < form->page->lines_count && step(form); i++) {
        if (middle_inside(box, &form->page->lines[i].box)) {
            join(joined, &form->page->lines[i]);
            form->taken[i] = true;
        }
    }
    return (struct wire_text){joined->text, joined->size_bytes};
}

static struct answer *add(struct form *form, struct answer answer) {
    if (form->count == ANSWERS_MAX) {
        return NULL;
    }
    form->answers[form->count] = answer;
    return &form->answers[form->count++];
}

static void add_boxes(struct form *form) {
    for (uint32_t i = 0; i < form->page->boxes_count; i++) {
        add(form, (struct answer){.kind = ANSWER_TEXT, .box = form->page->boxes[i], .boxed = true});
    }
}

/* The line that stands right of a mark; -1: none. */
static int option_of(struct form *form, const struct wire_box *mark) {
    int best = -1;
    int32_t best_gap = NEAR;
    for (uint32_t i = 0; i < form->page->lines_count && step(form); i++) {
        const struct wire_box *box = &form->page->lines[i].box;
        int32_t gap = box->x0 - mark->x1;
        if (gap >= -100 && gap < best_gap && overlaps_rows(box, mark)) {
            best = (int)i;
            best_gap = gap;
        }
    }
    return best;
}

/* An option's words, with the lines right under that it wraps into. */
static const char *option_text(struct form *form, int option) {
    static struct joined joined;
    const struct page_line *last = &form->page->lines[option];
    joined.size_bytes = 0;
    join(&joined, last);
    for (uint32_t i = (uint32_t)option + 1; i < form->page->lines_count && step(form); i++) {
        const struct page_line *line = &form->page->lines[i];
        bool under = line->box.y0 > last->box.y0 && line->box.y0 - last->box.y1 < LEADING / 3;
        if (!form->taken[i] && under && abs(line->box.x0 - last->box.x0) < LEADING) {
            join(&joined, line);
            form->taken[i] = true;
            last = line;
        }
    }
    joined.text[joined.size_bytes] = '\0';
    return fz_pool_strdup(form->reading->ctx, form->page->pool, joined.text);
}

static void widen(struct wire_box *box, const struct wire_box *by) {
    box->x0 = by->x0 < box->x0 ? by->x0 : box->x0;
    box->y0 = by->y0 < box->y0 ? by->y0 : box->y0;
    box->x1 = by->x1 > box->x1 ? by->x1 : box->x1;
    box->y1 = by->y1 > box->y1 ? by->y1 : box->y1;
}

/* A line of text stands left of the mark in its row: a label, so the mark begins a question of its own. */
static bool begins_row(struct form *form, const struct wire_box *mark) {
    for (uint32_t i = 0; i < form->page->lines_count && step(form); i++) {
        const struct wire_box *box = &form->page->lines[i].box;
        if (!form->taken[i] && box->x1 <= mark->x0 + 100 && overlaps_rows(box, mark)) {
            return true;
        }
    }
    return false;
}

/* Radio buttons of one row belong together, and those of a second row under them that has no label of its own. */
static struct answer *question_of(struct form *form, const struct wire_box *mark) {
    struct answer *above = NULL;
    for (int i = form->count - 1; i >= 0 && step(form); i--) {
        struct answer *answer = &form->answers[i];
        if (answer->kind != ANSWER_CHOICE) {
            continue;
        }
        int32_t below = mark->y0 - answer->box.y1;
        bool same_row = mark->y0 < answer->box.y1 && mark->y1 > answer->box.y0;
        if (same_row && mark->x0 - answer->box.x1 < 10 * NEAR && mark->x0 >= answer->box.x0) {
            return answer;
        }
        above = below >= 0 && below < ROWS_APART && abs(mark->x0 - answer->box.x0) < NEAR ? answer : above;
    }
    return above && !begins_row(form, mark) ? above : NULL;
}

static int by_place(const void *a, const void *b) {
    const struct page_mark *left = a;
    const struct page_mark *right = b;
    int32_t rows = left->box.y0 - right->box.y0;
    int32_t difference = abs(rows) > LEADING ? rows : left->box.x0 - right->box.x0;
    return difference < 0 ? -1 : difference > 0;
}

static void add_marks(struct form *form) {
    qsort(form->page->marks, form->page->marks_count, sizeof(*form->page->marks), by_place);
    for (uint32_t i = 0; i < form->page->marks_count; i++) { /* options first, so that no label is made of them */
        int option = option_of(form, &form->page->marks[i].box);
        form->taken[option >= 0 ? option : 0] |= option >= 0;
    }
    for (uint32_t i = 0; i < form->page->marks_count; i++) {
        const struct page_mark *mark = &form->page->marks[i];
        int option = option_of(form, &mark->box);
        if (option < 0) {
            continue;
        }
        const struct page_line *line = &form->page->lines[option];
        struct answer *answer = mark->round ? question_of(form, &mark->box) : NULL;
        answer = answer ? answer
                        : add(form, (struct answer){.kind = mark->round ? ANSWER_CHOICE : ANSWER_CHECK,
                                                    .box = mark->box,
                                                    .value = mark->round ? "" : option_text(form, option)});
        if (!answer) {
            return;
        }
        widen(&answer->box, &mark->box);
        widen(&answer->box, &line->box);
        answer->chosen |= mark->chosen;
        answer->value = mark->round && mark->chosen ? line->text : answer->value;
    }
}

/* A page without boxes: what stands right of a label in the right part of the page. */
static void add_plain(struct form *form) {
    for (uint32_t i = 0; form->page->boxes_count == 0 && i < form->page->lines_count; i++) {
        const struct page_line *line = &form->page->lines[i];
        if (!form->taken[i] && line->box.x0 > form->page->width * 2 / 5 && layout_left(form->layout, (int)i) >= 0) {
            form->taken[i] = true;
            add(form, (struct answer){.kind = ANSWER_TEXT, .box = line->box, .line = (int)i});
        }
    }
}

/* What stands left of an answer in its rows, and the lines right under that which belong to no other. */
static struct wire_text label_of(struct form *form, const struct answer *answer, struct joined *joined) {
    joined->size_bytes = 0;
    const struct page_line *last = NULL;
    for (uint32_t i = 0; i < form->page->lines_count && step(form); i++) {
        const struct page_line *line = &form->page->lines[i];
        bool left = !form->taken[i] && line->box.x1 <= answer->box.x0 + 200;
        bool under = last && line->box.y0 - last->box.y1 < LEADING && line->box.y0 > last->box.y0 &&
                     abs(line->box.x0 - last->box.x0) < LEADING;
        if (left && (last ? under : overlaps_rows(&line->box, &answer->box))) {
            join(joined, line);
            form->taken[i] = true;
            last = line;
        }
    }
    while (joined->size_bytes && strchr(" *:", joined->text[joined->size_bytes - 1])) {
        joined->size_bytes--;
    }
    return (struct wire_text){joined->text, joined->size_bytes};
}

static void send_answer(struct form *form, const struct answer *answer) {
    static struct joined label, value;
    static const uint32_t kinds[] = {
        [ANSWER_TEXT] = WIRE_FIELD_TEXT, [ANSWER_CHOICE] = WIRE_FIELD_CHOICE, [ANSWER_CHECK] = WIRE_FIELD_BUTTON};
    struct wire_text name = label_of(form, answer, &label);
    struct wire_text text = wire_text_of(answer->value);
    if (answer->kind == ANSWER_CHECK) {
        text = wire_text_of(answer->chosen ? "Yes" : "No");
    } else if (answer->kind == ANSWER_TEXT && answer->boxed) {
        text = text_in(form, &answer->box, &value);
    } else if (answer->kind == ANSWER_TEXT) {
        text = wire_text_of(form->page->lines[answer->line].text);
    }
    struct wire_writer *out = name.size_bytes ? emit_begin(form->reading->emit, WIRE_FIELD) : NULL;
    if (out) {
        const struct wire_where where = {.page = form->page->number, .box = answer->box};
        wire_put_u32(out, kinds[answer->kind]);
        wire_put_u32(out, answer->kind == ANSWER_TEXT && !answer->boxed ? 60 : 90);
        wire_put_text(out, wire_text_of(form->reading->section), WIRE_NAME_MAX);
        wire_put_text(out, name, WIRE_NAME_MAX);
        wire_put_text(out, text, WIRE_TEXT_MAX);
        wire_put_text(out, wire_text_of(answer->kind == ANSWER_CHECK ? answer->value : ""), WIRE_NAME_MAX);
        wire_put_where(out, &where);
        emit_end(form->reading->emit);
    }
}

/* Takes the heading of the last bar above y. */
static void set_section(struct form *form, int32_t y, uint32_t *bar) {
    static struct joined heading;
    while (*bar < form->page->bars_count && form->page->bars[*bar].y0 < y) {
        struct wire_text text = text_in(form, &form->page->bars[*bar], &heading);
        size_t size = text.size_bytes < sizeof(form->reading->section) ? text.size_bytes : 0;
        if (size) {
            memcpy(form->reading->section, text.data, size);
            form->reading->section[size] = '\0';
        }
        ++*bar;
    }
}

static int answers_by_place(const void *a, const void *b) {
    const struct answer *left = a;
    const struct answer *right = b;
    int32_t difference = left->box.y0 - right->box.y0;
    difference = difference ? difference : left->box.x0 - right->box.x0;
    return difference < 0 ? -1 : difference > 0;
}

static int boxes_by_top(const void *a, const void *b) {
    const struct wire_box *left = a;
    const struct wire_box *right = b;
    return left->y0 < right->y0 ? -1 : left->y0 > right->y0;
}

void labelled_send(struct reading *reading, struct layout *layout) {
    static struct form form;
    form.reading = reading;
    form.layout = layout;
    form.page = layout->page;
    form.count = 0;
    form.taken = fz_pool_alloc(reading->ctx, layout->page->pool, layout->page->lines_count + 1);
    memset(form.taken, 0, layout->page->lines_count + 1);
    struct joined *ignored = fz_pool_alloc(reading->ctx, layout->page->pool, sizeof(*ignored));
    qsort(form.page->bars, form.page->bars_count, sizeof(*form.page->bars), boxes_by_top);
    for (uint32_t i = 0; i < form.page->boxes_count; i++) {
        (void)text_in(&form, &form.page->boxes[i], ignored); /* marks them as no labels */
    }
    for (uint32_t i = 0; i < form.page->bars_count; i++) {
        (void)text_in(&form, &form.page->bars[i], ignored);
    }
    add_boxes(&form);
    add_marks(&form);
    add_plain(&form);
    qsort(form.answers, (size_t)form.count, sizeof(form.answers[0]), answers_by_place);
    uint32_t bar = 0;
    for (int i = 0; i < form.count; i++) {
        set_section(&form, form.answers[i].box.y0, &bar);
        send_answer(&form, &form.answers[i]);
    }
    set_section(&form, INT32_MAX, &bar);
}
