/* Reading a PDF in a process that owns nothing (filesure-pdf). The host side: every byte from the child is hostile. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct pdf_reader;

enum pdf_outcome { PDF_OK, PDF_DAMAGED, PDF_PASSWORD, PDF_TIME, PDF_MEMORY, PDF_OUTPUT, PDF_CRASHED, PDF_REFUSED };
const char *pdf_outcome_name(enum pdf_outcome outcome); /* "ok" … */

struct pdf_reader_config {
    const char *program; /* path of filesure-pdf; NULL: beside the running program */
    int time_ms;         /* wall clock of one document; 0 = 30 s */
    int parallel;        /* documents at once, 1..16 */
};
struct pdf_reading {
    enum pdf_outcome outcome;
    char detail[256]; /* one line for a person when not ok */
    int pages;
    char form[33];         /* "AOC-4", "letter", "unknown" */
    char srn[33], cin[22]; /* as read; "" when none */
    struct buf text;       /* UTF-8, pages separated by \f */
    struct buf
        fields; /* document_<n>.json, complete: docs/schema/document.schema.json. No time, host or run id in it */
    int64_t cpu_ms, peak_bytes; /* what the document's process took; 0 when none was started. Not in the JSON */
};
void pdf_reading_finish(struct pdf_reading *reading);

/* Starts the helper. FATAL "reader_unavailable" when it cannot be started or refuses its self-test. */
MUST_USE enum outcome pdf_reader_open(const struct pdf_reader_config *config, struct pdf_reader **ret,
                                      struct error *err);
void pdf_reader_close(struct pdf_reader *reader);
/* Reads one document; thread-safe, up to `parallel` at once. A document that damages, hangs or kills its reader is a
 * result (OK with outcome != PDF_OK, text empty, fields saying so); only a helper that cannot be had is FATAL. */
MUST_USE enum outcome pdf_read(struct pdf_reader *reader, const void *bytes, size_t size_bytes, struct pdf_reading *ret,
                               struct error *err);
