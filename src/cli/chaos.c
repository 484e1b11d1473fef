/* filesure chaos: shows on a running system that nothing is lost and nothing doubled.
 *
 *   find up -> { wait; kill | stop | outage } until the time is over -> mend, go on -> queue drained -> fsck, totals */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "base/str.h"
#include "cli/chaos_portal.h"
#include "cli/chaos_target.h"
#include "cli/fsck.h"

enum { WORKERS_SEEN_MAX = 256, STOPS_MAX = 64, LOOK_EVERY_MS = 200, FSCK_TRIES = 5, MEND_FOR_MS = 10000 };
enum { STOP_MIN_MS = 100, PLAN_LINES_MAX = 1000 };

enum action { KILL, STOP, OUTAGE, ACTIONS };
static const char *const action_names[ACTIONS] = {"kill", "stop", "outage"};

/* What is done next: follows from the seed alone. The victim is the pick-th worker, modulo how many there are then. */
struct step {
    int64_t at_ms; /* since the start */
    enum action action;
    uint64_t pick;
    int length_ms; /* of a stop, of an outage */
    const char *fault;
};

struct chaos {
    struct cli *cli;
    struct jobs *jobs;
    int64_t seed, length_ms, every_ms, stop_max_ms, outage_max_ms, drain_ms;
    uint64_t random;
    pid_t up;
    int up_fd;
    int64_t began_ms, mend_at_ms;
    struct chaos_portal portal;
    bool portal_asked, portal_allows;
    pid_t stops[STOPS_MAX]; /* processes that will send SIGCONT */
    int stop_count;
    int64_t done[ACTIONS], live_kills, failed_before;
};

