/* Just enough of zlib's format (RFC 1950, 1951) to make decompression bombs: long runs of one byte, a thousand to one.
 */
#pragma once

#include "base/buf.h"

/* A zlib stream of `repeats` * 258 + 1 times the byte. */
void deflate_run(struct buf *out, unsigned char byte, int64_t repeats);
/* A zlib stream of these bytes, which hold one long run of zeros; the rest is stored as it is. */
void deflate_zeros(struct buf *out, const unsigned char *bytes, size_t size_bytes);
