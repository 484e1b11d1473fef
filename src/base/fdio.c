/* Descriptors and files. */
#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/str.h"

enum outcome io_error(struct error *err, const char *what, const char *path) {
    int number = errno;
    enum outcome outcome = FATAL;
    const char *code = "io_error";
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        outcome = GONE;
        code = "not_found";
        break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        code = "disk_full";
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        outcome = DENIED;
        code = "access_denied";
        break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        outcome = RETRY;
        code = "busy";
        break;
    case EPIPE:
    case ECONNRESET:
        outcome = RETRY;
        code = "closed";
        break;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
        outcome = INVALID;
        code = "bad_path";
        break;
    default:
        break;
    }
    const char *reason = strerrordesc_np(number);
    return error_set(err, outcome, code, "cannot %s%s%s: %s", what, path ? " " : "", path ? path : "",
                     reason ? reason : "unknown error");
}

/* A failure of a helper that did not know the path. */
static enum outcome failed_at(const char *path, enum outcome outcome, struct error *err) {
    return err && outcome != OK ? error_prefix(err, "%s", path) : outcome;
}

/* For a descriptor that does not block: waits until it is ready. False: errno says why not. */
static bool wait_again(int fd, short events) {
    if (errno == EINTR) {
        return true;
    }
    if (errno != EAGAIN) {
        return false;
    }
    struct pollfd wait = {.fd = fd, .events = events};
    return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

enum outcome fd_write_all(int fd, const void *bytes, size_t size_bytes, struct error *err) {
    const char *at = bytes;
    while (size_bytes > 0) {
        ssize_t written = write(fd, at, size_bytes);
        if (written < 0) {
            if (!wait_again(fd, POLLOUT)) {
                return io_error(err, "write", NULL);
            }
            continue;
        }
        at += written;
        size_bytes -= (size_t)written;
    }
    return OK;
}

/* One read that is not cut short by signals. Negative: errno. */
static ssize_t read_some(int fd, void *out, size_t size_bytes) {
    for (;;) {
        ssize_t got = read(fd, out, size_bytes);
        if (got >= 0 || !wait_again(fd, POLLIN)) {
            return got;
        }
    }
}

enum outcome fd_read_exact(int fd, void *out, size_t size_bytes, struct error *err) {
    size_t have = 0;
    while (have < size_bytes) {
        ssize_t got = read_some(fd, (char *)out + have, size_bytes - have);
        if (got < 0) {
            return io_error(err, "read", NULL);
        }
        if (got == 0) {
            return have == 0 ? error_set(err, GONE, "end_of_file", "the stream ended")
                             : error_set(err, RETRY, "cut_short", "the stream ended after %zu of %zu bytes", have,
                                         size_bytes);
        }
        have += (size_t)got;
    }
    return OK;
}

enum outcome fd_read_to_end(int fd, struct buf *out, struct error *err) {
    char chunk[16384];
    for (;;) {
        ssize_t got = read_some(fd, chunk, sizeof(chunk));
        if (got < 0) {
            return io_error(err, "read", NULL);
        }
        if (got == 0) {
            return OK;
        }
        if (!buf_append(out, chunk, (size_t)got)) {
            return error_set(err, INVALID, "too_large", "more than %zu bytes", out->max_bytes);
        }
    }
}

enum outcome file_read(const char *path, struct buf *out, struct error *err) {
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return io_error(err, "open", path);
    }
    return failed_at(path, fd_read_to_end(fd, out, err), err);
}

struct temp_file {
    char folder[PATH_MAX];
    char path[PATH_MAX]; /* .<name>.<16 hex>.tmp beside the file it becomes */
};

static enum outcome temp_name(const char *path, struct temp_file *ret, struct error *err) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int folder_length = slash ? (int)(slash - path) + 1 : 0;
    char hex[17];
    random_hex(hex, 16);
    bool fits = str_format(ret->folder, sizeof(ret->folder), "%.*s", slash ? folder_length : 1, slash ? path : ".") &&
                str_format(ret->path, sizeof(ret->path), "%.*s.%s.%s.tmp", folder_length, path, name, hex);
    if (!fits || !*name) {
        return error_set(err, INVALID, "bad_path", "not the path of a file: %.100s", path);
    }
    return OK;
}

static enum outcome temp_write(const struct temp_file *temp, const void *bytes, size_t size_bytes, unsigned mode,
                               struct error *err) {
    AUTO_CLOSE int fd = open(temp->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return io_error(err, "create", temp->path);
    }
    enum outcome outcome = fd_write_all(fd, bytes, size_bytes, err);
    if (outcome == OK && (fchmod(fd, mode) < 0 || fsync(fd) < 0)) {
        outcome = io_error(err, "write", NULL);
    }
    if (outcome != OK) {
        (void)unlink(temp->path);
    }
    return failed_at(temp->path, outcome, err);
}

static enum outcome sync_folder(const char *folder, struct error *err) {
    AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        return io_error(err, "sync", folder);
    }
    return OK;
}

enum outcome file_replace(const char *path, const void *bytes, size_t size_bytes, unsigned mode, struct error *err) {
    struct temp_file temp;
    enum outcome outcome = temp_name(path, &temp, err);
    if (outcome == OK) {
        outcome = temp_write(&temp, bytes, size_bytes, mode, err);
    }
    if (outcome != OK) {
        return outcome;
    }
    if (rename(temp.path, path) < 0) {
        outcome = io_error(err, "replace", path);
        (void)unlink(temp.path);
        return outcome;
    }
    return sync_folder(temp.folder, err);
}

enum outcome file_create_once(const char *path, const void *bytes, size_t size_bytes, bool *ret_created,
                              struct error *err) {
    struct temp_file temp;
    enum outcome outcome = temp_name(path, &temp, err);
    if (outcome != OK) {
        return outcome;
    }
    struct stat there;
    bool created = false;
    if (lstat(path, &there) < 0) {
        outcome = temp_write(&temp, bytes, size_bytes, 0600, err);
        if (outcome != OK) {
            return outcome;
        }
        created = link(temp.path, path) == 0;
        if (!created && errno != EEXIST) {
            outcome = io_error(err, "create", path);
        }
        (void)unlink(temp.path);
        if (outcome != OK) {
            return outcome;
        }
    }
    /* also when another process made it: its own sync may not have happened yet */
    outcome = sync_folder(temp.folder, err);
    if (outcome == OK && ret_created) {
        *ret_created = created;
    }
    return outcome;
}

/* One folder; there already = done. */
static enum outcome make_one(const char *path, struct error *err) {
    struct stat there;
    if (stat(path, &there) == 0) {
        return S_ISDIR(there.st_mode) ? OK : error_set(err, INVALID, "bad_path", "%s is not a folder", path);
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        return io_error(err, "make folder", path);
    }
    struct temp_file parent;
    enum outcome outcome = temp_name(path, &parent, err);
    return outcome == OK ? sync_folder(parent.folder, err) : outcome;
}

enum outcome dir_make(const char *path, struct error *err) {
    char part[PATH_MAX];
    if (!str_copy(part, sizeof(part), path) || !*part) {
        return error_set(err, INVALID, "bad_path", "not the path of a folder: %.100s", path);
    }
    size_t length = strlen(part);
    while (length > 1 && part[length - 1] == '/') {
        part[--length] = '\0';
    }
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        enum outcome outcome = make_one(part, err);
        *slash = '/';
        if (outcome != OK) {
            return outcome;
        }
    }
    return str_eq(part, "/") ? OK : make_one(part, err);
}
