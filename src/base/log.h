/* Log lines on stderr: one event, one line, JSON or text. Programs log; library folders never do.
 * Thread-safe. */
#pragma once

#include "base/macros.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *key;  /* NULL ends the list */
    const char *text; /* NULL: the number counts */
    int64_t number;
};

static inline struct log_field log_str(const char *key, const char *text) {
    return (struct log_field){.key = key, .text = text ? text : ""};
}
static inline struct log_field log_int(const char *key, int64_t number) {
    return (struct log_field){.key = key, .number = number};
}

void log_start(const char *program, enum log_level minimum, bool json);
bool log_level_parse(const char *text, enum log_level *ret);
void log_write(enum log_level level, const char *message, const struct log_field *fields);

#define log_event_(level, message, ...)                                                                                \
    log_write(level, message, (struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
/* log_info("job claimed", log_str("job", id), log_int("run", 2)); — the message is a constant,
 * values are fields */
#define log_debug(message, ...) log_event_(LOG_LEVEL_DEBUG, message, __VA_ARGS__)
#define log_info(message, ...) log_event_(LOG_LEVEL_INFO, message, __VA_ARGS__)
#define log_warn(message, ...) log_event_(LOG_LEVEL_WARN, message, __VA_ARGS__)
#define log_error(message, ...) log_event_(LOG_LEVEL_ERROR, message, __VA_ARGS__)
