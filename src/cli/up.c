/* filesure up: the whole system on this machine.
 *
 *   store, samples -> portal, API -> loop { pass on output; take ended workers; start missing ones } -> stop all
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "build_info.h"
#include "cli/cli.h"
#include "cli/data_lock.h"
#include "cli/samples.h"
#include "cli/scaler.h"
#include "core/settings.h"

enum {
    START_DEADLINE_MS = 20000,
    LOOK_EVERY_MS = 200,
    STOP_GRACE_MS = 5000,
    ORDERS_MAX = 1000,
    EXIT_NOT_STARTED = 126
};

struct up {
    struct cli *cli;
    struct children children;
    struct scaler scaler;
    int stop_fd;
    int64_t port, portal_port, workers, orders;
    bool own_portal;
    bool part_ended; /* API or portal is gone */
};

static int64_t most_workers(const struct up *up) {
    int workers = core_settings_max_workers(cli_settings(up->cli));
    return workers < WORKERS_MAX ? workers : WORKERS_MAX;
}

static bool read_options(struct up *up) {
    const struct cli *cli = up->cli;
    up->own_portal = !cli_switch(cli, "no-portal");
    return cli_option_int(cli, "port", 0, 65535, -1, &up->port) &&
           cli_option_int(cli, "portal-port", 0, 65535, 5080, &up->portal_port) &&
           cli_option_int(cli, "workers", 1, WORKERS_MAX, most_workers(up), &up->workers) &&
           cli_option_int(cli, "orders", 0, ORDERS_MAX, 3, &up->orders);
}

static enum outcome place_first_orders(struct up *up, struct error *err) {
    struct jobs_counts counts;
    enum outcome outcome = jobs_count(up->scaler.jobs, &counts, err);
    if (outcome != OK || counts.total > 0 || up->orders == 0)
        return outcome;
    struct jobs_placed placed = {0};
    outcome = samples_place(up->scaler.jobs, (int)up->orders, 0, "up", &placed, err);
    if (outcome == OK)
        log_info("sample orders placed in the empty store", log_int("orders", placed.count));
    jobs_placed_finish(&placed);
    return outcome;
}

/* Portal and API say at level info where they listen. When less is wanted they say it to us alone. */
static const char *part_log_level(const struct up *up) {
    const char *level = settings_text(cli_settings(up->cli), "LOG_LEVEL");
    return str_eq(level, "debug") ? "LOG_LEVEL=debug" : "LOG_LEVEL=info";
}

static enum outcome start_part(struct up *up, enum child_role role, const char *const *arguments,
                               const char *const *environment, struct error *err) {
    struct child *child = NULL;
    enum outcome outcome = children_start(&up->children, role, arguments[0], arguments, environment, &child, err);
    const char *level = settings_text(cli_settings(up->cli), "LOG_LEVEL");
    if (outcome == OK)
        child->hide_info = str_eq(level, "warn") || str_eq(level, "error");
    return outcome;
}

static enum outcome start_portal(struct up *up, struct error *err) {
    char program[PROGRAM_PATH_MAX], listen[ADDRESS_MAX];
    if (cli_program_path("filesure-portal", program, err) != OK)
        return err->outcome;
    str_format(listen, sizeof(listen), "127.0.0.1:%d", (int)up->portal_port);
    const char *arguments[12] = {program, "--listen", listen};
    int count = 3;
    if (cli_option(up->cli, "latency-ms")) {
        arguments[count++] = "--latency-ms";
        arguments[count++] = cli_option(up->cli, "latency-ms");
    }
    if (cli_option(up->cli, "faults")) {
        arguments[count++] = "--allow-faults";
        arguments[count++] = "--faults";
        arguments[count++] = cli_option(up->cli, "faults");
    }
    const char *const environment[] = {part_log_level(up), NULL};
    return start_part(up, CHILD_PORTAL, arguments, environment, err);
}

static enum outcome start_api(struct up *up, struct error *err) {
    char program[PROGRAM_PATH_MAX], listen[ADDRESS_MAX], data[4200];
    if (cli_program_path("filesure-api", program, err) != OK)
        return err->outcome;
    str_format(data, sizeof(data), "FILESURE_DATA=%s", up->scaler.data_dir);
    const char *const environment[] = {data, part_log_level(up), NULL};
    const char *arguments[4] = {program};
    if (up->port >= 0) {
        str_format(listen, sizeof(listen), "127.0.0.1:%d", (int)up->port);
        arguments[1] = "--listen";
        arguments[2] = listen;
    }
    return start_part(up, CHILD_API, arguments, environment, err);
}

