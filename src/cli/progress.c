#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/stop.h"
#include "base/str.h"

enum { BAR_WIDTH = 30, LOOK_EVERY_MS = 250 };

void progress_init(struct progress *progress, int count) {
    *progress = (struct progress){.terminal = cli_terminal(), .count = count};
    progress->last = x_alloc(sizeof(*progress->last) * (size_t)(count + 1));
}

void progress_finish(struct progress *progress) {
    free(progress->last);
    progress->last = NULL;
}

static void describe(const struct job *job, char *out, size_t out_size) {
    str_format(out, out_size, "%-10s %3d/%-3d run %d", job_status_name(job->status), job->downloaded_documents,
               job->total_documents, job->runs);
}

void progress_line(const struct job *job, int columns, char ret[PROGRESS_LINE_MAX]) {
    char state[64], bar[BAR_WIDTH + 1];
    int full = job->total_documents > 0 ? BAR_WIDTH * job->downloaded_documents / job->total_documents : 0;
    if (job->status == JOB_COMPLETED || full > BAR_WIDTH)
        full = BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)full);
    bar[BAR_WIDTH] = '\0';
    describe(job, state, sizeof(state));
    str_format(ret, PROGRESS_LINE_MAX, "%s [%s] %s  %s", job->company.cin, bar, state, job->company.name);
    /* A character takes at least one byte, so a line of `columns` bytes fits. */
    ret[utf8_cut(ret, columns > 1 ? (size_t)columns - 1 : 1)] = '\0';
}

/* How much can be drawn over again. */
static void terminal_size(int *ret_columns, int *ret_rows) {
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *ret_columns = known && size.ws_col > 0 ? size.ws_col : 80;
    *ret_rows = known && size.ws_row > 0 ? size.ws_row : 24;
}

/* Open jobs first when not all fit; the last line says how many are left out. */
static void draw_terminal(struct progress *progress, const struct job *jobs) {
    int columns, rows, drawn = 0;
    terminal_size(&columns, &rows);
    int room = progress->count < rows ? progress->count : rows > 2 ? rows - 2 : 1;
    if (progress->lines_drawn)
        printf("\033[%dA\033[J", progress->lines_drawn);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < progress->count && drawn < room; i++) {
            bool first = progress->count <= room || job_status_open(jobs[i].status);
            if (first != (pass == 0))
                continue;
            char line[PROGRESS_LINE_MAX];
            progress_line(&jobs[i], columns, line);
            puts(line);
            drawn++;
        }
    }
    if (drawn < progress->count)
        printf("and %d more\n", progress->count - drawn++);
    progress->lines_drawn = drawn;
}

static void print_changes(struct progress *progress, const struct job *jobs) {
    for (int i = 0; i < progress->count; i++) {
        char state[64];
        describe(&jobs[i], state, sizeof(state));
        if (!jobs[i].id[0] || str_eq(state, progress->last[i]))
            continue;
        str_copy(progress->last[i], sizeof(progress->last[i]), state);
        printf("%s %s %s\n", jobs[i].id, jobs[i].company.cin, state);
    }
}

void progress_draw(struct progress *progress, const struct job *jobs) {
    if (progress->terminal)
        draw_terminal(progress, jobs);
    else
        print_changes(progress, jobs);
    fflush(stdout);
}

enum outcome progress_follow(struct cli *cli, struct jobs *store, const char (*ids)[OBJECT_ID_MAX], int count,
                             bool *ret_all_completed, struct error *err) {
    AUTO_FREE struct job *jobs = x_alloc(sizeof(*jobs) * (size_t)(count + 1));
    struct progress progress CLEANUP(progress_finish);
    progress_init(&progress, count);
    int open = count, completed = 0;
    stop_install();
    while (open > 0) {
        open = completed = 0;
        for (int i = 0; i < count; i++) {
            enum outcome outcome = jobs_get(store, ids[i], &jobs[i], err);
            if (outcome != OK && outcome != RETRY) /* a store that is away for a while is waited for */
                return outcome;
            open += outcome == RETRY || job_status_open(jobs[i].status);
            completed += outcome == OK && jobs[i].status == JOB_COMPLETED;
        }
        if (!cli_json(cli))
            progress_draw(&progress, jobs);
        if (open > 0 && stop_wait_ms(LOOK_EVERY_MS))
            break;
    }
    *ret_all_completed = completed == count;
    return OK;
}
