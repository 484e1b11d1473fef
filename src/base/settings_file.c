/* Reads `.env` files. */
#include "base/settings_file.h"

#include <string.h>

#include "base/str.h"

static const char *cut_name(char **at) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    char *name = *at;
    size_t length = strspn(name, letters);
    if (length == 0 || (*name >= '0' && *name <= '9') || name[length] != '=') {
        return NULL;
    }
    name[length] = '\0';
    *at = name + length + 1;
    return name;
}

/* The value in text, or NULL and what is wrong. */
static const char *cut_value(char *text, const char **ret_problem) {
    if (*text == '\'' || *text == '"') {
        char *end = strchr(text + 1, *text);
        if (!end || end[1]) {
            *ret_problem = end ? "something stands after the closing quote" : "the quote is not closed";
            return NULL;
        }
        *end = '\0';
        return text + 1;
    }
    char *value = str_trim(text);
    if (value != text && *value) {
        *ret_problem = "a blank stands after the =";
        return NULL;
    }
    if (*value == '#' || strstr(value, " #") || strstr(value, "\t#")) {
        *ret_problem = "quote a value that holds a # as its start or after a blank; comments need "
                       "a line of their own";
        return NULL;
    }
    return value;
}

static enum outcome parse_line(char *line, int number, const char *file, env_pair_function *on_pair, void *context,
                               struct error *err) {
    char *at = str_trim(line);
    if (!*at || *at == '#') {
        return OK;
    }
    if (str_starts_with(at, "export ") || str_starts_with(at, "export\t")) {
        at = str_trim(at + 7);
    }
    const char *name = cut_name(&at);
    if (!name) {
        return error_set(err, INVALID, "bad_setting", "%s:%d: not of the form NAME=value", file, number);
    }
    const char *problem = NULL;
    const char *value = cut_value(at, &problem);
    if (!value) {
        return error_set(err, INVALID, "bad_setting", "%s:%d: %s: %s", file, number, name, problem);
    }
    return on_pair(context, number, name, value, err);
}

enum outcome env_file_parse(char *text, size_t size_bytes, const char *file, env_pair_function *on_pair, void *context,
                            struct error *err) {
    int number = 1;
    for (char *line = text; line < text + size_bytes; number++) {
        char *end = memchr(line, '\n', (size_t)(text + size_bytes - line));
        if (!end) {
            end = text + size_bytes;
        }
        *end = '\0';
        if (strlen(line) != (size_t)(end - line)) {
            return error_set(err, INVALID, "bad_setting", "%s:%d: a NUL byte", file, number);
        }
        enum outcome outcome = parse_line(line, number, file, on_pair, context, err);
        if (outcome != OK) {
            return outcome;
        }
        line = end + 1;
    }
    return OK;
}
