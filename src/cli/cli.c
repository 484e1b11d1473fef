/* Options, settings, stores and output of one invocation. */
#include "cli/cli.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/stop.h"
#include "base/str.h"
#include "core/settings.h"

enum { OPTIONS_MAX = 24 };

struct given {
    const char *name;
    const char *value;
};

struct cli {
    const struct cli_command *command;
    struct given given[OPTIONS_MAX];
    int given_count;
    const char **operands;
    int operand_count;
    struct settings_values *settings;
    struct jobs *jobs;
    struct blobs *blobs;
    char actor[ACTOR_MAX]; /* "" until somebody asks */
};

static const struct cli_option common_options[] = {
    {"data", "DIR", "folder of the embedded store and blobs (FILESURE_DATA)"},
    {"json", NULL, "print JSON"},
    {"help", NULL, "print this help"},
    {NULL, NULL, NULL},
};

struct cli *cli_create(const struct cli_command *command) {
    struct cli *cli = x_alloc(sizeof(*cli));
    cli->command = command;
    return cli;
}

void cli_destroy(struct cli *cli) {
    if (!cli)
        return;
    jobs_close(cli->jobs);
    blobs_close(cli->blobs);
    settings_destroy(cli->settings);
    free(cli->operands);
    free(cli);
}

static const struct cli_option *find_in(const struct cli_option *options, const char *name, size_t size) {
    for (; options && options->name; options++)
        if (strlen(options->name) == size && memcmp(options->name, name, size) == 0)
            return options;
    return NULL;
}

static int parse_option(struct cli *cli, int argc, char **argv, int at, int *ret_next) {
    const char *name = argv[at] + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *option = find_in(cli->command->options, name, size);
    if (!option)
        option = find_in(common_options, name, size);
    if (!option)
        return cli_usage_error(cli, "unknown option %s", argv[at]);
    if (cli->given_count == OPTIONS_MAX)
        return cli_usage_error(cli, "too many options");
    const char *value = "";
    *ret_next = at + 1;
    if (!option->value && equals)
        return cli_usage_error(cli, "--%s takes no value", option->name);
    if (option->value && equals)
        value = equals + 1;
    else if (option->value && at + 1 < argc)
        value = argv[(*ret_next)++];
    else if (option->value)
        return cli_usage_error(cli, "--%s needs a value: %s", option->name, option->value);
    cli->given[cli->given_count++] = (struct given){option->name, value};
    return CLI_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv) {
    cli->operands = x_alloc(sizeof(char *) * (size_t)(argc + 1));
    bool options_ended = false;
    for (int at = 0; at < argc;) {
        if (!options_ended && str_eq(argv[at], "-h")) {
            cli_print_help(cli->command);
            return -1;
        }
        if (!options_ended && str_eq(argv[at], "--")) {
            options_ended = true;
            at++;
        } else if (!options_ended && str_starts_with(argv[at], "--")) {
            int wrong = parse_option(cli, argc, argv, at, &at);
            if (wrong)
                return wrong;
        } else {
            cli->operands[cli->operand_count++] = argv[at++];
        }
    }
    if (cli_switch(cli, "help")) {
        cli_print_help(cli->command);
        return -1;
    }
    int max = cli->command->operands_max;
    if (cli->operand_count < cli->command->operands_min)
        return cli_usage_error(cli, "missing: %s", cli->command->operands);
    if (max >= 0 && cli->operand_count > max)
        return cli_usage_error(cli, "unexpected: %s", cli->operands[max]);
    return CLI_OK;
}

int cli_load_settings(struct cli *cli) {
    struct error err = {0};
    if (core_settings_load(&cli->settings, &err) != OK)
        return cli_fail(cli, &err);
    if (cli_option(cli, "data") &&
        settings_override(cli->settings, "FILESURE_DATA", cli_option(cli, "data"), &err) != OK)
        return cli_fail(cli, &err);
    return CLI_OK;
}

static void print_options(const struct cli_option *options) {
    for (; options && options->name; options++) {
        char left[40];
        str_format(left, sizeof(left), "--%s%s%s", options->name, options->value ? " " : "",
                   options->value ? options->value : "");
        printf("  %-24s %s\n", left, options->help);
    }
}

void cli_print_help(const struct cli_command *command) {
    printf("usage: filesure %s [options]%s%s\n\n%s\n\n", command->name, *command->operands ? " " : "",
           command->operands, command->help);
    print_options(command->options);
    print_options(common_options);
}

