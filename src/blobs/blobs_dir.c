/* Blobs as files: <data_dir>/blobs/<container>/<name>.
 *
 * put: write <container>/.tmp-<random> → fsync → link to the name → unlink the temp → fsync the folder. A link never
 * replaces, so a blob that is there stays as it is, and what a name shows is whole. A blob whose bytes are not what its
 * name says (damaged) is replaced by rename. A crash leaves at worst a .tmp- file, which no listing shows; opening the
 * store removes those that are older than an hour. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/url.h"
#include "blobs/blobs_backend.h"

#define TEMP_PREFIX ".tmp-"
enum { TEMP_NAME_MAX = 32, FOLDER_MAX = 64, PUT_TRIES = 5 };
#define TEMP_AGE_MS ((int64_t)3600 * 1000)

struct dir_store {
    int folder_fd; /* the container */
    char path[PATH_MAX];
    pthread_mutex_t lock;
    char synced_folder[FOLDER_MAX]; /* job folder whose own entry is known to be on disk */
};

/* A name of ours is no bad path: whatever is in its place, this store cannot be worked with. */
static enum outcome blob_error(struct error *err, const char *what, const char *name) {
    struct error plain;
    enum outcome outcome = io_error(&plain, what, name);
    return error_set(err, outcome == INVALID ? FATAL : outcome, outcome == GONE ? "no_blob" : plain.code,
                     "blob store: %s", plain.message);
}

/* "jobs/<id>" of "jobs/<id>/document_1.….txt" */
static void folder_of(const char *name, char out[FOLDER_MAX]) {
    const char *slash = strrchr(name, '/');
    (void)str_format(out, FOLDER_MAX, "%.*s", slash ? (int)(slash - name) : 0, name);
}

