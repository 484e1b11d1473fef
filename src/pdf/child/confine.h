/* The sandbox of a document's child: memory, the clock, and writing to one descriptor are all that is left to it. */
#pragma once

#include "base/macros.h"

enum {
    SANDBOX_OUT_FD = 3, /* the only descriptor a child may write to */
    SANDBOX_CPU_SECONDS = 20,
    SANDBOX_FILES = 16,
};
#define SANDBOX_MEMORY_BYTES ((uint64_t)1024 * 1024 * 1024)

struct sandbox; /* the system call filter, made ready once by the zygote, and what the kernel offers */

/* NULL when there is no memory for it or the filter cannot be built: *ret_problem (constant text) says why. */
struct sandbox *sandbox_create(const char **ret_problem);
void sandbox_destroy(struct sandbox *sandbox);

/* What children inherit and nobody can take back: no_new_privs and, where the kernel has landlock, no access to any
 * file and no TCP. For the zygote, after it has opened all it needs. NULL, or what failed. */
const char *sandbox_enter_zygote(struct sandbox *sandbox);
uint32_t sandbox_landlock_abi(const struct sandbox *sandbox); /* 0: the kernel has none */

/* In the document's child: closes every descriptor but 0..SANDBOX_OUT_FD, sets the limits and the filter. A false means
 * that the caller must end without having looked at the document. */
MUST_USE bool sandbox_enter_child(const struct sandbox *sandbox);

/* Forks two confined probes: `work` must end well, an open() must die by SIGSYS. NULL, or what did not hold. */
const char *sandbox_self_test(const struct sandbox *sandbox, bool (*work)(void *argument), void *argument);
