/* Attributes and small macros used everywhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define CLEANUP(function) __attribute__((cleanup(function)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* 1 when a sanitizer is compiled in: its runtime needs memory, threads and system calls of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#else
#define UNDER_SANITIZER 0
#endif
#else
#define UNDER_SANITIZER 0
#endif

/* Hands a pointer over and forgets it: `*ret_x = take_ptr(x);` keeps the cleanup from freeing it. */
#define take_ptr(pointer)                                                                                              \
    ({                                                                                                                 \
        __typeof__(pointer) taken_ = (pointer);                                                                        \
        (pointer) = NULL;                                                                                              \
        taken_;                                                                                                        \
    })

/* Allocation that aborts when there is no memory: sizes are bounded by the callers. */
void *x_alloc(size_t size_bytes);                                /* zeroed */
void *x_realloc(void *pointer, size_t count, size_t size_bytes); /* overflow-checked; new bytes not zeroed */
char *x_strdup(const char *text);                                /* NULL stays NULL */
char *x_strndup(const char *text, size_t size_bytes);

void cleanup_free(void *pointer_to_pointer);
void cleanup_close(const int *fd);
#define AUTO_FREE CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)
