/* Allocation that aborts when there is no memory, and the cleanup functions of macros.h. */
#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *pointer) {
    if (!pointer) {
        static const char text[] = "out of memory\n";
        (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
        abort();
    }
    return pointer;
}

void *x_alloc(size_t size_bytes) {
    return checked(calloc(1, size_bytes ? size_bytes : 1));
}

void *x_realloc(void *pointer, size_t count, size_t size_bytes) {
    size_t total = 0;
    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        return checked(NULL);
    }
    return checked(realloc(pointer, total ? total : 1));
}

char *x_strdup(const char *text) {
    return text ? x_strndup(text, strlen(text)) : NULL;
}

char *x_strndup(const char *text, size_t size_bytes) {
    if (!text) {
        return NULL;
    }
    size_t length = strnlen(text, size_bytes);
    char *copy = x_realloc(NULL, length + 1, 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void cleanup_free(void *pointer_to_pointer) {
    free(*(void **)pointer_to_pointer);
}

void cleanup_close(const int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}
