/* The objects around the pages of a document: see paper.h. */
#include "base/str.h"
#include "portalsim/day.h"
#include "portalsim/paper.h"
#include "portalsim/rng.h"

void frame_start(struct pdf_frame *frame, struct buf *out, int pages) {
    pdf_start(&frame->pdf, out);
    frame->catalog = pdf_reserve(&frame->pdf);
    frame->pages = pdf_reserve(&frame->pdf);
    frame->info = pdf_reserve(&frame->pdf);
    frame->regular = pdf_reserve(&frame->pdf);
    frame->bold = pdf_reserve(&frame->pdf);
    for (int i = 0; i < pages; i++) {
        frame->page[i] = pdf_reserve(&frame->pdf);
    }
}

void frame_tree(struct pdf_frame *frame, int pages) {
    pdf_object_open(&frame->pdf, frame->pages);
    buf_append_str(frame->pdf.out, "<< /Type /Pages /Kids [");
    for (int i = 0; i < pages; i++) {
        buf_printf(frame->pdf.out, "%d 0 R ", frame->page[i]);
    }
    buf_printf(frame->pdf.out, "] /Count %d >>", pages);
    pdf_object_close(&frame->pdf);
}

void frame_fonts(struct pdf_frame *frame) {
    static const char font[] = "<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>";
    pdf_object(&frame->pdf, frame->regular, font, "Helvetica");
    pdf_object(&frame->pdf, frame->bold, font, "Helvetica-Bold");
}

void frame_paper(struct pdf_frame *frame, const struct paper *paper, const struct buf *annotations) {
    frame_tree(frame, paper->pages);
    frame_fonts(frame);
    for (int i = 0; i < paper->pages; i++) {
        int form = pdf_reserve(&frame->pdf), values = pdf_reserve(&frame->pdf);
        pdf_object_open(&frame->pdf, frame->page[i]);
        buf_printf(frame->pdf.out,
                   "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Resources << /Font << "
                   "/F1 %d 0 R /F2 %d 0 R >> >> /Contents [%d 0 R %d 0 R] ",
                   frame->pages, frame->regular, frame->bold, form, values);
        buf_append_str(frame->pdf.out, annotations ? buf_str(&annotations[i]) : "");
        buf_append_str(frame->pdf.out, " >>");
        pdf_object_close(&frame->pdf);
        pdf_stream(&frame->pdf, form, "", buf_str(&paper->forms[i]), paper->forms[i].size_bytes);
        pdf_stream(&frame->pdf, values, "", buf_str(&paper->values[i]), paper->values[i].size_bytes);
    }
}

void frame_about(struct pdf_frame *frame, const struct pdf_about *about) {
    int year, month, day;
    day_split(about->day, &year, &month, &day);
    struct buf *out = frame->pdf.out;
    pdf_object_open(&frame->pdf, frame->info);
    buf_append_str(out, "<< /Title ");
    pdf_append_text(out, about->title);
    buf_append_str(out, " /Creator ");
    pdf_append_text(out, about->creator);
    buf_printf(out,
               " /Producer (filesure-portal: simulated registry, sample data)"
               " /CreationDate (D:%04d%02d%02d110000+05'30') >>",
               year, month, day);
    pdf_object_close(&frame->pdf);
}

void frame_end(struct pdf_frame *frame, const char *catalog, uint64_t seed) {
    pdf_object_open(&frame->pdf, frame->catalog);
    buf_printf(frame->pdf.out, "<< /Type /Catalog /Pages %d 0 R /Lang (en-IN) ", frame->pages);
    buf_append_str(frame->pdf.out, catalog);
    buf_append_str(frame->pdf.out, " >>");
    pdf_object_close(&frame->pdf);
    char id[33];
    str_format(id, sizeof id, "%016llx%016llx", (unsigned long long)rng_mix(seed, 1),
               (unsigned long long)rng_mix(seed, 2));
    pdf_end(&frame->pdf, frame->catalog, frame->info, id, "");
}
