/* Helvetica, one of the fourteen fonts every PDF reader has: widths from Adobe's metrics, for wrapping and centring. */
#pragma once

#include "base/macros.h"

/* Width in thousandths of the font size. */
int font_width(const char *text, size_t size_bytes);
/* How many bytes of the text fit into `width` tenths of a point at this size (points), broken at a blank; at least one
 * word. *ret_next is where the next line begins. */
size_t font_fit(const char *text, int size, int width, size_t *ret_next);
