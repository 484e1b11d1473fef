/* Each case runs in a process of its own: what base/stop.h keeps is process-wide and has no way back. */
#include "base/stop.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/test.h"

enum { LONG_MS = 60000 };

static void in_child(bool (*check)(void)) {
    pid_t child = fork();
    if (child == 0)
        _exit(check() ? 0 : 1);
    assert_true(child > 0);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool readable(int fd) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

static bool after_signal(int number) {
    int fd = stop_install();
    return !stop_requested() && !readable(fd) && raise(number) == 0 && stop_requested() && readable(fd) &&
           stop_wait_ms(LONG_MS) && readable(fd);
}

static bool after_sigterm(void) {
    return after_signal(SIGTERM);
}

static bool after_sigint(void) {
    return after_signal(SIGINT);
}

static bool after_request_before_install(void) {
    stop_request();
    return stop_requested() && stop_wait_ms(LONG_MS) && readable(stop_install());
}

static bool wait_ends_without_stop(void) {
    stop_install();
    int64_t start_ms = clock_monotonic_ms();
    return !stop_wait_ms(20) && clock_monotonic_ms() - start_ms >= 20 && !stop_wait_ms(0) && !stop_wait_ms(-5);
}

static bool wait_is_ended_by_a_signal(void) {
    stop_install();
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        kill(parent, SIGTERM);
        _exit(0);
    }
    int64_t start_ms = clock_monotonic_ms();
    bool stopped = stop_wait_ms(LONG_MS);
    return stopped && clock_monotonic_ms() - start_ms < LONG_MS / 2 && waitpid(child, NULL, 0) == child;
}

static void sigterm(void **state) {
    (void)state;
    in_child(after_sigterm);
}

static void sigint(void **state) {
    (void)state;
    in_child(after_sigint);
}

static void request_before_install(void **state) {
    (void)state;
    in_child(after_request_before_install);
}

static void wait_without_stop(void **state) {
    (void)state;
    in_child(wait_ends_without_stop);
}

static void wait_with_signal(void **state) {
    (void)state;
    in_child(wait_is_ended_by_a_signal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigterm),
        cmocka_unit_test(sigint),
        cmocka_unit_test(request_before_install),
        cmocka_unit_test(wait_without_stop),
        cmocka_unit_test(wait_with_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
