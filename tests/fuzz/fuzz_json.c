/* JSON: what is accepted is written and read back unchanged; any bytes make a valid JSON string. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { OUT_MAX = 4 << 20 };

static void must(bool condition) {
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    const char *bytes = (const char *)data;
    AUTO_JSON json_t *value = NULL;
    struct error err = {0};
    if (json_parse(bytes, size, &value, &err) == OK) {
        AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
        AUTO_JSON json_t *again = NULL;
        if (json_append(&out, value)) {
            must(json_parse(out.data, out.size_bytes, &again, &err) == OK);
            must(json_equal(value, again));
        }
    } else {
        must(value == NULL && err.outcome == INVALID && *err.message);
    }
    AUTO_BUF struct buf text = BUF_INIT(OUT_MAX);
    AUTO_JSON json_t *string = NULL;
    if (json_append_string(&text, bytes, size)) {
        enum outcome outcome = json_parse(text.data, text.size_bytes, &string, &err);
        /* jansson refuses NUL in strings, which the writer can express */
        must(outcome == OK ? json_is_string(string) : memchr(bytes, '\0', size) != NULL);
    }
    return 0;
}
