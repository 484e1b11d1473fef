/* filesure: the person's command. What every command shares: options, settings, stores, output. */
#pragma once

#include "base/json.h"
#include "base/settings.h"
#include "blobs/blobs.h"
#include "jobs/jobs.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli_option {
    const char *name;  /* without "--" */
    const char *value; /* what the value is called in help; NULL: a switch */
    const char *help;
};

struct cli; /* one invocation */

struct cli_command {
    const char *name;
    const char *operands;             /* as help shows them: "JOB", "CIN… | --sample N" */
    const char *help;                 /* one sentence */
    const struct cli_option *options; /* ends with a NULL name; --json, --data and --help are everybody's */
    int operands_min, operands_max;   /* max -1: any number */
    bool no_settings;                 /* it works in a folder whose .env is wrong; run may call cli_load_settings */
    int (*run)(struct cli *cli);
};
extern const struct cli_command *const cli_commands[]; /* ends with NULL */

/* ---- options and operands ---- */
const char *cli_option(const struct cli *cli, const char *name); /* NULL: not given; "" for a switch */
bool cli_switch(const struct cli *cli, const char *name);
/* Prints a usage error and returns false when the value is not a number within [min, max]; fallback when not given. */
bool cli_option_int(const struct cli *cli, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret);
int cli_operand_count(const struct cli *cli);
const char *cli_operand(const struct cli *cli, int index);
bool cli_json(const struct cli *cli);
bool cli_terminal(void); /* stdout is a terminal */

/* ---- settings and stores; each opened on first use, closed at the end ---- */
int cli_load_settings(struct cli *cli); /* main's part, but for commands with no_settings; CLI_OK, or it says why not */
const struct settings_values *cli_settings(struct cli *cli);
const char *cli_data_dir(struct cli *cli);
/* create: the store is made when missing; else a missing one is an error that says how to make one. */
MUST_USE enum outcome cli_open_jobs(struct cli *cli, bool create, struct jobs **ret, struct error *err);
/* GONE "no_container" when nothing was stored yet: only workers make the container. */
MUST_USE enum outcome cli_open_blobs(struct cli *cli, struct blobs **ret, struct error *err);
/* Moves the watermark as far as it may go: where no API runs nobody else does, and a purge needs it. Ends early after
 * stop_request(). */
MUST_USE enum outcome cli_advance_totals(struct jobs *jobs, struct error *err);
/* Path of another program of filesure: beside this one. FATAL "no_program" when it is not there. */
enum { PROGRAM_PATH_MAX = 4096 };
MUST_USE enum outcome cli_program_path(const char *program, char ret[PROGRAM_PATH_MAX], struct error *err);

/* Who asks, for the audit log: "cli:" and the name of this process's user. */
const char *cli_actor(struct cli *cli);

/* ---- output ---- */
int cli_fail(const struct cli *cli, const struct error *err); /* one line on stderr; CLI_FAILED */
int cli_usage_error(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3); /* CLI_USAGE */
void cli_print_json(const json_t *value);                                              /* pretty, to stdout */
/* True when the text is a job id; else an error is printed. */
bool cli_job_id(const struct cli *cli, const char *text);

/* ---- main's part ---- */
struct cli *cli_create(const struct cli_command *command);
/* CLI_OK; CLI_USAGE after printing what is wrong; -1 when --help was printed. */
int cli_parse(struct cli *cli, int argc, char **argv); /* options and operands only */
void cli_destroy(struct cli *cli);
void cli_print_help(const struct cli_command *command);

extern const struct cli_command command_up, command_order, command_jobs, command_show, command_watch, command_cancel,
    command_retry, command_fetch, command_read, command_fsck, command_backup, command_restore, command_purge,
    command_audit, command_chaos, command_config, command_completion;
