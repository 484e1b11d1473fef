/* filesure purge: removes finished jobs with all they have: first in the store, then their blobs. What was cut short is
 * finished by the next purge, by fsck --repair, or by whoever else calls jobs_finish_purges. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/stop.h"
#include "base/str.h"
#include "cli/cli.h"
#include "core/fault.h"

enum { PAGE = 500 };

struct purge {
    struct cli *cli;
    struct jobs *jobs;
    struct blobs *blobs; /* NULL: nothing was ever stored */
    bool dry_run;
    int64_t purged, rows, runs, blobs_removed;
    int finished_earlier; /* what purges that were cut short had left */
    struct error lost;    /* .outcome GONE: of a purged job no blob was ever found */
    json_t *list;         /* with --json */
};

static enum outcome find_blobs(void *arg, const char *job_id, bool *ret_any, struct error *err) {
    struct purge *purge = arg;
    char prefix[BLOB_NAME_MAX];
    blob_name_prefix(job_id, prefix);
    return purge->blobs ? blobs_any_under(purge->blobs, prefix, ret_any, err) : OK;
}

static enum outcome remove_blobs(void *arg, const char *job_id, struct error *err) {
    struct purge *purge = arg;
    char prefix[BLOB_NAME_MAX];
    int64_t removed = 0;
    blob_name_prefix(job_id, prefix);
    enum outcome outcome = purge->blobs ? blobs_remove_under(purge->blobs, prefix, &removed, err) : OK;
    purge->blobs_removed += removed;
    return outcome;
}

/* Blobs of purged jobs. */
static enum outcome finish(struct purge *purge, int *ret_finished, struct error *err) {
    const struct purged_blobs blobs = {.find = find_blobs, .remove = remove_blobs, .arg = purge};
    enum outcome outcome = purge->dry_run ? OK : jobs_finish_purges(purge->jobs, &blobs, NULL, ret_finished, err);
    if (outcome == GONE) { /* nothing can be finished there; the rest was */
        purge->lost = *err;
        return OK;
    }
    return outcome;
}

static void print_job(struct purge *purge, const struct job *job, const struct jobs_purged *gone) {
    char ended[CLOCK_TEXT_MAX];
    clock_format(job->updated_at_ms, ended);
    if (cli_json(purge->cli))
        json_array_append_new(purge->list,
                              json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "jobId", job->id, "cin", job->company.cin,
                                        "status", job_status_name(job->status), "endedAt", ended, "rows",
                                        (json_int_t)gone->rows, "runs", (json_int_t)gone->runs));
    else
        printf("%s  %s  %-9s  ended %s  %" PRId64 " documents\n", job->id, job->company.cin,
               job_status_name(job->status), ended, gone->rows);
}

static enum outcome purge_job(struct purge *purge, const struct job *job, struct error *err) {
    const struct jobs_purge request = {.job_id = job->id, .actor = cli_actor(purge->cli), .dry_run = purge->dry_run};
    struct jobs_purged gone = {0};
    int finished;
    enum outcome outcome = jobs_purge(purge->jobs, &request, &gone, err);
    if (outcome != OK)
        return outcome;
    FAULT_POINT("after_purge_store");
    purge->purged++;
    purge->rows += gone.rows;
    purge->runs += gone.runs;
    print_job(purge, job, &gone);
    return finish(purge, &finished, err);
}

static enum outcome purge_page(struct purge *purge, const struct job_list *page, struct error *err) {
    enum outcome outcome = OK;
    for (int i = 0; i < page->count && outcome == OK; i++) {
        if (stop_requested())
            return error_set(err, RETRY, "stopped", "stopped after %" PRId64 " jobs", purge->purged);
        outcome = purge_job(purge, &page->items[i], err);
        if (outcome == GONE || (outcome == INVALID && str_eq(err->code, "not_purgeable")))
            outcome = OK; /* purged or asked for again by somebody else meanwhile */
    }
    return outcome;
}

static enum outcome purge_before(struct purge *purge, int64_t before_ms, struct error *err) {
    char cursor[CURSOR_MAX] = "";
    enum outcome outcome;
    do {
        struct job_list page = {0};
        outcome = jobs_list_purgeable(purge->jobs, before_ms, PAGE, *cursor ? cursor : NULL, &page, err);
        if (outcome != OK)
            return outcome;
        outcome = purge_page(purge, &page, err);
        str_copy(cursor, sizeof(cursor), page.next);
        job_list_finish(&page);
    } while (outcome == OK && *cursor);
    return outcome;
}

