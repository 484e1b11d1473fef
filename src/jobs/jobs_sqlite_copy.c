/* A copy of the whole embedded store as it was at one instant: one read snapshot is held while its pages are copied, so
 * that what other processes write meanwhile neither shows in the copy nor makes it start over.
 *
 *   filesure.db.new, locked by its maker ──all pages, fsync──> renamed to filesure.db
 *          └──failure, stop──> removed;  └──kill──> unlocked: the next copy takes it over */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/str.h"
#include "core/fault.h"
#include "jobs/jobs_sqlite.h"

enum { PAGES_A_STEP = 256 };

struct copy {
    const char *data_dir;
    char path[PATH_MAX]; /* of the new store */
    char temp[PATH_MAX]; /* and while it is made */
    bool made_folder;
};

static enum outcome copy_error(struct error *err, const char *what) {
    int number = errno;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG)
        return error_set(err, FATAL, "disk_full", "no room is left for the copy of the job store");
    return error_set(err, FATAL, "store_io", "the copy of the job store cannot be %s: %s", what, strerror(number));
}

/* ---- the folder ------------------------------------------------------------------------------ */
/* What belongs to a store there: a log that was left behind would be taken for the copy's own. */
static enum outcome check_free(const struct copy *copy, struct error *err) {
    static const char *const endings[] = {"", "-wal", "-journal"};
    char path[PATH_MAX + 16];
    struct stat status;
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        str_format(path, sizeof path, "%s%s", copy->path, endings[i]);
        if (lstat(path, &status) == 0)
            return error_set(err, INVALID, "store_exists", "the folder holds a job store already: filesure.db%s",
                             endings[i]);
    }
    return OK;
}

/* The file is this call's own once it is locked and still has its name. */
static enum outcome take_temp(const struct copy *copy, int fd, struct error *err) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    struct stat opened, named;
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0 || fstat(fd, &opened) != 0 || lstat(copy->temp, &named) != 0 ||
        opened.st_ino != named.st_ino)
        return error_set(err, INVALID, "store_exists", "another copy is being made in that folder");
    return ftruncate(fd, 0) == 0 ? OK : copy_error(err, "made");
}

