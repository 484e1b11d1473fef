/* States of a document here: asked (request read) → running (child forked, status socket kept) → ended (reaped,
 * wire_ended written, socket closed). The host hanging up on the status socket kills the child; the end comes the same
 * way. This process never looks at a document. */
#include "pdf/child/zygote.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pdf/child/confine.h"
#include "pdf/child/emit.h"
#include "pdf/child/memory.h"
#include "pdf/child/warm.h"

struct slot {
    pid_t pid; /* 0: free */
    int status_fd;
    bool hung_up;
};

struct zygote {
    fz_context *ctx;
    struct sandbox *sandbox;
    int signal_fd;
    struct slot slots[WIRE_PARALLEL_MAX];
};

static bool say_hello(const struct zygote *zygote, const char *problem) {
    struct wire_hello hello = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .ready = problem == NULL};
    hello.landlock = zygote->sandbox ? sandbox_landlock_abi(zygote->sandbox) : 0;
    (void)snprintf(hello.parser, sizeof(hello.parser), "1+mupdf-%s", FZ_VERSION);
    (void)snprintf(hello.problem, sizeof(hello.problem), "%s", problem ? problem : "");
    return send(WIRE_CONTROL_FD, &hello, sizeof(hello), MSG_NOSIGNAL) == sizeof(hello);
}

/* Ends with the zygote, also when that ended before this was asked for. */
static bool die_with(pid_t zygote_pid) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == zygote_pid;
}

/* In the child: never returns. */
static void serve(const struct zygote *zygote, pid_t zygote_pid, int document_fd, int out_fd) {
    struct stat stat;
    void *bytes = MAP_FAILED;
    if (die_with(zygote_pid) && fstat(document_fd, &stat) == 0 && stat.st_size > 0 &&
        (uint64_t)stat.st_size <= WIRE_DOCUMENT_BYTES_MAX) {
        bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, document_fd, 0);
    }
    if (bytes == MAP_FAILED || dup2(out_fd, SANDBOX_OUT_FD) != SANDBOX_OUT_FD ||
        !sandbox_enter_child(zygote->sandbox)) {
        _exit(2);
    }
    memory_reset();
    warm_read(zygote->ctx, SANDBOX_OUT_FD, bytes, (size_t)stat.st_size);
    _exit(0);
}

static void tell_end(struct slot *slot, int wait_status, const struct rusage *usage) {
    struct wire_ended ended = {.magic = WIRE_MAGIC, .wait_status = wait_status};
    ended.cpu_ms = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
                   (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
    ended.peak_bytes = (uint64_t)usage->ru_maxrss * 1024;
    (void)!send(slot->status_fd, &ended, sizeof(ended), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(slot->status_fd);
    *slot = (struct slot){0};
}

static void reap(struct zygote *zygote) {
    struct signalfd_siginfo ignored;
    while (read(zygote->signal_fd, &ignored, sizeof(ignored)) > 0) {
    }
    int status = 0;
    struct rusage usage;
    for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
        for (size_t i = 0; i < COUNT_OF(zygote->slots); i++) {
            if (zygote->slots[i].pid == pid) {
                tell_end(&zygote->slots[i], status, &usage);
            }
        }
    }
}

static void start(struct zygote *zygote, const int fds[WIRE_REQUEST_FDS]) {
    struct slot *slot = NULL;
    for (size_t i = 0; i < COUNT_OF(zygote->slots) && !slot; i++) {
        slot = zygote->slots[i].pid == 0 ? &zygote->slots[i] : NULL;
    }
    pid_t zygote_pid = getpid();
    pid_t pid = slot ? fork() : -1;
    if (pid == 0) {
        serve(zygote, zygote_pid, fds[0], fds[1]);
    }
    close(fds[0]);
    close(fds[1]);
    struct slot refused = {.status_fd = fds[2]};
    if (pid < 0) {
        tell_end(&refused, -1, &(struct rusage){0});
        return;
    }
    *slot = (struct slot){.pid = pid, .status_fd = fds[2]};
}

/* False: the host has gone, or breaks the protocol. */
static bool take_request(struct zygote *zygote) {
    struct wire_request request;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_REQUEST_FDS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &request, .iov_len = sizeof(request)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(WIRE_CONTROL_FD, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) {
        return true;
    }
    struct cmsghdr *header = got == sizeof(request) ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || request.magic != WIRE_MAGIC || request.version != WIRE_VERSION || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(WIRE_REQUEST_FDS * sizeof(int))) {
        return false;
    }
    int fds[WIRE_REQUEST_FDS];
    memcpy(fds, CMSG_DATA(header), sizeof(fds));
    start(zygote, fds);
    return true;
}

static void serve_requests(struct zygote *zygote) {
    for (;;) {
        struct pollfd polls[2 + WIRE_PARALLEL_MAX] = {
            {.fd = WIRE_CONTROL_FD, .events = POLLIN},
            {.fd = zygote->signal_fd, .events = POLLIN},
        };
        for (size_t i = 0; i < WIRE_PARALLEL_MAX; i++) {
            struct slot *slot = &zygote->slots[i];
            bool watch = slot->pid > 0 && !slot->hung_up;
            polls[2 + i] = (struct pollfd){.fd = watch ? slot->status_fd : -1, .events = POLLIN | POLLRDHUP};
        }
        if (poll(polls, COUNT_OF(polls), -1) < 0 && errno != EINTR) {
            return;
        }
        for (size_t i = 0; i < WIRE_PARALLEL_MAX; i++) {
            if (polls[2 + i].fd >= 0 && polls[2 + i].revents) {
                kill(zygote->slots[i].pid, SIGKILL); /* not reaped yet: the number is still this child's */
                zygote->slots[i].hung_up = true;
            }
        }
        if (polls[1].revents) {
            reap(zygote);
        }
        if (polls[0].revents && !take_request(zygote)) {
            return;
        }
    }
}

static void kill_children(struct zygote *zygote) {
    for (size_t i = 0; i < WIRE_PARALLEL_MAX; i++) {
        if (zygote->slots[i].pid > 0) {
            kill(zygote->slots[i].pid, SIGKILL);
        }
    }
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
    }
}

static const char *prepare(struct zygote *zygote) {
    const char *problem = NULL;
    zygote->ctx = warm_create();
    if (!zygote->ctx) {
        return "the PDF library cannot be started";
    }
    zygote->sandbox = sandbox_create(&problem);
    if (!zygote->sandbox) {
        return problem;
    }
    problem = sandbox_enter_zygote(zygote->sandbox);
    return problem ? problem : sandbox_self_test(zygote->sandbox, warm_try, zygote->ctx);
}

int zygote_run(void) {
    struct zygote zygote = {.signal_fd = -1};
    signal(SIGPIPE, SIG_IGN);
    const char *problem = prepare(&zygote);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    zygote.signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!problem && zygote.signal_fd < 0) {
        problem = "signals cannot be watched";
    }
    if (say_hello(&zygote, problem) && !problem) {
        serve_requests(&zygote);
        kill_children(&zygote);
    }
    return problem ? 1 : 0;
}
