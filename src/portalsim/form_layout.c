/* The blank form on paper: see form_layout.h. Labels stand left, answers right. */
#include "portalsim/form_layout.h"

#include <string.h>

#include "base/str.h"
#include "portalsim/font.h"

enum {
    LABEL_WIDTH = 2300,
    VALUE_X = 2800,
    VALUE_WIDTH = PAPER_WIDTH - PAPER_MARGIN - VALUE_X,
    LINE = 110,
    GAP = 110,
    SIZE = 9,
    MARK = 80, /* diameter of a radio button, side of a check box */
};

static int count_lines(const char *text, int width) {
    int lines = 0;
    size_t next;
    do {
        font_fit(text, SIZE, width, &next);
        text += next;
        lines++;
    } while (*text);
    return lines;
}

static void draw_wrapped(struct buf *out, int x, int y, int width, const char *text) {
    while (*text) {
        size_t next, fit = font_fit(text, SIZE, width, &next);
        draw_text_part(out, PAPER_REGULAR, SIZE, x, y, text, fit);
        text += next;
        y -= LINE;
    }
}

static int option_width(const char *option) {
    return font_width(option, strlen(option)) * SIZE / 100 + MARK + 160;
}

/* Radio options side by side, in as many lines as they need. Without paper it only counts the lines. */
static int radio_options(struct paper *paper, const struct form_job *job, struct form_spot *spot) {
    char option[FORM_VALUE_MAX];
    int lines = 1, x = VALUE_X;
    for (int i = 0; form_option(spot->value->row->options, i, option); i++) {
        int width = option_width(option);
        if (x > VALUE_X && x + width > VALUE_X + VALUE_WIDTH) {
            x = VALUE_X;
            lines++;
        }
        if (paper) {
            int y = spot->y - (lines - 1) * (LINE + 40);
            struct buf *out = paper_form(paper);
            draw_circle(out, x + MARK / 2, y + MARK / 2, MARK / 2, false);
            draw_text(out, PAPER_REGULAR, SIZE, x + MARK + 40, y + 10, option);
            struct form_spot one = *spot;
            one.option = i;
            one.x = x;
            one.y = y;
            one.width = one.height = MARK;
            job->place(job->context, paper, &one);
        }
        x += width;
    }
    return lines;
}

static int row_height(const struct form_job *job, struct form_spot *spot) {
    const struct form_value *value = spot->value;
    int label = count_lines(value->row->label, LABEL_WIDTH) * LINE;
    int answer;
    if (value->row->kind == ROW_RADIO) {
        answer = radio_options(NULL, job, spot) * (LINE + 40) - 40;
    } else if (value->row->kind == ROW_CHECK) {
        answer = count_lines(value->row->options, VALUE_WIDTH - 140) * LINE;
    } else {
        answer = count_lines(value->text, VALUE_WIDTH - 80) * LINE + 40;
    }
    return (label > answer ? label : answer) + GAP;
}

static void draw_row(struct paper *paper, const struct form_job *job, struct form_spot *spot) {
    const struct form_row *row = spot->value->row;
    int height = row_height(job, spot);
    paper_room(paper, height);
    int top = paper->y;
    paper->y -= height;
    spot->page = paper->pages - 1;
    draw_wrapped(paper_form(paper), PAPER_MARGIN, top - LINE, LABEL_WIDTH, row->label);
    spot->x = VALUE_X;
    spot->y = top - LINE - 10;
    spot->width = spot->height = MARK;
    if (row->kind == ROW_RADIO) {
        radio_options(paper, job, spot);
    } else if (row->kind == ROW_CHECK) {
        draw_box(paper_form(paper), VALUE_X, spot->y, MARK, MARK);
        draw_wrapped(paper_form(paper), VALUE_X + 140, top - LINE, VALUE_WIDTH - 140, row->options);
        job->place(job->context, paper, spot);
    } else {
        spot->width = VALUE_WIDTH;
        spot->height = height - GAP + 20;
        spot->y = top - spot->height;
        draw_box(paper_form(paper), spot->x, spot->y, spot->width, spot->height);
        job->place(job->context, paper, spot);
    }
}

