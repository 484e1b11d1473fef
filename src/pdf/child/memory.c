/* The allocator. One thread only. */
#include "pdf/child/memory.h"

#include <malloc.h>
#include <stdlib.h>

static size_t used_bytes;
static bool refused;

static void *give(void *pointer) {
    if (pointer) {
        used_bytes += malloc_usable_size(pointer);
    } else {
        refused = true;
    }
    return pointer;
}

static bool fits(size_t size_bytes) {
    if (size_bytes > MEMORY_BYTES_MAX || used_bytes > MEMORY_BYTES_MAX - size_bytes) {
        refused = true;
        return false;
    }
    return true;
}

static void *take(void *user, size_t size_bytes) {
    (void)user;
    return fits(size_bytes) ? give(malloc(size_bytes)) : NULL;
}

static void *resize(void *user, void *old, size_t size_bytes) {
    (void)user;
    size_t had = old ? malloc_usable_size(old) : 0;
    if (size_bytes > had && !fits(size_bytes - had)) {
        return NULL;
    }
    void *grown = give(realloc(old, size_bytes));
    used_bytes -= grown ? had : 0;
    return grown;
}

static void release(void *user, void *pointer) {
    (void)user;
    used_bytes -= pointer ? malloc_usable_size(pointer) : 0;
    free(pointer);
}

const fz_alloc_context memory_allocator = {.malloc = take, .realloc = resize, .free = release};

bool memory_refused(void) {
    return refused;
}

void memory_reset(void) {
    refused = false;
}
