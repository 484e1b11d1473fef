/* Reading one document. */
#pragma once

#include <mupdf/fitz.h>

#include "pdf/child/emit.h"

/* Sends frames, END last; returns what END says. Never throws. The document is not let go: the process ends after it
 * (the zygote's own sample is the exception, and stays too). */
enum wire_end document_read(fz_context *ctx, struct emit *emit, const unsigned char *bytes, size_t size_bytes);
