#include "base/fdio.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "support/folder.h"
#include "support/test.h"

static char folder[FOLDER_PATH_MAX];
static char path[FOLDER_PATH_MAX + 16];

static int setup(void **state) {
    (void)state;
    folder_make(folder);
    (void)str_format(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static void assert_content(const char *expected) {
    AUTO_BUF struct buf content = BUF_INIT(1000);
    assert_int_equal(file_read(path, &content, NULL), OK);
    assert_string_equal(buf_str(&content), expected);
}

static void replace_makes_and_replaces(void **state) {
    (void)state;
    mode_t mask = umask(077);
    assert_int_equal(file_replace(path, "one", 3, 0640, NULL), OK);
    assert_content("one");
    assert_int_equal(file_replace(path, "second", 6, 0644, NULL), OK);
    assert_content("second");
    umask(mask);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(folder_count(folder), 1); /* no temporary file stays */
}

static void replace_of_nothing_makes_an_empty_file(void **state) {
    (void)state;
    assert_int_equal(file_replace(path, NULL, 0, 0600, NULL), OK);
    assert_content("");
}

static void create_once_never_replaces(void **state) {
    (void)state;
    bool created = false;
    assert_int_equal(file_create_once(path, "one", 3, &created, NULL), OK);
    assert_true(created);
    assert_int_equal(file_create_once(path, "two", 3, &created, NULL), OK);
    assert_false(created);
    assert_content("one");
    assert_int_equal(folder_count(folder), 1);
    assert_int_equal(file_create_once(path, "two", 3, NULL, NULL), OK);
}

enum { RACERS = 8, ROUNDS = 20 };

static void *race(void *out) {
    bool *created = out;
    if (file_create_once(path, "same", 4, created, NULL) != OK)
        *created = true; /* makes the count wrong */
    return NULL;
}

static void create_once_has_one_winner(void **state) {
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        (void)str_format(path, sizeof(path), "%s/file%d", folder, round);
        pthread_t threads[RACERS];
        bool created[RACERS] = {false};
        int winners = 0;
        for (int i = 0; i < RACERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, race, &created[i]), 0);
        for (int i = 0; i < RACERS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            winners += created[i];
        }
        assert_int_equal(winners, 1);
        assert_content("same");
    }
    assert_int_equal(folder_count(folder), ROUNDS);
}

