/* Whether a run may go on: the reasons, the thread that watches for them, and who is told. */
#include "worker/halt.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"

enum { LOOK_MS = 1000 }; /* poll counts without the time a machine sleeps, the deadlines with it */

struct halt {
    pthread_t watcher;
    int stop_fd, wake_fd;
    int64_t exit_after_ms;
    int64_t stop_seen_ms; /* watcher only; monotonic; 0: no stop yet */

    pthread_mutex_t lock;
    enum halt_reason reason;
    bool ended;
    int64_t run_deadline_ms, lease_deadline_ms; /* CLOCK_BOOTTIME; 0: none */

    pthread_mutex_t cut_lock; /* held while `cut` runs; never taken under `lock` */
    void (*cut)(void *context);
    void *cut_context;
};

const char *halt_reason_name(enum halt_reason reason) {
    static const char *const names[] = {"none", "stop", "cancel", "lease_lost", "lease_overdue", "run_time"};
    return names[reason];
}

static void wake(struct halt *halt) {
    uint64_t one = 1;
    (void)!write(halt->wake_fd, &one, sizeof(one));
}

/* Under the lock. */
static enum halt_reason look(struct halt *halt) {
    int64_t now_ms = clock_boot_ms();
    if (halt->reason != HALT_NONE) {
        return halt->reason;
    }
    if (stop_requested()) {
        halt->reason = HALT_STOP;
    } else if (halt->lease_deadline_ms && now_ms >= halt->lease_deadline_ms) {
        halt->reason = HALT_OVERDUE;
    } else if (halt->run_deadline_ms && now_ms >= halt->run_deadline_ms) {
        halt->reason = HALT_RUN_TIME;
    }
    return halt->reason;
}

static void run_cut(struct halt *halt) {
    (void)pthread_mutex_lock(&halt->cut_lock);
    if (halt->cut) {
        halt->cut(halt->cut_context);
        halt->cut = NULL;
    }
    (void)pthread_mutex_unlock(&halt->cut_lock);
}

static int64_t nearest_ms(const struct halt *halt) {
    int64_t wait_ms = LOOK_MS;
    const int64_t deadlines[] = {halt->run_deadline_ms, halt->lease_deadline_ms};
    for (size_t i = 0; i < COUNT_OF(deadlines) && halt->reason == HALT_NONE; i++) {
        int64_t left_ms = deadlines[i] - clock_boot_ms();
        if (deadlines[i] && left_ms < wait_ms) {
            wait_ms = left_ms > 0 ? left_ms : 0;
        }
    }
    return wait_ms;
}

/* After SIGTERM: how long to wait for the end of the run. Does not return when that time is over. */
static int64_t grace_ms(struct halt *halt) {
    int64_t now_ms = clock_monotonic_ms();
    if (halt->stop_seen_ms == 0) {
        halt->stop_seen_ms = now_ms;
    }
    int64_t left_ms = halt->stop_seen_ms + halt->exit_after_ms - now_ms;
    if (left_ms <= 0) {
        log_warn("stopped without a clean end: what is not written is left to the next run");
        _exit(0);
    }
    return left_ms;
}

static void *watch(void *context) {
    struct halt *halt = context;
    for (;;) {
        (void)pthread_mutex_lock(&halt->lock);
        bool ended = halt->ended;
        bool halted = look(halt) != HALT_NONE;
        int64_t wait_ms = nearest_ms(halt);
        (void)pthread_mutex_unlock(&halt->lock);
        if (ended) {
            return NULL;
        }
        if (halted) {
            run_cut(halt);
        }
        bool stopped = stop_requested();
        if (stopped && halt->exit_after_ms) {
            int64_t left_ms = grace_ms(halt);
            wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
        }
        struct pollfd waits[] = {{.fd = halt->wake_fd, .events = POLLIN},
                                 {.fd = stopped ? -1 : halt->stop_fd, .events = POLLIN}};
        uint64_t wakes = 0;
        if (poll(waits, COUNT_OF(waits), (int)wait_ms) > 0 && waits[0].revents) {
            (void)!read(halt->wake_fd, &wakes, sizeof(wakes));
        }
    }
}

struct halt *halt_create(int stop_fd, int64_t exit_after_ms) {
    struct halt *halt = x_alloc(sizeof(*halt));
    halt->stop_fd = stop_fd;
    halt->exit_after_ms = exit_after_ms;
    halt->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&halt->lock, NULL);
    (void)pthread_mutex_init(&halt->cut_lock, NULL);
    if (halt->wake_fd < 0 || pthread_create(&halt->watcher, NULL, watch, halt) != 0) {
        abort();
    }
    return halt;
}

void halt_destroy(struct halt *halt) {
    if (!halt) {
        return;
    }
    (void)pthread_mutex_lock(&halt->lock);
    halt->ended = true;
    (void)pthread_mutex_unlock(&halt->lock);
    wake(halt);
    (void)pthread_join(halt->watcher, NULL);
    (void)close(halt->wake_fd);
    (void)pthread_mutex_destroy(&halt->lock);
    (void)pthread_mutex_destroy(&halt->cut_lock);
    free(halt);
}

void halt_set_run_deadline(struct halt *halt, int64_t deadline_boot_ms) {
    (void)pthread_mutex_lock(&halt->lock);
    halt->run_deadline_ms = deadline_boot_ms;
    (void)pthread_mutex_unlock(&halt->lock);
    wake(halt);
}

void halt_lease_renewed(struct halt *halt, int64_t sent_boot_ms, int64_t lease_ms) {
    (void)pthread_mutex_lock(&halt->lock);
    int64_t deadline_ms = sent_boot_ms + lease_ms * 2 / 3;
    if (deadline_ms > halt->lease_deadline_ms) {
        halt->lease_deadline_ms = deadline_ms;
    }
    (void)pthread_mutex_unlock(&halt->lock);
    wake(halt);
}

void halt_set(struct halt *halt, enum halt_reason reason) {
    (void)pthread_mutex_lock(&halt->lock);
    if (look(halt) == HALT_NONE) {
        halt->reason = reason;
    }
    (void)pthread_mutex_unlock(&halt->lock);
    wake(halt);
}

enum halt_reason halt_reason(struct halt *halt) {
    (void)pthread_mutex_lock(&halt->lock);
    bool before = halt->reason != HALT_NONE;
    enum halt_reason reason = look(halt);
    (void)pthread_mutex_unlock(&halt->lock);
    if (reason != HALT_NONE && !before) {
        wake(halt);
    }
    return reason;
}

void halt_on(struct halt *halt, void (*cut)(void *context), void *context) {
    (void)pthread_mutex_lock(&halt->cut_lock);
    halt->cut = cut;
    halt->cut_context = context;
    (void)pthread_mutex_unlock(&halt->cut_lock);
    wake(halt);
}

void halt_off(struct halt *halt) {
    (void)pthread_mutex_lock(&halt->cut_lock);
    halt->cut = NULL;
    (void)pthread_mutex_unlock(&halt->cut_lock);
}
