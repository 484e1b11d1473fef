/* filesure audit: who changed what, newest first. */
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/cli.h"

enum { AUDIT_SHOWN = 50, AUDIT_SHOWN_MAX = 100000, PAGE = 500 };

static void print_entry(const struct audit_entry *entry) {
    char at[CLOCK_TEXT_MAX];
    clock_format(entry->at_ms, at);
    printf("%s  %-16s  %-8s  %-24s  %s\n", at, entry->actor, entry->action, entry->job_id, entry->detail);
}

static int run_audit(struct cli *cli) {
    int64_t left;
    if (!cli_option_int(cli, "limit", 1, AUDIT_SHOWN_MAX, AUDIT_SHOWN, &left))
        return CLI_USAGE;
    struct error err = {0};
    struct jobs *jobs = NULL;
    char cursor[CURSOR_MAX] = "";
    AUTO_JSON json_t *value = json_array();
    enum outcome outcome = cli_open_jobs(cli, false, &jobs, &err);
    do {
        struct audit_list page = {0};
        int limit = left < PAGE ? (int)left : PAGE;
        if (outcome == OK)
            outcome = jobs_list_audit(jobs, limit, *cursor ? cursor : NULL, &page, &err);
        if (outcome != OK)
            return cli_fail(cli, &err);
        for (int i = 0; i < page.count && !cli_json(cli); i++)
            print_entry(&page.items[i]);
        for (int i = 0; i < page.count && cli_json(cli); i++)
            json_array_append_new(value, audit_entry_json(&page.items[i]));
        left -= page.count;
        str_copy(cursor, sizeof(cursor), page.next);
        audit_list_finish(&page);
    } while (left > 0 && *cursor);
    if (cli_json(cli))
        cli_print_json(value);
    return CLI_OK;
}

static const struct cli_option options[] = {
    {"limit", "N", "how many entries (50)"},
    {NULL, NULL, NULL},
};

const struct cli_command command_audit = {
    .name = "audit",
    .operands = "",
    .help = "Show who changed what and when, newest first.",
    .options = options,
    .run = run_audit,
};
