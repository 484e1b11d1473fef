/* Fault points: each case is a process of its own that is expected to die, or not. */
#include "core/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/str.h"
#include "support/folder.h"
#include "support/test.h"

static char folder[FOLDER_PATH_MAX];
static char log_path[FOLDER_PATH_MAX + 16];

static int setup(void **state) {
    (void)state;
    folder_make(folder);
    (void)str_format(log_path, sizeof(log_path), "%s/log", folder);
    unsetenv("FILESURE_FAULT");
    unsetenv("FILESURE_FAULT_LOG");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

/* The wait status of a process that passes the points a, b, a, b, a, b. */
static int status_of_child(const char *fault, int *ret_pid) {
    pid_t child = fork();
    if (child == 0) {
        if (fault)
            setenv("FILESURE_FAULT", fault, 1);
        setenv("FILESURE_FAULT_LOG", log_path, 1);
        for (int i = 0; i < 3; i++) {
            FAULT_POINT("a");
            FAULT_POINT("b");
        }
        _exit(0);
    }
    assert_true(child > 0);
    int status = -1;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    if (WIFSTOPPED(status)) {
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    *ret_pid = child;
    return status;
}

static void assert_log(int pid, const char *points) {
    AUTO_BUF struct buf log = BUF_INIT(1000);
    AUTO_BUF struct buf expected = BUF_INIT(1000);
    for (; *points; points++)
        assert_true(buf_printf(&expected, "%d %c\n", pid, *points));
    assert_int_equal(file_read(log_path, &log, NULL), OK);
    assert_string_equal(buf_str(&log), buf_str(&expected));
}

static void no_fault_logs_only(void **state) {
    (void)state;
    int pid = 0;
    assert_int_equal(status_of_child(NULL, &pid), 0);
    assert_log(pid, "ababab");
}

static void kill_at_first_arrival(void **state) {
    (void)state;
    int pid = 0;
    int status = status_of_child("kill:b", &pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_log(pid, "ab");
}

static void kill_at_a_later_arrival(void **state) {
    (void)state;
    int pid = 0;
    int status = status_of_child("kill:a:3", &pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_log(pid, "ababa");
}

static void stop_at_a_point(void **state) {
    (void)state;
    int pid = 0;
    int status = status_of_child("stop:b:2", &pid);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    assert_log(pid, "abab");
}

static void other_points_do_nothing(void **state) {
    (void)state;
    int pid = 0;
    assert_int_equal(status_of_child("kill:c", &pid), 0);
}

static void a_longer_name_is_another_point(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        setenv("FILESURE_FAULT", "kill:a", 1);
        FAULT_POINT("ab");
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_folder(no_fault_logs_only),      with_folder(kill_at_first_arrival),
        with_folder(kill_at_a_later_arrival), with_folder(stop_at_a_point),
        with_folder(other_points_do_nothing), with_folder(a_longer_name_is_another_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
