/* The configurations: the whole is too large to search at once, so each has what belongs together, and the last ones a
 * little of everything. */
#include "model/configs.h"

#include "base/macros.h"
#include "base/str.h"

#define LATE(kind) (1u << REQUEST_##kind)
#define LATE_LEASE (LATE(CLAIM) | LATE(ADOPT) | LATE(BEAT) | LATE(END))
#define LATE_FACTS (LATE(LIST) | LATE(BLOB) | LATE(ROW) | LATE(MANIFEST))
#define LATE_PERSON (LATE(CANCEL) | LATE(RETRY))
#define THREE_OWNERS .workers = 3, .owners = {1, 2, 3}
#define TWO_OWNERS .workers = 2, .owners = {1, 2}
#define SAME_READINGS .readings = {1, 1, 1}
#define OTHER_READINGS .readings = {1, 2, 2}

static const struct model_config jobs[] = {
    {.name = "leases",
     .covers = "3 owners without filings: claim, look, adopt, beat, take-over, expiry, end; failures, SIGTERM, "
               "containers started again",
     THREE_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .failures = true,
     .stops = true,
     .restarts = true,
     .goal = GOAL_FINISHED},
    {.name = "late",
     .covers = "3 owners, 1 request on its way: claims, adoptions, beats and ends that arrive late",
     THREE_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .requests = 1,
     .delayed = LATE_LEASE,
     .stops = true,
     .goal = GOAL_FINISHED},
    {.name = "pod",
     .covers = "2 processes of one owner (a pod's containers): both find the same claim; 1 late request",
     .workers = 2,
     .owners = {1, 1},
     SAME_READINGS,
     .tokens = 7,
     .requests = 1,
     .delayed = LATE_LEASE,
     .stops = true,
     .failures = true,
     .restarts = true,
     .goal = GOAL_FINISHED},
    {.name = "keeper",
     .covers = "3 owners, 2 keepers that expire",
     THREE_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .keepers = 2,
     .goal = GOAL_FINISHED},
    {.name = "records",
     .covers = "2 owners, 2 keepers that move entries from `ended` to `runs` in steps; one's end looked for in steps",
     TWO_OWNERS,
     SAME_READINGS,
     .tokens = 3,
     .keepers = 2,
     .records = true,
     .stops = true},
    {.name = "documents",
     .covers = "3 owners that read differently, 2 filings: list that grows, blobs, torn puts, rows, manifest, fsck",
     THREE_OWNERS,
     OTHER_READINGS,
     .tokens = 7,
     .filings = 2,
     .list_grows = true,
     .torn = true,
     .fsck = true},
    {.name = "threads",
     .covers = "2 owners that read differently, 2 filings: threads that go on after the end, 1 late fact",
     TWO_OWNERS,
     OTHER_READINGS,
     .tokens = 7,
     .filings = 2,
     .zombies = true,
     .stops = true,
     .requests = 1,
     .delayed = LATE_FACTS},
    {.name = "three filings",
     .covers = "2 owners that read differently, 3 filings: batches of 2",
     TWO_OWNERS,
     OTHER_READINGS,
     .tokens = 7,
     .filings = 3,
     .list_grows = true,
     .goal = GOAL_FINISHED},
    {.name = "attempts",
     .covers = "2 owners, 2 filings, MAX_ATTEMPTS 2: failures, outages, SIGTERM, releases",
     TWO_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .filings = 2,
     .max_attempts = 2,
     .failures = true,
     .stops = true,
     .goal = GOAL_FINISHED},
    {.name = "attempts, rows counted first",
     .covers = "the same where rows are counted before the adoption, and threads go on after the end",
     TWO_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .filings = 2,
     .max_attempts = 2,
     .failures = true,
     .stops = true,
     .stale_rows = true,
     .zombies = true,
     .goal = GOAL_FINISHED},
    {.name = "person",
     .covers = "2 owners, 1 filing, MAX_ATTEMPTS 1: cancel, retry, another order of the company",
     TWO_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .filings = 1,
     .max_attempts = 1,
     .failures = true,
     .stops = true,
     .cancel = true,
     .retry = true,
     .company = true,
     .goal = GOAL_COMPLETED},
    {.name = "person, late",
     .covers = "2 owners, 1 filing: cancels, retries and ends that arrive late",
     TWO_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .filings = 1,
     .max_attempts = 1,
     .cancel = true,
     .retry = true,
     .requests = 1,
     .delayed = LATE_PERSON | LATE(END)},
    {.name = "foreign",
     .covers = "3 owners, a processing job that another program inserted: intake, cancel",
     THREE_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .foreign = true,
     .cancel = true,
     .failures = true,
     .goal = GOAL_FINISHED},
    {.name = "everything",
     .covers = "2 owners that read differently, 1 filing, 1 keeper that moves entries, cancel, retry",
     TWO_OWNERS,
     OTHER_READINGS,
     .tokens = 2,
     .filings = 1,
     .keepers = 1,
     .records = true,
     .cancel = true,
     .retry = true,
     .stops = true,
     .max_attempts = 1},
};

static const struct model_config large_jobs[] = {
    {.name = "late, large",
     .covers = "3 owners, 2 requests on their way, failures",
     THREE_OWNERS,
     SAME_READINGS,
     .tokens = 7,
     .requests = 2,
     .delayed = LATE_LEASE,
     .stops = true},
};

static const struct totals_config totals[] = {
    {.name = "totals",
     .covers = "2 facts, 2 keepers, 1 reader, purge; insertions that show up late, node clocks that differ",
     .facts = 2,
     .keepers = 2,
     .readers = 1,
     .horizon = 4,
     .lag = 2,
     .deadline = 1,
     .skew = 1,
     .purge = true},
    {.name = "totals, embedded",
     .covers = "3 facts, 1 reader, purge; a clock that is set back",
     .facts = 3,
     .readers = 1,
     .horizon = 4,
     .lag = 1,
     .embedded = true,
     .purge = true},
};

static const struct totals_config large_totals[] = {
    {.name = "totals, large",
     .covers = "2 facts, 2 keepers, 2 readers",
     .facts = 2,
     .keepers = 2,
     .readers = 2,
     .horizon = 4,
     .lag = 2,
     .deadline = 1,
     .skew = 1,
     .purge = true},
};

int cases_count(void) {
    return (int)(COUNT_OF(jobs) + COUNT_OF(totals) + COUNT_OF(large_jobs) + COUNT_OF(large_totals));
}

struct model_case case_at(int index) {
    size_t at = (size_t)index;
    if (at < COUNT_OF(jobs)) {
        return (struct model_case){.job = &jobs[at]};
    }
    at -= COUNT_OF(jobs);
    if (at < COUNT_OF(totals)) {
        return (struct model_case){.totals = &totals[at]};
    }
    at -= COUNT_OF(totals);
    if (at < COUNT_OF(large_jobs)) {
        return (struct model_case){.large = true, .job = &large_jobs[at]};
    }
    return (struct model_case){.large = true, .totals = &large_totals[at - COUNT_OF(large_jobs)]};
}

const char *case_name(const struct model_case *at) {
    return at->job ? at->job->name : at->totals->name;
}

const char *case_covers(const struct model_case *at) {
    return at->job ? at->job->covers : at->totals->covers;
}

struct model_case case_find(const char *name) {
    for (int i = 0; i < cases_count(); i++) {
        struct model_case at = case_at(i);
        if (str_eq(case_name(&at), name)) {
            return at;
        }
    }
    return (struct model_case){0};
}
