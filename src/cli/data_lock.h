/* One `filesure up` per data folder: two scalers would both be right, but nobody means to start two. A backup into a
 * folder and a restore take its lock as well: nobody else works there meanwhile. */
#pragma once

#include "base/error.h"

/* *ret_fd holds the lock while it, or a copy of it that a child kept, is open. Portal and API keep one, so that a start
 * after a kill -9 of `up` waits (at most wait_ms) until they have ended and their ports are free. DENIED "already_up".
 */
MUST_USE enum outcome data_lock(const char *data_dir, int wait_ms, int *ret_fd, struct error *err);
