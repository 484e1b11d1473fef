#include "model/world.h"

#include <assert.h>
#include <string.h>

#include "core/batch.h"

/* ---- packing: a member that a configuration does not use takes no bit and stays 0 ---- */

#define MANIFEST_BITS(config) ((config)->filings ? 6 : 1)
#define FIELD(member, bits, used)                                                                                      \
    do {                                                                                                               \
        if (used) {                                                                                                    \
            layout_add(layout, offsetof(struct world, member), bits);                                                  \
        }                                                                                                              \
    } while (0)

static void layout_job(const struct model_config *config, struct layout *layout) {
    FIELD(job.status, 3, true);
    FIELD(job.available, 2, true);
    FIELD(job.token, 3, true);
    FIELD(job.owner, 2, true);
    FIELD(job.adopted, 3, true);
    FIELD(job.cancel, 1, config->cancel);
    FIELD(job.attempts, 3, config->max_attempts > 0);
    FIELD(job.rows_seen, 2, config->max_attempts > 0);
    FIELD(fruitless, 3, config->max_attempts > 0);
    FIELD(job.manifest, MANIFEST_BITS(config), true);
    FIELD(other, 2, config->company);
    FIELD(names_other, 1, config->company);
    FIELD(cancel_wanted, 1, config->cancel);
}

static void layout_facts(const struct model_config *config, struct layout *layout) {
    FIELD(list, 2, true);
    FIELD(manifest_blob, MANIFEST_BITS(config), true);
    for (int n = 0; n < config->filings; n++) {
        FIELD(rows[n], 2, true);
        for (int reading = 0; reading < M_READINGS; reading++) {
            FIELD(blobs[n][reading], 2, true);
        }
    }
    for (int i = 0; i < config->tokens; i++) {
        FIELD(entries[i].place, 3, true);
        FIELD(entries[i].outcome, 3, true);
        FIELD(entries[i].ender, 3, true);
    }
}

static void layout_worker(const struct model_config *config, struct layout *layout, int w) {
    FIELD(workers[w].pc, 4, true);
    FIELD(workers[w].token, 3, true);
    FIELD(workers[w].outcome, 3, true);
    FIELD(workers[w].give_back, 1, true);
    FIELD(workers[w].list, 2, true);
    FIELD(workers[w].rows, 2, config->stale_rows);
    FIELD(workers[w].manifest, MANIFEST_BITS(config), true);
    for (int n = 0; n < config->filings; n++) {
        FIELD(workers[w].filings[n], 2, true);
    }
}

static void layout_request(const struct model_config *config, struct layout *layout, int i) {
    FIELD(requests[i].kind, 4, true);
    FIELD(requests[i].token, 3, true);
    FIELD(requests[i].process, 3, true);
    FIELD(requests[i].owner, 2, true);
    FIELD(requests[i].outcome, 3, true);
    FIELD(requests[i].give_back, 1, true);
    FIELD(requests[i].release, 1, true);
    FIELD(requests[i].number, 2, config->filings > 0);
    FIELD(requests[i].value, 6, true);
}

void world_layout(const struct model_config *config, struct layout *layout) {
    layout_start(layout, sizeof(struct world));
    layout_job(config, layout);
    layout_facts(config, layout);
    for (int w = 0; w < config->workers; w++) {
        layout_worker(config, layout, w);
    }
    for (int k = 0; k < config->keepers; k++) {
        FIELD(keepers[k].pc, 2, true);
        FIELD(keepers[k].token, 3, true);
    }
    for (int i = 0; i < config->requests; i++) {
        layout_request(config, layout, i);
    }
}

/* ---- the state in short ---- */

void world_start(const struct model_config *config, struct world *ret) {
    *ret = (struct world){.job = {.status = JOB_PENDING, .available = AVAILABLE_NOW}};
    if (config->foreign) {
        ret->job = (struct world_job){.status = JOB_PROCESSING, .available = AVAILABLE_NEVER};
    }
}

int world_list_count(const struct model_config *config, uint8_t list) {
    return list == LIST_FULL ? config->filings : list == LIST_SHORT ? config->filings - 1 : 0;
}

int world_count_rows(const struct world *world, int filings) {
    int count = 0;
    for (int n = 0; n < filings; n++) {
        count += world->rows[n] != 0;
    }
    return count;
}

/* ---- tokens ---- */

