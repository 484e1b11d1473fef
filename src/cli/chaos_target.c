#include "cli/chaos_target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/num.h"
#include "base/str.h"

enum { STAT_MAX = 4096, ENVIRONMENT_MAX = 256 * 1024 };

/* Name and parent of a process. */
static bool look_at(pid_t process, const char *name, pid_t *ret_parent) {
    char path[64];
    AUTO_BUF struct buf text = BUF_INIT(STAT_MAX);
    struct error ignored;
    str_format(path, sizeof(path), "/proc/%d/stat", (int)process);
    if (file_read(path, &text, &ignored) != OK)
        return false;
    char *open = strchr(text.data, '('), *close = strrchr(text.data, ')');
    if (!open || !close || close < open)
        return false;
    *close = '\0';
    int64_t parent = 0;
    char state = close[1] == ' ' ? close[2] : 'Z';
    char *field = state != '\0' && close[3] == ' ' ? close + 4 : close;
    field[strcspn(field, " ")] = '\0';
    if (state == 'Z' || state == 'X' || !num_parse(field, 0, INT32_MAX, &parent))
        return false;
    *ret_parent = (pid_t)parent;
    return str_eq(open + 1, name);
}

/* One of the process's descriptors is this file. */
static bool has_open(pid_t process, const struct stat *file) {
    char path[64];
    str_format(path, sizeof(path), "/proc/%d/fd", (int)process);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && !found; entry = readdir(dir)) {
        struct stat there;
        found = fstatat(dirfd(dir), entry->d_name, &there, 0) == 0 && there.st_dev == file->st_dev &&
                there.st_ino == file->st_ino;
    }
    if (dir)
        closedir(dir);
    return found;
}

enum outcome chaos_find_up(const char *data_dir, pid_t *ret_up, int *ret_fd, struct error *err) {
    char path[4200], text[32] = "";
    str_format(path, sizeof(path), "%s/up.lock", data_dir);
    AUTO_CLOSE int lock = open(path, O_RDONLY | O_CLOEXEC);
    struct stat file;
    int64_t id = 0;
    pid_t parent;
    /* a lock that can be had is nobody's, and closing the file gives it back */
    bool held = lock >= 0 && fstat(lock, &file) == 0 && flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!held || pread(lock, text, sizeof(text) - 1, 0) <= 0 || !num_parse(text, 2, INT32_MAX, &id))
        return error_set(err, GONE, "no_up", "no \"filesure up\" runs on %s", data_dir);
    AUTO_CLOSE int fd = pidfd_open((pid_t)id, 0);
    if (fd < 0 || !look_at((pid_t)id, "filesure", &parent) || !has_open((pid_t)id, &file))
        return error_set(err, GONE, "no_up", "%s is locked, but not by a \"filesure up\" that can be seen from here",
                         data_dir);
    *ret_up = (pid_t)id;
    *ret_fd = fd;
    fd = -1;
    return OK;
}

static bool is_worker(pid_t up, pid_t process) {
    pid_t parent = 0;
    return look_at(process, "filesure-worker", &parent) && parent == up;
}

static int by_id(const void *a, const void *b) {
    pid_t one = *(const pid_t *)a, two = *(const pid_t *)b;
    return (one > two) - (one < two);
}

int chaos_find_workers(pid_t up, pid_t *ret, int max) {
    int count = 0;
    int64_t id;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && count < max; entry = readdir(dir))
        if (num_parse(entry->d_name, 1, INT32_MAX, &id) && is_worker(up, (pid_t)id))
            ret[count++] = (pid_t)id;
    if (dir)
        closedir(dir);
    qsort(ret, (size_t)count, sizeof(*ret), by_id);
    return count;
}

int chaos_open_worker(pid_t up, pid_t worker) {
    int fd = pidfd_open(worker, 0);
    if (fd >= 0 && !is_worker(up, worker)) {
        close(fd);
        return -1;
    }
    return fd;
}

bool chaos_variable(pid_t process, const char *name, char *ret, size_t ret_size) {
    char path[64];
    AUTO_BUF struct buf text = BUF_INIT(ENVIRONMENT_MAX);
    struct error ignored;
    str_format(path, sizeof(path), "/proc/%d/environ", (int)process);
    if (file_read(path, &text, &ignored) != OK)
        return false;
    size_t length = strlen(name);
    for (size_t at = 0; at < text.size_bytes; at += strlen(text.data + at) + 1)
        if (strncmp(text.data + at, name, length) == 0 && text.data[at + length] == '=')
            return str_copy(ret, ret_size, text.data + at + length + 1);
    return false;
}

bool chaos_ended(int pid_fd) {
    struct pollfd wait = {.fd = pid_fd, .events = POLLIN};
    return poll(&wait, 1, 0) != 0;
}

/* Async-signal-safe calls only: the parent may have threads. */
static void continue_after(int pid_fd, int stop_ms) {
    const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    struct pollfd wait = {.fd = pid_fd, .events = POLLIN};
    (void)poll(&wait, 1, stop_ms);
    (void)pidfd_send_signal(pid_fd, SIGCONT, NULL, 0);
    _exit(0);
}

enum outcome chaos_stop_for(int pid_fd, int stop_ms, pid_t *ret_pid, struct error *err) {
    pid_t pid = fork(); /* before the stop: once it is stopped there is somebody to go on */
    if (pid < 0)
        return error_set(err, RETRY, "fork", "no process can be started: %s", strerror(errno));
    if (pid == 0) {
        if (pidfd_send_signal(pid_fd, SIGSTOP, NULL, 0) == 0)
            continue_after(pid_fd, stop_ms);
        _exit(0);
    }
    *ret_pid = pid;
    return OK;
}
