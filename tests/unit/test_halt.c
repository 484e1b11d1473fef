/* Whether a run may go on: deadlines, reasons, and who is told. */
#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "worker/halt.h"

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int rung;
};

static struct bell bell = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void ring(void *context) {
    (void)context;
    (void)pthread_mutex_lock(&bell.lock);
    bell.rung++;
    (void)pthread_cond_broadcast(&bell.changed);
    (void)pthread_mutex_unlock(&bell.lock);
}

static void wait_for_rings(int rings) {
    (void)pthread_mutex_lock(&bell.lock);
    while (bell.rung < rings) {
        (void)pthread_cond_wait(&bell.changed, &bell.lock);
    }
    (void)pthread_mutex_unlock(&bell.lock);
}

static int set_up(void **state) {
    static int stop_fd = -1;
    if (stop_fd < 0) {
        stop_fd = stop_install();
    }
    bell.rung = 0;
    *state = halt_create(stop_fd, 0);
    return 0;
}

static int tear_down(void **state) {
    halt_destroy(*state);
    return 0;
}

static void goes_on_until_there_is_a_reason(void **state) {
    struct halt *halt = *state;
    assert_int_equal(halt_reason(halt), HALT_NONE);
    halt_lease_renewed(halt, clock_boot_ms(), 60000);
    halt_set_run_deadline(halt, clock_boot_ms() + 60000);
    assert_int_equal(halt_reason(halt), HALT_NONE);
    halt_set(halt, HALT_CANCEL);
    halt_set(halt, HALT_LOST);
    assert_int_equal(halt_reason(halt), HALT_CANCEL); /* the first one stays */
}

static void a_lease_not_renewed_halts(void **state) {
    struct halt *halt = *state;
    int64_t sent_ms = clock_boot_ms();
    halt_on(halt, ring, NULL);
    halt_lease_renewed(halt, sent_ms, 300);
    wait_for_rings(1);
    int64_t waited_ms = clock_boot_ms() - sent_ms;
    assert_int_equal(halt_reason(halt), HALT_OVERDUE);
    assert_true(waited_ms >= 200); /* two thirds, counted from when the good request was sent */
}

static void a_renewal_moves_the_deadline_only_forward(void **state) {
    struct halt *halt = *state;
    int64_t now_ms = clock_boot_ms();
    halt_lease_renewed(halt, now_ms, 60000);
    halt_lease_renewed(halt, now_ms - 100000, 60000); /* an old reply that came late */
    assert_int_equal(halt_reason(halt), HALT_NONE);
}

static void the_clock_is_looked_at_without_the_watcher(void **state) {
    struct halt *halt = *state;
    halt_lease_renewed(halt, clock_boot_ms() - 40001, 60000); /* as after SIGSTOP */
    assert_int_equal(halt_reason(halt), HALT_OVERDUE);
}

static void the_run_has_its_time(void **state) {
    struct halt *halt = *state;
    halt_on(halt, ring, NULL);
    halt_set_run_deadline(halt, clock_boot_ms() + 50);
    wait_for_rings(1);
    assert_int_equal(halt_reason(halt), HALT_RUN_TIME);
}

static void a_late_listener_is_told_at_once(void **state) {
    struct halt *halt = *state;
    halt_set(halt, HALT_LOST);
    halt_on(halt, ring, NULL);
    wait_for_rings(1);
    halt_off(halt);
    assert_int_equal(bell.rung, 1);
    halt_on(halt, ring, NULL); /* the next part of the run is cut as well */
    wait_for_rings(2);
}

static struct { atomic_bool begun, off_asked, ended; } slow;

static void cut_slowly(void *context) {
    (void)context;
    slow.begun = true;
    while (!slow.off_asked) {
        (void)sched_yield();
    }
    (void)poll(NULL, 0, 50); /* what it cuts takes its time */
    slow.ended = true;
}

static void off_waits_for_a_cut_under_way(void **state) {
    struct halt *halt = *state;
    halt_on(halt, cut_slowly, NULL);
    halt_set(halt, HALT_CANCEL);
    while (!slow.begun) {
        (void)sched_yield();
    }
    slow.off_asked = true;
    halt_off(halt);
    assert_true(slow.ended); /* what it uses may be freed */
}

/* SIGTERM is for the whole process and for good: tried in a child. */
static int in_child(int (*body)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int stop_body(void) {
    struct halt *halt = halt_create(stop_install(), 0);
    halt_on(halt, ring, NULL);
    (void)kill(getpid(), SIGTERM);
    wait_for_rings(1);
    enum halt_reason reason = halt_reason(halt);
    halt_destroy(halt);
    return reason == HALT_STOP ? 42 : 1;
}

static void sigterm_halts(void **state) {
    (void)state;
    assert_int_equal(in_child(stop_body), 42);
}

static void die(void *context) {
    (void)context;
    _exit(7);
}

/* The watcher cuts before it looks at the time: when it ends the process, it has come past the cut. */
static int off_body(void) {
    struct halt *halt = halt_create(stop_install(), 100);
    halt_on(halt, die, NULL);
    halt_off(halt);
    (void)kill(getpid(), SIGTERM);
    while (halt) {
        (void)pause();
    }
    return 1;
}

static void nothing_is_cut_after_off(void **state) {
    (void)state;
    assert_int_equal(in_child(off_body), 0);
}

static int late_body(void) {
    struct halt *halt = halt_create(stop_install(), 100);
    (void)kill(getpid(), SIGTERM);
    while (halt) { /* a store that never answers */
        (void)pause();
    }
    return 1;
}

static void a_stop_that_hangs_ends_the_process(void **state) {
    (void)state;
    assert_int_equal(in_child(late_body), 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigterm_halts),
        cmocka_unit_test(a_stop_that_hangs_ends_the_process),
        cmocka_unit_test(nothing_is_cut_after_off),
        CASE(goes_on_until_there_is_a_reason),
        CASE(a_lease_not_renewed_halts),
        CASE(a_renewal_moves_the_deadline_only_forward),
        CASE(the_clock_is_looked_at_without_the_watcher),
        CASE(the_run_has_its_time),
        CASE(a_late_listener_is_told_at_once),
        CASE(off_waits_for_a_cut_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