static uint64_t draw(struct chaos *chaos) { /* splitmix64 */
    uint64_t z = chaos->random += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static int draw_between(struct chaos *chaos, int64_t min, int64_t max) {
    return (int)(min + (int64_t)(draw(chaos) % (uint64_t)(max - min + 1)));
}

static struct step next_step(struct chaos *chaos, int64_t after_ms) {
    static const enum action dice[] = {KILL, KILL, KILL, KILL, KILL, KILL, STOP, STOP, STOP, OUTAGE};
    struct step step = {.at_ms = after_ms + draw_between(chaos, chaos->every_ms / 2, chaos->every_ms * 3 / 2)};
    step.action = dice[draw(chaos) % COUNT_OF(dice)];
    step.pick = draw(chaos);
    step.fault = draw(chaos) % 2 ? "503" : "reset";
    step.length_ms =
        draw_between(chaos, STOP_MIN_MS, step.action == OUTAGE ? chaos->outage_max_ms : chaos->stop_max_ms);
    return step;
}

/* ---- saying what was done ---- */

static double seconds(const struct chaos *chaos) {
    return (double)(clock_monotonic_ms() - chaos->began_ms) / 1000;
}

static void print_line(json_t *value) {
    AUTO_BUF struct buf line = BUF_INIT(8192);
    json_append(&line, value);
    json_decref(value);
    puts(buf_str(&line));
    fflush(stdout);
}

static void say_worker(const struct chaos *chaos, const struct step *step, pid_t worker, const struct job *job,
                       bool live) {
    int length_ms = step->action == STOP ? step->length_ms : 0;
    if (cli_json(chaos->cli)) {
        print_line(json_pack("{s:s, s:f, s:i, s:s, s:i, s:i, s:b, s:i}", "event", action_names[step->action], "seconds",
                             seconds(chaos), "pid", (int)worker, "job", job->id, "run", job->runs, "rows",
                             job->downloaded_documents, "live", live, "ms", length_ms));
        return;
    }
    printf("%8.1f s  %-6s worker %d, job %s, run %d, %d rows", seconds(chaos), action_names[step->action], (int)worker,
           job->id, job->runs, job->downloaded_documents);
    if (length_ms)
        printf(", for %d ms", length_ms);
    puts("");
    fflush(stdout);
}

static void say(const struct chaos *chaos, const char *event, const char *detail, int length_ms) {
    if (cli_json(chaos->cli)) {
        print_line(json_pack("{s:s, s:f, s:s, s:i}", "event", event, "seconds", seconds(chaos), "detail", detail, "ms",
                             length_ms));
        return;
    }
    printf("%8.1f s  %-6s %s", seconds(chaos), event, detail);
    if (length_ms)
        printf(", for %d ms", length_ms);
    puts("");
    fflush(stdout);
}

/* ---- the portal ---- */

/* The portal that the workers use: theirs to say, else --portal or the setting. Asked once. */
static bool portal_allows(struct chaos *chaos, pid_t worker) {
    char url[256] = "";
    struct error err = {0};
    if (chaos->portal_asked)
        return chaos->portal_allows;
    const char *given = cli_option(chaos->cli, "portal");
    if (given)
        str_copy(url, sizeof(url), given);
    else if (!worker || !chaos_variable(worker, "PORTAL_URL", url, sizeof(url)))
        return false; /* no worker yet that could say it */
    chaos->portal_asked = true;
    chaos->portal_allows = chaos_portal_open(&chaos->portal, url, &err) == OK;
    if (!chaos->portal_allows)
        say(chaos, "portal", "it allows no faults, so there will be no outages", 0);
    return chaos->portal_allows;
}

static void mend(struct chaos *chaos, bool again) {
    struct error err = {0};
    int64_t deadline_ms = clock_monotonic_ms() + (again ? MEND_FOR_MS : 0);
    bool out = chaos->portal.before != NULL;
    chaos->mend_at_ms = INT64_MAX;
    while (chaos_portal_mend(&chaos->portal, &err) != OK) {
        if (clock_monotonic_ms() >= deadline_ms) {
            fprintf(stderr, "filesure chaos: the portal's faults were not put back: %s\n", err.message);
            chaos->mend_at_ms = clock_monotonic_ms() + LOOK_EVERY_MS;
            return;
        }
        (void)stop_wait_ms(LOOK_EVERY_MS);
    }
    if (out)
        say(chaos, "mended", "the portal answers again", 0);
}

static bool start_outage(struct chaos *chaos, const struct step *step, pid_t worker) {
    struct error err = {0};
    if (chaos->portal.before || !portal_allows(chaos, worker))
        return false;
    if (chaos_portal_break(&chaos->portal, step->fault, &err) != OK) {
        mend(chaos, true);
        return false;
    }
    chaos->mend_at_ms = clock_monotonic_ms() + step->length_ms;
    chaos->done[OUTAGE]++;
    say(chaos, "outage", str_eq(step->fault, "503") ? "the portal answers 503" : "the portal resets connections",
        step->length_ms);
    return true;
}

/* ---- workers ---- */

static bool send_stop(struct chaos *chaos, int fd, int length_ms) {
    struct error err = {0};
    for (int i = chaos->stop_count; i-- > 0;)
        if (waitpid(chaos->stops[i], NULL, WNOHANG) != 0)
            chaos->stops[i] = chaos->stops[--chaos->stop_count];
    if (chaos->stop_count == STOPS_MAX || chaos_stop_for(fd, length_ms, &chaos->stops[chaos->stop_count], &err) != OK)
        return false;
    chaos->stop_count++;
    return true;
}

static void hit_worker(struct chaos *chaos, const struct step *step, pid_t worker) {
    char job_id[OBJECT_ID_MAX] = "", token[TOKEN_MAX] = "";
    struct job job = {0};
    struct error err = {0};
    AUTO_CLOSE int fd = chaos_open_worker(chaos->up, worker);
    if (fd < 0 || !chaos_variable(worker, "JOB_ID", job_id, sizeof(job_id)) || !object_id_valid(job_id) ||
        jobs_get(chaos->jobs, job_id, &job, &err) != OK)
        return;
    (void)chaos_variable(worker, "LEASE_TOKEN", token, sizeof(token));
    bool done =
        step->action == STOP ? send_stop(chaos, fd, step->length_ms) : pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0;
    if (!done)
        return;
    struct job after;
    bool live = jobs_get(chaos->jobs, job_id, &after, &err) == OK && *token && str_eq(after.lease_token, token);
    chaos->done[step->action]++;
    chaos->live_kills += step->action == KILL && live;
    say_worker(chaos, step, worker, &job, live);
}

static void act(struct chaos *chaos, struct step *step) {
    pid_t workers[WORKERS_SEEN_MAX];
    int count = chaos_find_workers(chaos->up, workers, WORKERS_SEEN_MAX);
    pid_t worker = count ? workers[step->pick % (uint64_t)count] : 0;
    if (step->action == OUTAGE && start_outage(chaos, step, worker))
        return;
    if (step->action == OUTAGE)
        step->action = KILL;
    if (worker)
        hit_worker(chaos, step, worker);
}

/* ---- the whole ---- */

static void rage(struct chaos *chaos) {
    struct step step = next_step(chaos, 0);
    chaos->mend_at_ms = INT64_MAX;
    while (!stop_requested() && !chaos_ended(chaos->up_fd)) {
        int64_t now_ms = clock_monotonic_ms(), step_ms = chaos->began_ms + step.at_ms;
        if (now_ms >= chaos->began_ms + chaos->length_ms)
            break;
        if (now_ms >= chaos->mend_at_ms)
            mend(chaos, false);
        if (now_ms >= step_ms) {
            act(chaos, &step);
            step = next_step(chaos, step.at_ms);
            continue;
        }
        int64_t wait_ms = step_ms - now_ms;
        (void)stop_wait_ms(wait_ms < LOOK_EVERY_MS ? wait_ms : LOOK_EVERY_MS);
    }
    mend(chaos, true);
    while (chaos->stop_count > 0)
        (void)waitpid(chaos->stops[--chaos->stop_count], NULL, 0); /* each ends by itself */
}

static enum outcome drain(struct chaos *chaos, struct error *err) {
    struct jobs_counts counts;
    int64_t deadline_ms = clock_monotonic_ms() + chaos->drain_ms;
    say(chaos, "drain", "waiting for every job to be finished", 0);
    for (;;) {
        enum outcome outcome = jobs_count(chaos->jobs, &counts, err);
        if (outcome != OK && outcome != RETRY)
            return outcome;
        int64_t open = counts.by_status[JOB_PENDING] + counts.by_status[JOB_PROCESSING];
        int64_t failed = counts.by_status[JOB_FAILED] - chaos->failed_before;
        if (outcome == OK && open == 0)
            return failed <= 0 ? OK : error_set(err, FATAL, "jobs_failed", "%" PRId64 " jobs failed meanwhile", failed);
        if (outcome == OK && chaos_ended(chaos->up_fd))
            return error_set(err, FATAL, "up_ended", "\"filesure up\" has ended with %" PRId64 " jobs open", open);
        if (clock_monotonic_ms() >= deadline_ms)
            return error_set(err, FATAL, "not_drained", "%" PRId64 " jobs are still open", outcome == OK ? open : -1);
        if (stop_wait_ms(LOOK_EVERY_MS))
            return error_set(err, RETRY, "stopped", "stopped before every job was finished: nothing was checked");
    }
}

static bool was_written_to(const struct fsck *fsck) {
    size_t index;
    json_t *note;
    json_array_foreach (fsck->notes, index, note)
        if (str_eq(json_member_string(note, "code"), "written_to"))
            return true;
    return false;
}

/* The totals can only be compared while nothing is written. */
static int check(struct chaos *chaos) {
    struct error err = {0};
    for (int try = 1;; try++) {
        AUTO_JSON json_t *problems = json_array();
        AUTO_JSON json_t *notes = json_array();
        struct fsck fsck = {.problems = problems, .notes = notes};
        if (fsck_all(&fsck, chaos->cli, &err) != OK)
            return cli_fail(chaos->cli, &err);
        bool written = was_written_to(&fsck);
        if (written && fsck.problem_count == 0 && try < FSCK_TRIES && !stop_requested())
            continue;
        if (cli_json(chaos->cli))
            print_line(json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "event", "end", "clean",
                                 fsck.problem_count == 0 && !written, "kills", (json_int_t)chaos->done[KILL],
                                 "liveKills", (json_int_t)chaos->live_kills, "stops", (json_int_t)chaos->done[STOP],
                                 "outages", (json_int_t)chaos->done[OUTAGE], "jobs", (json_int_t)fsck.jobs_seen, "rows",
                                 (json_int_t)fsck.rows_seen, "blobs", (json_int_t)fsck.blobs_read, "problemCount",
                                 (json_int_t)fsck.problem_count, "problems", problems));
        else
            fsck_report(chaos->cli, &fsck);
        if (written)
            fputs("filesure chaos: the store is written to all the time, so the totals were not compared\n", stderr);
        return fsck.problem_count == 0 && !written ? CLI_OK : CLI_FAILED;
    }
}

