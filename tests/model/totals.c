#include "model/totals.h"

#include <assert.h>
#include <string.h>

#include "base/macros.h"
#include "model/layout.h"

enum { FACTS = 3, KEEPERS = 2, READERS = 2, TIME_BITS = 4 };

enum fact_state { FACT_NONE, FACT_ON_ITS_WAY, FACT_THERE, FACT_PURGED };
struct fact {
    uint8_t state, at;
    uint8_t age; /* ticks since its insertion began; while on its way */
};

enum keeper_state { KEEPER_RESTS, KEEPER_LOOKED, KEEPER_ADDS, KEEPER_HAS_SUM };
struct keeper {
    uint8_t state, old, to, next;
    uint8_t sum[FACTS];
    uint8_t view[FACTS]; /* without a beat: what a node that is behind shows it */
};

enum reader_state { READER_RESTS, READER_ADDS, READER_LOOKS_AGAIN };
struct reader {
    uint8_t state, up_to, next;
    uint8_t sum[FACTS];
    uint8_t there[FACTS]; /* truth: the facts there were when it began */
    uint8_t last[FACTS];  /* what it read before */
};

struct totals_world {
    uint8_t now, up_to;
    uint8_t counted[FACTS]; /* in the totals: how often */
    struct fact facts[FACTS];
    struct keeper keepers[KEEPERS];
    struct reader readers[READERS];
};

enum totals_action {
    TOTALS_START,
    TOTALS_TICK,
    TOTALS_SET_BACK,
    TOTALS_INSERT,
    TOTALS_SHOWS,
    TOTALS_LOOK,
    TOTALS_BEAT,
    TOTALS_ADD,
    TOTALS_UPDATE,
    TOTALS_CRASH,
    TOTALS_ADVANCE,
    TOTALS_READ,
    TOTALS_READ_ADD,
    TOTALS_READ_AGAIN,
    TOTALS_PURGE,
};
#define STEP(action, who, what) ((uint32_t)(action) | (uint32_t)(who) << 8 | (uint32_t)(what) << 16)

struct totals_step {
    struct search *search;
    const struct totals_config *config;
    struct layout layout;
    struct totals_world from, to;
    const char *broken;
};

static bool without(const struct totals_step *step, enum guard guard) {
    return step->config->off >> guard & 1;
}

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

/* ---- steps ---- */

static bool exists(const struct fact *fact) {
    return fact->state == FACT_THERE || fact->state == FACT_PURGED;
}

static void begin(struct totals_step *step) {
    step->to = step->from;
    step->broken = NULL;
}

static const char *broken_state(const struct totals_step *step) {
    const struct totals_world *world = &step->to;
    for (int i = 0; i < step->config->facts; i++) {
        const struct fact *fact = &world->facts[i];
        bool above = fact->state == FACT_THERE && fact->at >= world->up_to;
        if (world->counted[i] + above != exists(fact)) {
            return "totals_equal_facts";
        }
    }
    return world->up_to < step->from.up_to ? "watermark_forward" : NULL;
}

static void emit(struct totals_step *step, uint32_t action) {
    uint64_t packed[SEARCH_WORDS_MAX];
    layout_pack(&step->layout, &step->to, packed);
    search_emit(step->search, action, packed, step->broken ? step->broken : broken_state(step));
}

/* An insertion that has not shown up within its deadline never does. */
static void tick(struct totals_step *step) {
    const struct totals_config *config = step->config;
    if (step->from.now == config->horizon) {
        return;
    }
    begin(step);
    step->to.now++;
    for (int i = 0; i < config->facts; i++) {
        struct fact *fact = &step->to.facts[i];
        if (fact->state != FACT_ON_ITS_WAY) {
            continue;
        }
        fact->age++;
        if (fact->age > config->deadline && !without(step, GUARD_INSERT_TIME)) {
            *fact = (struct fact){0};
        }
    }
    emit(step, STEP(TOTALS_TICK, 0, 0));
}

static void set_back(struct totals_step *step) {
    for (uint8_t by = 1; by <= step->from.now && by <= 3 && step->config->embedded; by++) {
        begin(step);
        step->to.now = (uint8_t)(step->from.now - by);
        emit(step, STEP(TOTALS_SET_BACK, 0, by));
    }
}

