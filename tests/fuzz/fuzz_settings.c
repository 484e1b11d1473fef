/* `.env` files: no line crashes the reader, every name is a name, every value passes or is refused with a message. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/settings_file.h"
#include "core/settings.h"

static void must(bool condition) {
    if (!condition)
        abort();
}

static enum outcome take(void *context, int line, const char *name, const char *value, struct error *err) {
    struct settings_values *values = context;
    must(line >= 1 && *name && !strpbrk(name, "= \t\n#") && !strchr(value, '\n'));
    for (size_t i = 0; i < settings_table_count; i++) {
        if (strcmp(settings_table[i].name, name) == 0 && settings_override(values, name, value, err) != OK)
            must(*err->message && strstr(err->message, name));
    }
    return OK;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    struct settings_values *values = NULL;
    struct error err = {0};
    must(settings_load(settings_table, settings_table_count, NULL, &values, &err) == OK);
    AUTO_FREE char *text = x_alloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    enum outcome outcome = env_file_parse(text, size, ".env", take, values, &err);
    must(outcome == OK || (outcome == INVALID && strncmp(err.message, ".env:", 5) == 0));
    (void)!core_settings_check(values, &err);
    (void)!core_settings_check_api(values, &err);

    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    settings_print(values, &out);
    buf_clear(&out);
    settings_print_json(values, &out);
    AUTO_JSON json_t *printed = NULL;
    must(json_parse(out.data, out.size_bytes, &printed, &err) == OK);
    settings_destroy(values);
    return 0;
}
