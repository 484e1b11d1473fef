/* The model of totals for the search: how its state packs, and its traces in words. */
#include <assert.h>

#include "model/totals_world.h"

/* ---- packing ---- */

#define FIELD(member, bits) layout_add(layout, offsetof(struct totals_world, member), bits)

static void lay_out(const struct totals_config *config, struct layout *layout) {
    layout_start(layout, sizeof(struct totals_world));
    FIELD(now, TIME_BITS);
    FIELD(up_to, TIME_BITS);
    for (int i = 0; i < config->facts; i++) {
        FIELD(counted[i], 2);
        FIELD(facts[i].state, 2);
        FIELD(facts[i].at, TIME_BITS);
        FIELD(facts[i].age, TIME_BITS);
    }
    for (int k = 0; k < config->keepers; k++) {
        FIELD(keepers[k].state, 2);
        FIELD(keepers[k].old, TIME_BITS);
        FIELD(keepers[k].to, TIME_BITS);
        FIELD(keepers[k].next, 2);
        for (int i = 0; i < config->facts; i++) {
            FIELD(keepers[k].sum[i], 1);
            FIELD(keepers[k].view[i], 1);
        }
    }
    for (int r = 0; r < config->readers; r++) {
        FIELD(readers[r].state, 2);
        FIELD(readers[r].up_to, TIME_BITS);
        FIELD(readers[r].next, 2);
        for (int i = 0; i < config->facts; i++) {
            FIELD(readers[r].sum[i], 2);
            FIELD(readers[r].there[i], 1);
            FIELD(readers[r].last[i], 1);
        }
    }
}

/* ---- the model ---- */

static void totals_start(struct search *search, const void *context) {
    struct totals_step step = {.search = search, .config = context};
    lay_out(step.config, &step.layout);
    totals_emit(&step, STEP(TOTALS_START, 0, 0));
}

static void totals_expand(struct search *search, const void *context, const uint64_t *packed) {
    struct totals_step step = {.search = search, .config = context};
    lay_out(step.config, &step.layout);
    layout_unpack(&step.layout, packed, &step.from);
    totals_steps(&step);
}

static void totals_print(FILE *out, const void *context, uint32_t code, const uint64_t *packed) {
    static const char *const texts[] = {
        [TOTALS_START] = "start",
        [TOTALS_TICK] = "a tick passes",
        [TOTALS_SET_BACK] = "the store's clock is set back",
        [TOTALS_INSERT] = "insertion of a fact begins",
        [TOTALS_SHOWS] = "a fact shows up",
        [TOTALS_LOOK] = "keeper reads from a node that is behind",
        [TOTALS_BEAT] = "keeper beats",
        [TOTALS_ADD] = "keeper adds a fact",
        [TOTALS_UPDATE] = "keeper updates the totals",
        [TOTALS_CRASH] = "keeper dies",
        [TOTALS_ADVANCE] = "keeper moves the watermark",
        [TOTALS_READ] = "reader reads the totals",
        [TOTALS_READ_ADD] = "reader adds a fact",
        [TOTALS_READ_AGAIN] = "reader reads the totals again",
        [TOTALS_PURGE] = "purge of a fact",
    };
    static const char *const states[] = {"-", "on its way", "there", "purged"};
    const struct totals_config *config = context;
    struct layout layout;
    struct totals_world world;
    lay_out(config, &layout);
    layout_unpack(&layout, packed, &world);
    (void)fprintf(out, "%s (%u, %u)  | now %u, watermark %u", texts[code & 0xff], (code >> 8 & 0xff) + 1, code >> 16,
                  world.now, world.up_to);
    for (int i = 0; i < config->facts; i++) {
        (void)fprintf(out, "  fact %d: %s at %u, counted %u", i + 1, states[world.facts[i].state], world.facts[i].at,
                      world.counted[i]);
    }
}

void totals_model(const struct totals_config *config, struct search_model *ret) {
    struct layout layout;
    lay_out(config, &layout);
    assert(config->facts <= FACTS && config->keepers <= KEEPERS && config->readers <= READERS);
    *ret = (struct search_model){
        .words = layout.words,
        .context = config,
        .start = totals_start,
        .expand = totals_expand,
        .print_step = totals_print,
    };
}