static void draw_heading(struct paper *paper, const char *title) {
    paper_room(paper, 600); /* never alone at the foot of a page */
    draw_bar(paper_form(paper), PAPER_MARGIN, paper->y - 160, PAPER_WIDTH - 2 * PAPER_MARGIN, 150);
    draw_text(paper_form(paper), PAPER_BOLD, 9, PAPER_MARGIN + 40, paper->y - 120, title);
    paper->y -= 240;
}

static void draw_head(struct paper *paper, const struct form_job *job) {
    const struct form_table *table = &form_tables[job->filing->form];
    struct buf *out = paper_form(paper);
    char title[FORM_VALUE_MAX];
    str_format(title, sizeof title, "FORM NO. %s", sim_form_name(job->filing->form));
    draw_centred(out, PAPER_BOLD, 14, paper->y - 100, title);
    draw_centred(out, PAPER_REGULAR, 8, paper->y - 220, table->rule);
    draw_centred(out, PAPER_BOLD, 10, paper->y - 360, table->purpose);
    draw_text(out, PAPER_REGULAR, SIZE, PAPER_MARGIN, paper->y - 520, "Form language");
    draw_circle(out, 1340, paper->y - 490, MARK / 2, false);
    draw_text(out, PAPER_REGULAR, SIZE, 1420, paper->y - 520, "English");
    draw_circle(out, 1940, paper->y - 490, MARK / 2, false);
    draw_text(out, PAPER_REGULAR, SIZE, 2020, paper->y - 520, "Hindi");
    draw_circle(paper_value(paper), 1340, paper->y - 490, 19, true);
    draw_text(out, PAPER_REGULAR, SIZE, PAPER_MARGIN, paper->y - 660,
              "Refer to the instruction kit for filing the form. All fields marked in * are mandatory.");
    paper->y -= 780;
}

static void draw_attachments(struct paper *paper, const char *const *labels) {
    draw_heading(paper, "Attachments");
    for (int i = 0; labels[i]; i++) {
        char line[FORM_VALUE_MAX];
        str_format(line, sizeof line, "(%c) %s", 'a' + i, labels[i]);
        paper_room(paper, 160);
        draw_text(paper_form(paper), PAPER_REGULAR, SIZE, PAPER_MARGIN, paper->y - LINE, line);
        paper->y -= 160;
    }
}

static void draw_feet(struct paper *paper, const struct sim_filing *filing) {
    char text[FORM_VALUE_MAX];
    for (int page = 0; page < paper->pages; page++) {
        struct buf *out = &paper->forms[page];
        draw_text(out, PAPER_REGULAR, 7, PAPER_MARGIN, 300,
                  "SAMPLE of a simulated registry: no company, no person and no office is meant.");
        str_format(text, sizeof text, "Page %d of %d", page + 1, paper->pages);
        draw_text(out, PAPER_REGULAR, 7, 5000, 300, text);
        if (filing->shape == SIM_V3) {
            str_format(text, sizeof text, "%s_SRN_FORM_%s", filing->srn, sim_form_name(filing->form));
            draw_text(&paper->values[page], PAPER_REGULAR, 7, PAPER_MARGIN, 420, text);
        }
    }
}

void form_layout(struct paper *paper, const struct form_job *job) {
    draw_head(paper, job);
    for (int i = 0; i < job->values->count; i++) {
        struct form_spot spot = {.value = &job->values->items[i], .index = i};
        if (spot.value->first) {
            char title[FORM_VALUE_MAX];
            if (spot.value->section == &form_closing && job->attachments) {
                draw_attachments(paper, job->attachments);
            }
            form_section_title(spot.value, title);
            draw_heading(paper, title);
        }
        draw_row(paper, job, &spot);
    }
    draw_feet(paper, job->filing);
}
