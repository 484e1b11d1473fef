/* The model of counters that survive: facts with store times, a watermark that keepers move, readers, purge. These
 * rules are statements of the job stores (src/jobs/jobs_sqlite_totals.c, jobs_sqlite_write.c: at = max(now, upTo)), not
 * functions of core; the model has them a second time, fact by fact. */
#pragma once

#include "model/guards.h"
#include "model/search.h"

struct totals_config {
    const char *name, *covers;
    uint64_t off;
    uint8_t facts, keepers, readers;
    uint8_t horizon;  /* ticks of time there are */
    uint8_t lag;      /* how far the watermark stays behind a keeper's beat */
    uint8_t deadline; /* of an insertion: it shows up so many ticks after its start, or never */
    uint8_t skew;     /* how far the clock of a store's node may be behind */
    bool embedded;    /* one transaction at a time; at = max(now, upTo); the clock may be set back */
    bool purge;
};

void totals_model(const struct totals_config *config, struct search_model *ret);
