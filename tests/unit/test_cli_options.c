/* Options and operands of the command line. */
#include "base/str.h"
#include "cli/cli.h"

#include "support/test.h"

static int run_nothing(struct cli *cli) {
    (void)cli;
    return CLI_OK;
}

static const struct cli_option options[] = {
    {"limit", "N", "a number"},
    {"wait", NULL, "a switch"},
    {NULL, NULL, NULL},
};
static const struct cli_command command = {
    .name = "try",
    .operands = "JOB…",
    .help = "Tries.",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .run = run_nothing,
};

enum { ARGUMENTS_MAX = 40 };

static int parse(struct cli **ret, const char *const *arguments) {
    int count = 0;
    while (arguments[count])
        count++;
    *ret = cli_create(&command);
    return cli_parse(*ret, count, (char **)arguments);
}

#define PARSE(...) parse(&cli, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_operands_and_options_mix(void **state) {
    (void)state;
    struct cli *cli;
    assert_int_equal(PARSE("a", "--limit", "5", "b", "--wait"), CLI_OK);
    assert_int_equal(cli_operand_count(cli), 2);
    assert_string_equal(cli_operand(cli, 0), "a");
    assert_string_equal(cli_operand(cli, 1), "b");
    assert_null(cli_operand(cli, 2));
    assert_string_equal(cli_option(cli, "limit"), "5");
    assert_true(cli_switch(cli, "wait"));
    assert_false(cli_json(cli));
    cli_destroy(cli);
}

static void test_equals_and_last_wins(void **state) {
    (void)state;
    struct cli *cli;
    assert_int_equal(PARSE("a", "--limit=5", "--limit=7", "--json"), CLI_OK);
    assert_string_equal(cli_option(cli, "limit"), "7");
    assert_true(cli_json(cli));
    assert_false(cli_switch(cli, "wait"));
    cli_destroy(cli);
    assert_int_equal(PARSE("a", "--limit="), CLI_OK);
    assert_string_equal(cli_option(cli, "limit"), "");
    cli_destroy(cli);
}

static void test_dashes_end_the_options(void **state) {
    (void)state;
    struct cli *cli;
    assert_int_equal(PARSE("--", "--wait", "-h"), CLI_OK);
    assert_int_equal(cli_operand_count(cli), 2);
    assert_string_equal(cli_operand(cli, 0), "--wait");
    assert_false(cli_switch(cli, "wait"));
    cli_destroy(cli);
}

static void test_what_is_refused(void **state) {
    (void)state;
    static const char *const bad[][4] = {
        {NULL},                       /* too few operands */
        {"a", "b", "c", NULL},        /* too many */
        {"a", "--unknown", NULL},     /* no such option */
        {"a", "--limi", "5", NULL},   /* no abbreviations */
        {"a", "--limits", "5", NULL}, /* nor more */
        {"a", "--limit", NULL},       /* no value */
        {"a", "--wait=yes", NULL},    /* a switch has none */
        {"a", "--=x", NULL},          /* no name */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct cli *cli;
        assert_int_equal(parse(&cli, bad[i]), CLI_USAGE);
        cli_destroy(cli);
    }
    const char *many[ARGUMENTS_MAX + 1] = {"a"};
    for (int i = 1; i < ARGUMENTS_MAX; i++)
        many[i] = "--wait";
    struct cli *cli;
    assert_int_equal(parse(&cli, many), CLI_USAGE);
    cli_destroy(cli);
}

static void test_help_wins_over_what_is_missing(void **state) {
    (void)state;
    struct cli *cli;
    assert_int_equal(PARSE("--help"), -1);
    cli_destroy(cli);
    assert_int_equal(PARSE("a", "b", "c", "-h"), -1);
    cli_destroy(cli);
}

static void test_numbers(void **state) {
    (void)state;
    static const char *const bad[] = {"", "0", "11", "5x", " 5", "+5", "0x5", "99999999999999999999"};
    struct cli *cli;
    int64_t value = 0;
    assert_int_equal(PARSE("a", "--limit", "10"), CLI_OK);
    assert_true(cli_option_int(cli, "limit", 1, 10, 3, &value));
    assert_int_equal(value, 10);
    cli_destroy(cli);
    assert_int_equal(PARSE("a"), CLI_OK);
    assert_true(cli_option_int(cli, "limit", 1, 10, 3, &value));
    assert_int_equal(value, 3);
    cli_destroy(cli);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(PARSE("a", "--limit", bad[i]), CLI_OK);
        assert_false(cli_option_int(cli, "limit", 1, 10, 3, &value));
        cli_destroy(cli);
    }
}

static void test_job_ids(void **state) {
    (void)state;
    struct cli *cli;
    assert_int_equal(PARSE("a"), CLI_OK);
    assert_true(cli_job_id(cli, "0123456789abcdef01234567"));
    assert_false(cli_job_id(cli, "0123456789abcdef0123456"));
    assert_false(cli_job_id(cli, "0123456789abcdef012345678"));
    assert_false(cli_job_id(cli, "0123456789abcdef0123456g"));
    assert_false(cli_job_id(cli, "../../etc/passwd"));
    assert_false(cli_job_id(cli, ""));
    cli_destroy(cli);
}

static void test_other_programs_are_looked_for_beside(void **state) {
    (void)state;
    char path[PROGRAM_PATH_MAX];
    struct error err = {0};
    assert_int_equal(cli_program_path("filesure-nothing", path, &err), FATAL);
    assert_string_equal(err.code, "no_program");
    assert_int_equal(cli_program_path("unit.test_cli_options", path, &err), OK);
    assert_true(str_ends_with(path, "/unit.test_cli_options"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operands_and_options_mix),
        cmocka_unit_test(test_equals_and_last_wins),
        cmocka_unit_test(test_dashes_end_the_options),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_help_wins_over_what_is_missing),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_job_ids),
        cmocka_unit_test(test_other_programs_are_looked_for_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
