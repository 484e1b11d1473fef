/* A4 pages as PDF content: see paper.h. */
#include "portalsim/paper.h"

#include <string.h>

#include "portalsim/font.h"

enum { CONTENT_MAX = 1024 * 1024 };

void paper_start(struct paper *paper) {
    *paper = (struct paper){0};
    paper_room(paper, PAPER_HEIGHT);
}

void paper_finish(struct paper *paper) {
    for (int i = 0; i < paper->pages; i++) {
        buf_finish(&paper->forms[i]);
        buf_finish(&paper->values[i]);
    }
    paper->pages = 0;
}

bool paper_room(struct paper *paper, int height) {
    enum { BOTTOM = 600 };
    if ((paper->pages > 0 && paper->y - height >= BOTTOM) || paper->pages == PAPER_PAGES_MAX) {
        return false;
    }
    paper->forms[paper->pages] = BUF_INIT(CONTENT_MAX);
    paper->values[paper->pages] = BUF_INIT(CONTENT_MAX);
    paper->pages++;
    paper->y = PAPER_HEIGHT - PAPER_MARGIN;
    return true;
}

struct buf *paper_form(struct paper *paper) {
    return &paper->forms[paper->pages - 1];
}

struct buf *paper_value(struct paper *paper) {
    return &paper->values[paper->pages - 1];
}

/* Tenths of a point as "12.3" and a blank. */
static char *put_length(char *at, int tenths) {
    unsigned int value = (unsigned int)tenths;
    if (tenths < 0) {
        *at++ = '-';
        value = 0u - value;
    }
    char digits[12];
    int count = 0;
    for (unsigned int whole = value / 10; whole || !count; whole /= 10) {
        digits[count++] = (char)('0' + whole % 10);
    }
    while (count) {
        *at++ = digits[--count];
    }
    if (value % 10) {
        *at++ = '.';
        *at++ = (char)('0' + value % 10);
    }
    *at++ = ' ';
    return at;
}

static void put_lengths(struct buf *out, const int *tenths, int count, const char *operator) {
    char line[128];
    char *at = line;
    for (int i = 0; i < count; i++) {
        at = put_length(at, tenths[i]);
    }
    buf_append(out, line, (size_t)(at - line));
    buf_append_str(out, operator);
}

void draw_text_part(struct buf *out, enum paper_font font, int size, int x, int y, const char *text,
                    size_t size_bytes) {
    char part[512];
    size_t length = size_bytes < sizeof part ? size_bytes : sizeof part - 1;
    memcpy(part, text, length);
    part[length] = '\0';
    draw_text(out, font, size, x, y, part);
}

void draw_text(struct buf *out, enum paper_font font, int size, int x, int y, const char *text) {
    buf_append_str(out, font == PAPER_BOLD ? "BT /F2 " : "BT /F1 ");
    put_lengths(out, (int[]){size * 10}, 1, "Tf 1 0 0 1 ");
    put_lengths(out, (int[]){x, y}, 2, "Tm ");
    pdf_append_text(out, text);
    buf_append_str(out, " Tj ET\n");
}

void draw_centred(struct buf *out, enum paper_font font, int size, int y, const char *text) {
    int width = font_width(text, strlen(text)) * size / 100;
    draw_text(out, font, size, (PAPER_WIDTH - width) / 2, y, text);
}

void draw_box(struct buf *out, int x, int y, int width, int height) {
    put_lengths(out, (int[]){x, y, width, height}, 4, "re S\n");
}

void draw_bar(struct buf *out, int x, int y, int width, int height) {
    buf_append_str(out, "q 0.85 g ");
    put_lengths(out, (int[]){x, y, width, height}, 4, "re f Q\n");
}

void draw_circle(struct buf *out, int x, int y, int radius, bool filled) {
    int k = (radius * 552 + 500) / 1000; /* a quarter circle as a Bézier curve */
    put_lengths(out, (int[]){x + radius, y}, 2, "m ");
    put_lengths(out, (int[]){x + radius, y + k, x + k, y + radius, x, y + radius}, 6, "c ");
    put_lengths(out, (int[]){x - k, y + radius, x - radius, y + k, x - radius, y}, 6, "c ");
    put_lengths(out, (int[]){x - radius, y - k, x - k, y - radius, x, y - radius}, 6, "c ");
    put_lengths(out, (int[]){x + k, y - radius, x + radius, y - k, x + radius, y}, 6, "c ");
    buf_append_str(out, filled ? "h f\n" : "h S\n");
}

void draw_tick(struct buf *out, int x, int y, int side) {
    put_lengths(out, (int[]){x + side / 5, y + side / 2}, 2, "m ");
    put_lengths(out, (int[]){x + side * 2 / 5, y + side / 5}, 2, "l ");
    put_lengths(out, (int[]){x + side * 4 / 5, y + side * 4 / 5}, 2, "l S\n");
}
