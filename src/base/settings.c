/* Settings machinery: values of a table from environment, `.env` and flags. */
#include "base/settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "base/json.h"
#include "base/num.h"
#include "base/settings_file.h"
#include "base/str.h"
#include "base/url.h"

enum { TEXT_MAX_BYTES = 4096, SECRET_FILE_MAX_BYTES = 64 * 1024, ENV_FILE_MAX_BYTES = 256 * 1024, NAME_MAX_BYTES = 64 };

enum source { SOURCE_DEFAULT, SOURCE_ENVIRONMENT, SOURCE_ENV_FILE, SOURCE_SECRET_FILE, SOURCE_FLAG };
static const char *const source_names[] = {"default", "environment", ".env", "file", "flag"};

struct value {
    char *text; /* NULL: unset */
    int64_t number;
    enum source source;
};

struct settings_values {
    const struct setting *table;
    size_t count;
    struct value *values;
};

static size_t text_max(const struct setting *row) {
    return row->type == SETTING_TEXT && row->max > 0 ? (size_t)row->max : TEXT_MAX_BYTES;
}

static enum outcome bad_value(struct error *err, const struct setting *row, const char *text, const char *what) {
    if (row->secret) {
        return error_set(err, INVALID, "bad_setting", "%s: its value %s", row->name, what);
    }
    int shown = (int)utf8_cut(text, 60);
    return error_set(err, INVALID, "bad_setting", "%s: \"%.*s\" %s", row->name, shown, text, what);
}

static bool is_choice(const char *choices, const char *text) {
    size_t length = strlen(text);
    for (const char *at = choices; at;) {
        size_t choice = strcspn(at, "|");
        if (choice == length && memcmp(at, text, length) == 0) {
            return true;
        }
        at = at[choice] ? at + choice + 1 : NULL;
    }
    return false;
}

static bool has_control(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < 0x20 || *at == 0x7f) {
            return true;
        }
    }
    return false;
}

static enum outcome check_text(const struct setting *row, const char *text, struct error *err) {
    char what[64];
    if (!*text) {
        return row->empty_allowed ? OK : error_set(err, INVALID, "bad_setting", "%s is set but empty", row->name);
    }
    if (strlen(text) > text_max(row)) {
        (void)str_format(what, sizeof(what), "is longer than %zu bytes", text_max(row));
        return bad_value(err, row, text, what);
    }
    if (has_control(text) || !utf8_valid(text, strlen(text))) {
        return error_set(err, INVALID, "bad_setting", "%s holds a control character or is not UTF-8", row->name);
    }
    return OK;
}

/* The one check of a value, wherever it comes from. *ret_number only for numbers. */
static enum outcome check_value(const struct setting *row, const char *text, int64_t *ret_number, struct error *err) {
    enum outcome outcome = check_text(row, text, err);
    if (outcome != OK || !*text) {
        return outcome;
    }
    char what[200];
    char host[64];
    int port = 0;
    struct url url;
    struct error reason = {0};
    switch (row->type) {
    case SETTING_TEXT:
        return OK;
    case SETTING_INT:
        if (num_parse(text, row->min, row->max, ret_number)) {
            return OK;
        }
        (void)str_format(what, sizeof(what), "is not a whole number from %lld to %lld", (long long)row->min,
                         (long long)row->max);
        return bad_value(err, row, text, what);
    case SETTING_CHOICE:
        if (is_choice(row->choices, text)) {
            return OK;
        }
        (void)str_format(what, sizeof(what), "is not one of %s", row->choices);
        return bad_value(err, row, text, what);
    case SETTING_ADDRESS:
        return address_parse(text, host, &port) ? OK : bad_value(err, row, text, "is not of the form address:port");
    case SETTING_URL:
        if (url_parse(text, &url, &reason) == OK) {
            return OK;
        }
        /* the text is not shown: it may hold a password */
        return error_set(err, INVALID, "bad_setting", "%s is not a usable URL: %s", row->name, reason.message);
    }
    abort();
}

static enum outcome set_value(struct settings_values *values, size_t at, const char *text, enum source source,
                              struct error *err) {
    int64_t number = 0;
    enum outcome outcome = check_value(&values->table[at], text, &number, err);
    if (outcome != OK) {
        return outcome;
    }
    struct value *value = &values->values[at];
    free(value->text);
    *value = (struct value){.text = x_strdup(text), .number = number, .source = source};
    return OK;
}

