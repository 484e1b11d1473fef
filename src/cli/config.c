/* filesure config: the settings in force, secrets masked; and what is generated from their table. */
#include "base/settings.h"

#include <stdio.h>

#include "cli/cli.h"
#include "core/settings.h"

enum { CONFIG_TEXT_MAX = 256 * 1024 };

static int run_config(struct cli *cli) {
    AUTO_BUF struct buf out = BUF_INIT(CONFIG_TEXT_MAX);
    if (cli_switch(cli, "example"))
        settings_print_example(settings_table, settings_table_count, &out);
    else if (cli_switch(cli, "docs"))
        settings_print_docs(settings_table, settings_table_count, &out);
    else if (cli_load_settings(cli) != CLI_OK)
        return CLI_FAILED;
    else if (cli_json(cli))
        settings_print_json(cli_settings(cli), &out);
    else
        settings_print(cli_settings(cli), &out);
    fputs(buf_str(&out), stdout);
    return CLI_OK;
}

static const struct cli_option options[] = {
    {"example", NULL, "print env.example: every setting with its default"},
    {"docs", NULL, "print docs/config.md"},
    {NULL, NULL, NULL},
};

const struct cli_command command_config = {
    .name = "config",
    .operands = "",
    .help = "Show the settings in force, secrets masked.",
    .options = options,
    .no_settings = true,
    .run = run_config,
};
