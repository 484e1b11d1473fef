/* Sample orders: made-up companies without an open job. */
#pragma once

#include "jobs/jobs.h"

/* Places `count` of them one by one; *ret as jobs_place gives it, also when some were placed before a failure. */
MUST_USE enum outcome samples_place(struct jobs *jobs, int count, int priority, const char *actor,
                                    struct jobs_placed *ret, struct error *err);