static void insert_embedded(struct totals_step *step, int i) {
    bool raise = !without(step, GUARD_AT_WATERMARK) && step->from.now < step->from.up_to;
    begin(step);
    step->to.facts[i] = (struct fact){FACT_THERE, raise ? step->from.up_to : step->from.now, 0};
    emit(step, STEP(TOTALS_INSERT, i, step->to.facts[i].at));
}

/* The store draws `at` when the insertion begins; it shows up later. */
static void insert_steps(struct totals_step *step) {
    uint8_t behind = without(step, GUARD_STORE_TIME) ? step->config->horizon : step->config->skew;
    for (int i = 0; i < step->config->facts; i++) {
        const struct fact *fact = &step->from.facts[i];
        if (fact->state == FACT_NONE && step->config->embedded) {
            insert_embedded(step, i);
        } else if (fact->state == FACT_NONE) {
            for (uint8_t by = 0; by <= behind && by <= step->from.now; by++) {
                begin(step);
                step->to.facts[i] = (struct fact){FACT_ON_ITS_WAY, (uint8_t)(step->from.now - by), 0};
                emit(step, STEP(TOTALS_INSERT, i, step->from.now - by));
            }
        } else if (fact->state == FACT_ON_ITS_WAY) {
            begin(step);
            step->to.facts[i] = (struct fact){FACT_THERE, fact->at, 0};
            emit(step, STEP(TOTALS_SHOWS, i, fact->at));
        }
    }
}

/* ---- keepers ---- */

static void beat_steps(struct totals_step *step, int k) {
    const struct totals_config *config = step->config;
    uint8_t lag = without(step, GUARD_LAG) ? 0 : config->lag;
    for (uint8_t by = 0; by <= config->skew; by++) {
        begin(step);
        struct keeper *keeper = &step->to.keepers[k];
        int to = step->from.now - by - lag;
        if (to > step->from.up_to) {
            keeper->state = KEEPER_ADDS;
            keeper->old = step->from.up_to;
            keeper->to = (uint8_t)to;
            emit(step, STEP(TOTALS_BEAT, k, to));
        }
    }
}

/* Without a majority write first, what it will see may be older than its time. */
static void look_step(struct totals_step *step, int k) {
    begin(step);
    struct keeper *keeper = &step->to.keepers[k];
    keeper->state = KEEPER_LOOKED;
    for (int i = 0; i < step->config->facts; i++) {
        keeper->view[i] = step->from.facts[i].state == FACT_THERE;
    }
    emit(step, STEP(TOTALS_LOOK, k, 0));
}

/* Facts are read one after the other; they are in several collections. */
static void add_step(struct totals_step *step, int k) {
    begin(step);
    struct keeper *keeper = &step->to.keepers[k];
    int i = keeper->next;
    const struct fact *fact = &step->from.facts[i];
    bool seen = without(step, GUARD_BEAT_FIRST) ? keeper->view[i] : fact->state == FACT_THERE;
    bool before = fact->at < keeper->to || (fact->at == keeper->to && without(step, GUARD_HALF_OPEN));
    keeper->sum[i] = seen && fact->at >= keeper->old && before;
    keeper->next++;
    if (keeper->next == step->config->facts) {
        keeper->next = 0;
        keeper->state = KEEPER_HAS_SUM;
    }
    emit(step, STEP(TOTALS_ADD, k, i));
}

static void update_step(struct totals_step *step, int k) {
    begin(step);
    const struct keeper *keeper = &step->from.keepers[k];
    if (step->from.up_to == keeper->old || without(step, GUARD_WATERMARK_OLD)) {
        step->to.up_to = keeper->to;
        for (int i = 0; i < step->config->facts; i++) {
            step->to.counted[i] += step->to.counted[i] < 3 ? keeper->sum[i] : 0;
        }
    }
    step->to.keepers[k] = (struct keeper){0};
    emit(step, STEP(TOTALS_UPDATE, k, keeper->to));
}

static void advance_embedded(struct totals_step *step) {
    int to = step->from.now - step->config->lag;
    if (to <= step->from.up_to) {
        return;
    }
    begin(step);
    for (int i = 0; i < step->config->facts; i++) {
        const struct fact *fact = &step->from.facts[i];
        bool counts = fact->state == FACT_THERE && fact->at >= step->from.up_to && fact->at < to;
        step->to.counted[i] += step->to.counted[i] < 3 ? counts : 0;
    }
    step->to.up_to = (uint8_t)to;
    emit(step, STEP(TOTALS_ADVANCE, 0, to));
}

