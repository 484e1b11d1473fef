/* The processes of `filesure up`: started with their environment, output passed on, ends noticed, stopped. */
#include "cli/children.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/str.h"
#include "support/test.h"

enum { DEADLINE_MS = 30000 };

static struct children *new_children(void) {
    return x_alloc(sizeof(struct children));
}

static struct child *run_shell(struct children *children, const char *script) {
    const char *const arguments[] = {"sh", "-c", script, NULL};
    static const char *const environment[] = {"GREETING=hello", NULL};
    struct child *child = NULL;
    struct error err = {0};
    assert_int_equal(children_start(children, CHILD_WORKER, "/bin/sh", arguments, environment, &child, &err), OK);
    return child;
}

static int wait_ended(struct children *children, struct child *ret_child) {
    int status = 0;
    int64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    while (!children_take_ended(children, ret_child, &status)) {
        assert_true(clock_monotonic_ms() < deadline);
        children_wait(children, -1, 1000);
    }
    return status;
}

/* What a script's stderr becomes on ours. */
static char *passed_on(const char *script) {
    struct children *children = new_children();
    AUTO_BUF struct buf text = BUF_INIT(1024 * 1024);
    struct error err = {0};
    struct child ended;
    int kept = dup(STDERR_FILENO), file = open(".", O_TMPFILE | O_RDWR, 0600);
    assert_true(kept >= 0 && file >= 0);
    dup2(file, STDERR_FILENO);
    run_shell(children, script);
    int status = wait_ended(children, &ended);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(status, 0);
    lseek(file, 0, SEEK_SET);
    assert_int_equal(fd_read_to_end(file, &text, &err), OK);
    close(file);
    free(children);
    return buf_take(&text);
}

static void test_addresses(void **state) {
    (void)state;
    static const struct {
        const char *line, *address;
    } cases[] = {
        {"{\"time\":\"2026-11-25T10:00:00.123Z\",\"message\":\"listening\",\"address\":\"127.0.0.1:40213\",\"version\":"
         "\"0.1.0\"}",
         "127.0.0.1:40213"},
        {"2026-11-25T10:00:00.123Z info  filesure-api: listening address=0.0.0.0:5001 version=0.1.0", "0.0.0.0:5001"},
        {"listening on http://127.0.0.1:5080", "127.0.0.1:5080"},
        {"listening address=[::1]:5001", "[::1]:5001"},
        {"listening address=localhost:5001", "localhost:5001"},
        {"{\"message\":\"connected\",\"address\":\"127.0.0.1:40213\"}", NULL},
        {"listening address=127.0.0.1:0", NULL},
        {"listening", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char address[ADDRESS_MAX] = "";
        assert_int_equal(children_address(cases[i].line, address), cases[i].address != NULL);
        assert_string_equal(address, cases[i].address ? cases[i].address : "");
    }
}

static void test_levels(void **state) {
    (void)state;
    assert_true(children_line_is_info("{\"time\":\"2026-11-25T10:00:00.123Z\",\"level\":\"info\",\"message\":\"x\"}"));
    assert_true(children_line_is_info("2026-11-25T10:00:00.123Z info  filesure-api: listening"));
    assert_false(children_line_is_info("{\"time\":\"x\",\"level\":\"warn\",\"message\":\" info \"}"));
    assert_false(children_line_is_info("2026-11-25T10:00:00.123Z error filesure-api: no info here"));
    assert_false(children_line_is_info("{\"message\":\"none\"}"));
    assert_false(children_line_is_info("out of memory"));
    assert_false(children_line_is_info(""));
}

static void test_output_is_passed_on_in_lines(void **state) {
    (void)state;
    AUTO_FREE char *lines = passed_on("echo one >&2; echo $GREETING >&2; echo nothing; printf 'no end' >&2");
    assert_string_equal(lines, "one\nhello\nno end\n");
    AUTO_FREE char *much = passed_on("i=0; while [ $i -lt 3000 ]; do echo \"line $i\" >&2; i=$((i+1)); done");
    assert_int_equal(strncmp(much, "line 0\n", 7), 0);
    assert_true(str_ends_with(much, "\nline 2999\n"));
    AUTO_FREE char *cut = passed_on("head -c 20000 /dev/zero | tr '\\0' x >&2; echo >&2; echo next >&2");
    assert_true(str_ends_with(cut, "x\nnext\n"));
    assert_int_equal(strlen(cut), CHILD_LINE_MAX + strlen("next\n"));
}

static void test_ends_are_told(void **state) {
    (void)state;
    struct children *children = new_children();
    struct child ended;
    pid_t pid = run_shell(children, "exit 7")->pid;
    int status = wait_ended(children, &ended);
    assert_int_equal(ended.pid, pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    run_shell(children, "kill -9 $$");
    status = wait_ended(children, &ended);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(children->count, 0);
    assert_false(children_take_ended(children, &ended, &status));
    free(children);
}

static void test_a_program_that_is_not_there(void **state) {
    (void)state;
    struct children *children = new_children();
    const char *const arguments[] = {"none", NULL};
    struct child *child, ended;
    struct error err = {0};
    assert_int_equal(children_start(children, CHILD_API, "/nonexistent/none", arguments, NULL, &child, &err), OK);
    int status = wait_ended(children, &ended);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 127);
    free(children);
}

static void count_end(void *context, const struct child *child, int status) {
    assert_true(WIFSIGNALED(status));
    assert_int_equal(child->role, CHILD_WORKER);
    ++*(int *)context;
}

/* One obeys, one does not, one is stopped; another role goes on. */
static void test_stop_ends_a_role(void **state) {
    (void)state;
    struct children *children = new_children();
    struct child *child, ended;
    struct error err = {0};
    int status;
    const char *const arguments[] = {"sleep", "1000", NULL};
    assert_int_equal(children_start(children, CHILD_API, "/bin/sleep", arguments, NULL, &child, &err), OK);
    pid_t other = child->pid;
    run_shell(children, "exec sleep 1000");
    run_shell(children, "trap '' TERM; echo listening 1.2.3.4:5 >&2; exec sleep 1000");
    kill(run_shell(children, "kill -STOP $$; exec sleep 1000")->pid, SIGSTOP);
    int64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    while (!children->items[2].address[0] && clock_monotonic_ms() < deadline)
        children_wait(children, -1, 1000);
    assert_int_equal(children_count(children, CHILD_WORKER), 3);
    pid_t stubborn = children->items[2].pid;
    int count = 0;
    children_stop(children, CHILD_WORKER, 300, count_end, &count);
    assert_int_equal(count, 3);
    assert_int_equal(children_count(children, CHILD_WORKER), 0);
    assert_int_equal(children_count(children, CHILD_API), 1);
    assert_int_equal(kill(stubborn, 0), -1);
    assert_int_equal(kill(other, 0), 0);
    assert_int_equal(children_find(children, CHILD_API)->pid, other);
    assert_null(children_find(children, CHILD_PORTAL));
    children_stop(children, CHILD_API, DEADLINE_MS, NULL, NULL);
    assert_false(children_take_ended(children, &ended, &status));
    free(children);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_output_is_passed_on_in_lines),
        cmocka_unit_test(test_ends_are_told),
        cmocka_unit_test(test_a_program_that_is_not_there),
        cmocka_unit_test(test_stop_ends_a_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
