/* The V2 shape: a hybrid form. Each answer is an AcroForm field with its appearance, and is in the XFA datasets too;
 * the form's attachments are in the EmbeddedFiles tree.
 *
 *     form1[0] > ADT1[0] > Section2[0] > CIN_C[0]          fields, by object: root, form, sections, fields, radio
 * buttons */
#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "portalsim/attachments.h"
#include "portalsim/font.h"
#include "portalsim/form_layout.h"
#include "portalsim/shapes.h"
#include "portalsim/signature.h"
#include "portalsim/xfa.h"

enum { SPOTS_MAX = FORM_VALUES_MAX * FORM_OPTIONS_MAX, STREAM_MAX = 1024 * 1024, FIELD_FLAGS_RADIO = 49152 };

struct hybrid {
    const struct sim_filing *filing;
    struct form_values values;
    struct form_spot spots[SPOTS_MAX];
    int widgets[SPOTS_MAX]; /* object numbers */
    int spots_count;
    int fields[FORM_VALUES_MAX];   /* a radio's field has its buttons as kids; else field and widget are one */
    int sections[FORM_VALUES_MAX]; /* of the value's section */
    int root, form;
    int on, off, tick; /* appearances of buttons */
    int signature_field;
    struct signature signature;
    struct pdf_frame frame;
};

static void place(void *context, struct paper *paper, const struct form_spot *spot) {
    (void)paper;
    struct hybrid *hybrid = context;
    assert(hybrid->spots_count < SPOTS_MAX);
    hybrid->spots[hybrid->spots_count++] = *spot;
}

static void reserve(struct hybrid *hybrid) {
    struct pdf_writer *pdf = &hybrid->frame.pdf;
    hybrid->root = pdf_reserve(pdf);
    hybrid->form = pdf_reserve(pdf);
    hybrid->on = pdf_reserve(pdf);
    hybrid->off = pdf_reserve(pdf);
    hybrid->tick = pdf_reserve(pdf);
    hybrid->signature_field = pdf_reserve(pdf);
    for (int i = 0; i < hybrid->values.count; i++) {
        const struct form_value *value = &hybrid->values.items[i];
        hybrid->sections[i] = value->first ? pdf_reserve(pdf) : hybrid->sections[i - 1];
        hybrid->fields[i] = pdf_reserve(pdf);
    }
    for (int i = 0; i < hybrid->spots_count; i++) {
        bool radio = hybrid->spots[i].value->row->kind == ROW_RADIO;
        hybrid->widgets[i] = radio ? pdf_reserve(pdf) : hybrid->fields[hybrid->spots[i].index];
    }
}

static void list_widgets(const struct hybrid *hybrid, int pages, struct buf annotations[PAPER_PAGES_MAX]) {
    for (int page = 0; page < pages; page++) {
        annotations[page] = BUF_INIT(STREAM_MAX);
        buf_append_str(&annotations[page], "/Annots [");
        for (int i = 0; i < hybrid->spots_count; i++) {
            if (hybrid->spots[i].page == page) {
                buf_printf(&annotations[page], "%d 0 R ", hybrid->widgets[i]);
            }
        }
        if (page == 0) {
            buf_printf(&annotations[page], "%d 0 R ", hybrid->signature_field);
        }
        buf_append_str(&annotations[page], "]");
    }
}

static void put_rectangle(struct hybrid *hybrid, const struct form_spot *spot) {
    int right = spot->x + spot->width, top = spot->y + spot->height;
    buf_printf(hybrid->frame.pdf.out, "/Type /Annot /Subtype /Widget /F 4 /P %d 0 R /Rect [%d.%d %d.%d %d.%d %d.%d] ",
               hybrid->frame.page[spot->page], spot->x / 10, spot->x % 10, spot->y / 10, spot->y % 10, right / 10,
               right % 10, top / 10, top % 10);
}

static void put_name(struct hybrid *hybrid, const char *name, int index, int parent) {
    buf_printf(hybrid->frame.pdf.out, "/T (%s[%d]) /Parent %d 0 R ", name, index, parent);
}

/* An appearance: a form XObject as large as its widget. */
static void put_appearance(struct hybrid *hybrid, int number, int width, int height, const struct buf *content) {
    char dict[256];
    str_format(dict, sizeof dict,
               "/Type /XObject /Subtype /Form /BBox [0 0 %d.%d %d.%d] /Resources << /Font << /F1 %d 0 R >> >>",
               width / 10, width % 10, height / 10, height % 10, hybrid->frame.regular);
    pdf_stream(&hybrid->frame.pdf, number, dict, buf_str(content), content->size_bytes);
}

static void put_text_appearance(struct hybrid *hybrid, int number, const struct form_spot *spot) {
    AUTO_BUF struct buf content = BUF_INIT(STREAM_MAX);
    buf_append_str(&content, "/Tx BMC q\n");
    int y = spot->height - 110;
    for (const char *at = spot->value->text; *at; y -= 110) {
        size_t next, fit = font_fit(at, 9, spot->width - 80, &next);
        draw_text_part(&content, PAPER_REGULAR, 9, 40, y, at, fit);
        at += next;
    }
    buf_append_str(&content, "Q EMC");
    put_appearance(hybrid, number, spot->width, spot->height, &content);
}

