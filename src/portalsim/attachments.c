/* Files inside a form's PDF: see attachments.h. */
#include "portalsim/attachments.h"

#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "portalsim/ascii85.h"
#include "portalsim/day.h"
#include "portalsim/font.h"
#include "portalsim/form_values.h"
#include "portalsim/workbook.h"

enum { SLOT_FIRST = 2709, NAME_MAX_BYTES = 96 };

struct attachment {
    char slot[NAME_MAX_BYTES]; /* key in the name tree */
    char name[NAME_MAX_BYTES];
    const char *type;     /* what it is */
    const char *declared; /* what the file says it is */
    struct buf bytes;
};

static const char workbook_label[] = "Workbook of calculations";

int attachments_labels(const struct sim_filing *filing, const char *ret_labels[ATTACHMENTS_MAX + 1]) {
    const struct form_table *table = &form_tables[filing->form];
    struct rng rng = sim_filing_rng(filing, 'A');
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(table->attachments) && table->attachments[i]; i++) {
        if (rng_chance(&rng, 50)) {
            ret_labels[count++] = table->attachments[i];
        }
    }
    if (filing->shape == SIM_V3 && filing->form == SIM_AOC_4 && rng_chance(&rng, 50)) {
        ret_labels[count++] = workbook_label;
    }
    ret_labels[count] = NULL;
    return count;
}

static void make_pdf(const struct sim_company *company, const struct sim_filing *filing, const char *label, int number,
                     struct buf *out) {
    static const char *const words[] = {
        "This document is attached to the form of the company named above.",
        "It was approved by the board of directors at its meeting and is true to the records.",
        "The particulars are those of the register on the date stated.",
        "The original is kept at the registered office and may be seen there on working days.",
        "Every page of it has been checked by the company.",
    };
    AUTO_PAPER struct paper paper;
    char line[FORM_VALUE_MAX], date[DATE_MAX];
    struct rng rng = sim_filing_rng(filing, 'B' + 256 * (uint64_t)number);
    paper_start(&paper);
    draw_centred(paper_form(&paper), PAPER_BOLD, 13, 7600, label);
    day_form(filing->filed_day - rng_between(&rng, 1, 30), date);
    str_format(line, sizeof line, "%s, CIN %s, dated %s", company->name, company->cin, date);
    draw_centred(paper_form(&paper), PAPER_REGULAR, 9, 7400, line);
    int lines = rng_between(&rng, 10, 40);
    for (int i = 0; i < lines; i++) {
        draw_text(paper_form(&paper), PAPER_REGULAR, 10, 700, 7100 - 150 * i, words[rng_below(&rng, COUNT_OF(words))]);
    }
    struct pdf_frame frame;
    frame_start(&frame, out, paper.pages);
    frame_paper(&frame, &paper, NULL);
    frame_about(&frame, &(struct pdf_about){label, "attachment", filing->filed_day});
    frame_end(&frame, "", rng_next(&rng));
}

static void make(const struct sim_company *company, const struct sim_filing *filing, const char *label, int number,
                 struct attachment *ret) {
    *ret = (struct attachment){.type = "application/pdf", .declared = "application/pdf"};
    ret->bytes = BUF_INIT(PDF_FILE_MAX);
    const char *end = "pdf";
    if (label == workbook_label) {
        workbook_make(company, filing, &ret->bytes);
        ret->type = "application/vnd.ms-excel.sheet.macroEnabled.12";
        ret->declared = "text/plain";
        end = "xlsm";
    } else {
        make_pdf(company, filing, label, number, &ret->bytes);
    }
    str_format(ret->name, sizeof ret->name, "%s.%s", label, end);
    if (filing->shape == SIM_V2) {
        str_format(ret->slot, sizeof ret->slot, "%d", SLOT_FIRST + number);
    } else {
        str_format(ret->slot, sizeof ret->slot, "%d %s", number + 1, ret->name);
    }
}

static int write_one(struct pdf_frame *frame, const struct attachment *attachment) {
    struct pdf_writer *pdf = &frame->pdf;
    int specification = pdf_reserve(pdf), file = pdf_reserve(pdf);
    pdf_object_open(pdf, specification);
    buf_append_str(pdf->out, "<< /Type /Filespec /F ");
    pdf_append_text(pdf->out, attachment->name);
    buf_append_str(pdf->out, " /UF ");
    pdf_append_text(pdf->out, attachment->name);
    buf_printf(pdf->out, " /EF << /F %d 0 R >> >>", file);
    pdf_object_close(pdf);
    char md5[HASH_HEX_MAX], type[NAME_MAX_BYTES], dict[512];
    hash_hex(HASH_MD5, buf_str(&attachment->bytes), attachment->bytes.size_bytes, md5);
    const char *slash = strchr(attachment->declared, '/'); /* a name: '/' is written #2F */
    str_format(type, sizeof type, "%.*s#2F%s", (int)(slash - attachment->declared), attachment->declared, slash + 1);
    str_format(dict, sizeof dict,
               "/Type /EmbeddedFile /Subtype /%s /Params << /Size %zu /CheckSum <%s> >> /Filter /ASCII85Decode", type,
               attachment->bytes.size_bytes, md5);
    AUTO_BUF struct buf encoded = BUF_INIT(PDF_FILE_MAX);
    ascii85_encode(buf_str(&attachment->bytes), attachment->bytes.size_bytes, &encoded);
    pdf_stream(pdf, file, dict, buf_str(&encoded), encoded.size_bytes);
    return specification;
}

void attachments_write(struct pdf_frame *frame, const struct sim_company *company, const struct sim_filing *filing,
                       struct buf *catalog) {
    const char *labels[ATTACHMENTS_MAX + 1];
    int count = attachments_labels(filing, labels);
    if (count == 0) {
        return;
    }
    buf_append_str(catalog, "/Names << /EmbeddedFiles << /Names [");
    for (int i = 0; i < count; i++) {
        struct attachment attachment;
        make(company, filing, labels[i], i, &attachment);
        int number = write_one(frame, &attachment);
        pdf_append_text(catalog, attachment.slot);
        buf_printf(catalog, " %d 0 R ", number);
        buf_finish(&attachment.bytes);
    }
    buf_append_str(catalog, "] >> >> ");
}

json_t *attachments_truth(const struct sim_company *company, const struct sim_filing *filing) {
    const char *labels[ATTACHMENTS_MAX + 1];
    int count = attachments_labels(filing, labels);
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        struct attachment attachment;
        char md5[HASH_HEX_MAX];
        make(company, filing, labels[i], i, &attachment);
        hash_hex(HASH_MD5, buf_str(&attachment.bytes), attachment.bytes.size_bytes, md5);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "slot", attachment.slot, "name",
                                              attachment.name, "type", attachment.type, "declared", attachment.declared,
                                              "bytes", (json_int_t)attachment.bytes.size_bytes, "md5", md5));
        buf_finish(&attachment.bytes);
    }
    return list;
}
