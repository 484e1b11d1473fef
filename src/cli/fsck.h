/* filesure fsck: does what is stored agree with itself? Rows <-> blobs <-> manifest <-> filings list, every hash
 * re-read. */
#pragma once

#include "cli/cli.h"
#include "cli/findings.h"

struct fsck {
    struct jobs *jobs;
    struct blobs *blobs;  /* NULL: nothing was ever stored */
    struct totals before; /* as of the start: other totals at the end mean that the store was written to meanwhile */
    bool repair, remove_unknown;
    int64_t jobs_seen,
        jobs_taken_in; /* another program's job is counted in the totals once the keeper has taken it in */
    int64_t rows_seen, blobs_read, bytes_read, unnamed_removed, problem_count, note_count;
    int64_t rows_by_state[3], original_bytes, pages;
    struct purged_totals gone; /* what purges had taken away at the start */
    json_t *purged; /* ids of jobs that are purged, but not forgotten: {named, removing, seen: how many blobs} */
    json_t *problems, *notes; /* arrays of {job, document, code, message}; at most FINDINGS_LISTED_MAX each */
};

/* The whole of it: every job, unnamed blobs, totals. problems and notes are the caller's; findings are not errors. */
MUST_USE enum outcome fsck_all(struct fsck *fsck, struct cli *cli, struct error *err);
void fsck_report(const struct cli *cli, const struct fsck *fsck); /* to stdout, as text or --json */

/* A problem is something lost, doubled or damaged; a note is something a crash may leave and the next run mends. number
 * 0: no document in particular. */
void fsck_problem(struct fsck *fsck, const char *job_id, int number, const char *code, const char *format, ...)
    PRINTF_LIKE(5, 6);
void fsck_note(struct fsck *fsck, const char *job_id, int number, const char *code, const char *format, ...)
    PRINTF_LIKE(5, 6);

/* One job: its list, rows, named blobs, manifest and counters. Findings are not errors. */
MUST_USE enum outcome fsck_job(struct fsck *fsck, const struct job *job, struct error *err);
/* The manifest of a completed job against list and rows. */
void fsck_manifest(struct fsck *fsck, const struct job *job, const struct filing_list *list,
                   const struct document_list *rows);
/* Reads a named blob and checks it against its name. False: it cannot be read, which has been said. */
bool fsck_read_blob(struct fsck *fsck, const char *job_id, int number, const char *name, struct buf *bytes);
/* Blobs that no row and no manifest names: removed with --repair when their job is completed. Blobs of jobs the store
 * does not know are a problem; --remove-unknown removes them. */
MUST_USE enum outcome fsck_unnamed(struct fsck *fsck, struct error *err);
/* What purges left: read, and with --repair finished. fsck->purged is there from then on. Of a purged job no blob of
 * which was ever found nothing can be finished: that is a note, and with --remove-unknown its id is forgotten. */
MUST_USE enum outcome fsck_purged(struct fsck *fsck, struct error *err);
MUST_USE enum outcome fsck_is_purged(struct fsck *fsck, const char *job_id, bool *ret, struct error *err);
void fsck_purged_blob(struct fsck *fsck, const char *job_id); /* a blob of such a job is still there */
MUST_USE enum outcome fsck_purged_notes(struct fsck *fsck, struct error *err);
/* Totals against the rows counted and what purges took away. */
MUST_USE enum outcome fsck_totals(struct fsck *fsck, struct error *err);
