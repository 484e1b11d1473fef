/* ASCII base-85: see ascii85.h. */
#include "portalsim/ascii85.h"

void ascii85_encode(const char *bytes, size_t size_bytes, struct buf *out) {
    char line[82];
    size_t at = 0;
    for (size_t i = 0; i < size_bytes; i += 4) {
        size_t group = size_bytes - i < 4 ? size_bytes - i : 4;
        uint32_t value = 0;
        for (size_t k = 0; k < 4; k++) {
            value = value << 8 | (k < group ? (unsigned char)bytes[i + k] : 0);
        }
        if (value == 0 && group == 4) {
            line[at++] = 'z';
        } else {
            char digits[5];
            for (int k = 4; k >= 0; k--) {
                digits[k] = (char)('!' + value % 85);
                value /= 85;
            }
            for (size_t k = 0; k < group + 1; k++) {
                line[at++] = digits[k];
            }
        }
        if (at >= 75) {
            line[at++] = '\n';
            buf_append(out, line, at);
            at = 0;
        }
    }
    buf_append(out, line, at);
    buf_append_str(out, "~>");
}