/* How many ended. */
static int take_ended(struct up *up) {
    static const char *const names[] = {"filesure-portal", "filesure-api", "filesure-worker"};
    struct child child;
    int status, ended = 0;
    while (children_take_ended(&up->children, &child, &status)) {
        if (child.role != CHILD_WORKER) {
            log_error("a part has ended, so filesure ends", log_str("program", names[child.role]),
                      log_int("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)));
            up->part_ended = true;
        } else if (WIFSIGNALED(status)) {
            log_warn("worker died; its lease will run out", log_str("job", child.job_id),
                     log_int("signal", WTERMSIG(status)));
        } else if (WEXITSTATUS(status) >= EXIT_NOT_STARTED) {
            log_error("worker could not be started; its lease will run out", log_str("job", child.job_id));
        } else {
            log_debug("worker ended", log_str("job", child.job_id), log_int("exit", WEXITSTATUS(status)));
        }
        ended++;
    }
    return ended;
}

static enum outcome wait_for_address(struct up *up, enum child_role role, char *ret, size_t ret_size,
                                     struct error *err) {
    int64_t deadline = clock_monotonic_ms() + START_DEADLINE_MS;
    while (!stop_requested() && clock_monotonic_ms() < deadline) {
        struct child *child = children_find(&up->children, role);
        if (!child)
            return error_set(err, FATAL, "part_ended", "%s did not start",
                             role == CHILD_API ? "filesure-api" : "filesure-portal");
        if (child->address[0]) {
            str_copy(ret, ret_size, child->address);
            return OK;
        }
        children_wait(&up->children, up->stop_fd, 100);
        (void)take_ended(up);
    }
    return error_set(err, RETRY, "start_timeout", "the parts did not start in %d s", START_DEADLINE_MS / 1000);
}

static void print_json_line(json_t *value) {
    AUTO_BUF struct buf line = BUF_INIT(8192);
    json_append(&line, value);
    json_decref(value);
    puts(buf_str(&line));
    fflush(stdout);
}

static void say_up(const struct up *up, const char *api) {
    const struct scaler *scaler = &up->scaler;
    log_info("filesure is up", log_str("page", api), log_str("portal", scaler->portal_url),
             log_int("workers", scaler->max_workers), log_str("data", scaler->data_dir));
    if (cli_json(up->cli))
        print_json_line(json_pack("{s:s, s:s, s:s, s:i, s:s}", "event", "up", "page", api, "portal", scaler->portal_url,
                                  "workers", scaler->max_workers, "data", scaler->data_dir));
    else if (cli_terminal())
        printf("\n  filesure %s is up: http://%s   (Ctrl-C stops it)\n\n", FILESURE_VERSION, api);
    fflush(stdout);
}

static enum outcome start_parts(struct up *up, struct error *err) {
    char portal[ADDRESS_MAX] = "", api[ADDRESS_MAX] = "";
    enum outcome outcome = up->own_portal ? start_portal(up, err) : OK;
    if (outcome == OK)
        outcome = start_api(up, err);
    if (outcome == OK && up->own_portal)
        outcome = wait_for_address(up, CHILD_PORTAL, portal, sizeof(portal), err);
    if (outcome == OK)
        outcome = wait_for_address(up, CHILD_API, api, sizeof(api), err);
    if (outcome == OK)
        outcome = scaler_write_targets(&up->scaler, err);
    if (outcome != OK)
        return outcome;
    if (up->own_portal)
        str_format(up->scaler.portal_url, sizeof(up->scaler.portal_url), "http://%s", portal);
    say_up(up, api);
    return OK;
}

static void serve(struct up *up) {
    bool exit_when_idle = cli_switch(up->cli, "exit-when-idle");
    bool trouble = false;
    int64_t look_at_ms = 0;
    while (!stop_requested() && !up->part_ended) {
        int64_t now_ms = clock_monotonic_ms(), open = 1;
        if (now_ms >= look_at_ms) {
            struct error err = {0};
            bool failed = scaler_step(&up->scaler, &open, &err) != OK;
            if (failed && !trouble)
                log_warn("no worker can be started now", log_str("error", err.message));
            trouble = failed;
            look_at_ms = now_ms + LOOK_EVERY_MS;
            if (exit_when_idle && !failed && open == 0 && children_count(&up->children, CHILD_WORKER) == 0)
                break;
        }
        children_wait(&up->children, up->stop_fd, (int)(look_at_ms - now_ms));
        if (take_ended(up) > 0)
            look_at_ms = 0; /* its job may be there for the next run */
    }
}

/* A worker may go without having ended its run: killed before it could catch the signal, or out of time. */
static void worker_stopped(void *context, const struct child *child, int status) {
    struct up *up = context;
    (void)status;
    if (child->role == CHILD_WORKER)
        scaler_release(&up->scaler, child->job_id, child->token);
}

static int finish(struct up *up) {
    children_stop(&up->children, CHILD_WORKER, STOP_GRACE_MS, worker_stopped, up);
    children_stop(&up->children, CHILD_API, STOP_GRACE_MS, NULL, NULL);
    children_stop(&up->children, CHILD_PORTAL, STOP_GRACE_MS, NULL, NULL);
    struct jobs_counts counts;
    struct error err = {0};
    if (jobs_count(up->scaler.jobs, &counts, &err) != OK)
        return cli_fail(up->cli, &err);
    int64_t completed = counts.by_status[JOB_COMPLETED], failed = counts.by_status[JOB_FAILED],
            cancelled = counts.by_status[JOB_CANCELLED], open = counts.total - completed - failed - cancelled;
    log_info("filesure is down", log_int("completed", completed), log_int("failed", failed),
             log_int("cancelled", cancelled), log_int("open", open));
    if (cli_json(up->cli))
        print_json_line(json_pack("{s:s, s:I, s:I, s:I, s:I}", "event", "down", "completed", (json_int_t)completed,
                                  "failed", (json_int_t)failed, "cancelled", (json_int_t)cancelled, "open",
                                  (json_int_t)open));
    bool bad = up->part_ended || (cli_switch(up->cli, "exit-when-idle") && failed > 0);
    return bad ? CLI_FAILED : CLI_OK;
}

static enum outcome prepare(struct up *up, struct error *err) {
    const struct settings_values *settings = cli_settings(up->cli);
    struct scaler *scaler = &up->scaler;
    scaler->children = &up->children;
    scaler->max_workers = (int)up->workers;
    scaler->lease_seconds = (int)settings_int(settings, "LEASE_SECONDS");
    str_copy(scaler->data_dir, sizeof(scaler->data_dir), cli_data_dir(up->cli));
    str_copy(scaler->portal_url, sizeof(scaler->portal_url), settings_text(settings, "PORTAL_URL"));
    char reader[PROGRAM_PATH_MAX];
    enum outcome outcome = cli_program_path("filesure-worker", scaler->worker_program, err);
    if (outcome == OK)
        outcome = cli_program_path("filesure-pdf", reader, err);
    if (outcome == OK)
        outcome = dir_make(scaler->data_dir, err);
    if (outcome == OK)
        outcome = data_lock(scaler->data_dir, STOP_GRACE_MS, &up->children.kept_fd, err);
    if (outcome == OK)
        outcome = cli_open_jobs(up->cli, true, &scaler->jobs, err);
    return outcome == OK ? place_first_orders(up, err) : outcome;
}

/* The children write to a pipe: what they would take from the terminal is decided here. */
static void hand_down_log_format(const struct settings_values *settings) {
    if (!settings_text(settings, "LOG_FORMAT"))
        setenv("LOG_FORMAT", isatty(STDERR_FILENO) ? "text" : "json", 1);
}

static int run_up(struct cli *cli) {
    struct up *up = x_alloc(sizeof(*up));
    AUTO_FREE void *up_memory = up;
    up->cli = cli;
    if (!read_options(up))
        return CLI_USAGE;
    core_settings_start_log(cli_settings(cli), "filesure");
    hand_down_log_format(cli_settings(cli));
    up->stop_fd = stop_install();
    struct error err = {0};
    if (prepare(up, &err) != OK)
        return cli_fail(cli, &err);
    if (start_parts(up, &err) == OK) {
        serve(up);
    } else if (!stop_requested()) {
        cli_fail(cli, &err);
        up->part_ended = true;
    }
    return finish(up);
}

static const struct cli_option options[] = {
    {"port", "N", "port of page and API on 127.0.0.1 (API_LISTEN; 0: any free one)"},
    {"portal-port", "N", "port of the simulated portal (5080; 0: any free one)"},
    {"no-portal", NULL, "start no portal, use PORTAL_URL"},
    {"workers", "N", "most workers at once (MAX_WORKERS)"},
    {"orders", "N", "sample orders placed when the store is empty (3)"},
    {"latency-ms", "A-B", "how long the simulated portal takes to answer"},
    {"faults", "FILE", "faults the simulated portal plays (docs/portal.md)"},
    {"exit-when-idle", NULL, "end when every job is finished; exit 1 when one failed"},
    {NULL, NULL, NULL},
};

const struct cli_command command_up = {
    .name = "up",
    .operands = "",
    .help = "Run the whole system on this machine; --json prints a line when it is up and one when it is down.",
    .options = options,
    .run = run_up,
};
