#include "base/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "base/json.h"
#include "base/str.h"
#include "support/folder.h"
#include "support/test.h"

static const struct setting table[] = {
    {.group = "One", .name = "T_TEXT", .type = SETTING_TEXT, .fallback = "some text", .max = 10, .help = "Text."},
    {.group = "One", .name = "T_INT", .type = SETTING_INT, .fallback = "60", .min = 2, .max = 3600, .help = "Number."},
    {.group = "One", .name = "T_CHOICE", .type = SETTING_CHOICE, .choices = "yes|no", .help = "Choice."},
    {.group = "Two", .name = "T_ADDRESS", .type = SETTING_ADDRESS, .help = "Address."},
    {.group = "Two", .name = "T_URL", .type = SETTING_URL, .help = "URL."},
    {.group = "Two", .name = "T_SECRET", .type = SETTING_TEXT, .secret = true, .help = "Secret."},
    {.group = "Two", .name = "T_EMPTY", .type = SETTING_TEXT, .empty_allowed = true, .help = "May be empty."},
};

static char folder[FOLDER_PATH_MAX];
static struct settings_values *values;
static struct error err;

static int setup(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        unsetenv(table[i].name);
    unsetenv("T_SECRET_FILE");
    unsetenv("T_TEXT_FILE");
    folder_make(folder);
    values = NULL;
    err = (struct error){0};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    settings_destroy(values);
    folder_remove(folder);
    return 0;
}

static enum outcome load(const char *env_file) {
    settings_destroy(values);
    values = NULL;
    return settings_load(table, COUNT_OF(table), env_file, &values, &err);
}

/* Loads a `.env` with this text; *path gets its name. */
static enum outcome load_text(const char *text, char path[FOLDER_PATH_MAX]) {
    folder_write(folder, "env", text, path);
    return load(path);
}

static void accepted(const char *text, const char *name, const char *expected) {
    char path[FOLDER_PATH_MAX];
    if (load_text(text, path) != OK)
        fail_msg("refused: %s: %s", text, err.message);
    assert_string_equal(settings_text(values, name), expected);
}

/* Refused as "<file>:<line>: <what>". */
static void refused(const char *text, int line, const char *what) {
    char path[FOLDER_PATH_MAX];
    char expected[FOLDER_PATH_MAX + 100];
    if (load_text(text, path) != INVALID)
        fail_msg("accepted: %s", text);
    assert_null(values);
    assert_string_equal(err.code, "bad_setting");
    (void)str_format(expected, sizeof(expected), "%s:%d: %s", path, line, what);
    if (!str_starts_with(err.message, expected))
        fail_msg("\"%s\" does not start with \"%s\"", err.message, expected);
}

static void refused_in_environment(const char *name, const char *text, const char *message) {
    setenv(name, text, 1);
    if (load(NULL) != INVALID)
        fail_msg("accepted: %s=%s", name, text);
    assert_null(values);
    assert_string_equal(err.message, message);
    unsetenv(name);
}

static void defaults(void **state) {
    (void)state;
    assert_int_equal(load("no/such/file"), OK);
    assert_string_equal(settings_text(values, "T_TEXT"), "some text");
    assert_int_equal(settings_int(values, "T_INT"), 60);
    assert_null(settings_text(values, "T_SECRET"));
    assert_int_equal(settings_int(values, "T_CHOICE"), 0);
    assert_false(settings_is_set(values, "T_TEXT"));
    assert_string_equal(settings_source(values, "T_TEXT"), "default");
}

static void environment_wins_over_file(void **state) {
    (void)state;
    setenv("T_INT", "7", 1);
    accepted("T_INT=8\nT_TEXT=file\n", "T_INT", "7");
    assert_int_equal(settings_int(values, "T_INT"), 7);
    assert_string_equal(settings_source(values, "T_INT"), "environment");
    assert_string_equal(settings_text(values, "T_TEXT"), "file");
    assert_string_equal(settings_source(values, "T_TEXT"), ".env");
    assert_true(settings_is_set(values, "T_TEXT"));
}

