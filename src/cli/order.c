/* filesure order: places orders straight into the job store. */
#include <stdio.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/samples.h"

enum { SAMPLES_MAX = 10 };

static int read_companies(const struct cli *cli, struct company *companies, int count) {
    struct error err = {0};
    for (int i = 0; i < count; i++) {
        if (cin_normalise(cli_operand(cli, i), companies[i].cin, &err) != OK) {
            error_prefix(&err, "\"%s\"", cli_operand(cli, i));
            return cli_fail(cli, &err);
        }
        str_copy(companies[i].name, sizeof(companies[i].name), companies[i].cin);
    }
    return CLI_OK;
}

static void print_placed(const struct cli *cli, const struct jobs_placed *placed) {
    AUTO_JSON json_t *list = json_array();
    for (int i = 0; i < placed->count; i++) {
        const struct jobs_placed_item *item = &placed->items[i];
        if (!cli_json(cli))
            printf("%s %s %s%s\n", item->job_id, item->company.cin, item->company.name,
                   item->created ? "" : " (was open already)");
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "jobId", item->job_id, "cin", item->company.cin,
                                              "companyName", item->company.name, "created", item->created));
    }
    if (cli_json(cli))
        cli_print_json(list);
}

static int wait_for(struct cli *cli, struct jobs *jobs, const struct jobs_placed *placed) {
    char(*ids)[OBJECT_ID_MAX] = x_alloc(sizeof(*ids) * (size_t)(placed->count + 1));
    for (int i = 0; i < placed->count; i++)
        str_copy(ids[i], OBJECT_ID_MAX, placed->items[i].job_id);
    struct error err = {0};
    bool all_completed = false;
    enum outcome outcome =
        progress_follow(cli, jobs, (const char(*)[OBJECT_ID_MAX])ids, placed->count, &all_completed, &err);
    free(ids);
    if (outcome != OK)
        return cli_fail(cli, &err);
    return all_completed ? CLI_OK : CLI_FAILED;
}

static int run_order(struct cli *cli) {
    int64_t samples, priority;
    if (!cli_option_int(cli, "sample", 1, SAMPLES_MAX, 0, &samples) ||
        !cli_option_int(cli, "priority", -100, 100, 0, &priority))
        return CLI_USAGE;
    int count = cli_operand_count(cli);
    if ((count > 0) == (samples > 0))
        return cli_usage_error(cli, "give CINs or --sample N, one of the two");
    if (samples && cli_switch(cli, "force"))
        return cli_usage_error(cli, "--force goes with CINs: sample companies have no open job");
    if (count > ORDER_ITEMS_MAX)
        return cli_usage_error(cli, "%d companies in one order: the most is %d", count, ORDER_ITEMS_MAX);
    AUTO_FREE struct company *companies = x_alloc(sizeof(*companies) * (size_t)(count + 1));
    int status = read_companies(cli, companies, count);
    if (status != CLI_OK)
        return status;
    struct error err = {0};
    struct jobs *jobs;
    if (cli_open_jobs(cli, true, &jobs, &err) != OK)
        return cli_fail(cli, &err);
    const struct jobs_order order = {
        .companies = companies,
        .count = count,
        .priority = (int)priority,
        .force = cli_switch(cli, "force"),
        .actor = cli_actor(cli),
    };
    struct jobs_placed placed = {0};
    enum outcome outcome = samples ? samples_place(jobs, (int)samples, (int)priority, cli_actor(cli), &placed, &err)
                                   : jobs_place(jobs, &order, &placed, &err);
    if (outcome == OK || placed.count > 0)
        print_placed(cli, &placed);
    if (outcome != OK)
        status = cli_fail(cli, &err);
    if (status == CLI_OK && cli_switch(cli, "wait"))
        status = wait_for(cli, jobs, &placed);
    jobs_placed_finish(&placed);
    return status;
}

static const struct cli_option options[] = {
    {"sample", "N", "order N made-up companies (1 to 10)"},
    {"wait", NULL, "follow the jobs until they are finished; exit 1 unless all completed"},
    {"force", NULL, "order again even when a job of the company is open"},
    {"priority", "N", "-100 to 100, higher is served first (0)"},
    {NULL, NULL, NULL},
};

const struct cli_command command_order = {
    .name = "order",
    .operands = "CIN… | --sample N",
    .help = "Order all filings of companies.",
    .options = options,
    .operands_min = 0,
    .operands_max = -1,
    .run = run_order,
};
