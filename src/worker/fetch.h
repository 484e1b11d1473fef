/* Which filings a run takes, in which order, and several at a time. What is done with one filing is the caller's.
 *
 * The run wants `batch` filings done. It takes those without a row in the order of the list; one that cannot be had now
 * is passed over, the next of the list takes its place, and at the end it is tried once more: so the first of the list
 * never block the rest. Nothing is taken any more once a filing's verdict ends the run, the run is halted, or nothing
 * could be had for give_up_ms. */
#pragma once

#include "base/error.h"
#include "core/filing.h"
#include "worker/halt.h"

enum fetch_verdict {
    FETCH_DONE,  /* the filing has its row */
    FETCH_LATER, /* not to be had now: go on with others */
    FETCH_OVER,  /* the run cannot go on */
};

struct fetch_plan {
    const struct filing_list *list;
    const bool *have; /* have[n]: filing n has a row already */
    int batch, parallel;
    int64_t give_up_ms;
    struct halt *halt;
    /* On several threads at once. Fills *err unless DONE. */
    enum fetch_verdict (*one)(void *context, const struct filing *filing, struct error *err);
    void (*cut)(void *context); /* ends every `one` under way soon; called from any thread, at most twice */
    void *context;
    int64_t cut_ms; /* how long those under way are waited for once they are cut */
};
struct fetch_result {
    int done, failed;   /* filings done; filings that could not be had in both tries */
    bool over;          /* a verdict ended the run, or it gave up */
    bool abandoned;     /* threads were still at work after cut_ms: what the plan points to must stay */
    struct error error; /* why it is over, else why the last filing failed */
};

void fetch_run(const struct fetch_plan *plan, struct fetch_result *ret);
