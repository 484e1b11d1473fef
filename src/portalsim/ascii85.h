/* ASCII base-85 (ISO 32000-1, 7.4.3): keeps the bytes of an attached file from looking like objects of the file around
 * it. */
#pragma once

#include "base/buf.h"

void ascii85_encode(const char *bytes, size_t size_bytes, struct buf *out); /* with the end mark "~>" */
