/* What is of the directory store alone: files, temporary files, a full disk. tests/contract/test_blobs.c has the rest.
 */
#include "support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/hash.h"
#include "base/str.h"
#include "blobs/blobs.h"
#include "support/blobs_fixture.h"

#define JOB_A "65a000000000000000000001"

static int open_store(void **state) {
    struct fixture *fixture = x_alloc(sizeof(*fixture));
    blobs_fixture_open(fixture);
    *state = fixture;
    return 0;
}

static int close_store(void **state) {
    blobs_fixture_close(*state);
    free(*state);
    return 0;
}

static int count_files(const struct fixture *fixture, const char *folder, const char *start) {
    char path[PATH_MAX];
    int count = 0;
    blob_path(fixture, folder, path);
    DIR *dir = opendir(path);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        count += entry->d_type == DT_REG && str_starts_with(entry->d_name, start);
    }
    if (dir) {
        (void)closedir(dir);
    }
    return count;
}

static void full_disk_leaves_nothing(void **state) {
    struct fixture *fixture = *state;
    AUTO_FREE char *bytes = x_alloc(70001);
    memset(bytes, 'x', 70000);
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    struct rlimit before;
    name_of(JOB_A, 1, BLOB_TEXT, bytes, name);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 65536, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum outcome outcome = blobs_put(fixture->blobs, name, bytes, 70000, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(outcome, FATAL);
    assert_string_equal(err.code, "disk_full");
    assert_null(strstr(err.message, fixture->folder));
    assert_absent(fixture, name);
    assert_int_equal(count_files(fixture, ".", ""), 0);
    assert_true(put(fixture, name, bytes)); /* goes on when there is room */
    assert_bytes(fixture, name, bytes);
    assert_int_equal(count_files(fixture, ".", ""), 0);
}

static void temps_of_a_crash_are_not_seen_and_go(void **state) {
    struct fixture *fixture = *state;
    char path[PATH_MAX];
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    name_of(JOB_A, 1, BLOB_TEXT, "x", name);
    assert_true(put(fixture, name, "x"));
    static const char *const temps[] = {".tmp-0123456789abcdef", ".tmp-fedcba9876543210",
                                        "jobs/" JOB_A "/.tmp-0123456789abcdef"};
    for (size_t i = 0; i < COUNT_OF(temps); i++) {
        blob_path(fixture, temps[i], path);
        assert_int_equal(file_replace(path, "half", 4, 0600, &err), OK);
    }
    CLEANUP(blob_names_finish) struct blob_names page = {0};
    assert_int_equal(blobs_list(fixture->blobs, "", NULL, 100, &page, &err), OK);
    assert_int_equal(page.count, 1);
    blob_path(fixture, temps[0], path); /* older than an hour */
    struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    struct blobs *again = NULL;
    assert_int_equal(blobs_open(&fixture->config, &again, &err), OK);
    blobs_close(again);
    assert_int_equal(count_files(fixture, ".", ".tmp-"), 1); /* the young one may be somebody's write under way */
    assert_bytes(fixture, name, "x");
}

static void other_files_are_not_listed(void **state) {
    struct fixture *fixture = *state;
    struct error err = {0};
    char path[PATH_MAX];
    static const char *const others[] = {"jobs", "jobs/" JOB_A, "jobs/notes"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        blob_path(fixture, others[i], path);
        assert_int_equal(dir_make(path, &err), OK);
    }
    static const char *const files[] = {"jobs/" JOB_A "/notes.txt", "jobs/" JOB_A "/.hidden",
                                        "jobs/notes/document_1.txt"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        blob_path(fixture, files[i], path);
        assert_int_equal(file_replace(path, "x", 1, 0600, &err), OK);
    }
    static const char *const prefixes[] = {"jobs/", "jobs/" JOB_A "/"};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        CLEANUP(blob_names_finish) struct blob_names page = {0};
        assert_int_equal(blobs_list(fixture->blobs, prefixes[i], NULL, 100, &page, &err), OK);
        assert_int_equal(page.count, 0);
    }
}

static void follows_no_link(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    char path[PATH_MAX];
    char elsewhere[PATH_MAX];
    struct error err = {0};
    name_of(JOB_A, 1, BLOB_TEXT, "x", name);
    assert_true(put(fixture, name, "x"));
    assert_true(str_format(elsewhere, sizeof(elsewhere), "%s/elsewhere", fixture->folder));
    assert_int_equal(file_replace(elsewhere, "y", 1, 0600, &err), OK);
    name_of(JOB_A, 2, BLOB_TEXT, "y", name);
    blob_path(fixture, name, path);
    assert_int_equal(symlink(elsewhere, path), 0);
    AUTO_BUF struct buf got = BUF_INIT(100);
    assert_int_equal(blobs_get(fixture->blobs, name, &got, &err), FATAL);
    assert_int_equal(got.size_bytes, 0);
    assert_int_equal(blobs_put(fixture->blobs, name, "y", 1, NULL, &err), FATAL); /* nor is it replaced */
    char target[PATH_MAX];
    assert_true(readlink(path, target, sizeof(target)) > 0);
}