static enum outcome set_from_file(struct settings_values *values, size_t at, const char *path, struct error *err) {
    const char *name = values->table[at].name;
    if (!*path) {
        return error_set(err, INVALID, "bad_setting", "%s_FILE is set but empty", name);
    }
    AUTO_BUF struct buf content = BUF_INIT(SECRET_FILE_MAX_BYTES);
    if (file_read(path, &content, err) != OK) {
        (void)error_prefix(err, "%s_FILE", name);
        return error_set(err, INVALID, "bad_setting", "%s", err->message);
    }
    size_t size = content.size_bytes;
    while (size > 0 && (content.data[size - 1] == '\n' || content.data[size - 1] == '\r')) {
        content.data[--size] = '\0';
    }
    if (strlen(buf_str(&content)) != size) {
        return error_set(err, INVALID, "bad_setting", "%s_FILE: %s holds a NUL byte", name, path);
    }
    enum outcome outcome = set_value(values, at, buf_str(&content), SOURCE_SECRET_FILE, err);
    return outcome == OK ? OK : error_prefix(err, "%s_FILE: %s", name, path);
}

/* What one source says about one row: text, or path of a file with it, or neither. */
static enum outcome set_either(struct settings_values *values, size_t at, const char *text, const char *path,
                               enum source source, struct error *err) {
    const char *name = values->table[at].name;
    if (text && path) {
        return error_set(err, INVALID, "bad_setting", "%s and %s_FILE are both set: only one may be", name, name);
    }
    return path ? set_from_file(values, at, path, err) : set_value(values, at, text, source, err);
}

static enum outcome load_environment(struct settings_values *values, struct error *err) {
    for (size_t i = 0; i < values->count; i++) {
        char file_name[NAME_MAX_BYTES];
        const char *text = getenv(values->table[i].name);
        bool fits = str_format(file_name, sizeof(file_name), "%s_FILE", values->table[i].name);
        assert(fits);
        const char *path = values->table[i].secret && fits ? getenv(file_name) : NULL;
        enum outcome outcome = text || path ? set_either(values, i, text, path, SOURCE_ENVIRONMENT, err) : OK;
        if (outcome != OK) {
            return outcome;
        }
    }
    return OK;
}

struct env_entry {
    const char *text, *path;
    int line;
};

struct env_reader {
    const struct settings_values *values;
    const char *file;
    struct env_entry *entries;
};

static size_t find_row(const struct settings_values *values, const char *name, size_t length) {
    for (size_t i = 0; i < values->count; i++) {
        if (strlen(values->table[i].name) == length && memcmp(values->table[i].name, name, length) == 0) {
            return i;
        }
    }
    return values->count;
}

static enum outcome on_pair(void *context, int line, const char *name, const char *value, struct error *err) {
    struct env_reader *reader = context;
    const struct settings_values *values = reader->values;
    size_t length = strlen(name);
    size_t at = find_row(values, name, length);
    bool names_file = false;
    if (at == values->count && length > 5 && str_ends_with(name, "_FILE")) {
        at = find_row(values, name, length - 5);
        names_file = at < values->count && values->table[at].secret;
        at = names_file ? at : values->count;
    }
    if (at == values->count) {
        return error_set(err, INVALID, "bad_setting", "%s:%d: unknown setting %.64s", reader->file, line, name);
    }
    struct env_entry *entry = &reader->entries[at];
    if (entry->line) {
        const char *row = values->table[at].name;
        return error_set(err, INVALID, "bad_setting", "%s:%d: %s is set already on line %d%s%s%s", reader->file, line,
                         row, entry->line, values->table[at].secret ? " (" : "", values->table[at].secret ? row : "",
                         values->table[at].secret ? " or its _FILE: only one may be set)" : "");
    }
    *entry = (struct env_entry){.line = line, .text = names_file ? NULL : value, .path = names_file ? value : NULL};
    return OK;
}