static void keeper_steps(struct totals_step *step, int k) {
    switch ((enum keeper_state)step->from.keepers[k].state) {
    case KEEPER_RESTS:
        if (without(step, GUARD_BEAT_FIRST)) {
            look_step(step, k);
        } else {
            beat_steps(step, k);
        }
        return;
    case KEEPER_LOOKED:
        beat_steps(step, k);
        break;
    case KEEPER_ADDS:
        add_step(step, k);
        break;
    case KEEPER_HAS_SUM:
        update_step(step, k);
        break;
    }
    begin(step);
    step->to.keepers[k] = (struct keeper){0};
    emit(step, STEP(TOTALS_CRASH, k, 0));
}

/* ---- readers, purge ---- */

static void take_reading(struct totals_step *step, struct reader *reader) {
    for (int i = 0; i < step->config->facts; i++) {
        int there_now = exists(&step->from.facts[i]);
        if (reader->sum[i] < reader->there[i] || reader->sum[i] > there_now) {
            step->broken = "reading_is_exact";
        } else if (reader->sum[i] < reader->last[i]) {
            step->broken = "reading_never_down";
        }
        reader->last[i] = reader->sum[i] != 0;
    }
}

static void read_again(struct totals_step *step, struct reader *reader) {
    if (step->from.up_to == reader->up_to || without(step, GUARD_READ_TWICE)) {
        take_reading(step, reader);
    }
    struct reader rests = {0};
    memcpy(rests.last, reader->last, sizeof(rests.last));
    *reader = rests;
}

static void add_to_reading(struct totals_step *step, struct reader *reader) {
    int i = reader->next++;
    const struct fact *fact = &step->from.facts[i];
    reader->sum[i] += fact->state == FACT_THERE && fact->at >= reader->up_to;
    if (reader->next == step->config->facts) {
        reader->next = 0;
        reader->state = READER_LOOKS_AGAIN;
    }
}

static void begin_reading(struct totals_step *step, struct reader *reader) {
    reader->state = READER_ADDS;
    reader->up_to = step->from.up_to;
    for (int i = 0; i < step->config->facts; i++) {
        reader->sum[i] = step->from.counted[i];
        reader->there[i] = exists(&step->from.facts[i]);
    }
}

static void reader_steps(struct totals_step *step, int r) {
    begin(step);
    struct reader *reader = &step->to.readers[r];
    enum totals_action action = TOTALS_READ;
    if (reader->state == READER_RESTS) {
        begin_reading(step, reader);
        while (step->config->embedded && reader->state == READER_ADDS) { /* one snapshot */
            add_to_reading(step, reader);
        }
    } else if (reader->state == READER_ADDS) {
        action = TOTALS_READ_ADD;
        add_to_reading(step, reader);
    } else {
        action = TOTALS_READ_AGAIN;
        read_again(step, reader);
    }
    emit(step, STEP(action, r, 0));
}

static void purge_steps(struct totals_step *step) {
    for (int i = 0; i < step->config->facts && step->config->purge; i++) {
        const struct fact *fact = &step->from.facts[i];
        bool below = fact->at < step->from.up_to || without(step, GUARD_PURGE_BELOW);
        if (fact->state == FACT_THERE && below) {
            begin(step);
            step->to.facts[i] = (struct fact){.state = FACT_PURGED};
            emit(step, STEP(TOTALS_PURGE, i, 0));
        }
    }
}

/* ---- the model ---- */

static void totals_start(struct search *search, const void *context) {
    struct totals_step step = {.search = search, .config = context};
    lay_out(step.config, &step.layout);
    emit(&step, STEP(TOTALS_START, 0, 0));
}

static void totals_expand(struct search *search, const void *context, const uint64_t *packed) {
    struct totals_step step = {.search = search, .config = context};
    lay_out(step.config, &step.layout);
    layout_unpack(&step.layout, packed, &step.from);
    tick(&step);
    set_back(&step);
    insert_steps(&step);
    for (int k = 0; k < step.config->keepers && !step.config->embedded; k++) {
        keeper_steps(&step, k);
    }
    if (step.config->embedded) {
        advance_embedded(&step);
    }
    for (int r = 0; r < step.config->readers; r++) {
        reader_steps(&step, r);
    }
    purge_steps(&step);
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
