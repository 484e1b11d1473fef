/* MuPDF's allocator with a ceiling of its own, so that running out is the same on every machine. */
#pragma once

#include <mupdf/fitz.h>

#include "base/macros.h"

#define MEMORY_BYTES_MAX ((size_t)512 * 1024 * 1024)

extern const fz_alloc_context memory_allocator;
bool memory_refused(void); /* an allocation failed since memory_reset */
void memory_reset(void);
