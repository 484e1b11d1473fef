/* Removing finished jobs, the part that is the same for every store: the document goes first, with everything the store
 * itself keeps of the job; its id stays among the purged ones until the blobs are gone too.
 *
 *   finished ──jobs_purge──> purged (id kept) ──a blob is found──> removing ──all removed──> forgotten
 *                                 └────────────────crash───────────────┴──> jobs_finish_purges of any later process
 *
 * Blobs are removed only once `removing` is on disk. So no blob of a purged job means either that all are removed, or,
 * without it, that they are somewhere else: then the id stays. */
#include <stdlib.h>

#include "base/str.h"
#include "core/fault.h"
#include "jobs/jobs_check.h"

enum { PURGED_PAGE = 100 };

enum outcome jobs_list_purgeable(struct jobs *jobs, int64_t before_ms, int limit, const char *cursor,
                                 struct job_list *ret, struct error *err) {
    enum outcome outcome = jobs_check_limit(limit, err);
    if (cursor && cursor[0] == '\0')
        cursor = NULL;
    return outcome == OK ? jobs->backend->list_purgeable(jobs, before_ms, limit, cursor, ret, err) : outcome;
}

enum outcome jobs_purge(struct jobs *jobs, const struct jobs_purge *request, struct jobs_purged *ret,
                        struct error *err) {
    struct jobs_purge clean = *request;
    enum outcome outcome = jobs_check_id(clean.job_id, err);
    if (outcome == OK)
        outcome = jobs_check_actor(&clean.actor, err);
    return outcome == OK ? jobs->backend->purge(jobs, &clean, ret, err) : outcome;
}

void purged_list_finish(struct purged_list *list) {
    free(list->items);
    *list = (struct purged_list){0};
}

enum outcome jobs_list_purged(struct jobs *jobs, const char *after, int limit, struct purged_list *ret,
                              struct error *err) {
    enum outcome outcome = jobs_check_limit(limit, err);
    return outcome == OK ? jobs->backend->list_purged(jobs, after ? after : "", limit, ret, err) : outcome;
}

enum outcome jobs_forget_purged(struct jobs *jobs, const char *job_id, struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    return outcome == OK ? jobs->backend->forget_purged(jobs, job_id, err) : outcome;
}

enum outcome jobs_purged_totals(struct jobs *jobs, struct purged_totals *ret, struct error *err) {
    return jobs->backend->purged_totals(jobs, ret, err);
}

/* ---- what is left of purged jobs ------------------------------------------------------------- */
/* None was found of a job that had some. OK when another process has removed them meanwhile. */
static enum outcome check_removed(struct jobs *jobs, const struct purged_job *job, struct error *err) {
    struct purged_job now;
    bool found = false;
    enum outcome outcome = jobs->backend->find_purged(jobs, job->id, &now, &found, err);
    if (outcome != OK || !found || now.removing)
        return outcome;
    return error_set(err, GONE, "blobs_not_found",
                     "the purged job %s had %lld blobs, and the blob store has none of them: is it the right one?",
                     job->id, (long long)job->blobs);
}

/* OK: every blob that is left may be removed, and then none being there means that they are. */
static enum outcome look_for_blobs(struct jobs *jobs, const struct purged_job *job, const struct purged_blobs *blobs,
                                   struct error *err) {
    bool any = false;
    if (job->blobs == 0 || job->removing)
        return OK;
    enum outcome outcome = blobs->find(blobs->arg, job->id, &any, err);
    if (outcome != OK)
        return outcome;
    return any ? jobs->backend->mark_purged(jobs, job->id, err) : check_removed(jobs, job, err);
}

static enum outcome finish_one(struct jobs *jobs, const struct purged_job *job, const struct purged_blobs *blobs,
                               struct error *err) {
    enum outcome outcome = look_for_blobs(jobs, job, blobs, err);
    if (outcome != OK)
        return outcome;
    outcome = blobs->remove(blobs->arg, job->id, err);
    FAULT_POINT("purge_blobs_removed");
    return outcome == OK ? jobs->backend->forget_purged(jobs, job->id, err) : outcome;
}

struct finisher {
    const struct purged_blobs *blobs;
    char after[OBJECT_ID_MAX];
    int finished;
    enum outcome first; /* failure; OK: none yet */
    struct error first_error;
};

/* False: stop, at once. */
static bool note(struct finisher *finisher, enum outcome outcome, const struct error *error) {
    if (outcome != OK && finisher->first == OK) {
        finisher->first = outcome;
        finisher->first_error = *error;
    }
    return outcome != RETRY;
}

/* False: there is no next page. */
static bool finish_page(struct jobs *jobs, struct finisher *finisher) {
    struct error error = {0};
    struct purged_list page = {0};
    enum outcome outcome = jobs->backend->list_purged(jobs, finisher->after, PURGED_PAGE, &page, &error);
    bool go_on = note(finisher, outcome, &error) && outcome == OK;
    for (int i = 0; i < page.count && go_on; i++) {
        outcome = finish_one(jobs, &page.items[i], finisher->blobs, &error);
        finisher->finished += outcome == OK;
        go_on = note(finisher, outcome, &error);
        if (go_on)
            str_copy(finisher->after, OBJECT_ID_MAX, page.items[i].id);
    }
    bool more = go_on && page.count == PURGED_PAGE;
    if (go_on && !more)
        finisher->after[0] = '\0';
    purged_list_finish(&page);
    return more;
}

enum outcome jobs_finish_purges(struct jobs *jobs, const struct purged_blobs *blobs, char *after, int *ret_finished,
                                struct error *err) {
    struct finisher finisher = {.blobs = blobs, .first = OK};
    if (after)
        str_copy(finisher.after, sizeof finisher.after, after);
    while (finish_page(jobs, &finisher))
        continue;
    if (after)
        str_copy(after, OBJECT_ID_MAX, finisher.after);
    *ret_finished = finisher.finished;
    if (err && finisher.first != OK)
        *err = finisher.first_error;
    return finisher.first;
}
