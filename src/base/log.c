/* Log lines on stderr: each is one write, so that lines of threads and of child processes do not
 * mix. */
#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

enum { LINE_MAX_BYTES = 16 * 1024, TEXT_MAX_BYTES = 2048 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static _Atomic(const char *) program_name = "filesure";
static atomic_int minimum_level = LOG_LEVEL_INFO;
static atomic_bool json_lines;

void log_start(const char *program, enum log_level minimum, bool json) {
    program_name = program;
    minimum_level = (int)minimum;
    json_lines = json;
}

bool log_level_parse(const char *text, enum log_level *ret) {
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_eq(text, level_names[i])) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void append_text(struct buf *line, const char *text) {
    (void)json_append_string(line, text, utf8_cut(text, TEXT_MAX_BYTES));
}

static bool is_plain(const char *text) {
    for (const char *at = text; *at; at++) {
        bool plain = *at > ' ' && *at < 0x7f && *at != '"' && *at != '=' && *at != '\\';
        if (!plain) {
            return false;
        }
    }
    return *text && strlen(text) <= TEXT_MAX_BYTES;
}

static void append_json_field(struct buf *line, const struct log_field *field) {
    (void)buf_append_char(line, ',');
    append_text(line, field->key);
    (void)buf_append_char(line, ':');
    if (field->text) {
        append_text(line, field->text);
    } else {
        (void)buf_printf(line, "%lld", (long long)field->number);
    }
}

static void append_plain_field(struct buf *line, const struct log_field *field) {
    (void)buf_printf(line, " %s=", field->key);
    if (!field->text) {
        (void)buf_printf(line, "%lld", (long long)field->number);
    } else if (is_plain(field->text)) {
        (void)buf_append_str(line, field->text);
    } else {
        append_text(line, field->text);
    }
}

static void append_head(struct buf *line, enum log_level level, const char *message, bool json) {
    char now[CLOCK_TEXT_MAX];
    clock_format(clock_real_ms(), now);
    if (json) {
        (void)buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"message\":", now,
                         level_names[level], program_name);
        append_text(line, message);
    } else {
        (void)buf_printf(line, "%s %-5s %s: %.*s", now, level_names[level], program_name,
                         (int)utf8_cut(message, TEXT_MAX_BYTES), message);
    }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields) {
    if ((int)level < minimum_level) {
        return;
    }
    bool json = json_lines;
    AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
    append_head(&line, level, message, json);
    for (const struct log_field *field = fields; field && field->key; field++) {
        size_t before = line.size_bytes;
        if (json) {
            append_json_field(&line, field);
        } else {
            append_plain_field(&line, field);
        }
        if (line.full) { /* leave this field out whole: the line stays valid */
            line.size_bytes = before;
            line.full = false;
        }
    }
    line.max_bytes += 8;
    (void)buf_append_str(&line, json ? "}\n" : "\n");
    (void)!write(STDERR_FILENO, line.data, line.size_bytes);
}
