/* filesure cancel, filesure retry: what a person may do to jobs. */
#include <stdio.h>

#include "cli/cli.h"

typedef enum outcome job_action(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                                struct error *err);

static int act(struct cli *cli, job_action *action) {
    struct error err = {0};
    struct jobs *jobs;
    for (int i = 0; i < cli_operand_count(cli); i++)
        if (!cli_job_id(cli, cli_operand(cli, i)))
            return CLI_USAGE;
    if (cli_open_jobs(cli, false, &jobs, &err) != OK)
        return cli_fail(cli, &err);
    int status = CLI_OK;
    AUTO_JSON json_t *list = json_array();
    for (int i = 0; i < cli_operand_count(cli); i++) {
        const char *id = cli_operand(cli, i);
        enum job_status now = JOB_PENDING;
        if (action(jobs, id, cli_actor(cli), &now, &err) != OK) {
            fprintf(stderr, "filesure: %s: %s\n", id, err.message);
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s}", "jobId", id, "code", err.code, "error", err.message));
            status = CLI_FAILED;
            continue;
        }
        json_array_append_new(list, json_pack("{s:s, s:s}", "jobId", id, "status", job_status_name(now)));
        if (!cli_json(cli))
            printf("%s %s\n", id, now == JOB_PROCESSING ? "processing, will be cancelled" : job_status_name(now));
    }
    if (cli_json(cli))
        cli_print_json(list);
    return status;
}

static int run_cancel(struct cli *cli) {
    return act(cli, jobs_cancel);
}

static int run_retry(struct cli *cli) {
    return act(cli, jobs_retry);
}

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};

const struct cli_command command_cancel = {
    .name = "cancel",
    .operands = "JOB…",
    .help = "Cancel open jobs; what they have fetched is kept.",
    .options = no_options,
    .operands_min = 1,
    .operands_max = -1,
    .run = run_cancel,
};

const struct cli_command command_retry = {
    .name = "retry",
    .operands = "JOB…",
    .help = "Put failed or cancelled jobs back in the queue.",
    .options = no_options,
    .operands_min = 1,
    .operands_max = -1,
    .run = run_retry,
};
