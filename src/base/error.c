/* Errors and the one table of outcomes. */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct {
    const char *name;
    int http_status;
} outcomes[] = {
    [OK] = {"ok", 200},           [RETRY] = {"retry", 503},   [GONE] = {"gone", 404},
    [INVALID] = {"invalid", 400}, [DENIED] = {"denied", 403}, [FATAL] = {"fatal", 500},
};

const char *outcome_name(enum outcome outcome) {
    assert((size_t)outcome < COUNT_OF(outcomes));
    return outcomes[outcome].name;
}

int outcome_http_status(enum outcome outcome) {
    assert((size_t)outcome < COUNT_OF(outcomes));
    return outcomes[outcome].http_status;
}

/* text holds at least ERROR_MESSAGE_MAX bytes; afterwards it is one line of valid UTF-8 that fits. */
static void make_line(char *text) {
    text[utf8_cut(text, ERROR_MESSAGE_MAX - 1)] = '\0';
    bool valid = utf8_valid(text, strlen(text));
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        if (*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        } else if (*at >= 0x80 && !valid) {
            *at = '?';
        }
    }
}

enum outcome error_set(struct error *err, enum outcome outcome, const char *code, const char *format, ...) {
    assert(outcome != OK && code && *code);
    if (!err) {
        return outcome;
    }
    /* formatted aside: an argument may be err->message itself */
    char text[ERROR_MESSAGE_MAX + 8];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    make_line(text);
    char code_copy[ERROR_CODE_MAX];
    (void)str_copy(code_copy, sizeof(code_copy), code);
    *err = (struct error){.outcome = outcome};
    memcpy(err->code, code_copy, sizeof(err->code));
    (void)str_copy(err->message, sizeof(err->message), text);
    return outcome;
}

enum outcome error_prefix(struct error *err, const char *format, ...) {
    assert(err && err->outcome != OK);
    char text[2 * ERROR_MESSAGE_MAX + 8];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, ERROR_MESSAGE_MAX + 8, format, args);
    va_end(args);
    size_t length = strlen(text);
    (void)str_format(text + length, sizeof(text) - length, ": %s", err->message);
    make_line(text);
    (void)str_copy(err->message, sizeof(err->message), text);
    return err->outcome;
}