static bool token_known(const struct world *world, uint8_t token) {
    bool known = world->job.token == token;
    for (int i = 0; i < M_WORKERS; i++) {
        known |= world->workers[i].token == token;
    }
    for (int i = 0; i < M_REQUESTS; i++) {
        known |= world->requests[i].token == token;
    }
    for (int i = 0; i < M_KEEPERS; i++) {
        known |= world->keepers[i].token == token;
    }
    return known;
}

struct renaming {
    uint8_t to[M_TOKENS + 1];
    uint8_t used;
};

static void rename_token(struct renaming *renaming, uint8_t *token) {
    if (*token && !renaming->to[*token]) {
        renaming->to[*token] = ++renaming->used;
    }
    *token = renaming->to[*token];
}

static bool unrecorded(const struct world_entry *entry) {
    return entry->place != ENTRY_NONE && entry->place != ENTRY_RECORDED;
}

static int weight(const struct world_entry *entry) {
    return entry->place * 64 + entry->outcome * 8 + entry->ender;
}

/* Entries that are to be recorded and that nobody refers to: in an order of their own. */
static void rename_rest(const struct world *world, struct renaming *renaming) {
    for (;;) {
        int best = -1;
        for (int i = 0; i < M_TOKENS; i++) {
            bool left = !renaming->to[i + 1] && unrecorded(&world->entries[i]);
            if (left && (best < 0 || weight(&world->entries[i]) < weight(&world->entries[best]))) {
                best = i;
            }
        }
        if (best < 0) {
            return;
        }
        renaming->to[best + 1] = ++renaming->used;
    }
}

/* An entry matters to a worker that may ask for it, and then only as its own or not. To others only its place does. */
static void forget_what_nobody_asks(struct world *world) {
    for (int i = 0; i < M_TOKENS; i++) {
        struct world_entry *entry = &world->entries[i];
        bool asked = false;
        for (int w = 0; w < M_WORKERS; w++) {
            asked |= world->workers[w].token == i + 1;
        }
        if (!asked) {
            entry->outcome = entry->ender = 0;
        } else if (entry->ender && entry->ender <= M_WORKERS && world->workers[entry->ender - 1].token != i + 1) {
            entry->ender = GONE_PROCESS;
        }
    }
}

static void rename_tokens(struct world *world) {
    struct renaming renaming = {0};
    struct world_entry entries[M_TOKENS] = {0};
    rename_token(&renaming, &world->job.token);
    for (int i = 0; i < M_WORKERS; i++) {
        rename_token(&renaming, &world->workers[i].token);
    }
    for (int i = 0; i < M_REQUESTS; i++) {
        rename_token(&renaming, &world->requests[i].token);
    }
    for (int i = 0; i < M_KEEPERS; i++) {
        rename_token(&renaming, &world->keepers[i].token);
    }
    rename_rest(world, &renaming);
    for (int i = 0; i < M_TOKENS; i++) {
        if (renaming.to[i + 1]) {
            entries[renaming.to[i + 1] - 1] = world->entries[i];
        }
    }
    memcpy(world->entries, entries, sizeof(entries));
}

void world_settle(const struct model_config *config, struct world *world) {
    if (!config->as_told) {
        world_sort(config, world);
        forget_what_nobody_asks(world);
        rename_tokens(world);
        return;
    }
    for (uint8_t token = 1; token <= M_TOKENS; token++) {
        struct world_entry *entry = &world->entries[token - 1];
        if (!token_known(world, token) && !unrecorded(entry)) {
            *entry = (struct world_entry){0};
        }
    }
}

uint8_t world_fresh_token(const struct model_config *config, const struct world *world) {
    for (uint8_t token = 1; token <= config->tokens; token++) {
        if (!token_known(world, token) && world->entries[token - 1].place == ENTRY_NONE) {
            return token;
        }
    }
    return 0;
}

void world_process_ends(struct world *world, int worker) {
    uint8_t process = (uint8_t)(worker + 1);
    if (world->job.adopted == process) {
        world->job.adopted = GONE_PROCESS;
    }
    for (int i = 0; i < M_TOKENS; i++) {
        if (world->entries[i].ender == process) {
            world->entries[i].ender = GONE_PROCESS;
        }
    }
    for (int i = 0; i < M_REQUESTS; i++) {
        if (world->requests[i].process == process) {
            world->requests[i].process = GONE_PROCESS;
        }
    }
    world->workers[worker] = (struct world_worker){0};
}