/* --dry-run: whom it would hit, and the plan. */
static int print_plan(struct chaos *chaos) {
    pid_t workers[WORKERS_SEEN_MAX];
    int count = chaos_find_workers(chaos->up, workers, WORKERS_SEEN_MAX), lines = 0;
    if (!cli_json(chaos->cli))
        printf("filesure up is process %d with %d workers now; nothing is done to them\n", (int)chaos->up, count);
    for (struct step step = next_step(chaos, 0); step.at_ms < chaos->length_ms && lines < PLAN_LINES_MAX;
         step = next_step(chaos, step.at_ms), lines++) {
        double at = (double)step.at_ms / 1000;
        const char *name = action_names[step.action];
        int length_ms = step.action == KILL ? 0 : step.length_ms;
        if (cli_json(chaos->cli))
            print_line(
                json_pack("{s:s, s:f, s:s, s:i}", "event", "plan", "seconds", at, "action", name, "ms", length_ms));
        else if (length_ms)
            printf("%8.1f s  %-6s for %d ms\n", at, name, length_ms);
        else
            printf("%8.1f s  %s\n", at, name);
    }
    return CLI_OK;
}

static bool read_options(struct chaos *chaos) {
    const struct cli *cli = chaos->cli;
    int64_t minutes = 0, length_s = 0, drain_s = 0;
    if (!cli_option_int(cli, "seed", 0, INT64_MAX, 1, &chaos->seed) ||
        !cli_option_int(cli, "minutes", 1, 10080, 5, &minutes) ||
        !cli_option_int(cli, "seconds", 1, 604800, minutes * 60, &length_s) ||
        !cli_option_int(cli, "every-ms", 50, 600000, 2000, &chaos->every_ms) ||
        !cli_option_int(cli, "stop-ms", STOP_MIN_MS, 600000, 3000, &chaos->stop_max_ms) ||
        !cli_option_int(cli, "outage-ms", STOP_MIN_MS, 600000, 3000, &chaos->outage_max_ms) ||
        !cli_option_int(cli, "drain-seconds", 1, 86400, 600, &drain_s))
        return false;
    chaos->random = (uint64_t)chaos->seed;
    chaos->length_ms = length_s * 1000;
    chaos->drain_ms = drain_s * 1000;
    return true;
}

