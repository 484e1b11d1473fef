/* The MuPDF context the zygote makes ready once and its children inherit: fonts loaded, caches filled. */
#pragma once

#include <mupdf/fitz.h>

#include "base/macros.h"

fz_context *warm_create(void); /* reads a built-in sample; NULL without memory */
/* Reads the sample again, saying nothing; `context` is the fz_context. For the self-test. */
bool warm_try(void *context);
void warm_read(fz_context *ctx, int out_fd, const unsigned char *bytes, size_t size_bytes);
