/* filesure-worker: one run of one job, then exit. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "build_info.h"
#include "core/settings.h"
#include "worker/claim_file.h"
#include "worker/worker.h"

enum { PARALLEL_MAX = 16 }; /* what portal and reader can do at once */

static const char usage_text[] =
    "usage: filesure-worker [run] [JOB_ID] [--env-file FILE]\n"
    "       filesure-worker claim --out FILE\n"
    "       filesure-worker --help | --version\n"
    "\n"
    "run: fetches the next part of the job's filings, then exits. The job is the argument, else JOB_ID of\n"
    "FILE, else JOB_ID of the environment; empty means that there is nothing to do.\n"
    "claim: takes a job that is due and writes JOB_ID and LEASE_TOKEN to FILE.\n"
    "\n"
    "Exit 0: the job waits for its next run or is completed, or there was nothing to do (it is held by\n"
    "another worker, finished or cancelled). Exit 1: no job id, malformed or unknown id, lease lost,\n"
    "run failed. Settings come from the environment and from .env; `filesure config` shows them.\n";

struct arguments {
    const char *command; /* "run" or "claim" */
    const char *job_id;  /* NULL: not given */
    const char *out, *env_file;
};

static int usage_error(const char *what, const char *which) {
    fprintf(stderr, "filesure-worker: %s%s\n", what, which);
    fputs(usage_text, stdout);
    return WORKER_FAILED;
}

/* False: *ret_code is the exit code. */
static bool parse_arguments(int argc, char **argv, struct arguments *ret, int *ret_code) {
    *ret = (struct arguments){.command = "run"};
    int at = 1;
    if (at < argc && (str_eq(argv[at], "run") || str_eq(argv[at], "claim"))) {
        ret->command = argv[at++];
    }
    for (; at < argc; at++) {
        bool claim = str_eq(ret->command, "claim");
        const char **value = NULL;
        if (str_eq(argv[at], "--help") || str_eq(argv[at], "-h")) {
            fputs(usage_text, stdout);
            *ret_code = WORKER_OK;
            return false;
        }
        if (str_eq(argv[at], "--version")) {
            printf("filesure-worker %s (%s)\n", FILESURE_VERSION, FILESURE_COMMIT);
            *ret_code = WORKER_OK;
            return false;
        }
        if (claim && str_eq(argv[at], "--out")) {
            value = &ret->out;
        } else if (!claim && str_eq(argv[at], "--env-file")) {
            value = &ret->env_file;
        } else if (argv[at][0] == '-' || claim || ret->job_id) {
            *ret_code = usage_error("unexpected argument ", argv[at]);
            return false;
        }
        if (value && at + 1 == argc) {
            *ret_code = usage_error("a file must follow ", argv[at]);
            return false;
        }
        *(value ? value : &ret->job_id) = value ? argv[++at] : argv[at];
    }
    return true;
}

static void default_owner(char out[OWNER_MAX]) {
    char host[65] = "";
    (void)gethostname(host, sizeof(host) - 1);
    (void)str_format(out, OWNER_MAX, "%s:%d:%lld", *host ? host : "host", (int)getpid(), (long long)clock_real_ms());
}

void worker_config_init(struct worker_config *config, const struct settings_values *settings) {
    int parallel = (int)settings_int(settings, "DOWNLOAD_PARALLEL");
    *config = (struct worker_config){
        .data_dir = settings_text(settings, "FILESURE_DATA"),
        .container = settings_text(settings, "AZURE_CONTAINER"),
        .portal_url = settings_text(settings, "PORTAL_URL"),
        .metrics_listen = settings_text(settings, "WORKER_METRICS_LISTEN"),
        .create_container = core_settings_yes(settings, "AZURE_CREATE_CONTAINER"),
        .portal_timeout_ms = (int)settings_int(settings, "PORTAL_TIMEOUT_SECONDS") * 1000,
        .lease_seconds = (int)settings_int(settings, "LEASE_SECONDS"),
        .run_seconds = (int)settings_int(settings, "RUN_SECONDS"),
        .batch_percent = (int)settings_int(settings, "BATCH_PERCENT"),
        .max_attempts = (int)settings_int(settings, "MAX_ATTEMPTS"),
        .parallel = parallel < PARALLEL_MAX ? parallel : PARALLEL_MAX,
        .linger_seconds = (int)settings_int(settings, "METRICS_LINGER_SECONDS"),
    };
    const char *owner = settings_text(settings, "LEASE_OWNER");
    if (!owner || !str_copy(config->owner, sizeof(config->owner), owner)) {
        default_owner(config->owner);
    }
}

static int run_command(const struct arguments *arguments, const struct settings_values *settings, int stop_fd,
                       bool *ret_abandoned) {
    struct worker_config config;
    struct claim_file claim = {0};
    struct error err = {0};
    const char *job_id = settings_is_set(settings, "JOB_ID") ? settings_text(settings, "JOB_ID") : NULL;
    const char *token = settings_text(settings, "LEASE_TOKEN");
    if (arguments->env_file) {
        if (claim_file_read(arguments->env_file, &claim, &err) != OK) {
            log_error("no claim file", log_str("error", err.message));
            return WORKER_FAILED;
        }
        job_id = claim.job_id;
        token = claim.token;
    }
    if (arguments->job_id && !str_eq(arguments->job_id, job_id)) {
        job_id = arguments->job_id;
        token = NULL; /* that is the lease of another job */
    }
    if (!job_id) {
        fputs(usage_text, stdout);
        return WORKER_FAILED;
    }
    if (!*job_id) {
        log_info("nothing to do", log_str("reason", "no job was claimed: JOB_ID is empty"));
        return WORKER_OK;
    }
    if (!object_id_valid(job_id)) {
        log_error("malformed job id", log_str("job", job_id));
        return WORKER_FAILED;
    }
    worker_config_init(&config, settings);
    config.stop_fd = stop_fd;
    const struct worker_task task = {.job_id = job_id, .token = token ? token : ""};
    return worker_run(&config, &task, ret_abandoned);
}

static int claim_command(const struct arguments *arguments, const struct settings_values *settings, int stop_fd) {
    struct worker_config config;
    if (!arguments->out) {
        return usage_error("claim needs ", "--out FILE");
    }
    const char *job_id = settings_text(settings, "JOB_ID");
    if (job_id && *job_id && !object_id_valid(job_id)) {
        log_error("malformed job id", log_str("job", job_id));
        return WORKER_FAILED;
    }
    worker_config_init(&config, settings);
    config.stop_fd = stop_fd;
    return worker_claim(&config, job_id, arguments->out);
}

int main(int argc, char **argv) {
    struct arguments arguments;
    struct settings_values *settings = NULL;
    struct error err = {0};
    bool abandoned = false;
    int code = WORKER_OK;
    if (!parse_arguments(argc, argv, &arguments, &code)) {
        return code;
    }
    int stop_fd = stop_install();
    (void)mallopt(M_ARENA_MAX, 1); /* few threads, large blocks: arenas of their own would only cost memory */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    if (core_settings_load(&settings, &err) != OK) {
        fprintf(stderr, "filesure-worker: %s\n", err.message);
        return WORKER_FAILED;
    }
    core_settings_start_log(settings, "filesure-worker");
    code = str_eq(arguments.command, "claim") ? claim_command(&arguments, settings, stop_fd)
                                              : run_command(&arguments, settings, stop_fd, &abandoned);
    if (abandoned) {
        (void)fflush(NULL);
        _exit(code);
    }
    settings_destroy(settings);
    return code;
}
