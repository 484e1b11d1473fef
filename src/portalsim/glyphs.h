/* A bitmap font for scanned letters: 5 by 7 dots a character, drawn with a round pen so that it looks like ink. */
#pragma once

#include "base/macros.h"

enum {
    GLYPH_SCALE = 4,                /* image pixels per dot */
    GLYPH_WIDTH = 6 * GLYPH_SCALE,  /* pixels from one character to the next: three bytes */
    GLYPH_HEIGHT = 9 * GLYPH_SCALE, /* one dot of air above, one below */
    GLYPH_BYTES = GLYPH_WIDTH / 8,
};

/* One bit a pixel, 1 = ink, GLYPH_HEIGHT rows of GLYPH_BYTES. Anything but printable ASCII looks like '?'. Thread-safe.
 */
const unsigned char *glyph_bits(char character);
