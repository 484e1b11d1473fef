/* What purges mean to a check: blobs that a crash left of purged jobs. */
#include <inttypes.h>

#include "base/str.h"
#include "cli/fsck.h"

enum { PAGE = 500 };

/* ---- jobs that are purged, but not forgotten yet --------------------------------------------- */
static enum outcome read_ids(struct fsck *fsck, struct error *err) {
    char after[OBJECT_ID_MAX] = "";
    enum outcome outcome = OK;
    for (bool more = true; more && outcome == OK;) {
        struct purged_list ids = {0};
        outcome = jobs_list_purged(fsck->jobs, *after ? after : NULL, PAGE, &ids, err);
        more = outcome == OK && ids.count == PAGE;
        for (int i = 0; outcome == OK && i < ids.count; i++) {
            str_copy(after, sizeof(after), ids.items[i].id);
            if (!json_object_get(fsck->purged, after))
                json_object_set_new(fsck->purged, after,
                                    json_pack("{s:I, s:b, s:i}", "named", (json_int_t)ids.items[i].blobs, "removing",
                                              ids.items[i].removing, "seen", 0));
        }
        purged_list_finish(&ids);
    }
    return outcome;
}

enum outcome fsck_is_purged(struct fsck *fsck, const char *job_id, bool *ret, struct error *err) {
    enum outcome outcome = OK;
    if (!json_object_get(fsck->purged, job_id)) /* on a store at work it may be so only now */
        outcome = read_ids(fsck, err);
    if (outcome == OK)
        *ret = json_object_get(fsck->purged, job_id) != NULL;
    return outcome;
}

void fsck_purged_blob(struct fsck *fsck, const char *job_id) {
    json_t *job = json_object_get(fsck->purged, job_id);
    json_object_set_new(job, "seen", json_integer(json_member_int(job, "seen", 0) + 1));
}

static enum outcome find_blobs(void *arg, const char *job_id, bool *ret_any, struct error *err) {
    struct fsck *fsck = arg;
    char prefix[BLOB_NAME_MAX];
    blob_name_prefix(job_id, prefix);
    return fsck->blobs ? blobs_any_under(fsck->blobs, prefix, ret_any, err) : OK;
}

static enum outcome remove_blobs(void *arg, const char *job_id, struct error *err) {
    struct fsck *fsck = arg;
    char prefix[BLOB_NAME_MAX];
    int64_t removed = 0;
    blob_name_prefix(job_id, prefix);
    enum outcome outcome = fsck->blobs ? blobs_remove_under(fsck->blobs, prefix, &removed, err) : OK;
    fsck->unnamed_removed += removed;
    return outcome;
}

/* It had blobs, and this blob store never had one of them: it may be the wrong one. */
static bool is_lost(const json_t *job) {
    return json_member_int(job, "named", 0) > 0 && json_member_int(job, "seen", 0) == 0 &&
           !json_member_bool(job, "removing", false);
}

enum outcome fsck_purged_notes(struct fsck *fsck, struct error *err) {
    const char *job_id;
    json_t *job;
    enum outcome outcome = OK;
    json_object_foreach (fsck->purged, job_id, job) {
        if (is_lost(job) && fsck->remove_unknown && outcome == OK)
            outcome = jobs_forget_purged(fsck->jobs, job_id, err);
        else if (is_lost(job))
            fsck_note(fsck, job_id, 0, "purge_unfinished",
                      "purged; it had %" PRId64 " blobs, and none of them is here: is it the right blob store? "
                      "(--remove-unknown forgets the job)",
                      json_member_int(job, "named", 0));
        else
            fsck_note(fsck, job_id, 0, "purge_unfinished",
                      "purged, but %" PRId64 " of its blobs are still there (--repair finishes it)",
                      json_member_int(job, "seen", 0));
    }
    return outcome;
}

enum outcome fsck_purged(struct fsck *fsck, struct error *err) {
    int finished = 0;
    const struct purged_blobs blobs = {.find = find_blobs, .remove = remove_blobs, .arg = fsck};
    enum outcome outcome = jobs_purged_totals(fsck->jobs, &fsck->gone, err);
    if (outcome == OK && fsck->repair)
        outcome = jobs_finish_purges(fsck->jobs, &blobs, NULL, &finished, err);
    return outcome == OK || outcome == GONE ? read_ids(fsck, err) : outcome; /* GONE: lost ones, which will be said */
}
