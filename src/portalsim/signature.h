/* The signature field of a V2 form (ISO 32000-1, 12.7.4.5 and 12.8.1). It covers the whole file, but its CMS names no
 * signer: a reader finds a signature that proves nothing. */
#pragma once

#include "portalsim/paper.h"

struct signature {
    size_t range_at;         /* where the three numbers of /ByteRange are filled in */
    size_t hex_from, hex_to; /* the hexadecimal string with its brackets: what the range leaves out */
};

/* Writes the field (an invisible widget of the page) and its value. */
void signature_write(struct pdf_frame *frame, int field, int page, int day, struct signature *ret);
/* Fills in the range when the file is complete. */
void signature_end(const struct signature *signature, struct buf *file);
