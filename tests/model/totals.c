/* The steps of the model of totals, and what must hold after each. */
#include <string.h>

#include "model/totals_world.h"

static bool without(const struct totals_step *step, enum guard guard) {
    return step->config->off >> guard & 1;
}

/* ---- steps ---- */

/* Counts to 3, which is as wrong as more. */
static void count_fact(uint8_t *count, bool one_more) {
    if (one_more && *count < 3) {
        ++*count;
    }
}

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
    totals_emit(step, STEP(TOTALS_TICK, 0, 0));
}

static void set_back(struct totals_step *step) {
    for (uint8_t by = 1; by <= step->from.now && by <= 3 && step->config->embedded; by++) {
        begin(step);
        step->to.now = (uint8_t)(step->from.now - by);
        totals_emit(step, STEP(TOTALS_SET_BACK, 0, by));
    }
}

static void insert_embedded(struct totals_step *step, int i) {
    bool raise = !without(step, GUARD_AT_WATERMARK) && step->from.now < step->from.up_to;
    begin(step);
    step->to.facts[i] = (struct fact){FACT_THERE, raise ? step->from.up_to : step->from.now, 0};
    totals_emit(step, STEP(TOTALS_INSERT, i, step->to.facts[i].at));
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
                totals_emit(step, STEP(TOTALS_INSERT, i, step->from.now - by));
            }
        } else if (fact->state == FACT_ON_ITS_WAY) {
            begin(step);
            step->to.facts[i] = (struct fact){FACT_THERE, fact->at, 0};
            totals_emit(step, STEP(TOTALS_SHOWS, i, fact->at));
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
            totals_emit(step, STEP(TOTALS_BEAT, k, to));
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
    totals_emit(step, STEP(TOTALS_LOOK, k, 0));
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
    totals_emit(step, STEP(TOTALS_ADD, k, i));
}

static void update_step(struct totals_step *step, int k) {
    begin(step);
    const struct keeper *keeper = &step->from.keepers[k];
    if (step->from.up_to == keeper->old || without(step, GUARD_WATERMARK_OLD)) {
        step->to.up_to = keeper->to;
        for (int i = 0; i < step->config->facts; i++) {
            count_fact(&step->to.counted[i], keeper->sum[i]);
        }
    }
    step->to.keepers[k] = (struct keeper){0};
    totals_emit(step, STEP(TOTALS_UPDATE, k, keeper->to));
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
        count_fact(&step->to.counted[i], counts);
    }
    step->to.up_to = (uint8_t)to;
    totals_emit(step, STEP(TOTALS_ADVANCE, 0, to));
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
    totals_emit(step, STEP(TOTALS_CRASH, k, 0));
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
    count_fact(&reader->sum[i], fact->state == FACT_THERE && fact->at >= reader->up_to);
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
        if (step->config->embedded) {
            read_again(step, reader);
        }
    } else if (reader->state == READER_ADDS) {
        action = TOTALS_READ_ADD;
        add_to_reading(step, reader);
    } else {
        action = TOTALS_READ_AGAIN;
        read_again(step, reader);
    }
    totals_emit(step, STEP(action, r, 0));
}

static void purge_steps(struct totals_step *step) {
    for (int i = 0; i < step->config->facts && step->config->purge; i++) {
        const struct fact *fact = &step->from.facts[i];
        bool below = fact->at < step->from.up_to || without(step, GUARD_PURGE_BELOW);
        if (fact->state == FACT_THERE && below) {
            begin(step);
            step->to.facts[i] = (struct fact){.state = FACT_PURGED};
            totals_emit(step, STEP(TOTALS_PURGE, i, 0));
        }
    }
}

void totals_steps(struct totals_step *step) {
    tick(step);
    set_back(step);
    insert_steps(step);
    for (int k = 0; k < step->config->keepers && !step->config->embedded; k++) {
        keeper_steps(step, k);
    }
    if (step->config->embedded) {
        advance_embedded(step);
    }
    for (int r = 0; r < step->config->readers; r++) {
        reader_steps(step, r);
    }
    purge_steps(step);
}

void totals_emit(struct totals_step *step, uint32_t action) {
    uint64_t packed[SEARCH_WORDS_MAX];
    layout_pack(&step->layout, &step->to, packed);
    search_emit(step->search, action, packed, step->broken ? step->broken : broken_state(step));
}