/* A write that hits the file size limit stands for a full disk. */
static void full_disk_leaves_the_old_file(void **state) {
    (void)state;
    assert_int_equal(file_replace(path, "old", 3, 0600, NULL), OK);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    sighandler_t handler = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    char large[1000] = "";
    char other[FOLDER_PATH_MAX + 16];
    (void)str_format(other, sizeof(other), "%s/other", folder);
    struct error err;
    enum outcome replaced = file_replace(path, large, sizeof(large), 0600, &err);
    enum outcome created = file_create_once(other, large, sizeof(large), NULL, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(replaced, FATAL);
    assert_int_equal(created, FATAL);
    assert_string_equal(err.code, "disk_full");
    assert_content("old");
    assert_int_equal(folder_count(folder), 1);
}

static void no_free_descriptor_is_no_end(void **state) {
    (void)state;
    AUTO_BUF struct buf content = BUF_INIT(10);
    struct rlimit before;
    struct error err;
    assert_int_equal(file_replace(path, "old", 3, 0600, NULL), OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum outcome outcome = file_read(path, &content, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(outcome, RETRY);
    assert_string_equal(err.code, "busy");
    assert_content("old");
}

static void bad_paths(void **state) {
    (void)state;
    struct error err;
    AUTO_BUF struct buf content = BUF_INIT(10);
    assert_int_equal(file_read("no/such/file", &content, &err), GONE);
    assert_string_equal(err.code, "not_found");
    assert_non_null(strstr(err.message, "no/such/file"));
    assert_int_equal(file_read(folder, &content, &err), INVALID);
    assert_int_equal(file_replace("no/such/file", "x", 1, 0600, &err), GONE);
    assert_int_equal(file_replace("folder/", "x", 1, 0600, &err), INVALID);
    assert_int_equal(file_create_once("no/such/file", "x", 1, NULL, &err), GONE);
    char longer[5000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(file_replace(longer, "x", 1, 0600, &err), INVALID);
    char sub_folder[1000];
    (void)str_format(sub_folder, sizeof(sub_folder), "%s/sub", folder);
    assert_int_equal(dir_make(sub_folder, &err), OK);
    assert_int_equal(file_replace(sub_folder, "x", 1, 0600, &err), INVALID);
    assert_int_equal(folder_count(folder), 1); /* no temporary file is left */
    assert_int_equal(dir_make(longer, &err), INVALID);
    assert_int_equal(dir_make("", &err), INVALID);
}

static void read_is_bounded(void **state) {
    (void)state;
    assert_int_equal(file_replace(path, "12345", 5, 0600, NULL), OK);
    AUTO_BUF struct buf fits = BUF_INIT(5);
    assert_int_equal(file_read(path, &fits, NULL), OK);
    AUTO_BUF struct buf small = BUF_INIT(4);
    struct error err;
    assert_int_equal(file_read(path, &small, &err), INVALID);
    assert_string_equal(err.code, "too_large");
}

static void exact_read_tells_end_from_cut(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(fd_write_all(ends[1], "abcde", 5, NULL), OK);
    char out[4] = "";
    assert_int_equal(fd_read_exact(ends[0], out, 3, NULL), OK);
    assert_string_equal(out, "abc");
    close(ends[1]);
    struct error err;
    assert_int_equal(fd_read_exact(ends[0], out, 3, &err), RETRY);
    assert_string_equal(err.code, "cut_short");
    assert_int_equal(fd_read_exact(ends[0], out, 3, &err), GONE);
    assert_string_equal(err.code, "end_of_file");
    assert_int_equal(fd_read_exact(ends[0], out, 0, &err), OK);
    close(ends[0]);
}

static void *read_all(void *fd) {
    static struct buf all;
    all = BUF_INIT(4 << 20);
    return fd_read_to_end(*(int *)fd, &all, NULL) == OK ? &all : NULL;
}

static void large_write_through_a_pipe_that_does_not_block(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    AUTO_FREE char *bytes = x_alloc(3 << 20);
    memset(bytes, 'x', 3 << 20);
    assert_int_equal(fd_write_all(ends[1], bytes, 3 << 20, NULL), OK);
    close(ends[1]);
    void *got = NULL;
    assert_int_equal(pthread_join(reader, &got), 0);
    struct buf *all = got;
    assert_non_null(all);
    assert_int_equal(all->size_bytes, 3 << 20);
    assert_memory_equal(all->data, bytes, 3 << 20);
    buf_finish(all);
    close(ends[0]);
}

static void write_to_a_closed_pipe(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    sighandler_t handler = signal(SIGPIPE, SIG_IGN);
    struct error err;
    assert_int_equal(fd_write_all(ends[1], "x", 1, &err), RETRY);
    (void)signal(SIGPIPE, handler);
    assert_string_equal(err.code, "closed");
    close(ends[1]);
}

static void folders_are_made_with_their_parents(void **state) {
    (void)state;
    char deep[FOLDER_PATH_MAX + 16];
    (void)str_format(deep, sizeof(deep), "%s/a/b//c/", folder);
    assert_int_equal(dir_make(deep, NULL), OK);
    assert_int_equal(dir_make(deep, NULL), OK);
    assert_int_equal(dir_make("/", NULL), OK);
    assert_int_equal(dir_make(".", NULL), OK);
    struct stat status;
    assert_int_equal(stat(deep, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(file_replace(path, "x", 1, 0600, NULL), OK);
    struct error err;
    assert_int_equal(dir_make(path, &err), INVALID);
    (void)str_format(deep, sizeof(deep), "%s/file/sub", folder);
    assert_int_equal(dir_make(deep, &err), INVALID);
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_folder(replace_makes_and_replaces),
        with_folder(replace_of_nothing_makes_an_empty_file),
        with_folder(create_once_never_replaces),
        with_folder(create_once_has_one_winner),
        with_folder(full_disk_leaves_the_old_file),
        with_folder(no_free_descriptor_is_no_end),
        with_folder(bad_paths),
        with_folder(read_is_bounded),
        cmocka_unit_test(exact_read_tells_end_from_cut),
        cmocka_unit_test(large_write_through_a_pipe_that_does_not_block),
        cmocka_unit_test(write_to_a_closed_pipe),
        with_folder(folders_are_made_with_their_parents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