static enum outcome purge_one(struct purge *purge, const char *job_id, struct error *err) {
    struct job job;
    enum outcome outcome = jobs_get(purge->jobs, job_id, &job, err);
    return outcome == OK ? purge_job(purge, &job, err) : outcome;
}

/* Whether the job is one that a purge cut short left: purging it again is nothing but finishing it. */
static enum outcome is_left(struct purge *purge, const char *job_id, bool *ret, struct error *err) {
    const struct jobs_purge request = {.job_id = job_id, .dry_run = true};
    struct jobs_purged gone;
    struct job job;
    enum outcome outcome = jobs_get(purge->jobs, job_id, &job, err);
    *ret = outcome == GONE && jobs_purge(purge->jobs, &request, &gone, err) == OK;
    return outcome == GONE ? OK : outcome;
}

static enum outcome run(struct purge *purge, int64_t before_ms, struct error *err) {
    const char *job_id = cli_option(purge->cli, "job");
    enum outcome outcome = cli_open_jobs(purge->cli, false, &purge->jobs, err);
    if (outcome == OK)
        outcome = cli_open_blobs(purge->cli, &purge->blobs, err);
    if (outcome == GONE && purge->jobs) /* GONE: nothing was ever stored */
        outcome = OK;
    if (outcome == OK)
        outcome = cli_advance_totals(purge->jobs, err);
    bool left = false;
    if (outcome == OK && job_id)
        outcome = is_left(purge, job_id, &left, err);
    if (outcome == OK)
        outcome = finish(purge, &purge->finished_earlier, err);
    if (outcome != OK || left)
        return outcome;
    return job_id ? purge_one(purge, job_id, err) : purge_before(purge, before_ms, err);
}

static void report(const struct purge *purge) {
    if (cli_json(purge->cli)) {
        AUTO_JSON json_t *value =
            json_pack("{s:b, s:I, s:I, s:I, s:I, s:i, s:s?, s:O}", "dryRun", purge->dry_run, "purged",
                      (json_int_t)purge->purged, "rows", (json_int_t)purge->rows, "runs", (json_int_t)purge->runs,
                      "blobs", (json_int_t)purge->blobs_removed, "finishedEarlier", purge->finished_earlier, "problem",
                      purge->lost.outcome == OK ? NULL : purge->lost.message, "jobs", purge->list);
        cli_print_json(value);
        return;
    }
    if (purge->finished_earlier > 0)
        printf("%d jobs of a purge that was cut short are gone now\n", purge->finished_earlier);
    printf("%" PRId64 " jobs, %" PRId64 " documents, %" PRId64 " runs", purge->purged, purge->rows, purge->runs);
    if (purge->dry_run)
        puts(" would be purged");
    else
        printf(" purged, %" PRId64 " blobs removed\n", purge->blobs_removed);
}

static int run_purge(struct cli *cli) {
    const char *before = cli_option(cli, "before"), *job_id = cli_option(cli, "job");
    int64_t before_ms = 0;
    if (!before == !job_id)
        return cli_usage_error(cli, "either --before DATE or --job JOB says what goes");
    if (before && !clock_parse(before, &before_ms))
        return cli_usage_error(
            cli, "--before: \"%s\" is not a date (2026-11-25) or a time in UTC (2026-11-25T10:00:00Z)", before);
    if (job_id && !cli_job_id(cli, job_id))
        return CLI_USAGE;
    struct error err = {0};
    AUTO_JSON json_t *list = json_array();
    struct purge purge = {.cli = cli, .dry_run = cli_switch(cli, "dry-run"), .list = list};
    stop_install();
    if (run(&purge, before_ms, &err) != OK)
        return cli_fail(cli, &err);
    report(&purge);
    if (purge.lost.outcome == OK)
        return CLI_OK;
    fprintf(stderr, "filesure purge: %s (filesure fsck --remove-unknown forgets it)\n", purge.lost.message);
    return CLI_FAILED;
}

static const struct cli_option options[] = {
    {"before", "DATE", "jobs that ended before that day or time (UTC), and at least a day ago"},
    {"job", "JOB", "this one, when it ended at least a day ago"},
    {"dry-run", NULL, "only say what would go"},
    {NULL, NULL, NULL},
};

const struct cli_command command_purge = {
    .name = "purge",
    .operands = "--before DATE | --job JOB",
    .help = "Remove finished jobs for good: rows, runs, lists and blobs; counters stay as they are.",
    .options = options,
    .run = run_purge,
};
