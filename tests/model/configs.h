/* What is searched: the configurations, and the guards that each are shown to need. */
#pragma once

#include "model/totals.h"
#include "model/world.h"

/* One of job and totals is set. */
struct model_case {
    bool large; /* not part of every test run */
    const struct model_config *job;
    const struct totals_config *totals;
};
int cases_count(void);
struct model_case case_at(int index);
const char *case_name(const struct model_case *at);
const char *case_covers(const struct model_case *at);
struct model_case case_find(const char *name);

/* Guards that are removed together, where that is searched, and what then breaks; or why nothing does. */
struct guard_case {
    const char *name, *text;
    uint64_t guards;
    const char *where;
    const char *breaks;
    const char *redundant; /* NULL: it is not */
};
int guards_count(void);
const struct guard_case *guard_at(int index);
