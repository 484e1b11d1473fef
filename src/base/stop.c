/* SIGTERM and SIGINT as a descriptor. */
#include "base/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

static atomic_bool requested;
static atomic_int stop_fd = -1;

void stop_request(void) {
    int saved_errno = errno;
    requested = true;
    int fd = stop_fd;
    if (fd >= 0) {
        uint64_t one = 1;
        (void)!write(fd, &one, sizeof(one));
    }
    errno = saved_errno;
}

static void on_signal(int number) {
    (void)number;
    stop_request();
}

int stop_install(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        abort();
    }
    stop_fd = fd;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    if (requested) {
        stop_request();
    }
    return fd;
}

bool stop_requested(void) {
    return requested;
}

bool stop_wait_ms(int64_t wait_ms) {
    int64_t deadline_ms = clock_monotonic_ms() + (wait_ms > 0 ? wait_ms : 0);
    while (!requested) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0) {
            break;
        }
        struct pollfd wait = {.fd = stop_fd, .events = POLLIN};
        (void)poll(&wait, 1, left_ms > 60000 ? 60000 : (int)left_ms);
    }
    return requested;
}