/* ---- pages ----------------------------------------------------------------------------------- */
/* Another connection is in the way for the moment. */
static bool is_busy(int code) {
    return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

/* Only SQLITE_DONE says that every page is there: finish has no error for steps that were busy. */
static enum outcome copy_pages(struct sql_conn *from, struct sql_conn *to, bool (*stop)(void), struct error *err) {
    sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (!backup)
        return sql_error(to, err);
    bool stopped = false, late = false;
    int code, busy = 0;
    int64_t moved_ms = sqlite_boot_ms();
    do {
        code = sqlite3_backup_step(backup, PAGES_A_STEP);
        FAULT_POINT("store_copying");
        busy = is_busy(code) ? busy + 1 : 0;
        if (busy > 0)
            sqlite_nap(busy);
        else
            moved_ms = sqlite_boot_ms();
        late = busy > 0 && sqlite_boot_ms() - moved_ms > STORE_DEADLINE_MS;
        stopped = code != SQLITE_DONE && stop && stop();
    } while ((code == SQLITE_OK || busy > 0) && !stopped && !late);
    int finished = sqlite3_backup_finish(backup);
    if (stopped)
        return error_set(err, RETRY, "stopped", "the copy was stopped");
    if (late)
        return error_set(err, RETRY, "store_timeout", "another process holds the job store or its copy");
    return code == SQLITE_DONE && finished == SQLITE_OK ? OK : sql_error(to, err);
}

static enum outcome hold_snapshot(struct sqlite_store *store, struct sql_conn *from, struct error *err) {
    static const char look[] = "SELECT one FROM store";
    int64_t deadline_ms = sqlite_boot_ms() + atomic_load(&store->deadline_ms);
    enum outcome outcome = sql_conn_open(from, store->path, SQLITE_OPEN_READONLY, deadline_ms, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(from, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(from, look);
    return sql_run(&sql, err);
}

/* Without a journal: a copy that is not whole is removed. */
static enum outcome open_temp(const struct copy *copy, struct sql_conn *to, struct error *err) {
    enum outcome outcome = sql_conn_open(to, copy->temp, SQLITE_OPEN_READWRITE, INT64_MAX, err);
    return outcome == OK ? sql_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", err) : outcome;
}

static enum outcome fill_temp(struct sqlite_store *store, const struct copy *copy, bool (*stop)(void),
                              struct error *err) {
    struct sql_conn from = {0}, to = {0};
    enum outcome outcome = hold_snapshot(store, &from, err);
    if (outcome == OK)
        outcome = open_temp(copy, &to, err);
    if (outcome == OK)
        outcome = copy_pages(&from, &to, stop, err);
    sql_conn_close(&to);
    sql_conn_close(&from);
    return outcome;
}

/* ---- on disk --------------------------------------------------------------------------------- */
static enum outcome give_name(const struct copy *copy, struct error *err) {
    if (renameat2(AT_FDCWD, copy->temp, AT_FDCWD, copy->path, RENAME_NOREPLACE) == 0)
        return OK;
    if (errno == EEXIST)
        return error_set(err, INVALID, "store_exists", "the folder holds a job store already: filesure.db");
    if (errno != EINVAL) /* EINVAL: the file system only knows how to replace */
        return copy_error(err, "named");
    enum outcome outcome = check_free(copy, err);
    if (outcome == OK && rename(copy->temp, copy->path) != 0)
        return copy_error(err, "named");
    return outcome;
}

static enum outcome sync_path(const char *path, struct error *err) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? OK : copy_error(err, "written");
}

/* Folder of the copy, and where a new folder itself is written down. */
static enum outcome sync_folders(const struct copy *copy, struct error *err) {
    char parent[PATH_MAX + 8];
    enum outcome outcome = sync_path(copy->data_dir, err);
    if (outcome != OK || !copy->made_folder)
        return outcome;
    str_format(parent, sizeof parent, "%s/..", copy->data_dir);
    return sync_path(parent, err);
}

static enum outcome make_copy(struct sqlite_store *store, const struct copy *copy, bool (*stop)(void),
                              struct error *err) {
    AUTO_CLOSE int fd = open(copy->temp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return copy_error(err, "made");
    enum outcome outcome = take_temp(copy, fd, err);
    if (outcome != OK)
        return outcome;
    outcome = fill_temp(store, copy, stop, err);
    if (outcome == OK && fsync(fd) != 0)
        outcome = copy_error(err, "written");
    FAULT_POINT("store_copied");
    if (outcome == OK)
        outcome = give_name(copy, err);
    if (outcome != OK) {
        (void)unlink(copy->temp);
        return outcome;
    }
    outcome = sync_folders(copy, err);
    if (outcome != OK)
        (void)unlink(copy->path);
    return outcome;
}

enum outcome sqlite_copy(struct jobs *jobs, const char *data_dir, bool (*stop)(void), struct error *err) {
    struct copy copy = {.data_dir = data_dir};
    if (!str_format(copy.path, sizeof copy.path, "%s/filesure.db", data_dir) ||
        !str_format(copy.temp, sizeof copy.temp, "%s/filesure.db.new", data_dir))
        return error_set(err, INVALID, "bad_path", "the path of the copy is too long");
    copy.made_folder = access(data_dir, F_OK) != 0;
    enum outcome outcome = dir_make(data_dir, err);
    if (outcome == OK)
        outcome = check_free(&copy, err);
    if (outcome == OK)
        outcome = make_copy(sqlite_store(jobs), &copy, stop, err);
    if (outcome != OK && copy.made_folder)
        (void)rmdir(data_dir);
    return outcome;
}
