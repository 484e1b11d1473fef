#include "cli/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/str.h"
#include "base/url.h"

static void exec_child(pid_t parent, int output, int kept_fd, const char *program, const char *const *arguments,
                       const char *const *environment) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(126);
    /* Its own group: Ctrl-C reaches `up` alone, which then ends its children in order. */
    setpgid(0, 0);
    dup2(output, STDERR_FILENO);
    if (kept_fd > 0)
        fcntl(kept_fd, F_SETFD, 0);
    for (; environment && *environment; environment++)
        putenv((char *)*environment);
    execv(program, (char *const *)arguments);
    dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

/* A child that could not be watched is of no use. */
static enum outcome give_up(pid_t pid, int output, const char *program, struct error *err) {
    int saved_errno = errno;
    close(output);
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return error_set(err, FATAL, "fork", "%s cannot be started: %s", program, strerror(saved_errno));
}

enum outcome children_start(struct children *children, enum child_role role, const char *program,
                            const char *const *arguments, const char *const *environment, struct child **ret,
                            struct error *err) {
    if (children->count == CHILDREN_MAX)
        return error_set(err, FATAL, "too_many_children", "%d processes run already", children->count);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(err, FATAL, "pipe", "no pipe: %s", strerror(errno));
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        exec_child(parent, ends[1], role == CHILD_WORKER ? 0 : children->kept_fd, program, arguments, environment);
    close(ends[1]);
    int pid_fd = pid < 0 ? -1 : pidfd_open(pid, 0); /* close-on-exec by itself */
    if (pid_fd < 0)
        return give_up(pid, ends[0], program, err);
    struct child *child = &children->items[children->count++];
    *child = (struct child){.role = role, .pid = pid, .pid_fd = pid_fd, .output = ends[0]};
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    *ret = child;
    return OK;
}

bool children_address(const char *line, char ret[ADDRESS_MAX]) {
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]-";
    const char *at = strstr(line, "listening");
    bool found = false;
    while (at && *at) {
        char word[ADDRESS_MAX], host[64];
        int port = 0;
        size_t size = strspn(at, bytes);
        if (size > 0 && size < sizeof(word)) {
            str_format(word, sizeof(word), "%.*s", (int)size, at);
            if (address_parse(word, host, &port) && port > 0) {
                str_copy(ret, ADDRESS_MAX, word);
                found = true;
            }
        }
        at += size ? size : 1;
    }
    return found;
}

bool children_line_is_info(const char *line) {
    if (*line == '{') {
        const char *level = strstr(line, "\"level\":\"");
        return level && str_starts_with(level, "\"level\":\"info\"");
    }
    const char *blank = strchr(line, ' ');
    return blank && str_starts_with(blank, " info ");
}

static void end_line(struct child *child) {
    if (child->line_size == 0)
        return;
    child->line[child->line_size] = '\0';
    if (!child->address[0])
        (void)children_address(child->line, child->address);
    struct error ignored;
    bool hidden = child->hide_info && children_line_is_info(child->line);
    child->line[child->line_size++] = '\n';
    if (!hidden)
        (void)!fd_write_all(STDERR_FILENO, child->line, child->line_size, &ignored);
    child->line_size = 0;
}

static void pass_on(struct child *child) {
    char bytes[4096];
    ssize_t size = read(child->output, bytes, sizeof(bytes));
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] == '\n')
            end_line(child);
        else if (child->line_size < sizeof(child->line) - 1) /* the rest of a longer line is dropped */
            child->line[child->line_size++] = bytes[i];
    }
    if (size <= 0) {
        end_line(child);
        close(child->output);
        child->output = -1;
    }
}

void children_wait(struct children *children, int stop_fd, int wait_ms) {
    struct pollfd polls[2 * CHILDREN_MAX + 1];
    nfds_t count = 0;
    for (int i = 0; i < children->count; i++) {
        polls[count++] = (struct pollfd){.fd = children->items[i].output, .events = POLLIN};
        polls[count++] = (struct pollfd){.fd = children->items[i].pid_fd, .events = POLLIN};
    }
    polls[count++] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
    if (poll(polls, count, wait_ms) <= 0)
        return;
    for (int i = 0; i < children->count; i++)
        if (polls[2 * i].revents)
            pass_on(&children->items[i]);
}

bool children_take_ended(struct children *children, struct child *ret_child, int *ret_status) {
    for (int i = 0; i < children->count; i++) {
        struct child *child = &children->items[i];
        if (waitpid(child->pid, ret_status, WNOHANG) != child->pid)
            continue;
        for (int reads = 0; child->output >= 0 && reads < 64; reads++)
            pass_on(child);
        end_line(child);
        if (child->output >= 0)
            close(child->output); /* a process of its own holds the other end */
        close(child->pid_fd);
        *ret_child = *child;
        children->items[i] = children->items[--children->count];
        return true;
    }
    return false;
}

struct child *children_find(struct children *children, enum child_role role) {
    for (int i = 0; i < children->count; i++)
        if (children->items[i].role == role)
            return &children->items[i];
    return NULL;
}

int children_count(const struct children *children, enum child_role role) {
    int count = 0;
    for (int i = 0; i < children->count; i++)
        count += children->items[i].role == role;
    return count;
}

static void signal_all(struct children *children, enum child_role role, int signal_number) {
    for (int i = 0; i < children->count; i++)
        if (children->items[i].role == role)
            kill(children->items[i].pid, signal_number);
}

void children_stop(struct children *children, enum child_role role, int grace_ms, child_end *on_end, void *context) {
    signal_all(children, role, SIGTERM);
    signal_all(children, role, SIGCONT);
    int64_t deadline = clock_monotonic_ms() + grace_ms;
    bool killed = false;
    while (children_count(children, role) > 0) {
        children_wait(children, -1, 20);
        struct child ended;
        int status;
        while (children_take_ended(children, &ended, &status))
            if (on_end)
                on_end(context, &ended, status);
        if (!killed && clock_monotonic_ms() > deadline) {
            signal_all(children, role, SIGKILL);
            killed = true;
        }
    }
}
