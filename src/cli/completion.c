/* filesure completion: a bash completion script made from the command table. */
#include <stdio.h>

#include "cli/cli.h"

static void print_command(const struct cli_command *command) {
    printf("        %s) words=\"--data --json --help", command->name);
    for (const struct cli_option *option = command->options; option->name; option++)
        printf(" --%s", option->name);
    puts("\" ;;");
}

static json_t *command_json(const struct cli_command *command) {
    json_t *options = json_array();
    for (const struct cli_option *option = command->options; option->name; option++)
        json_array_append_new(
            options, json_pack("{s:s, s:s?, s:s}", "name", option->name, "value", option->value, "help", option->help));
    return json_pack("{s:s, s:s, s:s, s:o}", "name", command->name, "operands", command->operands, "help",
                     command->help, "options", options);
}

static void print_table(void) {
    AUTO_JSON json_t *list = json_array();
    for (const struct cli_command *const *command = cli_commands; *command; command++)
        json_array_append_new(list, command_json(*command));
    cli_print_json(list);
}

static int run_completion(struct cli *cli) {
    if (cli_json(cli)) {
        print_table();
        return CLI_OK;
    }
    puts("# bash completion of filesure; use: source <(filesure completion)");
    puts("_filesure() {");
    puts("    local words=\"\" current=\"${COMP_WORDS[COMP_CWORD]}\"");
    puts("    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        words=\"", stdout);
    for (const struct cli_command *const *command = cli_commands; *command; command++)
        printf("%s ", (*command)->name);
    puts("--help --version\"");
    puts("    else");
    puts("        case \"${COMP_WORDS[1]}\" in");
    for (const struct cli_command *const *command = cli_commands; *command; command++)
        print_command(*command);
    puts("        esac");
    puts("    fi");
    puts("    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")");
    puts("    if [ \"${#COMPREPLY[@]}\" -eq 0 ]; then mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); fi");
    puts("}");
    puts("complete -F _filesure filesure");
    return CLI_OK;
}

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};

const struct cli_command command_completion = {
    .name = "completion",
    .operands = "",
    .help = "Print a bash completion script; with --json the commands and their options.",
    .options = no_options,
    .no_settings = true,
    .run = run_completion,
};
