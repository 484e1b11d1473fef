/* The state of the model of totals, and a step of it. */
#pragma once

#include "model/layout.h"
#include "model/totals.h"

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

void totals_emit(struct totals_step *step, uint32_t action);
void totals_steps(struct totals_step *step); /* emits every step from step->from */
