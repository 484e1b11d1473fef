/* The text letter: wrapped paragraphs with a text layer. */
#include "base/str.h"
#include "portalsim/font.h"
#include "portalsim/letter.h"
#include "portalsim/paper.h"
#include "portalsim/shapes.h"

enum { SIZE = 11, LINE = 150, LEFT = 700, TEXT_WIDTH = PAPER_WIDTH - 2 * LEFT };

static void draw_paragraph(struct paper *paper, const char *text, enum paper_font font) {
    do {
        size_t next, fit = font_fit(text, SIZE, TEXT_WIDTH, &next);
        paper_room(paper, LINE);
        paper->y -= LINE;
        draw_text_part(paper_form(paper), font, SIZE, LEFT, paper->y, text, fit);
        text += next;
    } while (*text);
    paper->y -= 60;
}

void shape_letter_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out) {
    AUTO_PAPER struct paper paper;
    struct letter letter;
    letter_make(company, filing, &letter);
    paper_start(&paper);
    paper.y -= 300;
    for (int i = 0; i < letter.count; i++) {
        if (letter.lines[i][0] == '\0') {
            paper.y -= 80;
        } else {
            bool heading = i == 0 || str_starts_with(letter.lines[i], "Subject:");
            draw_paragraph(&paper, letter.lines[i], heading ? PAPER_BOLD : PAPER_REGULAR);
        }
    }
    struct pdf_frame frame;
    frame_start(&frame, out, paper.pages);
    frame_paper(&frame, &paper, NULL);
    char title[FILING_TITLE_MAX];
    sim_filing_title(filing, title);
    frame_about(&frame, &(struct pdf_about){title, "letter", letter.day});
    struct rng rng = sim_filing_rng(filing, 'I');
    frame_end(&frame, "", rng_next(&rng));
}
