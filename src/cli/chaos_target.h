/* What `filesure chaos` may touch: the `filesure up` of one data folder and that process's workers, nothing else. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* The process that holds <data_dir>/up.lock: it wrote its id there, is called filesure and has the file open. *ret_fd:
 * a pidfd of it, the caller's to close. GONE "no_up". */
MUST_USE enum outcome chaos_find_up(const char *data_dir, pid_t *ret_up, int *ret_fd, struct error *err);
/* Its workers by process id, at most max; how many. */
int chaos_find_workers(pid_t up, pid_t *ret, int max);
/* A pidfd of a process that is a worker of this up now; -1: it is not (any more). */
int chaos_open_worker(pid_t up, pid_t worker);
/* A variable of a process's environment as it was started; false: not there, or too long. */
bool chaos_variable(pid_t process, const char *name, char *ret, size_t ret_size);
/* Readable: the process has ended. */
bool chaos_ended(int pid_fd);
/* SIGSTOP now, SIGCONT after stop_ms from a process of its own, so that it comes even when this one is killed. *ret_pid
 * is to be waited for. */
MUST_USE enum outcome chaos_stop_for(int pid_fd, int stop_ms, pid_t *ret_pid, struct error *err);