static enum outcome load_env_file(struct settings_values *values, const char *file, struct error *err) {
    AUTO_BUF struct buf content = BUF_INIT(ENV_FILE_MAX_BYTES);
    enum outcome outcome = file_read(file, &content, err);
    if (outcome != OK) {
        return outcome == GONE ? OK : error_set(err, INVALID, "bad_setting", "%s", err ? err->message : "");
    }
    AUTO_FREE struct env_entry *entries = x_alloc(values->count * sizeof(*entries));
    struct env_reader reader = {.values = values, .file = file, .entries = entries};
    if (content.size_bytes > 0) {
        outcome = env_file_parse(content.data, content.size_bytes, file, on_pair, &reader, err);
    }
    for (size_t i = 0; i < values->count && outcome == OK; i++) {
        const struct env_entry *entry = &entries[i];
        if (!entry->line || values->values[i].text) {
            continue; /* the environment wins */
        }
        outcome = set_either(values, i, entry->text, entry->path, SOURCE_ENV_FILE, err);
        if (outcome != OK) {
            return error_prefix(err, "%s:%d", file, entry->line);
        }
    }
    return outcome;
}

enum outcome settings_load(const struct setting *table, size_t count, const char *env_file,
                           struct settings_values **ret, struct error *err) {
    struct error own = {0};
    err = err ? err : &own;
    struct settings_values *values = x_alloc(sizeof(*values));
    *values = (struct settings_values){.table = table, .count = count, .values = x_alloc(count * sizeof(struct value))};
    enum outcome outcome = load_environment(values, err);
    if (outcome == OK && env_file) {
        outcome = load_env_file(values, env_file, err);
    }
    for (size_t i = 0; i < count && outcome == OK; i++) {
        if (!values->values[i].text && table[i].fallback) {
            outcome = set_value(values, i, table[i].fallback, SOURCE_DEFAULT, err);
        }
    }
    if (outcome != OK) {
        settings_destroy(values);
        return outcome;
    }
    *ret = values;
    return OK;
}

enum outcome settings_override(struct settings_values *values, const char *name, const char *text, struct error *err) {
    size_t at = find_row(values, name, strlen(name));
    assert(at < values->count);
    return set_value(values, at, text, SOURCE_FLAG, err);
}

static const struct value *get_value(const struct settings_values *values, const char *name) {
    size_t at = find_row(values, name, strlen(name));
    assert(at < values->count);
    return &values->values[at];
}

const char *settings_text(const struct settings_values *values, const char *name) {
    return get_value(values, name)->text;
}

int64_t settings_int(const struct settings_values *values, const char *name) {
    return get_value(values, name)->number;
}

bool settings_is_set(const struct settings_values *values, const char *name) {
    return get_value(values, name)->source != SOURCE_DEFAULT;
}

const char *settings_source(const struct settings_values *values, const char *name) {
    return source_names[get_value(values, name)->source];
}

void settings_destroy(struct settings_values *values) {
    if (!values) {
        return;
    }
    for (size_t i = 0; i < values->count; i++) {
        if (values->values[i].text && values->table[i].secret) {
            explicit_bzero(values->values[i].text, strlen(values->values[i].text));
        }
        free(values->values[i].text);
    }
    free(values->values);
    free(values);
}

static const char *shown_text(const struct settings_values *values, size_t at) {
    const char *text = values->values[at].text;
    return text && *text && values->table[at].secret ? "****" : text;
}

static bool needs_quotes(const char *text) {
    size_t length = strlen(text);
    return strchr("'\"# ", *text) || text[length - 1] == ' ' || strstr(text, " #");
}

void settings_print(const struct settings_values *values, struct buf *out) {
    for (size_t i = 0; i < values->count; i++) {
        const char *text = shown_text(values, i);
        if (!text) {
            (void)buf_printf(out, "# %s is not set\n", values->table[i].name);
            continue;
        }
        const char *quote = !*text || !needs_quotes(text) ? "" : strchr(text, '\'') ? "\"" : "'";
        (void)buf_printf(out, "%s=%s%s%s\n", values->table[i].name, quote, text, quote);
    }
}

void settings_print_json(const struct settings_values *values, struct buf *out) {
    AUTO_JSON json_t *all = json_object();
    for (size_t i = 0; i < values->count; i++) {
        const struct setting *row = &values->table[i];
        const char *text = shown_text(values, i);
        json_t *value = !text                      ? json_null()
                        : row->type == SETTING_INT ? json_integer(values->values[i].number)
                                                   : json_string(text);
        json_object_set_new(all, row->name,
                            json_pack("{s:o,s:s,s:b}", "value", value, "source", source_names[values->values[i].source],
                                      "secret", row->secret));
    }
    (void)json_append(out, all);
}
