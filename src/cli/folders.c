#include "cli/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/str.h"

static enum outcome file_error(struct error *err, const char *path) {
    int number = errno;
    bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
    bool denied = number == EACCES || number == EPERM || number == EROFS;
    return error_set(err, denied ? DENIED : FATAL, full ? "disk_full" : "folder", "%s: %s", path, strerror(number));
}

enum outcome folder_path(const char *dir, const char *name, char ret[PATH_MAX], struct error *err) {
    if (str_format(ret, PATH_MAX, "%s/%s", dir, name))
        return OK;
    return error_set(err, INVALID, "bad_path", "%.100s…: the path is too long", dir);
}

bool folder_has(const char *dir, const char *name) {
    char path[PATH_MAX];
    struct stat there;
    return str_format(path, sizeof(path), "%s/%s", dir, name) && lstat(path, &there) == 0;
}

/* ---- where they lie -------------------------------------------------------------------------- */
static bool is_dots(const char *name, size_t length) {
    return name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}

/* The path without links; of what is not there yet, the part that is. */
static bool real_path(const char *path, char ret[PATH_MAX]) {
    char head[PATH_MAX], real[PATH_MAX];
    if (!*path || !str_copy(head, sizeof(head), path))
        return false;
    size_t length = strlen(head);
    while (!realpath(*head ? head : ".", real)) { /* cut the last name off until the rest is there */
        if (errno != ENOENT || !*head)
            return false;
        while (length > 0 && head[length - 1] == '/')
            length--;
        size_t end = length;
        while (length > 0 && head[length - 1] != '/')
            length--;
        if (end == length || is_dots(head + length, end - length))
            return false;
        head[length] = '\0';
    }
    const char *rest = path + length;
    return *rest ? str_format(ret, PATH_MAX, "%s/%s", str_eq(real, "/") ? "" : real, rest)
                 : str_copy(ret, PATH_MAX, real);
}

static bool lies_in(const char *path, const char *folder) {
    size_t length = str_eq(folder, "/") ? 0 : strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

enum outcome folders_apart(const char *data_dir, const char *dir, struct error *err) {
    char data[PATH_MAX], other[PATH_MAX];
    if (!real_path(data_dir, data))
        return error_set(err, INVALID, "bad_path", "%s is not the path of a folder", data_dir);
    if (!real_path(dir, other))
        return error_set(err, INVALID, "bad_path", "%s is not the path of a folder", dir);
    if (str_eq(data, other))
        return error_set(err, INVALID, "same_folder", "%s is the data folder itself", dir);
    if (lies_in(other, data))
        return error_set(err, INVALID, "same_folder", "%s lies in the data folder %s", dir, data_dir);
    if (lies_in(data, other))
        return error_set(err, INVALID, "same_folder", "the data folder %s lies in %s", data_dir, dir);
    return OK;
}

/* ---- what they hold -------------------------------------------------------------------------- */
/* The lock of a backup that was killed before it came to anything, and what a file system keeps in its root. */
static bool means_nothing(const char *name) {
    return str_eq(name, ".") || str_eq(name, "..") || str_eq(name, "up.lock") || str_eq(name, "lost+found");
}

enum outcome folder_check_ours(const char *dir, struct error *err) {
    char found[NAME_MAX + 1] = "";
    if (access(dir, W_OK) != 0 && errno != ENOENT)
        return file_error(err, dir);
    if (folder_has(dir, STORE_FILE))
        return OK;
    if (folder_has(dir, STORE_FILE "-wal"))
        return error_set(err, INVALID, "not_a_backup", "%s holds " STORE_FILE "-wal without its store", dir);
    if (folder_has(dir, PARTIAL_FOLDER)) /* begun before, and without its store yet */
        return OK;
    DIR *entries = opendir(dir);
    if (!entries)
        return errno == ENOENT ? OK : file_error(err, dir);
    for (struct dirent *entry = readdir(entries); entry && !*found; entry = readdir(entries))
        if (!means_nothing(entry->d_name))
            str_copy(found, sizeof(found), entry->d_name);
    closedir(entries);
    if (!*found)
        return OK;
    return error_set(err, INVALID, "not_a_backup", "%s is not empty and no backup: it holds %s", dir, found);
}

enum outcome folder_make_private(const char *dir, struct error *err) {
    struct stat there;
    if (stat(dir, &there) != 0)
        return file_error(err, dir);
    return (there.st_mode & 077) == 0 || chmod(dir, 0700) == 0 ? OK : file_error(err, dir);
}

enum outcome folder_lock_shared(const char *dir, int *ret_fd, struct error *err) {
    char path[PATH_MAX];
    enum outcome outcome = folder_path(dir, "up.lock", path, err);
    if (outcome != OK)
        return outcome;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return file_error(err, path);
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0)
        return error_set(err, DENIED, "in_use", "%s is in use by another filesure", dir);
    *ret_fd = fd;
    fd = -1;
    return OK;
}

