#include "cli/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/stop.h"
#include "base/str.h"

enum { LOCK_EVERY_MS = 50 };

/* The process that wrote the lock's file is there. */
static bool owner_lives(int fd) {
    char text[32] = "";
    int64_t pid = 0;
    ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
    return size > 0 && num_parse(text, 1, INT32_MAX, &pid) && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static enum outcome write_owner(int fd, const char *path, struct error *err) {
    char text[32];
    str_format(text, sizeof(text), "%d", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
        return error_set(err, FATAL, "data_dir", "%s: %s", path, strerror(errno));
    return OK;
}

enum outcome data_lock(const char *data_dir, int wait_ms, int *ret_fd, struct error *err) {
    char path[4200];
    str_format(path, sizeof(path), "%s/up.lock", data_dir);
    AUTO_CLOSE int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, FATAL, "data_dir", "%s: %s", path, strerror(errno));
    int64_t deadline = clock_monotonic_ms() + wait_ms;
    for (bool said = false; flock(fd, LOCK_EX | LOCK_NB) != 0; said = true) {
        if (owner_lives(fd) || clock_monotonic_ms() > deadline)
            return error_set(err, DENIED, "already_up", "another \"filesure up\", backup or restore runs on %s",
                             data_dir);
        if (!said)
            log_info("waiting for the end of what a killed \"filesure up\" left", log_str("data", data_dir));
        if (stop_wait_ms(LOCK_EVERY_MS))
            return error_set(err, RETRY, "stopped", "stopped");
    }
    enum outcome outcome = write_owner(fd, path, err);
    if (outcome == OK) {
        *ret_fd = fd;
        fd = -1;
    }
    return outcome;
}
