/* The V3 shape: a flattened form. Answers are drawn text, a chosen radio button is a small filled dot inside its
 * circle, PAN and e-mail are masked; no form field is left. */
#include "base/str.h"
#include "portalsim/attachments.h"
#include "portalsim/font.h"
#include "portalsim/form_layout.h"
#include "portalsim/shapes.h"

static void place(void *context, struct paper *paper, const struct form_spot *spot) {
    (void)context;
    const struct form_value *value = spot->value;
    struct buf *out = paper_value(paper);
    if (value->row->kind == ROW_RADIO) {
        if (spot->option == value->option) {
            draw_circle(out, spot->x + spot->width / 2, spot->y + spot->height / 2, 19, true);
        }
        return;
    }
    if (value->row->kind == ROW_CHECK) {
        if (value->option) {
            draw_tick(out, spot->x, spot->y, spot->width);
        }
        return;
    }
    char text[FORM_VALUE_MAX];
    form_mask(value->row->kind, value->text, text);
    int y = spot->y + spot->height - 110;
    for (const char *at = text; *at;) {
        size_t next, fit = font_fit(at, 9, spot->width - 80, &next);
        draw_text_part(out, PAPER_REGULAR, 9, spot->x + 40, y, at, fit);
        at += next;
        y -= 110;
    }
}

void shape_v3_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out) {
    AUTO_PAPER struct paper paper;
    struct form_values values;
    paper_start(&paper);
    form_values_make(company, filing, &values);
    const char *labels[ATTACHMENTS_MAX + 1];
    form_layout(&paper, &(struct form_job){
                            .company = company,
                            .filing = filing,
                            .values = &values,
                            .place = place,
                            .attachments = attachments_labels(filing, labels) ? labels : NULL,
                        });
    struct pdf_frame frame;
    AUTO_BUF struct buf catalog = BUF_INIT(64 * 1024);
    frame_start(&frame, out, paper.pages);
    frame_paper(&frame, &paper, NULL);
    attachments_write(&frame, company, filing, &catalog);
    char title[FILING_TITLE_MAX];
    sim_filing_title(filing, title);
    frame_about(&frame, &(struct pdf_about){title, "V3 form", filing->filed_day});
    struct rng rng = sim_filing_rng(filing, 'I');
    frame_end(&frame, buf_str(&catalog), rng_next(&rng));
}
