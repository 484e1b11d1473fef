/* What backup and restore share: the jobs of a copied store, one after the other, and every blob that they name, from
 * one blob store into another. */
#pragma once

#include "cli/cli.h"
#include "cli/findings.h"

struct store_copy {
    struct jobs *jobs;       /* the copy: rules which jobs and blobs there have to be */
    struct jobs *live;       /* where it was copied from, when that one is still at work; NULL: it is not */
    const char *actor;       /* for the audit log of the copy */
    struct blobs *from, *to; /* from NULL: nothing was ever stored there */
    const char *from_name;   /* what copy->from is called in messages: "the data folder", "the backup" */
    int64_t jobs_seen, documents;
    int64_t blobs_copied, blobs_there, bytes_copied, bytes; /* bytes: of all of them */
    json_t *problems;                                       /* the caller's; see findings.h */
    int64_t problem_count;
};

/* Every blob that a row or a manifest of copy->jobs names is on disk in copy->to with the bytes its name says; one that
 * is there is not copied again, a damaged one there is replaced. What copy->from does not have whole is a problem, not
 * an error. A job that was purged in copy->live meanwhile is purged in the copy too. RETRY "stopped" after
 * stop_request().
 */
MUST_USE enum outcome store_copy_blobs(struct store_copy *copy, struct error *err);

/* The counts as JSON members, and as a sentence to stdout. */
json_t *store_copy_json(const struct store_copy *copy);
/* The counts, and {milliseconds, takenAt (NULL: null), directory, problemCount, problems}. */
json_t *store_copy_report(const struct store_copy *copy, const char *dir, const char *taken_at, int64_t took_ms);
void store_copy_print(const struct store_copy *copy);

/* ---- the mark of a backup: the last entry of its audit log (but for repairs) ------------------ */
enum { MARK_TAKEN_MAX = 32 };
/* Enters {takenAt, state, …counts} as action "backup"; by the state it is told that nobody worked with it since. */
MUST_USE enum outcome store_copy_mark(const struct store_copy *copy, int64_t taken_at_ms, struct error *err);
/* *ret_taken_at: when it was taken, RFC 3339; "" when the store is no backup, or was worked with since. */
MUST_USE enum outcome store_copy_find_mark(struct jobs *jobs, char ret_taken_at[MARK_TAKEN_MAX], struct error *err);
