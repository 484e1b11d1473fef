/* Purging what is old, and finishing purges. */
#include "api/retention.h"

#include "base/clock.h"
#include "base/str.h"

/* What bounds one pass. */
struct budget {
    const struct retention *retention;
    int64_t until_ms; /* monotonic */
    int left;
    bool begun, used_up;
};

static struct budget budget_start(const struct retention *retention) {
    return (struct budget){
        .retention = retention, .until_ms = clock_monotonic_ms() + RETENTION_PASS_MS, .left = RETENTION_PASS_JOBS};
}

/* False: the pass ends here, whatever is left. The first job is always begun: a slow store gets on too. */
static bool may_begin(struct budget *budget) {
    const struct retention *retention = budget->retention;
    bool first = !budget->begun;
    bool late = !first && clock_monotonic_ms() >= budget->until_ms;
    budget->used_up = late || budget->left == 0 || retention->stop(retention->context);
    budget->begun = true;
    return !budget->used_up;
}

static bool take_one(struct budget *budget) {
    bool taken = may_begin(budget);
    budget->left -= taken;
    return taken;
}

static bool nothing_to_do(const struct error *err) {
    return str_eq(err->code, "read_only") || str_eq(err->code, "no_container");
}

static enum outcome list_old(const struct retention *retention, struct jobs *jobs, struct job_list *ret,
                             struct error *err) {
    int64_t now_ms = 0;
    enum outcome outcome = jobs_now_ms(jobs, &now_ms, err);
    if (outcome == OK && now_ms > retention->keep_ms) {
        outcome = jobs_list_purgeable(jobs, now_ms - retention->keep_ms, RETENTION_PASS_JOBS, NULL, ret, err);
    }
    return outcome;
}

enum outcome retention_purge(const struct retention *retention, struct jobs *jobs, int *ret_count, bool *ret_more,
                             struct error *err) {
    *ret_count = 0;
    *ret_more = false;
    if (retention->keep_ms == 0) {
        return OK;
    }
    struct job_list list = {0};
    enum outcome outcome = list_old(retention, jobs, &list, err);
    struct budget budget = budget_start(retention);
    int purged = 0;
    for (int i = 0; outcome == OK && i < list.count && take_one(&budget); i++) {
        const struct jobs_purge request = {.job_id = list.items[i].id, .actor = "retention"};
        struct jobs_purged ignored;
        outcome = jobs_purge(jobs, &request, &ignored, err);
        purged += outcome == OK;
        if (outcome == GONE || outcome == INVALID) { /* another keeper was first, or a person wants it again */
            outcome = OK;
        }
    }
    bool more = *list.next || budget.used_up;
    job_list_finish(&list);
    if (outcome != OK && nothing_to_do(err)) {
        outcome = OK;
    }
    *ret_count = purged; /* also when it failed: they are to be finished */
    *ret_more = outcome == OK && purged > 0 && more;
    return outcome;
}

struct finish {
    struct budget budget;
    bool found; /* blobs of the job that comes next to be removed: it was begun then */
    int removed;
};

static enum outcome pause_here(struct error *err) {
    return error_set(err, RETRY, "paused", "the rest of the purges is finished later");
}

/* Jobs whose blobs cannot be found cost time, but take none of the number: they are the first ones in every round. */
static enum outcome find_blobs(void *arg, const char *job_id, bool *ret_any, struct error *err) {
    struct finish *finish = arg;
    if (!may_begin(&finish->budget)) {
        return pause_here(err);
    }
    char prefix[BLOB_NAME_MAX];
    blob_name_prefix(job_id, prefix);
    enum outcome outcome = blobs_any_under(finish->budget.retention->blobs, prefix, ret_any, err);
    finish->found = outcome == OK && *ret_any;
    return outcome;
}

static enum outcome remove_blobs(void *arg, const char *job_id, struct error *err) {
    struct finish *finish = arg;
    if (!finish->found && !may_begin(&finish->budget)) {
        return pause_here(err);
    }
    finish->found = false;
    finish->budget.left--;
    char prefix[BLOB_NAME_MAX];
    blob_name_prefix(job_id, prefix);
    enum outcome outcome = blobs_remove_under(finish->budget.retention->blobs, prefix, NULL, err);
    finish->removed += outcome == OK;
    return outcome;
}

enum outcome retention_finish(const struct retention *retention, struct jobs *jobs, int *ret_count, bool *ret_more,
                              struct error *err) {
    struct finish finish = {.budget = budget_start(retention)};
    const struct purged_blobs blobs = {.find = find_blobs, .remove = remove_blobs, .arg = &finish};
    int ignored;
    enum outcome outcome = jobs_finish_purges(jobs, &blobs, retention->finished_to, &ignored, err);
    if (outcome != OK && (str_eq(err->code, "paused") || nothing_to_do(err))) {
        outcome = OK;
    }
    *ret_count = finish.removed;
    *ret_more = finish.budget.used_up;
    return outcome;
}
