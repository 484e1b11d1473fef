/* PDF files written by hand: see pdf_writer.h. */
#include "portalsim/pdf_writer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

void pdf_start(struct pdf_writer *pdf, struct buf *out) {
    buf_clear(out);
    pdf->out = out;
    pdf->count = 0;
    /* four bytes above 127 tell file transfer programs that this is binary (7.5.2) */
    buf_append_str(out, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
}

int pdf_reserve(struct pdf_writer *pdf) {
    assert(pdf->count + 1 < PDF_OBJECTS_MAX);
    pdf->offsets[++pdf->count] = 0;
    return pdf->count;
}

void pdf_object_open(struct pdf_writer *pdf, int number) {
    assert(number >= 1 && number <= pdf->count && pdf->offsets[number] == 0);
    pdf->offsets[number] = pdf->out->size_bytes;
    buf_printf(pdf->out, "%d 0 obj\n", number);
}

void pdf_object_close(struct pdf_writer *pdf) {
    buf_append_str(pdf->out, "\nendobj\n");
}

void pdf_object(struct pdf_writer *pdf, int number, const char *format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t)length < sizeof text);
    pdf_object_open(pdf, number);
    buf_append(pdf->out, text, (size_t)length);
    pdf_object_close(pdf);
}

void pdf_stream(struct pdf_writer *pdf, int number, const char *dict, const void *bytes, size_t size_bytes) {
    pdf_object_open(pdf, number);
    buf_printf(pdf->out, "<< %s /Length %zu >>\nstream\n", dict, size_bytes);
    buf_append(pdf->out, bytes, size_bytes);
    buf_append_str(pdf->out, "\nendstream");
    pdf_object_close(pdf);
}

void pdf_end(struct pdf_writer *pdf, int root, int info, const char *id, const char *more_trailer) {
    size_t table = pdf->out->size_bytes;
    buf_printf(pdf->out, "xref\n0 %d\n0000000000 65535 f \n", pdf->count + 1);
    for (int i = 1; i <= pdf->count; i++) {
        assert(pdf->offsets[i] != 0);
        char line[21] = "0000000000 00000 n \n";
        size_t offset = pdf->offsets[i];
        for (int digit = 9; offset; digit--) {
            line[digit] = (char)('0' + offset % 10);
            offset /= 10;
        }
        buf_append(pdf->out, line, 20);
    }
    buf_printf(pdf->out,
               "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%s> <%s>]%s >>\n"
               "startxref\n%zu\n%%%%EOF\n",
               pdf->count + 1, root, info, id, id, more_trailer, table);
}

void pdf_append_text(struct buf *out, const char *text) {
    char part[256];
    size_t size = 0;
    part[size++] = '(';
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (size + 3 > sizeof part) {
            buf_append(out, part, size);
            size = 0;
        }
        if (byte == '(' || byte == ')' || byte == '\\') {
            part[size++] = '\\';
        }
        if (byte < 0x80) {
            part[size++] = *at;
        } else if (byte >= 0xc0) { /* the first byte of a longer character stands for it */
            part[size++] = '?';
        }
    }
    part[size++] = ')';
    buf_append(out, part, size);
}
