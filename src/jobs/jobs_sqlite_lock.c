/* One process writes at a time, and checkpoints are part of it: every writer of this program holds filesure.lock around
 * its transaction and around the checkpoint that may follow. SQLite's own locks would do for writing; but SQLite
 * before 3.51.3 can lose a commit that restarts the write-ahead log while another connection begins a second checkpoint
 * ("WAL-reset bug", sqlite.org/wal.html), and Debian's is older. With checkpoints kept apart from commits that cannot
 * happen. A closing last connection checkpoints alone by nature. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

enum { LONG_LOG_PAGES = 4000 };

void sqlite_nap(int tries) {
    long step_us = tries < 20 ? 100 : 700;
    struct timespec nap = {.tv_nsec = (step_us + (long)random_below((uint64_t)step_us)) * 1000};
    nanosleep(&nap, NULL);
}

enum outcome sqlite_lock_open(struct sqlite_store *store, const char *data_dir, struct error *err) {
    char path[4096];
    if (!str_format(path, sizeof path, "%s/filesure.lock", data_dir))
        return error_set(err, INVALID, "no_store", "the path of the job store is too long");
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0 && (errno == ENOSPC || errno == EDQUOT))
        return error_set(err, FATAL, "disk_full", "no room is left for the job store");
    if (store->lock_fd < 0)
        return error_set(err, FATAL, "store_io", "the job store's lock file cannot be opened: %s", strerror(errno));
    return OK;
}

enum lock_byte { TURNSTILE, WRITER };

static bool set_lock(const struct sqlite_store *store, enum lock_byte byte, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(store->lock_fd, F_OFD_SETLK, &lock) == 0;
}

static enum outcome wait_for_byte(struct sqlite_store *store, enum lock_byte byte, int64_t deadline_ms,
                                  struct error *err) {
    for (int tries = 0; !set_lock(store, byte, F_WRLCK); tries++) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return error_set(err, FATAL, "store_io", "the job store cannot be locked: %s", strerror(errno));
        if (sqlite_boot_ms() >= deadline_ms)
            return error_set(err, RETRY, "store_timeout", "another process holds the job store");
        sqlite_nap(tries);
    }
    return OK;
}

enum outcome sqlite_lock(struct sqlite_store *store, int64_t deadline_ms, struct error *err) {
    enum outcome outcome = wait_for_byte(store, TURNSTILE, deadline_ms, err);
    if (outcome != OK)
        return outcome;
    outcome = wait_for_byte(store, WRITER, deadline_ms, err);
    set_lock(store, TURNSTILE, F_UNLCK);
    return outcome;
}

void sqlite_unlock(struct sqlite_store *store) {
    set_lock(store, WRITER, F_UNLCK);
}

static int note_log(void *arg, sqlite3 *db, const char *name, int pages) {
    struct sqlite_store *store = arg;
    (void)db, (void)name;
    store->wal_pages = pages;
    return SQLITE_OK;
}

void sqlite_watch_log(struct sqlite_store *store) {
    sqlite3_wal_hook(store->writer.db, note_log, store);
}

void sqlite_checkpoint_log(struct sqlite_store *store) {
    if (store->wal_pages < LONG_LOG_PAGES)
        return;
    store->wal_pages = 0; /* one that could not finish is tried again after the next commit */
    sqlite3_wal_checkpoint_v2(store->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