static void flag_wins_over_all(void **state) {
    (void)state;
    setenv("T_INT", "7", 1);
    assert_int_equal(load(NULL), OK);
    assert_int_equal(settings_override(values, "T_INT", "9", &err), OK);
    assert_int_equal(settings_int(values, "T_INT"), 9);
    assert_string_equal(settings_source(values, "T_INT"), "flag");
    assert_int_equal(settings_override(values, "T_INT", "1", &err), INVALID);
    assert_int_equal(settings_int(values, "T_INT"), 9);
}

static void file_grammar(void **state) {
    (void)state;
    accepted("", "T_TEXT", "some text");
    accepted("\n  \n# T_TEXT=x\n   # y\nT_TEXT=a", "T_TEXT", "a");
    accepted("T_TEXT=a b \r\n", "T_TEXT", "a b");
    accepted("  export  T_TEXT=a\n", "T_TEXT", "a");
    accepted("T_TEXT='a #\"b'\n", "T_TEXT", "a #\"b");
    accepted("T_TEXT=\"a 'b'\"  \n", "T_TEXT", "a 'b'");
    accepted("T_TEXT=' a '\n", "T_TEXT", " a ");
    accepted("T_TEXT=a=b#c\n", "T_TEXT", "a=b#c");
    accepted("T_TEXT='a\\'\n", "T_TEXT", "a\\");
    accepted("T_EMPTY=''\n", "T_EMPTY", "");
    accepted("T_EMPTY=\n", "T_EMPTY", "");
    assert_true(settings_is_set(values, "T_EMPTY"));
}

static void bad_lines_are_named(void **state) {
    (void)state;
    refused("T_TEXT=a\nT_OTHER=b\n", 2, "unknown setting T_OTHER");
    refused("\n#\nT_TEXT\n", 3, "not of the form NAME=value");
    refused("=x", 1, "not of the form NAME=value");
    refused("T TEXT=x", 1, "not of the form NAME=value");
    refused("T_TEXT =x", 1, "not of the form NAME=value");
    refused("1T=x", 1, "not of the form NAME=value");
    refused("exportT_TEXT=x", 1, "unknown setting exportT_TEXT");
    refused("export", 1, "not of the form NAME=value");
    refused("T_TEXT= x", 1, "T_TEXT: a blank stands after the =");
    refused("T_TEXT='x", 1, "T_TEXT: the quote is not closed");
    refused("T_TEXT='x' # y", 1, "T_TEXT: something stands after the closing quote");
    refused("T_TEXT=x # y", 1, "T_TEXT: quote a value");
    refused("T_TEXT=x\t# y", 1, "T_TEXT: quote a value");
    refused("T_TEXT=#y", 1, "T_TEXT: quote a value");
    refused("T_TEXT=", 1, "T_TEXT is set but empty");
    refused("T_TEXT=''", 1, "T_TEXT is set but empty");
    refused("\n\nT_INT=x\n", 3, "T_INT: \"x\" is not a whole number from 2 to 3600");
    refused("T_INT=3\nT_INT=3\n", 2, "T_INT is set already on line 1");
    refused("T_TEXT_FILE=x\n", 1, "unknown setting T_TEXT_FILE"); /* it is no secret */
    refused("T_TEXT=a\x01z\n", 1, "T_TEXT holds a control character");
}

static void file_with_nul_or_too_large(void **state) {
    (void)state;
    char path[FOLDER_PATH_MAX];
    folder_write(folder, "env", "", path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("#\nT_TEXT=a\0b\n", 1, 13, file), 13);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(load(path), INVALID);
    assert_non_null(strstr(err.message, ":2: a NUL byte"));
    AUTO_BUF struct buf large = BUF_INIT(300000);
    while (large.size_bytes < 257 * 1024)
        assert_true(buf_append_str(&large, "# comment comment comment\n"));
    assert_int_equal(load_text(buf_str(&large), path), INVALID);
    assert_int_equal(load(folder), INVALID); /* a folder is no .env */
}