static void chaos_finish(struct chaos *chaos) {
    chaos_portal_finish(&chaos->portal);
    cleanup_close(&chaos->up_fd);
}

static int run_chaos(struct cli *cli) {
    CLEANUP(chaos_finish) struct chaos chaos = {.cli = cli, .up_fd = -1};
    struct error err = {0};
    struct jobs_counts counts;
    if (!read_options(&chaos))
        return CLI_USAGE;
    if (chaos_find_up(cli_data_dir(cli), &chaos.up, &chaos.up_fd, &err) != OK)
        return cli_fail(cli, &err);
    if (cli_switch(cli, "dry-run"))
        return print_plan(&chaos);
    (void)stop_install();
    if (cli_open_jobs(cli, false, &chaos.jobs, &err) != OK || jobs_count(chaos.jobs, &counts, &err) != OK)
        return cli_fail(cli, &err);
    chaos.failed_before = counts.by_status[JOB_FAILED];
    chaos.began_ms = clock_monotonic_ms();
    rage(&chaos);
    char done[128];
    str_format(done, sizeof(done), "%lld kills (%lld hit a live lease), %lld stops, %lld outages",
               (long long)chaos.done[KILL], (long long)chaos.live_kills, (long long)chaos.done[STOP],
               (long long)chaos.done[OUTAGE]);
    say(&chaos, "done", done, 0);
    if (drain(&chaos, &err) != OK)
        return cli_fail(cli, &err);
    return check(&chaos);
}

static const struct cli_option options[] = {
    {"seed", "N", "what is done when follows from it (1)"},
    {"minutes", "M", "how long (5)"},
    {"seconds", "S", "how long, in place of --minutes"},
    {"every-ms", "N", "mean time between two actions (2000)"},
    {"stop-ms", "N", "longest stop of a worker (3000); more than LEASE_SECONDS makes it lose its lease"},
    {"outage-ms", "N", "longest outage of the portal (3000)"},
    {"portal", "URL", "the portal for outages (the one the workers use)"},
    {"drain-seconds", "N", "how long to wait at the end for every job to be finished (600)"},
    {"dry-run", NULL, "print the plan and do nothing"},
    {NULL, NULL, NULL},
};

const struct cli_command command_chaos = {
    .name = "chaos",
    .operands = "",
    .help = "Kill and stop workers of the running \"filesure up\", break its portal, then check that all is whole.",
    .options = options,
    .run = run_chaos,
};
