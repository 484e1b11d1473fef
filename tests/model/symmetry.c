/* States that differ only in which of two equal processes is which are one state. Workers are equal when they read
 * filings alike and their owners are as many processes; keepers and delayed requests always are. The order chosen looks
 * at most of what a process knows, not at all of it: two states that are equal may both be kept, never two that are
 * not be taken for one. */
#include <string.h>

#include "model/world.h"

static void swap_bytes(void *a, void *b, size_t size) {
    uint8_t spare[sizeof(struct world_worker) + sizeof(struct world_request)];
    memcpy(spare, a, size);
    memcpy(a, b, size);
    memcpy(b, spare, size);
}

static void swap_number(uint8_t *number, uint8_t a, uint8_t b) {
    if (*number == a) {
        *number = b;
    } else if (*number == b) {
        *number = a;
    }
}

/* Workers a and b change places, and with them everything that names their processes and owners. */
static void swap_workers(const struct model_config *config, struct world *world, int a, int b) {
    uint8_t process_a = (uint8_t)(a + 1);
    uint8_t process_b = (uint8_t)(b + 1);
    swap_bytes(&world->workers[a], &world->workers[b], sizeof(world->workers[a]));
    swap_number(&world->job.adopted, process_a, process_b);
    swap_number(&world->job.owner, config->owners[a], config->owners[b]);
    for (int i = 0; i < config->tokens; i++) {
        swap_number(&world->entries[i].ender, process_a, process_b);
    }
    for (int i = 0; i < config->requests; i++) {
        swap_number(&world->requests[i].process, process_a, process_b);
        swap_number(&world->requests[i].owner, config->owners[a], config->owners[b]);
    }
}

static int processes_of(const struct model_config *config, uint8_t owner) {
    int count = 0;
    for (int w = 0; w < config->workers; w++) {
        count += config->owners[w] == owner;
    }
    return count;
}

/* Two owners of several processes each cannot be swapped one process at a time. */
static bool equal(const struct model_config *config, int a, int b) {
    bool same_owner = config->owners[a] == config->owners[b];
    bool single = processes_of(config, config->owners[a]) == 1 && processes_of(config, config->owners[b]) == 1;
    return config->readings[a] == config->readings[b] && (same_owner || single);
}

static uint64_t worker_key(const struct model_config *config, const struct world *world, int w) {
    const struct world_worker *at = &world->workers[w];
    uint64_t key = at->pc;
    key = key << 1 | (at->token && at->token == world->job.token);
    key = key << 1 | (world->job.adopted == w + 1);
    key = key << 1 | (world->job.owner == config->owners[w]);
    key = key << 3 | at->outcome;
    key = key << 1 | at->give_back;
    key = key << 2 | at->list;
    key = key << 2 | at->rows;
    key = key << 6 | at->manifest;
    for (int n = 0; n < M_FILINGS; n++) {
        key = key << 2 | at->filings[n];
    }
    const struct world_entry none = {0};
    const struct world_entry *entry = at->token ? &world->entries[at->token - 1] : &none;
    key = key << 3 | entry->place;
    key = key << 3 | entry->outcome;
    key = key << 1 | (entry->ender == w + 1);
    for (int i = 0; i < config->requests; i++) {
        key = key << 1 | (world->requests[i].process == w + 1 || world->requests[i].owner == config->owners[w]);
    }
    return key;
}

static int keeper_key(const struct world *world, int k) {
    const struct world_keeper *at = &world->keepers[k];
    return at->pc * 64 + (at->token ? world->entries[at->token - 1].place * 8 + at->token : 0);
}

static void sort_workers(const struct model_config *config, struct world *world) {
    uint64_t keys[M_WORKERS];
    for (int w = 0; w < config->workers; w++) {
        keys[w] = worker_key(config, world, w);
    }
    for (int end = config->workers; end > 1; end--) {
        for (int b = 1; b < end; b++) {
            int a = b - 1;
            if (keys[a] < keys[b] && equal(config, a, b)) {
                uint64_t key = keys[a];
                keys[a] = keys[b];
                keys[b] = key;
                swap_workers(config, world, a, b);
            }
        }
    }
}

void world_sort(const struct model_config *config, struct world *world) {
    for (int i = 0; i + 1 < config->requests; i++) {
        struct world_request *two = &world->requests[i];
        if (memcmp(&two[0], &two[1], sizeof(*two)) < 0) {
            swap_bytes(&two[0], &two[1], sizeof(*two));
        }
    }
    for (int i = 0; i + 1 < config->keepers; i++) {
        if (keeper_key(world, i) < keeper_key(world, i + 1)) {
            swap_bytes(&world->keepers[i], &world->keepers[i + 1], sizeof(world->keepers[i]));
        }
    }
    sort_workers(config, world);
}