static void bad_values_are_named(void **state) {
    (void)state;
    refused_in_environment("T_INT", "abc", "T_INT: \"abc\" is not a whole number from 2 to 3600");
    refused_in_environment("T_INT", "1", "T_INT: \"1\" is not a whole number from 2 to 3600");
    refused_in_environment("T_INT", "3601", "T_INT: \"3601\" is not a whole number from 2 to 3600");
    refused_in_environment("T_INT", "", "T_INT is set but empty");
    refused_in_environment("T_CHOICE", "maybe", "T_CHOICE: \"maybe\" is not one of yes|no");
    refused_in_environment("T_CHOICE", "ye", "T_CHOICE: \"ye\" is not one of yes|no");
    refused_in_environment("T_CHOICE", "yes|no", "T_CHOICE: \"yes|no\" is not one of yes|no");
    refused_in_environment("T_ADDRESS", "5001", "T_ADDRESS: \"5001\" is not of the form address:port");
    refused_in_environment("T_URL", "http://u:pw@h",
                           "T_URL is not a usable URL: a user name or password must not stand in a URL");
    refused_in_environment("T_TEXT", "12345678901", "T_TEXT: \"12345678901\" is longer than 10 bytes");
    refused_in_environment("T_TEXT", "a\nb", "T_TEXT holds a control character or is not UTF-8");
    refused_in_environment("T_TEXT", "a\xff", "T_TEXT holds a control character or is not UTF-8");
    static char longer[5000];
    memset(longer, 's', sizeof(longer) - 1);
    refused_in_environment("T_SECRET", longer, "T_SECRET: its value is longer than 4096 bytes");
    setenv("T_EMPTY", "", 1);
    assert_int_equal(load(NULL), OK);
    assert_string_equal(settings_text(values, "T_EMPTY"), "");
}

static void good_values(void **state) {
    (void)state;
    setenv("T_CHOICE", "no", 1);
    setenv("T_ADDRESS", "[::1]:0", 1);
    setenv("T_URL", "https://example.org/x", 1);
    setenv("T_TEXT", "1234567890", 1);
    assert_int_equal(load(NULL), OK);
    assert_string_equal(settings_text(values, "T_CHOICE"), "no");
    assert_string_equal(settings_text(values, "T_ADDRESS"), "[::1]:0");
}

static void secret_from_a_file(void **state) {
    (void)state;
    char path[FOLDER_PATH_MAX];
    folder_write(folder, "secret", "s3cret\r\n\n", path);
    setenv("T_SECRET_FILE", path, 1);
    assert_int_equal(load(NULL), OK);
    assert_string_equal(settings_text(values, "T_SECRET"), "s3cret");
    assert_string_equal(settings_source(values, "T_SECRET"), "file");
    assert_true(settings_is_set(values, "T_SECRET"));

    unsetenv("T_SECRET_FILE");
    char line[FOLDER_PATH_MAX + 32];
    (void)str_format(line, sizeof(line), "T_SECRET_FILE=%s\n", path);
    accepted(line, "T_SECRET", "s3cret");
    setenv("T_SECRET", "environment", 1);
    accepted(line, "T_SECRET", "environment");
}

static void secret_file_problems(void **state) {
    (void)state;
    refused_in_environment("T_SECRET_FILE", "no/such/file",
                           "T_SECRET_FILE: cannot open no/such/file: No such file or directory");
    refused_in_environment("T_SECRET_FILE", "", "T_SECRET_FILE is set but empty");
    char path[FOLDER_PATH_MAX];
    folder_write(folder, "secret", "\n", path);
    setenv("T_SECRET_FILE", path, 1);
    assert_int_equal(load(NULL), INVALID);
    assert_non_null(strstr(err.message, "T_SECRET is set but empty"));
    assert_non_null(strstr(err.message, path));

    AUTO_BUF struct buf large = BUF_INIT(100000);
    while (large.size_bytes <= 64 * 1024)
        assert_true(buf_append_char(&large, '\n'));
    folder_write(folder, "secret", buf_str(&large), NULL);
    assert_int_equal(load(NULL), INVALID);
    assert_non_null(strstr(err.message, "more than 65536 bytes"));

    assert_int_equal(file_replace(path, "s3\0cret", 7, 0600, NULL), OK);
    assert_int_equal(load(NULL), INVALID);
    assert_non_null(strstr(err.message, "holds a NUL byte"));

    folder_write(folder, "secret", "s3cret", NULL);
    setenv("T_SECRET", "x", 1);
    assert_int_equal(load(NULL), INVALID);
    assert_string_equal(err.message, "T_SECRET and T_SECRET_FILE are both set: only one may be");
    unsetenv("T_SECRET");
    unsetenv("T_SECRET_FILE");
    refused("T_SECRET=x\nT_SECRET_FILE=y\n", 2, "T_SECRET is set already on line 1 (T_SECRET or its _FILE");
    refused("T_SECRET_FILE=no/such/file\n", 1, "T_SECRET_FILE: cannot open no/such/file");
}

