/* PDF files written by hand (ISO 32000-1, section 7.5): numbered objects, a cross-reference table, a trailer. No PDF
 * library: the project's reader must never be tested against its own writer's blind spots. Numbers are reserved first,
 * so that objects may refer to later ones. */
#pragma once

#include "base/buf.h"

enum { PDF_OBJECTS_MAX = 1024, PDF_FILE_MAX = 64 * 1024 * 1024 };

struct pdf_writer {
    struct buf *out;
    size_t offsets[PDF_OBJECTS_MAX]; /* 0: reserved, not written */
    int count;                       /* numbers 1..count are given out */
};

void pdf_start(struct pdf_writer *pdf, struct buf *out); /* out is cleared; the caller's */
int pdf_reserve(struct pdf_writer *pdf);
void pdf_object(struct pdf_writer *pdf, int number, const char *format, ...) PRINTF_LIKE(3, 4);
/* An object in pieces: between the two the caller appends to pdf->out. */
void pdf_object_open(struct pdf_writer *pdf, int number);
void pdf_object_close(struct pdf_writer *pdf);
/* dict: entries besides /Length, e.g. "/Type /XObject"; may be "". */
void pdf_stream(struct pdf_writer *pdf, int number, const char *dict, const void *bytes, size_t size_bytes);
/* Writes table and trailer. id: 32 hex digits that identify the file. Every reserved number must have been written. */
void pdf_end(struct pdf_writer *pdf, int root, int info, const char *id, const char *more_trailer);

/* Appends "(text)" with what a literal string must escape; bytes beyond ASCII become '?'. */
void pdf_append_text(struct buf *out, const char *text);
