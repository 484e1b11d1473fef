/* Settings machinery: a table of rows, filled from the environment, then from `.env` in the working
 * directory (the environment wins). The table itself is core/settings.c. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

enum setting_type { SETTING_TEXT, SETTING_INT, SETTING_CHOICE, SETTING_ADDRESS, SETTING_URL };

struct setting {
    const char *name;
    enum setting_type type;
    const char *fallback; /* NULL: unset */
    int64_t min, max;     /* SETTING_INT; for text: max length (0 = 4096) */
    const char *choices;  /* SETTING_CHOICE: "yes|no" */
    bool secret;          /* masked when printed; NAME_FILE (path of a file with the value) is accepted too */
    bool empty_allowed;   /* set but empty means something (JOB_ID); else it is an error */
    const char *help;     /* one sentence */
    const char *group;    /* heading in env.example and docs/config.md */
};

struct settings_values; /* values of one table */

/* Reads environment and env_file (NULL or missing file: none). An unknown name, a malformed line, a
 * bad value: INVALID naming the setting, or file and line. Names in the environment that are not in
 * the table are ignored. */
MUST_USE enum outcome settings_load(const struct setting *table, size_t count, const char *env_file,
                                    struct settings_values **ret, struct error *err);
/* A flag overrides: same checks. */
MUST_USE enum outcome settings_override(struct settings_values *values, const char *name, const char *text,
                                        struct error *err);
/* A name that is not in the table is a bug (assert). An unset number is 0. */
const char *settings_text(const struct settings_values *values, const char *name); /* NULL: unset */
int64_t settings_int(const struct settings_values *values, const char *name);
bool settings_is_set(const struct settings_values *values, const char *name); /* by environment, file or flag */
const char *settings_source(const struct settings_values *values,
                            const char *name); /* "default|environment|.env|file|flag" */
void settings_destroy(struct settings_values *values);

/* NAME=value lines with secrets masked (all but nothing is shown: "****"). */
void settings_print(const struct settings_values *values, struct buf *out);
void settings_print_json(const struct settings_values *values, struct buf *out);
void settings_print_example(const struct setting *table, size_t count, struct buf *out); /* env.example */
void settings_print_docs(const struct setting *table, size_t count, struct buf *out);    /* docs/config.md */
