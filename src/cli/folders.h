/* Folders of backups and restores: where they lie, what they hold, and how a store that was copied into one becomes its
 * store.
 *
 *   DIR/.partial/filesure.db ──whole, closed, on disk──rename──> DIR/filesure.db
 *
 * DIR/.partial also says that DIR is a folder of ours while it has no store yet. */
#pragma once

#include <limits.h>

#include "base/error.h"
#include "jobs/jobs.h"

#define STORE_FILE "filesure.db"

/* OK unless one of the two folders is the other or lies in it, links followed; neither has to be there yet. INVALID
 * "same_folder" or "bad_path". */
MUST_USE enum outcome folders_apart(const char *data_dir, const char *dir, struct error *err);
/* Folder and name in one path; INVALID "bad_path" when it is too long. */
MUST_USE enum outcome folder_path(const char *dir, const char *name, char ret[PATH_MAX], struct error *err);
/* True: there is something of that name in the folder. */
bool folder_has(const char *dir, const char *name);
/* What a backup may be made into: not there, empty, begun before, or with a store. INVALID "not_a_backup" names what is
 * in the way. */
MUST_USE enum outcome folder_check_ours(const char *dir, struct error *err);
/* The folder, which is there, is for its owner only. */
MUST_USE enum outcome folder_make_private(const char *dir, struct error *err);
/* As many readers as want to, while no `up`, backup or restore has the folder's lock (data_lock.h); *ret_fd -1 when
 * nobody ever locked it. Works where nothing can be written. DENIED "in_use". */
MUST_USE enum outcome folder_lock_shared(const char *dir, int *ret_fd, struct error *err);
/* The store's file is all there is of it: a log that a crash left is folded in. GONE "no_store"; RETRY "in_use" when
 * another process has it open; the errors of jobs_open. */
MUST_USE enum outcome folder_fold_log(const char *dir, struct error *err);

/* DIR/.partial is there and empty: what an earlier try left is removed. *ret_path: its path. */
MUST_USE enum outcome partial_begin(const char *dir, char ret_path[PATH_MAX], struct error *err);
/* Copies a closed store's file byte for byte into DIR/.partial; true from stop ends it with RETRY "stopped". */
MUST_USE enum outcome partial_take_file(const char *from_dir, const char *dir, bool (*stop)(void), struct error *err);
/* The closed store of DIR/.partial becomes the one of DIR, in one step and on disk. Without `replace` a store that is
 * there stays: INVALID "store_exists". */
MUST_USE enum outcome partial_commit(const char *dir, bool replace, struct error *err);
/* Gives back the room that DIR/.partial takes; the folder itself stays. */
void partial_drop(const char *dir);
