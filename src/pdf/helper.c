/* Starting and ending filesure-pdf. */
#include "pdf/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "pdf/grammar.h"

enum { HELLO_MS = 10000, STOP_MS = 1000 };

static enum outcome unavailable(struct error *err, const char *why) {
    return error_set(err, FATAL, "reader_unavailable", "the PDF reader cannot be used: %s", why);
}

enum outcome helper_find(char *out, size_t out_size, struct error *err) {
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length <= 0) {
        return unavailable(err, "the running program's path is not known");
    }
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash) {
        return unavailable(err, "the running program's path is not known");
    }
    *slash = '\0';
    if (!str_format(out, out_size, "%s/filesure-pdf", self)) {
        return unavailable(err, "the path of filesure-pdf is too long");
    }
    return OK;
}

/* The child gets descriptors 0..3 and nothing else, no environment, no blocked or ignored signals. */
static bool spawn(const char *program, int control_fd, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    /* PDEATHSIG follows the thread that started it: only the main thread lives as long as the process */
    char name[] = "filesure-pdf";
    char mode[] = "--zygote";
    char die[] = "--die-with-parent";
    char *arguments[] = {name, mode, gettid() == getpid() ? die : NULL, NULL};
    char *environment[] = {NULL};
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return false;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    bool ok = true;
    for (int fd = 0; fd < WIRE_CONTROL_FD; fd++) {
        ok = ok && posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0) == 0;
    }
    ok = ok && posix_spawn_file_actions_adddup2(&actions, control_fd, WIRE_CONTROL_FD) == 0;
    ok = ok && posix_spawn_file_actions_addclosefrom_np(&actions, WIRE_CONTROL_FD + 1) == 0;
    ok = ok && posix_spawnattr_setsigmask(&attributes, &none) == 0;
    ok = ok && posix_spawnattr_setsigdefault(&attributes, &all) == 0;
    ok = ok && posix_spawnattr_setpgroup(&attributes, 0) == 0;
    /* its own process group: Ctrl-C is for the program that started it, which then ends it */
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    ok = ok && posix_spawnattr_setflags(&attributes, flags) == 0;
    ok = ok && posix_spawn(ret_pid, program, &actions, &attributes, arguments, environment) == 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return ok;
}

/* Waits for one message with a deadline; -1: too late or broken, 0: closed. */
static ssize_t receive(int fd, void *out, size_t size_bytes, int64_t deadline_ms) {
    for (;;) {
        int64_t left = deadline_ms - clock_monotonic_ms();
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        int ready = poll(&polled, 1, left > 0 ? (int)left : 0);
        if (ready > 0) {
            ssize_t got = recv(fd, out, size_bytes, MSG_DONTWAIT);
            if (got >= 0 || (errno != EINTR && errno != EAGAIN)) {
                return got;
            }
        } else if (ready == 0 || errno != EINTR) {
            return -1;
        }
    }
}

static enum outcome hear_hello(struct helper *helper, struct error *err) {
    struct wire_hello hello;
    ssize_t got = receive(helper->control_fd, &hello, sizeof(hello), clock_monotonic_ms() + HELLO_MS);
    if (got <= 0) {
        return unavailable(err, got == 0 ? "filesure-pdf ended at once" : "filesure-pdf does not answer");
    }
    hello.parser[sizeof(hello.parser) - 1] = '\0';
    hello.problem[sizeof(hello.problem) - 1] = '\0';
    if (got != sizeof(hello) || hello.magic != WIRE_MAGIC || hello.version != WIRE_VERSION ||
        !grammar_parser(hello.parser)) {
        return unavailable(err, "filesure-pdf is of another version");
    }
    if (!hello.ready) {
        return unavailable(err, hello.problem);
    }
    (void)str_copy(helper->parser, sizeof(helper->parser), hello.parser);
    return OK;
}

enum outcome helper_start(const char *program, struct helper *ret, struct error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return unavailable(err, "no socket is left");
    }
    struct helper helper = {.control_fd = pair[0]};
    pid_t pid = 0;
    bool spawned = spawn(program, pair[1], &pid);
    close(pair[1]);
    if (!spawned) {
        close(pair[0]);
        return unavailable(err, "filesure-pdf cannot be started (is it beside this program?)");
    }
    helper.pid = pid;
    enum outcome outcome = hear_hello(&helper, err);
    if (outcome != OK) {
        helper_stop(&helper);
        return outcome;
    }
    *ret = helper;
    return OK;
}

bool helper_ask(const struct helper *helper, const int fds[WIRE_REQUEST_FDS]) {
    struct wire_request request = {.magic = WIRE_MAGIC, .version = WIRE_VERSION};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_REQUEST_FDS * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = &request, .iov_len = sizeof(request)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(WIRE_REQUEST_FDS * sizeof(int));
    memcpy(CMSG_DATA(header), fds, WIRE_REQUEST_FDS * sizeof(int));
    ssize_t sent;
    do {
        sent = sendmsg(helper->control_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent == sizeof(request);
}

/* True when the process ends within the time. */
static bool ends_within(int pid, int wait_ms) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) {
        return false;
    }
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&polled, 1, wait_ms);
    } while (ready < 0 && errno == EINTR);
    close(fd);
    return ready > 0;
}

void helper_stop(struct helper *helper) {
    if (helper->control_fd < 0) {
        return;
    }
    close(helper->control_fd); /* it kills and reaps its children, and ends */
    if (!ends_within(helper->pid, STOP_MS)) {
        kill(helper->pid, SIGKILL);
    }
    while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    *helper = HELPER_NONE;
}
