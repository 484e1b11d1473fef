/* Progress of jobs on a terminal: a bar per company, redrawn in place; on anything else a line per change. The
 * terminal's width and height are kept to, else what was drawn could not be drawn over. */
#pragma once

#include "cli/cli.h"

struct progress {
    bool terminal;
    int lines_drawn;
    char (*last)[64]; /* per job: what was printed last */
    int count;
};

enum { PROGRESS_LINE_MAX = 512 };
/* One line of a terminal `columns` wide, without its end; the company's name is cut first. Pure. */
void progress_line(const struct job *job, int columns, char ret[PROGRESS_LINE_MAX]);

void progress_init(struct progress *progress, int count);
void progress_finish(struct progress *progress);
void progress_draw(struct progress *progress, const struct job *jobs);

/* Follows the jobs until each is finished or stop was requested, drawing unless --json. GONE "unknown_job". */
MUST_USE enum outcome progress_follow(struct cli *cli, struct jobs *jobs, const char (*ids)[OBJECT_ID_MAX], int count,
                                      bool *ret_all_completed, struct error *err);
