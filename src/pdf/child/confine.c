/* The sandbox: seccomp allow list with kill, landlock without a single rule, limits. Calls that need files or memory
 * happen in sandbox_create, so that entering is a dozen system calls. */
#include "pdf/child/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct sandbox {
    struct sock_filter *code;
    unsigned short count;
    uint32_t landlock_abi;
};

/* The system call numbers and layouts of landlock, written down here because Debian 12's headers are older than the
 * kernels this runs on (kernel: include/uapi/linux/landlock.h). */
enum { LANDLOCK_CREATE = 444, LANDLOCK_RESTRICT = 446, LANDLOCK_ASK_VERSION = 1 };
struct landlock_handled {
    uint64_t files, network, scoped;
};

static bool allow(scmp_filter_ctx filter, int call) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0;
}

static bool add_rules(scmp_filter_ctx filter) {
    static const int plain[] = {
        SCMP_SYS(brk),       SCMP_SYS(munmap),     SCMP_SYS(mremap),       SCMP_SYS(madvise),       SCMP_SYS(futex),
        SCMP_SYS(getrandom), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime),
    };
    bool ok = true;
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        ok = ok && allow(filter, plain[i]);
    }
    struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_exec) == 0;
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec) == 0;
    struct scmp_arg_cmp known_fd = SCMP_A0(SCMP_CMP_LE, SANDBOX_OUT_FD);
    ok = ok && seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, known_fd) == 0;
#if UNDER_SANITIZER /* the sanitizer's own runtime: thread ids, stack bounds, signals, reports */
    static const int sanitizer[] = {
        SCMP_SYS(gettid),         SCMP_SYS(getpid),      SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask), SCMP_SYS(sched_yield), SCMP_SYS(getrlimit),   SCMP_SYS(prlimit64),
        SCMP_SYS(writev),         SCMP_SYS(tgkill),      SCMP_SYS(read),        SCMP_SYS(close),
        SCMP_SYS(fstat),          SCMP_SYS(readlink),    SCMP_SYS(sysinfo),
    };
    for (size_t i = 0; i < COUNT_OF(sanitizer); i++) {
        ok = ok && allow(filter, sanitizer[i]);
    }
#endif
    return ok;
}

/* libseccomp 2.5 hands a program out through a descriptor only. */
static bool export_program(scmp_filter_ctx filter, struct sandbox *sandbox) {
    int fd = memfd_create("filter", MFD_CLOEXEC);
    bool ok = fd >= 0 && seccomp_export_bpf(filter, fd) == 0;
    off_t size = ok ? lseek(fd, 0, SEEK_END) : -1;
    ok = ok && size > 0 && size < 65536 && size % (off_t)sizeof(struct sock_filter) == 0;
    if (ok) {
        sandbox->code = malloc((size_t)size);
        sandbox->count = (unsigned short)((size_t)size / sizeof(struct sock_filter));
        ok = sandbox->code && pread(fd, sandbox->code, (size_t)size, 0) == size;
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

struct sandbox *sandbox_create(const char **ret_problem) {
    *ret_problem = "the system call filter cannot be built";
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool ok = sandbox && filter && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
              seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 && add_rules(filter) &&
              export_program(filter, sandbox);
    seccomp_release(filter);
    if (!ok) {
        sandbox_destroy(sandbox);
        return NULL;
    }
    return sandbox;
}

void sandbox_destroy(struct sandbox *sandbox) {
    if (sandbox) {
        free(sandbox->code);
        free(sandbox);
    }
}

uint32_t sandbox_landlock_abi(const struct sandbox *sandbox) {
    return sandbox->landlock_abi;
}

const char *sandbox_enter_zygote(struct sandbox *sandbox) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return "no_new_privs cannot be set";
    }
    long abi = syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_ASK_VERSION);
    if (abi <= 0) {
        return NULL; /* a kernel without landlock: the system call filter stands alone */
    }
    struct landlock_handled handled = {
        .files = abi >= 5   ? 0xffff
                 : abi >= 3 ? 0x7fff
                 : abi >= 2 ? 0x3fff
                            : 0x1fff,
        .network = abi >= 4 ? 3 : 0,
        .scoped = abi >= 6 ? 3 : 0,
    };
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    long ruleset = syscall(LANDLOCK_CREATE, &handled, size, 0);
    if (ruleset < 0 || syscall(LANDLOCK_RESTRICT, (int)ruleset, 0) != 0) {
        return "landlock cannot be set";
    }
    close((int)ruleset);
    sandbox->landlock_abi = (uint32_t)abi;
    return NULL;
}

static bool set_limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit(resource, &limit) == 0;
}

/* Everything above the output. close_range came with Linux 5.9, and not every container lets it through. */
static bool close_others(void) {
    if (close_range(SANDBOX_OUT_FD + 1, ~0U, 0) == 0) {
        return true;
    }
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > 1 << 20) {
        return false;
    }
    for (int fd = SANDBOX_OUT_FD + 1; fd < (int)files.rlim_cur; fd++) {
        close(fd);
    }
    return true;
}

bool sandbox_enter_child(const struct sandbox *sandbox) {
    bool ok = close_others();
    ok = ok && set_limit(RLIMIT_CPU, SANDBOX_CPU_SECONDS, SANDBOX_CPU_SECONDS + 1);
    ok = ok && set_limit(RLIMIT_FSIZE, 0, 0);
    ok = ok && set_limit(RLIMIT_NOFILE, SANDBOX_FILES, SANDBOX_FILES);
    ok = ok && set_limit(RLIMIT_CORE, 0, 0);
#if !UNDER_SANITIZER /* the sanitizer reserves terabytes of addresses */
    ok = ok && set_limit(RLIMIT_AS, SANDBOX_MEMORY_BYTES, SANDBOX_MEMORY_BYTES);
#endif
    struct sock_fprog program = {.len = sandbox->count, .filter = sandbox->code};
    ok = ok && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    return ok && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

static bool open_a_file(void *argument) {
    (void)argument;
    return syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_CLOEXEC, 0) >= -1;
}

/* The wait status of a confined child that did `work` and said whether it went well; -1: no child. */
static int probe(const struct sandbox *sandbox, bool (*work)(void *), void *argument) {
    pid_t pid = fork();
    if (pid == 0) {
        if (!sandbox_enter_child(sandbox)) {
            _exit(2);
        }
        _exit(work(argument) ? 0 : 1);
    }
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return pid > 0 ? status : -1;
}

const char *sandbox_self_test(const struct sandbox *sandbox, bool (*work)(void *argument), void *argument) {
    int status = probe(sandbox, open_a_file, NULL);
    if (status == -1 || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
        return "a confined process could open a file, or could not be confined";
    }
    status = probe(sandbox, work, argument);
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return "a confined process could not read the sample document";
    }
    return NULL;
}
