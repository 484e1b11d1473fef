/* Helvetica's widths: see font.h. */
#include "portalsim/font.h"

#include <string.h>

static const short widths[95] = {
    278,  278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, /* blank … / */
    556,  556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, /* 0 … ? */
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, /* @ … O */
    667,  778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, /* P … _ */
    333,  556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, /* ` … o */
    556,  556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,      /* p … ~ */
};

static int width_of(char byte) {
    return byte >= ' ' && byte <= '~' ? widths[byte - ' '] : 556;
}

int font_width(const char *text, size_t size_bytes) {
    int width = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        width += width_of(text[i]);
    }
    return width;
}

size_t font_fit(const char *text, int size, int width, size_t *ret_next) {
    int room = width * 100 / size; /* thousandths of the size: 1000 * (width / 10) / size */
    int used = 0;
    size_t fit = 0;
    for (size_t i = 0;; i++) {
        if (text[i] == ' ' || text[i] == '\0') {
            if (used > room && fit) {
                break;
            }
            fit = i;
        }
        if (text[i] == '\0') {
            break;
        }
        used += width_of(text[i]);
    }
    *ret_next = fit + (text[fit] == ' ' ? 1 : 0);
    return fit;
}
