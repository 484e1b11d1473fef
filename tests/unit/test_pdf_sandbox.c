/* A confined process dies by SIGSYS at every call that reaches out, and can still do what reading needs. */
#include "pdf/child/confine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

static struct sandbox *sandbox;

static int make_sandbox(void **state) {
    (void)state;
    const char *problem = NULL;
    sandbox = sandbox_create(&problem);
    return sandbox ? 0 : -1;
}

static int drop_sandbox(void **state) {
    (void)state;
    sandbox_destroy(sandbox);
    return 0;
}

/* The wait status of a child that is confined and does `work`. */
static int confined(void (*work)(void)) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (sandbox_enter_zygote(sandbox) != NULL || !sandbox_enter_child(sandbox))
            _exit(99);
        work();
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void does_open(void) {
    (void)!open("/dev/null", O_RDONLY);
}
static void does_openat_absent(void) {
    (void)!open("/no/such/file", O_RDONLY);
}
static void does_socket(void) {
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}
static void does_unix_socket(void) {
    int pair[2];
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}
static void does_execve(void) {
    char *arguments[] = {(char *)"true", NULL};
    execv("/bin/true", arguments);
}
static void does_fork(void) {
    syscall(SYS_fork);
}
static void does_clone(void) {
    syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void does_clone3(void) {
    syscall(SYS_clone3, NULL, 0);
}
static void does_ptrace(void) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static void does_kill(void) {
    kill(getppid(), 0);
}
static void does_unlink(void) {
    unlink("/no/such/file");
}
static void does_mmap_exec(void) {
    (void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void does_mprotect_exec(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
}
static void does_setrlimit(void) {
    struct rlimit limit = {1, 1};
    syscall(SYS_setrlimit, RLIMIT_AS, &limit);
}
static void does_seccomp(void) {
    syscall(SYS_seccomp, 0, 0, NULL);
}
static void does_io_uring(void) {
    syscall(SYS_io_uring_setup, 1, NULL);
}
static void does_write_elsewhere(void) {
    (void)!write(4, "x", 1);
}
static void does_memfd(void) {
    (void)!memfd_create("x", 0);
}
static void does_process_vm_readv(void) {
    syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}
static void does_old_interface(void) {
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : : "a"(20) : "memory"); /* getpid of i386 */
#else
    _exit(98);
#endif
}

struct forbidden {
    const char *name;
    void (*work)(void);
    bool sanitizer_may; /* the wider list of a sanitizer build lets it through */
};

static void forbidden_calls_kill(void **state) {
    (void)state;
    static const struct forbidden calls[] = {
        {"open", does_open, false},
        {"open of nothing", does_openat_absent, false},
        {"socket", does_socket, false},
        {"socketpair", does_unix_socket, false},
        {"execve", does_execve, false},
        {"fork", does_fork, false},
        {"clone", does_clone, false},
        {"clone3", does_clone3, false},
        {"ptrace", does_ptrace, false},
        {"kill", does_kill, false},
        {"unlink", does_unlink, false},
        {"mmap executable", does_mmap_exec, false},
        {"mprotect executable", does_mprotect_exec, false},
        {"setrlimit", does_setrlimit, false},
        {"seccomp", does_seccomp, false},
        {"io_uring_setup", does_io_uring, false},
        {"write to another descriptor", does_write_elsewhere, false},
        {"memfd_create", does_memfd, false},
        {"process_vm_readv", does_process_vm_readv, false},
        {"32-bit call", does_old_interface, true},
    };
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        int status = confined(calls[i].work);
        if (UNDER_SANITIZER && calls[i].sanitizer_may)
            continue; /* it needs calls that are forbidden otherwise */
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: wait status 0x%x instead of death by SIGSYS", calls[i].name, status);
    }
}

static void does_reading(void) {
    char *memory = malloc(64 << 20);
    if (!memory)
        _exit(1);
    for (size_t i = 0; i < (64 << 20); i += 4096)
        memory[i] = 1;
    memory = realloc(memory, 80 << 20);
    free(memory);
    (void)!write(2, "", 0);
}

static void what_reading_needs_is_allowed(void **state) {
    (void)state;
    assert_int_equal(confined(does_reading), 0);
}

static void does_much_memory(void) {
    for (int i = 0; i < 3; i++) {
        if (!malloc((size_t)512 << 20))
            _exit(7);
    }
}

static void memory_is_limited(void **state) {
    (void)state;
    if (UNDER_SANITIZER)
        return; /* it reserves terabytes of addresses, so there is no limit in such a build */
    int status = confined(does_much_memory);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void does_look_at_descriptors(void) {
    (void)!write(SANDBOX_OUT_FD, "x", 1);
}

/* A descriptor that was open before is closed: nothing arrives. */
static void other_descriptors_are_closed(void **state) {
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(pipes[1] > SANDBOX_OUT_FD);
    pid_t pid = fork();
    if (pid == 0) {
        if (!sandbox_enter_child(sandbox))
            _exit(1);
        for (volatile int spin = 1; spin;) {
        }
    }
    close(pipes[1]);
    char byte;
    assert_int_equal(read(pipes[0], &byte, 1), 0); /* while the child lives */
    close(pipes[0]);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(confined(does_look_at_descriptors), 0);
}

/* Nothing grows a file, a crash leaves no memory on disk, computing time ends: as the kernel says of a confined child.
 */
static void files_and_time_are_limited(void **state) {
    (void)state;
    static const struct {
        __rlimit_resource_t resource;
        rlim_t most;
    } limits[] = {
        {RLIMIT_FSIZE, 0}, {RLIMIT_CORE, 0}, {RLIMIT_NOFILE, SANDBOX_FILES}, {RLIMIT_CPU, SANDBOX_CPU_SECONDS + 1}};
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], SANDBOX_OUT_FD);
        if (!sandbox_enter_child(sandbox))
            _exit(1);
        (void)!write(SANDBOX_OUT_FD, "x", 1);
        for (volatile int spin = 1; spin;) {
        }
    }
    close(pipes[1]);
    char byte;
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    close(pipes[0]);
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct rlimit limit = {0};
        assert_int_equal(prlimit(pid, limits[i].resource, NULL, &limit), 0);
        assert_int_equal(limit.rlim_max, limits[i].most);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool works(void *argument) {
    return argument == NULL;
}

static void self_test_tells_good_from_bad(void **state) {
    (void)state;
    assert_null(sandbox_self_test(sandbox, works, NULL));
    assert_non_null(sandbox_self_test(sandbox, works, sandbox));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_kill),       cmocka_unit_test(what_reading_needs_is_allowed),
        cmocka_unit_test(memory_is_limited),          cmocka_unit_test(other_descriptors_are_closed),
        cmocka_unit_test(files_and_time_are_limited), cmocka_unit_test(self_test_tells_good_from_bad),
    };
    return cmocka_run_group_tests(tests, make_sandbox, drop_sandbox);
}