static void url_is_plain(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    char url[BLOB_URL_MAX];
    char folder[PATH_MAX];
    struct error err = {0};
    struct blobs *blobs = NULL;
    assert_true(str_format(folder, sizeof(folder), "%s/with space%%", fixture->folder));
    struct blobs_config config = fixture->config;
    config.data_dir = folder;
    assert_int_equal(blobs_open(&config, &blobs, &err), OK);
    name_of(JOB_A, 1, BLOB_TEXT, "x", name);
    assert_int_equal(blobs_url(blobs, name, url, &err), OK);
    assert_true(str_starts_with(url, "file:///"));
    assert_non_null(strstr(url, "/with%20space%25/blobs/documents/jobs/" JOB_A "/document_1."));
    assert_true(str_ends_with(url, ".txt"));
    blobs_close(blobs);
}

/* A purge removes the last blob, and with it the folder, while another is put. */
static void a_folder_that_vanishes_is_made_again(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    char path[PATH_MAX];
    name_of(JOB_A, 1, BLOB_TEXT, "x", name);
    assert_true(put(fixture, name, "x"));
    blob_path(fixture, "jobs", path);
    folder_remove(path);
    assert_true(put(fixture, name, "x"));
    assert_bytes(fixture, name, "x");
}

/* ---- what waits for the disk ---- */
static int folder_syncs[2]; /* of jobs, and of the job's folder, while its blob is not there any more */
static int whole_syncs;
static const char *watched; /* the blob; NULL: nothing is counted */

int fsync(int fd) {
    char link[64], path[PATH_MAX] = "";
    (void)str_format(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (watched && readlink(link, path, sizeof(path) - 1) > 0 && access(watched, F_OK) != 0) {
        folder_syncs[0] += str_ends_with(path, "/jobs");
        folder_syncs[1] += str_ends_with(path, "/jobs/" JOB_A);
    }
    return (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd) {
    whole_syncs++;
    return (int)syscall(SYS_syncfs, fd);
}

static void removals_are_on_disk(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX], other[BLOB_NAME_MAX], path[PATH_MAX], folder[PATH_MAX];
    struct error err = {0};
    name_of(JOB_A, 1, BLOB_TEXT, "x", name);
    name_of(JOB_A, 2, BLOB_TEXT, "y", other);
    blob_path(fixture, name, path);
    blob_path(fixture, "jobs/" JOB_A, folder);
    for (int way = 0; way < 3; way++) {
        assert_true(put(fixture, name, "x"));
        if (way > 0) {
            (void)put(fixture, other, "y");
        }
        folder_syncs[0] = folder_syncs[1] = 0;
        watched = path;
        enum outcome outcome = way == 0   ? blobs_remove_under(fixture->blobs, "jobs/" JOB_A "/", NULL, &err)
                               : way == 1 ? blobs_remove_under(fixture->blobs, "jobs/" JOB_A "/document_1.", NULL, &err)
                                          : blobs_remove(fixture->blobs, name, &err);
        watched = NULL;
        assert_int_equal(outcome, OK);
        assert_int_equal(folder_syncs[way > 0], 1); /* once, after the last; the folder itself when it stays */
        assert_int_equal(access(folder, F_OK) == 0, way > 0);
    }
}

/* A put that was killed before its blob was there leaves one. */
static void an_empty_folder_goes_too(void **state) {
    struct fixture *fixture = *state;
    char folder[PATH_MAX];
    struct error err = {0};
    assert_int_equal(blobs_remove_under(fixture->blobs, "jobs/" JOB_A "/", NULL, &err), OK); /* no folder at all */
    blob_path(fixture, "jobs/" JOB_A, folder);
    assert_int_equal(dir_make(folder, &err), OK);
    assert_int_equal(blobs_remove_under(fixture->blobs, "jobs/" JOB_A "/", NULL, &err), OK);
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void all_that_is_there_is_synced(void **state) {
    struct fixture *fixture = *state;
    struct error err = {0};
    whole_syncs = 0;
    assert_int_equal(blobs_sync(fixture->blobs, &err), OK);
    assert_int_equal(whole_syncs, 1);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, open_store, close_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(full_disk_leaves_nothing),
        CASE(temps_of_a_crash_are_not_seen_and_go),
        CASE(other_files_are_not_listed),
        CASE(follows_no_link),
        CASE(url_is_plain),
        CASE(a_folder_that_vanishes_is_made_again),
        CASE(removals_are_on_disk),
        CASE(an_empty_folder_goes_too),
        CASE(all_that_is_there_is_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