const char *cli_option(const struct cli *cli, const char *name) {
    for (int i = cli->given_count - 1; i >= 0; i--)
        if (str_eq(cli->given[i].name, name))
            return cli->given[i].value;
    return NULL;
}

bool cli_switch(const struct cli *cli, const char *name) {
    return cli_option(cli, name) != NULL;
}

bool cli_option_int(const struct cli *cli, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret) {
    const char *text = cli_option(cli, name);
    if (!text) {
        *ret = fallback;
        return true;
    }
    if (num_parse(text, min, max, ret))
        return true;
    cli_usage_error(cli, "--%s: \"%s\" is not a whole number from %lld to %lld", name, text, (long long)min,
                    (long long)max);
    return false;
}

int cli_operand_count(const struct cli *cli) {
    return cli->operand_count;
}

const char *cli_operand(const struct cli *cli, int index) {
    return index < cli->operand_count ? cli->operands[index] : NULL;
}

bool cli_json(const struct cli *cli) {
    return cli_switch(cli, "json");
}

bool cli_terminal(void) {
    return isatty(STDOUT_FILENO);
}

const struct settings_values *cli_settings(struct cli *cli) {
    return cli->settings;
}

const char *cli_data_dir(struct cli *cli) {
    return settings_text(cli->settings, "FILESURE_DATA");
}

const char *cli_actor(struct cli *cli) {
    if (cli->actor[0] == '\0') {
        char buffer[1024];
        struct passwd entry, *found = NULL;
        getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &found);
        bool named = found && str_format(cli->actor, sizeof(cli->actor), "cli:%s", found->pw_name);
        if (!named)
            str_format(cli->actor, sizeof(cli->actor), "cli:%u", (unsigned)getuid());
    }
    return cli->actor;
}

enum outcome cli_open_jobs(struct cli *cli, bool create, struct jobs **ret, struct error *err) {
    if (!cli->jobs) {
        char path[4096];
        str_format(path, sizeof(path), "%s/filesure.db", cli_data_dir(cli));
        if (!create && access(path, F_OK) != 0)
            return error_set(err, GONE, "no_store",
                             "there is no store in %s yet: \"filesure up\" or \"filesure order\" makes one",
                             cli_data_dir(cli));
        const struct jobs_config config = {.data_dir = cli_data_dir(cli)};
        enum outcome outcome = jobs_open(&config, &cli->jobs, err);
        if (outcome != OK)
            return outcome;
    }
    *ret = cli->jobs;
    return OK;
}

enum outcome cli_open_blobs(struct cli *cli, struct blobs **ret, struct error *err) {
    if (!cli->blobs) {
        const struct blobs_config config = {
            .data_dir = cli_data_dir(cli),
            .container = settings_text(cli->settings, "AZURE_CONTAINER"),
        };
        enum outcome outcome = blobs_open(&config, &cli->blobs, err);
        if (outcome != OK)
            return outcome;
    }
    *ret = cli->blobs;
    return OK;
}

enum outcome cli_advance_totals(struct jobs *jobs, struct error *err) {
    bool advanced = true;
    enum outcome outcome = OK;
    while (outcome == OK && advanced && !stop_requested())
        outcome = jobs_advance_totals(jobs, &advanced, err);
    return outcome;
}

enum outcome cli_program_path(const char *program, char ret[PROGRAM_PATH_MAX], struct error *err) {
    char self[PROGRAM_PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[size < 0 ? 0 : size] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    if (!slash || !str_format(ret, PROGRAM_PATH_MAX, "%s%s", self, program) || access(ret, X_OK) != 0)
        return error_set(err, FATAL, "no_program", "%s is not beside filesure (%s)", program, slash ? self : "?");
    return OK;
}

int cli_fail(const struct cli *cli, const struct error *err) {
    if (cli_json(cli)) {
        AUTO_JSON json_t *value = json_pack("{s:s, s:s}", "error", err->message, "code", err->code);
        cli_print_json(value);
    }
    fprintf(stderr, "filesure %s: %s\n", cli->command->name, err->message);
    return CLI_FAILED;
}

int cli_usage_error(const struct cli *cli, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "filesure %s: ", cli->command->name);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (see filesure %s --help)\n", cli->command->name);
    va_end(arguments);
    return CLI_USAGE;
}

void cli_print_json(const json_t *value) {
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
    putchar('\n');
    fflush(stdout);
}

bool cli_job_id(const struct cli *cli, const char *text) {
    if (object_id_valid(text))
        return true;
    cli_usage_error(cli, "\"%s\" is not a job id (24 hex digits)", text);
    return false;
}
