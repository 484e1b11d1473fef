/* How much of a company one run takes. */
#include "core/batch.h"

#include <assert.h>
#include <stdint.h>

int batch_size(int total, int percent) {
    assert(percent >= 1 && percent <= 100);
    if (total <= 0) {
        return 0;
    }
    return (int)(((int64_t)total * percent + 99) / 100);
}
