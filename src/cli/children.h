/* The processes `filesure up` starts: each dies with it, its stderr is passed on line by line. */
#pragma once

#include <poll.h>
#include <sys/types.h>

#include "base/error.h"
#include "core/job.h"

enum child_role { CHILD_PORTAL, CHILD_API, CHILD_WORKER };
enum { CHILDREN_MAX = 70, CHILD_LINE_MAX = 8192, ADDRESS_MAX = 80 };

struct child {
    enum child_role role;
    pid_t pid;
    int pid_fd;                                   /* readable once it has ended */
    int output;                                   /* our end of its stderr; -1: closed */
    int slot;                                     /* worker: 0.. */
    bool hide_info;                               /* its info lines are read, but not passed on */
    char job_id[OBJECT_ID_MAX], token[TOKEN_MAX]; /* worker: its lease */
    char address[ADDRESS_MAX];                    /* what it said it listens on */
    char line[CHILD_LINE_MAX];
    size_t line_size;
};

struct children {
    struct child items[CHILDREN_MAX];
    int count;
    int kept_fd; /* stays open in the children that are no workers; 0: none */
};

/* program: full path; arguments and environment end with NULL; environment adds to ours. */
MUST_USE enum outcome children_start(struct children *children, enum child_role role, const char *program,
                                     const char *const *arguments, const char *const *environment, struct child **ret,
                                     struct error *err);
/* Waits for output, a child's end or stop (stop_fd -1: none), at most wait_ms, and passes lines on. */
void children_wait(struct children *children, int stop_fd, int wait_ms);
/* Takes one child that has ended: true and *ret_child, *ret_status (of waitpid). */
bool children_take_ended(struct children *children, struct child *ret_child, int *ret_status);
struct child *children_find(struct children *children, enum child_role role);
int children_count(const struct children *children, enum child_role role);
/* The address in a line that says "listening": host:port, the last one in it. False: it is another line. Pure. */
bool children_address(const char *line, char ret[ADDRESS_MAX]);
/* A log line of level info, in either format. Pure. */
bool children_line_is_info(const char *line);
/* SIGTERM to all of a role, waits, SIGKILL to what is left after grace_ms. on_end may be NULL. */
typedef void child_end(void *context, const struct child *child, int status);
void children_stop(struct children *children, enum child_role role, int grace_ms, child_end *on_end, void *context);
