/* filesure jobs, filesure show, filesure watch: looking at the queue. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "core/job_json.h"

enum { JOBS_SHOWN = 50, JOBS_SHOWN_MAX = 500, WATCH_MAX = 200, NO_WORKER_AFTER_MS = 10000 };

static void print_job_line(const struct job *job) {
    char created[CLOCK_TEXT_MAX];
    clock_format(job->created_at_ms, created);
    printf("%s  %-10s  %s  %4d/%-4d  %.19s  %s\n", job->id, job_status_name(job->status), job->company.cin,
           job->downloaded_documents, job->total_documents, created, job->company.name);
}

static void print_jobs(const struct cli *cli, const struct job_list *list) {
    if (!cli_json(cli)) {
        for (int i = 0; i < list->count; i++)
            print_job_line(&list->items[i]);
        if (list->next[0])
            printf("more: --cursor %s\n", list->next);
        return;
    }
    AUTO_JSON json_t *value = json_object();
    json_t *items = json_array();
    for (int i = 0; i < list->count; i++)
        json_array_append_new(items, job_json(&list->items[i]));
    json_object_set_new(value, "jobs", items);
    json_object_set_new(value, "next", list->next[0] ? json_string(list->next) : json_null());
    cli_print_json(value);
}

static int run_jobs(struct cli *cli) {
    int64_t limit;
    if (!cli_option_int(cli, "limit", 1, JOBS_SHOWN_MAX, JOBS_SHOWN, &limit))
        return CLI_USAGE;
    enum job_status status;
    if (cli_option(cli, "status") && !job_status_parse(cli_option(cli, "status"), &status))
        return cli_usage_error(cli, "--status: \"%s\" is not pending, processing, completed, failed or cancelled",
                               cli_option(cli, "status"));
    struct error err = {0};
    char cin[CIN_MAX];
    if (cli_option(cli, "cin") && cin_normalise(cli_option(cli, "cin"), cin, &err) != OK)
        return cli_usage_error(cli, "--cin: %s", err.message);
    const struct jobs_filter filter = {
        .status = cli_option(cli, "status"),
        .cin = cli_option(cli, "cin") ? cin : NULL,
        .prefix = cli_option(cli, "find"),
        .limit = (int)limit,
        .cursor = cli_option(cli, "cursor"),
    };
    struct jobs *jobs;
    struct job_list list = {0};
    if (cli_open_jobs(cli, false, &jobs, &err) != OK || jobs_list(jobs, &filter, &list, &err) != OK)
        return cli_fail(cli, &err);
    print_jobs(cli, &list);
    job_list_finish(&list);
    return CLI_OK;
}

struct look {
    struct job job;
    struct waiting waiting;
    struct run_list runs;
    struct document_list rows;
};

static void look_finish(struct look *look) {
    run_list_finish(&look->runs);
    document_list_finish(&look->rows);
}

static enum outcome look_at(struct jobs *jobs, const char *id, struct look *look, struct error *err) {
    struct jobs_counts counts;
    enum outcome outcome = jobs_get(jobs, id, &look->job, err);
    if (outcome == OK)
        outcome = jobs_count(jobs, &counts, err);
    if (outcome == OK)
        outcome = jobs_list_runs(jobs, id, &look->runs, err);
    if (outcome == OK)
        outcome = jobs_list_documents(jobs, id, 0, 0, &look->rows, err);
    if (outcome == OK)
        look->waiting = job_waiting(&look->job, counts.now_ms, (int)counts.leased, NO_WORKER_AFTER_MS);
    return outcome;
}

static void print_time(const char *label, int64_t time_ms) {
    char text[CLOCK_TEXT_MAX];
    if (!time_ms)
        return;
    clock_format(time_ms, text);
    printf("%-12s %s\n", label, text);
}

static void print_look(const struct look *look) {
    const struct job *job = &look->job;
    printf("%-12s %s\n%-12s %s %s\n%-12s %s\n", "job", job->id, "company", job->company.cin, job->company.name, "state",
           job_status_name(job->status));
    if (look->waiting.reason != WAIT_NONE) {
        printf("%-12s %s\n", "waiting", waiting_reason_name(look->waiting.reason));
        print_time("  since", look->waiting.since_ms);
        print_time("  until", look->waiting.until_ms);
    }
    printf("%-12s %d of %d\n", "documents", job->downloaded_documents, job->total_documents);
    print_time("ordered", job->created_at_ms);
    print_time("completed", job->completed_at_ms);
    if (job->error_code[0])
        printf("%-12s %s: %s\n", "last error", job->error_code, job->error_message);
    for (int i = 0; i < look->runs.count; i++) {
        const struct run_record *run = &look->runs.items[i];
        char ended[CLOCK_TEXT_MAX];
        clock_format(run->ended_at_ms, ended);
        printf("run %-8d %-11s ended %s, %d documents, %" PRId64 " ms%s%s\n", run->run, run_outcome_name(run->outcome),
               ended, run->numbers.stored + run->numbers.unreadable + run->numbers.missing, run->numbers.run_ms,
               run->error_message[0] ? ": " : "", run->error_message);
    }
    for (int i = 0; i < look->rows.count; i++) {
        const struct document *row = &look->rows.items[i];
        printf("%4d  %s  %-8s %-10s %9" PRId64 " bytes %3d pages  %s\n", row->number, row->filed_on, row->form,
               document_state_name(row->state), row->original_bytes, row->pages, row->document_type);
    }
}

static json_t *look_json(const struct look *look) {
    json_t *value = job_json(&look->job);
    json_object_set_new(value, "waiting", waiting_json(&look->waiting, -1));
    json_t *runs = json_array(), *rows = json_array();
    for (int i = 0; i < look->runs.count; i++)
        json_array_append_new(runs, run_json(&look->runs.items[i]));
    for (int i = 0; i < look->rows.count; i++)
        json_array_append_new(rows, document_json(&look->rows.items[i]));
    json_object_set_new(value, "runs", runs);
    json_object_set_new(value, "documents", rows);
    return value;
}

static int run_show(struct cli *cli) {
    const char *id = cli_operand(cli, 0);
    if (!cli_job_id(cli, id))
        return CLI_USAGE;
    struct error err = {0};
    struct jobs *jobs;
    struct look look CLEANUP(look_finish) = {0};
    if (cli_open_jobs(cli, false, &jobs, &err) != OK || look_at(jobs, id, &look, &err) != OK)
        return cli_fail(cli, &err);
    if (cli_json(cli)) {
        AUTO_JSON json_t *value = look_json(&look);
        cli_print_json(value);
    } else {
        print_look(&look);
    }
    return CLI_OK;
}

static bool listed(char (*ids)[OBJECT_ID_MAX], int count, const char *id) {
    for (int i = 0; i < count; i++)
        if (str_eq(ids[i], id))
            return true;
    return false;
}

/* No ids: every job that is open now. A job may change its state between the two lists. */
static enum outcome open_jobs(struct jobs *jobs, char (*ids)[OBJECT_ID_MAX], int *ret_count, struct error *err) {
    static const char *const states[] = {"pending", "processing"};
    int count = 0;
    for (size_t s = 0; s < COUNT_OF(states); s++) {
        const struct jobs_filter filter = {.status = states[s], .limit = WATCH_MAX - count};
        struct job_list list = {0};
        enum outcome outcome = filter.limit > 0 ? jobs_list(jobs, &filter, &list, err) : OK;
        if (outcome != OK)
            return outcome;
        for (int i = 0; i < list.count; i++)
            if (!listed(ids, count, list.items[i].id))
                str_copy(ids[count++], OBJECT_ID_MAX, list.items[i].id);
        job_list_finish(&list);
    }
    *ret_count = count;
    return OK;
}