static void file_suffix_is_for_secrets_only(void **state) {
    (void)state;
    setenv("T_TEXT_FILE", "no/such/file", 1);
    assert_int_equal(load(NULL), OK); /* somebody else's name in the environment */
    assert_string_equal(settings_text(values, "T_TEXT"), "some text");
}

static void printed_secrets_are_masked(void **state) {
    (void)state;
    setenv("T_SECRET", "s3cret", 1);
    setenv("T_TEXT", " it's", 1);
    setenv("T_EMPTY", "", 1);
    assert_int_equal(load(NULL), OK);
    AUTO_BUF struct buf out = BUF_INIT(10000);
    settings_print(values, &out);
    assert_string_equal(buf_str(&out), "T_TEXT=\" it's\"\n"
                                       "T_INT=60\n"
                                       "# T_CHOICE is not set\n"
                                       "# T_ADDRESS is not set\n"
                                       "# T_URL is not set\n"
                                       "T_SECRET=****\n"
                                       "T_EMPTY=\n");
    AUTO_BUF struct buf text = BUF_INIT(10000);
    settings_print_json(values, &text);
    assert_null(strstr(buf_str(&text), "s3cret"));
    AUTO_JSON json_t *all = NULL;
    assert_int_equal(json_parse(text.data, text.size_bytes, &all, NULL), OK);
    assert_int_equal(json_object_size(all), COUNT_OF(table));
    const json_t *secret = json_object_get(all, "T_SECRET");
    assert_string_equal(json_member_string(secret, "value"), "****");
    assert_string_equal(json_member_string(secret, "source"), "environment");
    assert_true(json_member_bool(secret, "secret", false));
    assert_int_equal(json_member_int(json_object_get(all, "T_INT"), "value", 0), 60);
    assert_true(json_is_null(json_object_get(json_object_get(all, "T_URL"), "value")));
}

static void example_is_a_valid_env_file(void **state) {
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(10000);
    settings_print_example(table, COUNT_OF(table), &out);
    accepted(buf_str(&out), "T_TEXT", "some text");
    assert_false(settings_is_set(values, "T_TEXT"));
    assert_non_null(strstr(buf_str(&out), "\n#T_INT=60\n"));
    assert_non_null(strstr(buf_str(&out), "\n#T_SECRET_FILE=\n"));
    assert_non_null(strstr(buf_str(&out), "\n# ---- Two ----\n"));
}

static void docs_have_every_row(void **state) {
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(10000);
    settings_print_docs(table, COUNT_OF(table), &out);
    assert_non_null(strstr(buf_str(&out), "\n| `T_INT` | `60` | 2 to 3600 | Number. |\n"));
    assert_non_null(strstr(buf_str(&out), "\n| `T_CHOICE` | not set | yes, no | Choice. |\n"));
    assert_non_null(
        strstr(buf_str(&out), "\n| `T_SECRET` | not set | text; **secret**, or `T_SECRET_FILE` | Secret. |\n"));
    assert_non_null(strstr(buf_str(&out), "\n## Two\n"));
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_folder(defaults),
        with_folder(environment_wins_over_file),
        with_folder(flag_wins_over_all),
        with_folder(file_grammar),
        with_folder(bad_lines_are_named),
        with_folder(file_with_nul_or_too_large),
        with_folder(bad_values_are_named),
        with_folder(good_values),
        with_folder(secret_from_a_file),
        with_folder(secret_file_problems),
        with_folder(file_suffix_is_for_secrets_only),
        with_folder(printed_secrets_are_masked),
        with_folder(example_is_a_valid_env_file),
        with_folder(docs_have_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