static enum outcome sync_folder(struct dir_store *store, const char *folder, struct error *err) {
    AUTO_CLOSE int fd = openat(store->folder_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? blob_error(err, "sync", folder) : OK;
}

/* The job's folder is there and its entry is on disk. Asked once per folder unless `again`. */
static enum outcome make_folder(struct dir_store *store, const char *folder, bool again, struct error *err) {
    (void)pthread_mutex_lock(&store->lock);
    bool known = !again && str_eq(store->synced_folder, folder);
    (void)pthread_mutex_unlock(&store->lock);
    if (known) {
        return OK;
    }
    if ((mkdirat(store->folder_fd, "jobs", 0700) < 0 && errno != EEXIST) ||
        (mkdirat(store->folder_fd, folder, 0700) < 0 && errno != EEXIST)) {
        return blob_error(err, "make folder", folder);
    }
    enum outcome outcome = sync_folder(store, "jobs", err);
    if (outcome == OK) {
        outcome = sync_folder(store, ".", err);
    }
    if (outcome == OK) {
        (void)pthread_mutex_lock(&store->lock);
        (void)str_copy(store->synced_folder, sizeof(store->synced_folder), folder);
        (void)pthread_mutex_unlock(&store->lock);
    }
    return outcome;
}

static int open_blob(struct dir_store *store, const char *name) {
    return openat(store->folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static enum outcome dir_read(void *self, const char *name, int64_t offset_bytes, void *out, size_t out_size,
                             size_t *ret_read, struct error *err) {
    AUTO_CLOSE int fd = open_blob(self, name);
    if (fd < 0) {
        return blob_error(err, "open", name);
    }
    size_t have = 0;
    while (have < out_size) {
        ssize_t got = pread(fd, (char *)out + have, out_size - have, offset_bytes + (int64_t)have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return blob_error(err, "read", name);
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    *ret_read = have;
    return OK;
}

static enum outcome dir_size(void *self, const char *name, int64_t *ret_size_bytes, struct error *err) {
    struct dir_store *store = self;
    struct stat there;
    if (fstatat(store->folder_fd, name, &there, AT_SYMLINK_NOFOLLOW) < 0) {
        return blob_error(err, "look at", name);
    }
    *ret_size_bytes = there.st_size;
    return OK;
}

static enum outcome dir_get(void *self, const char *name, struct buf *out, struct error *err) {
    AUTO_CLOSE int fd = open_blob(self, name);
    if (fd < 0) {
        return blob_error(err, "open", name);
    }
    enum outcome outcome = fd_read_to_end(fd, out, err);
    return outcome == OK ? OK : error_prefix(err, "blob store: %s", name);
}

/* OK with *ret_there false when there is no such blob, *ret_same false when its bytes are others. */
static enum outcome compare(struct dir_store *store, const char *name, const void *bytes, size_t size_bytes,
                            bool *ret_there, bool *ret_same, struct error *err) {
    AUTO_BUF struct buf there = BUF_INIT(size_bytes);
    enum outcome outcome = dir_get(store, name, &there, err);
    *ret_there = outcome != GONE;
    *ret_same = outcome == OK && there.size_bytes == size_bytes &&
                (size_bytes == 0 || memcmp(there.data, bytes, size_bytes) == 0);
    return outcome == GONE || outcome == INVALID ? OK : outcome; /* INVALID: it is longer */
}

static enum outcome write_temp(struct dir_store *store, const void *bytes, size_t size_bytes,
                               char ret_temp[TEMP_NAME_MAX], struct error *err) {
    char random[17];
    random_hex(random, 16);
    (void)str_format(ret_temp, TEMP_NAME_MAX, TEMP_PREFIX "%s", random);
    AUTO_CLOSE int fd = openat(store->folder_fd, ret_temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return blob_error(err, "create", "a temporary file");
    }
    enum outcome outcome = fd_write_all(fd, bytes, size_bytes, err);
    if (outcome == OK && fsync(fd) < 0) {
        outcome = blob_error(err, "write", "a temporary file");
    } else if (outcome != OK) {
        outcome = error_prefix(err, "blob store");
    }
    if (outcome != OK) {
        (void)unlinkat(store->folder_fd, ret_temp, 0);
    }
    return outcome;
}

/* One try: *ret_again when the folder vanished (a purge removed it) or the blob came meanwhile. */
static enum outcome put_once(struct dir_store *store, const char *name, const void *bytes, size_t size_bytes,
                             bool *ret_created, bool *ret_again, struct error *err) {
    bool there = false;
    bool same = false;
    enum outcome outcome = compare(store, name, bytes, size_bytes, &there, &same, err);
    if (outcome != OK || same) {
        *ret_created = false;
        return outcome;
    }
    char temp[TEMP_NAME_MAX];
    outcome = write_temp(store, bytes, size_bytes, temp, err);
    if (outcome != OK) {
        return outcome;
    }
    if (there) { /* damaged: the name says what belongs there */
        if (renameat(store->folder_fd, temp, store->folder_fd, name) < 0) {
            outcome = blob_error(err, "replace", name);
        }
    } else if (linkat(store->folder_fd, temp, store->folder_fd, name, 0) < 0) {
        *ret_again = errno == EEXIST || errno == ENOENT;
        outcome = blob_error(err, "create", name);
    }
    (void)unlinkat(store->folder_fd, temp, 0);
    *ret_created = outcome == OK;
    return outcome;
}

static enum outcome dir_put(void *self, const char *name, const void *bytes, size_t size_bytes, bool *ret_created,
                            struct error *err) {
    struct dir_store *store = self;
    char folder[FOLDER_MAX];
    folder_of(name, folder);
    enum outcome outcome = OK;
    bool again = false;
    for (int i = 0; i < PUT_TRIES; i++) {
        outcome = make_folder(store, folder, again, err);
        again = false;
        if (outcome == OK) {
            outcome = put_once(store, name, bytes, size_bytes, ret_created, &again, err);
        }
        if (outcome == OK) { /* also when it was there: whoever made it may not have come to its sync */
            outcome = sync_folder(store, folder, err);
            again = outcome == GONE;
        }
        if (!again) {
            return outcome;
        }
    }
    return outcome == OK ? OK : error_set(err, RETRY, "blobs_busy", "blob store: %s changes while it is stored", name);
}

static enum outcome dir_remove(void *self, const char *name, struct error *err) {
    struct dir_store *store = self;
    if (unlinkat(store->folder_fd, name, 0) < 0) {
        return errno == ENOENT || errno == ENOTDIR ? OK : blob_error(err, "remove", name);
    }
    return OK;
}

/* The job's folder goes when nothing is in it, also one that a killed put left; an older call may have removed it. */
static enum outcome dir_removed(void *self, const char *name, struct error *err) {
    struct dir_store *store = self;
    char folder[FOLDER_MAX];
    folder_of(name, folder);
    bool gone = unlinkat(store->folder_fd, folder, AT_REMOVEDIR) == 0 || errno == ENOENT;
    enum outcome outcome = sync_folder(store, gone ? "jobs" : folder, err);
    return outcome == GONE ? OK : outcome; /* nothing was ever stored, or another removed the folder just now */
}

/* All at once: which of the blobs that are there were never synced nobody knows. */
static enum outcome dir_sync(void *self, struct error *err) {
    struct dir_store *store = self;
    return syncfs(store->folder_fd) < 0 ? blob_error(err, "sync", "the container") : OK;
}

struct entries {
    struct dirent **items;
    int count;
};

static void entries_finish(struct entries *entries) {
    for (int i = 0; i < entries->count; i++) {
        free(entries->items[i]);
    }
    free(entries->items);
}

static int visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names in a folder, sorted; hidden ones left out. No such folder: none. */
static enum outcome read_folder(struct dir_store *store, const char *folder, struct entries *out, struct error *err) {
    int count = scandirat(store->folder_fd, folder, &out->items, visible, by_bytes);
    if (count < 0) {
        return errno == ENOENT || errno == ENOTDIR ? OK : blob_error(err, "list", folder);
    }
    out->count = count;
    return OK;
}

static enum outcome list_folder(struct dir_store *store, const char *job_id, const char *prefix, const char *after,
                                int limit, struct blob_names *out, struct error *err) {
    CLEANUP(entries_finish) struct entries files = {0};
    char folder[FOLDER_MAX];
    (void)str_format(folder, sizeof(folder), "jobs/%s", job_id);
    enum outcome outcome = read_folder(store, folder, &files, err);
    for (int i = 0; outcome == OK && i < files.count && out->count < limit; i++) {
        char name[BLOB_NAME_MAX];
        if (str_format(name, sizeof(name), "%s/%s", folder, files.items[i]->d_name) && str_starts_with(name, prefix) &&
            strcmp(name, after) > 0 && blob_name_parse(name, NULL, NULL, NULL, NULL)) {
            blob_names_add(out, name);
        }
    }
    return outcome;
}

static enum outcome dir_list(void *self, const char *prefix, const char *after, int limit, struct blob_names *out,
                             struct error *err) {
    struct dir_store *store = self;
    char job_id[OBJECT_ID_MAX] = "";
    if (str_starts_with(prefix, "jobs/") && strlen(prefix) > 5 + 24 && prefix[5 + 24] == '/') {
        (void)str_format(job_id, sizeof(job_id), "%.24s", prefix + 5);
        return object_id_valid(job_id) ? list_folder(store, job_id, prefix, after, limit, out, err) : OK;
    }
    CLEANUP(entries_finish) struct entries folders = {0};
    enum outcome outcome = read_folder(store, "jobs", &folders, err);
    for (int i = 0; outcome == OK && i < folders.count && out->count < limit; i++) {
        char last_of_folder[FOLDER_MAX]; /* '0' follows '/': nothing of the folder sorts behind it */
        (void)str_format(last_of_folder, sizeof(last_of_folder), "jobs/%.32s0", folders.items[i]->d_name);
        if (object_id_valid(folders.items[i]->d_name) && strcmp(after, last_of_folder) < 0) {
            outcome = list_folder(store, folders.items[i]->d_name, prefix, after, limit, out, err);
        }
    }
    return outcome;
}

static enum outcome dir_url(void *self, const char *name, char ret[BLOB_URL_MAX], struct error *err) {
    struct dir_store *store = self;
    AUTO_BUF struct buf url = BUF_INIT(BLOB_URL_MAX - 1);
    char path[PATH_MAX + BLOB_NAME_MAX];
    bool fits = str_format(path, sizeof(path), "%s/%s", store->path, name) && buf_append_str(&url, "file://");
    char *rest = path + 1;
    for (char *part = strsep(&rest, "/"); part; part = strsep(&rest, "/")) {
        fits = fits && buf_append_char(&url, '/') && url_escape(&url, part);
    }
    if (!fits) {
        return error_set(err, INVALID, "too_large", "blob store: the URL of %s is longer than %d bytes", name,
                         BLOB_URL_MAX - 1);
    }
    (void)str_copy(ret, BLOB_URL_MAX, buf_str(&url));
    return OK;
}

/* Now as the file system sees it: the clock of this process may be wrong, and what is being written must stay. 0: not
 * known. */
static int64_t folder_now_ms(struct dir_store *store) {
    char temp[TEMP_NAME_MAX];
    struct stat there = {0};
    struct error ignored;
    if (write_temp(store, "", 0, temp, &ignored) != OK) {
        return 0;
    }
    bool known = fstatat(store->folder_fd, temp, &there, AT_SYMLINK_NOFOLLOW) == 0;
    (void)unlinkat(store->folder_fd, temp, 0);
    return known ? (int64_t)there.st_mtim.tv_sec * 1000 : 0;
}

static void remove_old_temps(struct dir_store *store) {
    DIR *dir = fdopendir(openat(store->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) {
        return;
    }
    int64_t now_ms = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct stat there;
        if (!str_starts_with(entry->d_name, TEMP_PREFIX)) {
            continue;
        }
        now_ms = now_ms ? now_ms : folder_now_ms(store);
        if (fstatat(store->folder_fd, entry->d_name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
            now_ms - (int64_t)there.st_mtim.tv_sec * 1000 > TEMP_AGE_MS) {
            (void)unlinkat(store->folder_fd, entry->d_name, 0);
        }
    }
    (void)closedir(dir);
}

static void dir_close(void *self) {
    struct dir_store *store = self;
    (void)close(store->folder_fd);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

static const struct blobs_backend dir_backend = {
    .put = dir_put,
    .get = dir_get,
    .size = dir_size,
    .read = dir_read,
    .list = dir_list,
    .remove = dir_remove,
    .removed = dir_removed,
    .sync = dir_sync,
    .url = dir_url,
    .close = dir_close,
};

enum outcome blobs_dir_open(const struct blobs_config *config, const struct blobs_backend **ret_backend,
                            void **ret_self, struct error *err) {
    char path[PATH_MAX];
    if (!str_format(path, sizeof(path), "%s/blobs/%s", config->data_dir, config->container)) {
        return error_set(err, INVALID, "bad_path", "the data folder's path is too long");
    }
    enum outcome outcome = config->create ? dir_make(path, err) : OK;
    if (outcome != OK) {
        return error_prefix(err, "blob store");
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT
                   ? error_set(err, GONE, "no_container", "blob store: there is no container \"%s\"", config->container)
                   : blob_error(err, "open container", config->container);
    }
    struct dir_store *store = x_alloc(sizeof(*store));
    store->folder_fd = fd;
    if (!realpath(path, store->path)) {
        (void)str_copy(store->path, sizeof(store->path), path);
    }
    (void)pthread_mutex_init(&store->lock, NULL);
    if (config->create) {
        remove_old_temps(store);
    }
    *ret_backend = &dir_backend;
    *ret_self = store;
    return OK;
}
