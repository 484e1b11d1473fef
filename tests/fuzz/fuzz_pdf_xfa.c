/* XFA data, identifiers and dates: any bytes; what is reported lies inside the input and is bounded. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pdf/child/identify.h"
#include "pdf/child/xml_walk.h"

static void must(bool condition) {
    if (!condition)
        abort();
}

static void leaf(void *argument, const struct xml_leaf *leaf) {
    ++*(int *)argument;
    must(strlen(leaf->path) < XML_PATH_MAX && *leaf->path && *leaf->name);
    must(leaf->text_bytes <= XML_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    const char *text = (const char *)data;
    int leaves = 0;
    (void)xml_walk_datasets(text, size, leaf, &leaves);
    must((size_t)leaves <= size);
    struct found found;
    for (size_t at = 0; identify_next(text, size, "DIN FRN SRN", &at, &found);) {
        must(found.from < found.to && found.to <= size && at == found.to);
        must(strlen(found.value) == found.to - found.from);
    }
    for (size_t at = 0; date_next(text, size, &at, &found);)
        must(found.from < found.to && found.to <= size && at == found.to && date_valid(found.value));
    return 0;
}
