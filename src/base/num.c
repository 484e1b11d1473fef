/* The one number parser. */
#include "base/num.h"

bool num_parse(const char *text, int64_t min, int64_t max, int64_t *ret) {
    if (!text) {
        return false;
    }
    bool negative = *text == '-';
    const char *at = text + negative;
    if (!*at) {
        return false;
    }
    int64_t value = 0; /* kept negative or zero: the most negative number has no positive twin */
    for (; *at; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, *at - '0', &value)) {
            return false;
        }
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value)) {
        return false;
    }
    if (value < min || value > max) {
        return false;
    }
    *ret = value;
    return true;
}
