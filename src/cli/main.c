/* filesure: finds the command and runs it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "build_info.h"
#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
    &command_up,    &command_order, &command_jobs,  &command_show,   &command_watch,      &command_cancel,
    &command_retry, &command_fetch, &command_read,  &command_fsck,   &command_backup,     &command_restore,
    &command_purge, &command_audit, &command_chaos, &command_config, &command_completion, NULL,
};

static void print_usage(FILE *out) {
    fputs("filesure orders, fetches and keeps every filing of a company.\n\nusage: filesure COMMAND [options] …\n\n",
          out);
    for (const struct cli_command *const *command = cli_commands; *command; command++)
        fprintf(out, "  %-11s %s\n", (*command)->name, (*command)->help);
    fputs("\n\"filesure COMMAND --help\" says more. Settings come from the environment and from .env in this folder.\n",
          out);
}

static const struct cli_command *find_command(const char *name) {
    for (const struct cli_command *const *command = cli_commands; *command; command++)
        if (str_eq((*command)->name, name))
            return *command;
    return NULL;
}

static int run_command(const struct cli_command *command, int argc, char **argv) {
    struct cli *cli = cli_create(command);
    int status = cli_parse(cli, argc, argv);
    if (status == CLI_OK && !command->no_settings)
        status = cli_load_settings(cli);
    if (status == CLI_OK)
        status = command->run(cli);
    cli_destroy(cli);
    return status < 0 ? CLI_OK : status;
}

/* What was printed must have been written: "filesure jobs >file" on a full disk is no success. */
static int end_output(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "filesure: the output could not be written: %s\n", strerror(errno));
    return status == CLI_OK ? CLI_FAILED : status;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    bool help = str_eq(name, "--help") || str_eq(name, "-h") || str_eq(name, "help");
    if (help && argc == 2) {
        print_usage(stdout);
        return end_output(CLI_OK);
    }
    if (str_eq(name, "--version")) {
        printf("filesure %s (%s)\n", FILESURE_VERSION, FILESURE_COMMIT);
        return end_output(CLI_OK);
    }
    if (help)
        name = argv[2];
    const struct cli_command *command = find_command(name);
    if (!command) {
        fprintf(stderr, "filesure: unknown command \"%s\" (see filesure --help)\n", name);
        return CLI_USAGE;
    }
    if (help) {
        cli_print_help(command);
        return end_output(CLI_OK);
    }
    return end_output(run_command(command, argc - 2, argv + 2));
}