static void put_button_appearances(struct hybrid *hybrid) {
    AUTO_BUF struct buf on = BUF_INIT(STREAM_MAX), off = BUF_INIT(STREAM_MAX), tick = BUF_INIT(STREAM_MAX);
    draw_circle(&on, 40, 40, 19, true);
    draw_tick(&tick, 0, 0, 80);
    put_appearance(hybrid, hybrid->on, 80, 80, &on);
    put_appearance(hybrid, hybrid->off, 80, 80, &off);
    put_appearance(hybrid, hybrid->tick, 80, 80, &tick);
}

static void put_button(struct hybrid *hybrid, const char *state, bool chosen, int on) {
    buf_printf(hybrid->frame.pdf.out, "/AS /%s /AP << /N << /%s %d 0 R /Off %d 0 R >> >> ", chosen ? state : "Off",
               state, on, hybrid->off);
}

static void put_radio(struct hybrid *hybrid, int index) {
    struct pdf_writer *pdf = &hybrid->frame.pdf;
    const struct form_value *value = &hybrid->values.items[index];
    char state[XFA_EXPORT_MAX];
    xfa_export(value->row->options, value->option, state);
    pdf_object_open(pdf, hybrid->fields[index]);
    buf_append_str(pdf->out, "<< /FT /Btn ");
    put_name(hybrid, value->row->field, 0, hybrid->sections[index]);
    buf_printf(pdf->out, "/Ff %d /V /%s /TU ", FIELD_FLAGS_RADIO, state);
    pdf_append_text(pdf->out, value->row->label);
    buf_append_str(pdf->out, " /Kids [");
    for (int i = 0; i < hybrid->spots_count; i++) {
        if (hybrid->spots[i].index == index) {
            buf_printf(pdf->out, "%d 0 R ", hybrid->widgets[i]);
        }
    }
    buf_append_str(pdf->out, "] >>");
    pdf_object_close(pdf);
}

static void put_radio_button(struct hybrid *hybrid, int spot_index) {
    struct pdf_writer *pdf = &hybrid->frame.pdf;
    const struct form_spot *spot = &hybrid->spots[spot_index];
    char state[XFA_EXPORT_MAX];
    xfa_export(spot->value->row->options, spot->option, state);
    pdf_object_open(pdf, hybrid->widgets[spot_index]);
    buf_append_str(pdf->out, "<< ");
    put_rectangle(hybrid, spot);
    put_button(hybrid, state, spot->option == spot->value->option, hybrid->on);
    buf_printf(pdf->out, "/Parent %d 0 R >>", hybrid->fields[spot->index]);
    pdf_object_close(pdf);
}

static void put_field(struct hybrid *hybrid, const struct form_spot *spot) {
    struct pdf_writer *pdf = &hybrid->frame.pdf;
    const struct form_value *value = spot->value;
    bool check = value->row->kind == ROW_CHECK;
    int appearance = check ? 0 : pdf_reserve(pdf);
    pdf_object_open(pdf, hybrid->fields[spot->index]);
    buf_printf(pdf->out, "<< /FT /%s ", check ? "Btn" : "Tx");
    put_name(hybrid, value->row->field, 0, hybrid->sections[spot->index]);
    buf_append_str(pdf->out, "/TU ");
    pdf_append_text(pdf->out, value->row->label);
    buf_append_char(pdf->out, ' ');
    put_rectangle(hybrid, spot);
    if (check) {
        buf_printf(pdf->out, "/V /%s ", value->option ? "1" : "Off");
        put_button(hybrid, "1", value->option == 1, hybrid->tick);
    } else {
        buf_append_str(pdf->out, "/DA (/F1 9 Tf 0 g) /V ");
        pdf_append_text(pdf->out, value->text);
        buf_printf(pdf->out, " /AP << /N %d 0 R >> ", appearance);
    }
    buf_append_str(pdf->out, ">>");
    pdf_object_close(pdf);
    if (!check) {
        put_text_appearance(hybrid, appearance, spot);
    }
}

static void put_section(struct hybrid *hybrid, int first) {
    struct pdf_writer *pdf = &hybrid->frame.pdf;
    char name[32];
    int occurrence = hybrid->values.items[first].occurrence;
    str_format(name, sizeof name, "Section%d", xfa_section(&hybrid->values, first));
    pdf_object_open(pdf, hybrid->sections[first]);
    buf_append_str(pdf->out, "<< ");
    put_name(hybrid, name, occurrence ? occurrence - 1 : 0, hybrid->form);
    buf_append_str(pdf->out, "/Kids [");
    for (int i = first; i < hybrid->values.count && hybrid->sections[i] == hybrid->sections[first]; i++) {
        buf_printf(pdf->out, "%d 0 R ", hybrid->fields[i]);
    }
    buf_append_str(pdf->out, "] >>");
    pdf_object_close(pdf);
}