static int run_watch(struct cli *cli) {
    char ids[WATCH_MAX][OBJECT_ID_MAX];
    int count = cli_operand_count(cli);
    if (count > WATCH_MAX)
        return cli_usage_error(cli, "%d jobs: at most %d can be watched", count, WATCH_MAX);
    for (int i = 0; i < count; i++) {
        if (!cli_job_id(cli, cli_operand(cli, i)))
            return CLI_USAGE;
        str_copy(ids[i], OBJECT_ID_MAX, cli_operand(cli, i));
    }
    struct error err = {0};
    struct jobs *jobs;
    if (cli_open_jobs(cli, false, &jobs, &err) != OK || (count == 0 && open_jobs(jobs, ids, &count, &err) != OK))
        return cli_fail(cli, &err);
    if (count == 0 && !cli_json(cli))
        puts("no job is open");
    bool all_completed = false;
    if (progress_follow(cli, jobs, (const char(*)[OBJECT_ID_MAX])ids, count, &all_completed, &err) != OK)
        return cli_fail(cli, &err);
    if (cli_json(cli)) {
        AUTO_JSON json_t *list = json_array();
        struct job job;
        for (int i = 0; i < count; i++)
            if (jobs_get(jobs, ids[i], &job, &err) == OK)
                json_array_append_new(list, job_json(&job));
        cli_print_json(list);
    }
    return all_completed ? CLI_OK : CLI_FAILED;
}

static const struct cli_option jobs_options[] = {
    {"status", "STATUS", "only jobs that are pending, processing, completed, failed or cancelled"},
    {"cin", "CIN", "only jobs of this company"},
    {"find", "TEXT", "only jobs whose CIN or company name starts so"},
    {"limit", "N", "at most N (50; up to 500)"},
    {"cursor", "TEXT", "go on where the list before ended"},
    {NULL, NULL, NULL},
};
static const struct cli_option no_options[] = {{NULL, NULL, NULL}};

const struct cli_command command_jobs = {
    .name = "jobs", .operands = "", .help = "List jobs, newest first.", .options = jobs_options, .run = run_jobs};
const struct cli_command command_show = {
    .name = "show",
    .operands = "JOB",
    .help = "Show one job: state, why it waits, runs, documents.",
    .options = no_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_show,
};
const struct cli_command command_watch = {
    .name = "watch",
    .operands = "[JOB…]",
    .help = "Follow jobs (all open ones) until they are finished; exit 1 unless all completed.",
    .options = no_options,
    .operands_min = 0,
    .operands_max = -1,
    .run = run_watch,
};