enum outcome folder_fold_log(const char *dir, struct error *err) {
    if (!folder_has(dir, STORE_FILE))
        return error_set(err, GONE, "no_store", "%s holds no " STORE_FILE, dir);
    if (!folder_has(dir, STORE_FILE "-wal"))
        return OK;
    struct jobs *jobs = NULL;
    const struct jobs_config config = {.data_dir = dir};
    enum outcome outcome = jobs_open(&config, &jobs, err);
    if (outcome != OK)
        return error_prefix(err, "%s was not closed, and its log cannot be folded in", dir);
    jobs_close(jobs); /* the last one to close a store folds its log in */
    if (folder_has(dir, STORE_FILE "-wal"))
        return error_set(err, RETRY, "in_use", "the store in %s is open in another process", dir);
    return OK;
}

/* ---- a store that is being copied ------------------------------------------------------------ */
static enum outcome sync_path(const char *path, struct error *err) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? OK : file_error(err, path);
}

/* Only files of a store: whatever else lies there is a person's. */
static enum outcome empty_partial(const char *path, struct error *err) {
    DIR *entries = opendir(path);
    if (!entries)
        return file_error(err, path);
    enum outcome outcome = OK;
    for (struct dirent *entry = readdir(entries); entry && outcome == OK; entry = readdir(entries)) {
        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
            continue;
        if (!str_starts_with(entry->d_name, "filesure."))
            outcome =
                error_set(err, INVALID, "not_a_backup", "%s holds %s, which is not filesure's", path, entry->d_name);
        else if (unlinkat(dirfd(entries), entry->d_name, 0) != 0)
            outcome = file_error(err, path);
    }
    closedir(entries);
    return outcome;
}

enum outcome partial_begin(const char *dir, char ret_path[PATH_MAX], struct error *err) {
    enum outcome outcome = folder_path(dir, PARTIAL_FOLDER, ret_path, err);
    if (outcome == OK)
        outcome = dir_make(ret_path, err);
    return outcome == OK ? empty_partial(ret_path, err) : outcome;
}

void partial_drop(const char *dir) {
    char path[PATH_MAX];
    if (folder_path(dir, PARTIAL_FOLDER, path, NULL) == OK && empty_partial(path, NULL) != OK)
        return; /* the next try does it */
}

static enum outcome copy_bytes(int from, int to, const char *path, bool (*stop)(void), struct error *err) {
    enum { CHUNK_BYTES = 1 << 20 };
    AUTO_FREE char *chunk = x_alloc(CHUNK_BYTES);
    for (;;) {
        ssize_t got = read(from, chunk, CHUNK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error(err, path);
        if (got == 0)
            return OK;
        enum outcome outcome = fd_write_all(to, chunk, (size_t)got, err);
        if (outcome != OK)
            return outcome;
        if (stop())
            return error_set(err, RETRY, "stopped", "stopped: run it again and it goes on");
    }
}

enum outcome partial_take_file(const char *from_dir, const char *dir, bool (*stop)(void), struct error *err) {
    char source[PATH_MAX], target[PATH_MAX];
    enum outcome outcome = folder_path(from_dir, STORE_FILE, source, err);
    if (outcome == OK)
        outcome = folder_path(dir, PARTIAL_FOLDER "/" STORE_FILE, target, err);
    if (outcome != OK)
        return outcome;
    AUTO_CLOSE int from = open(source, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return file_error(err, source);
    AUTO_CLOSE int to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return file_error(err, target);
    outcome = copy_bytes(from, to, source, stop, err);
    if (outcome == OK && folder_has(from_dir, STORE_FILE "-wal"))
        outcome = error_set(err, RETRY, "in_use", "the store in %s was opened by another process", from_dir);
    return outcome;
}

static enum outcome give_name(const char *from, const char *to, bool replace, struct error *err) {
    if (replace)
        return rename(from, to) == 0 ? OK : file_error(err, to);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return OK;
    bool exists = errno == EEXIST;
    if (errno != EEXIST && errno != EINVAL) /* EINVAL: this file system only knows how to replace */
        return file_error(err, to);
    if (exists || access(to, F_OK) == 0)
        return error_set(err, INVALID, "store_exists", "%s came to be meanwhile: it is left as it is", to);
    return rename(from, to) == 0 ? OK : file_error(err, to);
}

enum outcome partial_commit(const char *dir, bool replace, struct error *err) {
    char partial[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
    enum outcome outcome = folder_path(dir, PARTIAL_FOLDER, partial, err);
    if (outcome == OK)
        outcome = folder_path(partial, STORE_FILE, from, err);
    if (outcome == OK)
        outcome = folder_path(dir, STORE_FILE, to, err);
    if (outcome == OK && folder_has(partial, STORE_FILE "-wal"))
        outcome = error_set(err, FATAL, "not_closed", "the log of the copied store could not be folded in");
    if (outcome == OK)
        outcome = sync_path(from, err);
    if (outcome == OK)
        outcome = give_name(from, to, replace, err);
    if (outcome == OK)
        outcome = sync_path(dir, err);
    if (outcome != OK)
        return outcome;
    partial_drop(dir);
    (void)rmdir(partial);
    return OK;
}
