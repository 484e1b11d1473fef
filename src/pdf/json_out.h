/* Pieces of document_<n>.json. Nothing here depends on locale, time or machine. */
#pragma once

#include "base/buf.h"
#include "pdf/wire.h"

void json_out_text(struct buf *out, struct wire_text text);
void json_out_key(struct buf *out, const char *key); /* "," unless first in its object, then "key": */
void json_out_key_text(struct buf *out, const char *key, struct wire_text text);
void json_out_key_number(struct buf *out, const char *key, uint64_t number);
void json_out_key_bool(struct buf *out, const char *key, bool value);
void json_out_hundredths(struct buf *out, int64_t hundredths);        /* 12345 → 123.45, 12300 → 123 */
void json_out_box(struct buf *out, struct wire_box box);              /* [x0,y0,x1,y1] in points */
void json_out_where(struct buf *out, const struct wire_where *where); /* "where":{…} with its key */
void json_out_comma(struct buf *out); /* between elements: nothing right after [ or { or in an empty buffer */