static void put_tree(struct hybrid *hybrid) {
    struct pdf_writer *pdf = &hybrid->frame.pdf;
    char name[XFA_NAME_MAX];
    xfa_form_name(hybrid->filing->form, name);
    pdf_object(pdf, hybrid->root, "<< /T (form1[0]) /Kids [%d 0 R] >>", hybrid->form);
    pdf_object_open(pdf, hybrid->form);
    buf_append_str(pdf->out, "<< ");
    put_name(hybrid, name, 0, hybrid->root);
    buf_append_str(pdf->out, "/Kids [");
    for (int i = 0; i < hybrid->values.count; i++) {
        if (hybrid->values.items[i].first) {
            buf_printf(pdf->out, "%d 0 R ", hybrid->sections[i]);
        }
    }
    buf_append_str(pdf->out, "] >>");
    pdf_object_close(pdf);
    for (int i = 0; i < hybrid->values.count; i++) {
        if (hybrid->values.items[i].first) {
            put_section(hybrid, i);
        }
        if (hybrid->values.items[i].row->kind == ROW_RADIO) {
            put_radio(hybrid, i);
        }
    }
    for (int i = 0; i < hybrid->spots_count; i++) {
        if (hybrid->spots[i].value->row->kind == ROW_RADIO) {
            put_radio_button(hybrid, i);
        } else {
            put_field(hybrid, &hybrid->spots[i]);
        }
    }
}

static void put_packet(struct hybrid *hybrid, struct buf *catalog, const char *name, const char *text,
                       size_t size_bytes) {
    int number = pdf_reserve(&hybrid->frame.pdf);
    pdf_stream(&hybrid->frame.pdf, number, "", text, size_bytes);
    buf_printf(catalog, "(%s) %d 0 R ", name, number);
}

static void put_form(struct hybrid *hybrid, struct buf *catalog) {
    AUTO_BUF struct buf template = BUF_INIT(STREAM_MAX), datasets = BUF_INIT(STREAM_MAX);
    xfa_template(hybrid->filing->form, &hybrid->values, &template);
    xfa_datasets(hybrid->filing->form, &hybrid->values, &datasets);
    buf_printf(catalog,
               "/AcroForm << /Fields [%d 0 R %d 0 R] /SigFlags 3 /DA (/F1 9 Tf 0 g) "
               "/DR << /Font << /F1 %d 0 R >> >> /XFA [",
               hybrid->root, hybrid->signature_field, hybrid->frame.regular);
    put_packet(hybrid, catalog, "preamble", xfa_preamble, strlen(xfa_preamble));
    put_packet(hybrid, catalog, "config", xfa_config, strlen(xfa_config));
    put_packet(hybrid, catalog, "template", buf_str(&template), template.size_bytes);
    put_packet(hybrid, catalog, "localeSet", xfa_locale, strlen(xfa_locale));
    put_packet(hybrid, catalog, "datasets", buf_str(&datasets), datasets.size_bytes);
    put_packet(hybrid, catalog, "postamble", xfa_postamble, strlen(xfa_postamble));
    buf_append_str(catalog, "] >> ");
}

static void put_file(struct hybrid *hybrid, const struct sim_company *company, const struct paper *paper,
                     struct buf *out) {
    struct buf annotations[PAPER_PAGES_MAX];
    AUTO_BUF struct buf catalog = BUF_INIT(STREAM_MAX);
    char title[FILING_TITLE_MAX];
    frame_start(&hybrid->frame, out, paper->pages);
    reserve(hybrid);
    list_widgets(hybrid, paper->pages, annotations);
    frame_paper(&hybrid->frame, paper, annotations);
    for (int i = 0; i < paper->pages; i++) {
        buf_finish(&annotations[i]);
    }
    put_button_appearances(hybrid);
    put_tree(hybrid);
    put_form(hybrid, &catalog);
    attachments_write(&hybrid->frame, company, hybrid->filing, &catalog);
    signature_write(&hybrid->frame, hybrid->signature_field, hybrid->frame.page[0], hybrid->filing->filed_day,
                    &hybrid->signature);
    sim_filing_title(hybrid->filing, title);
    frame_about(&hybrid->frame, &(struct pdf_about){title, "V2 form", hybrid->filing->filed_day});
    struct rng rng = sim_filing_rng(hybrid->filing, 'I');
    frame_end(&hybrid->frame, buf_str(&catalog), rng_next(&rng));
    signature_end(&hybrid->signature, out);
}

void shape_v2_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out) {
    AUTO_PAPER struct paper paper;
    struct hybrid *hybrid AUTO_FREE = x_alloc(sizeof *hybrid);
    const char *labels[ATTACHMENTS_MAX + 1];
    hybrid->filing = filing;
    form_values_make(company, filing, &hybrid->values);
    paper_start(&paper);
    form_layout(&paper, &(struct form_job){
                            .company = company,
                            .filing = filing,
                            .values = &hybrid->values,
                            .place = place,
                            .context = hybrid,
                            .attachments = attachments_labels(filing, labels) ? labels : NULL,
                        });
    put_file(hybrid, company, &paper, out);
}
