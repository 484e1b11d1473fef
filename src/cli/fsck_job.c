#include <inttypes.h>

#include "base/hash.h"
#include "base/str.h"
#include "cli/fsck.h"
#include "core/fault.h"

enum { ROWS_NAMED_MAX = 20 };

/* Reads a named blob and checks it against its name. False: it cannot be read, which has been said. */
bool fsck_read_blob(struct fsck *fsck, const char *job_id, int number, const char *name, struct buf *bytes) {
    struct error err = {0};
    buf_clear(bytes);
    enum outcome outcome = fsck->blobs ? blobs_get(fsck->blobs, name, bytes, &err) : GONE;
    if (outcome == GONE)
        fsck_problem(fsck, job_id, number, "blob_missing", "%s is not there", name);
    else if (outcome != OK)
        fsck_problem(fsck, job_id, number, "blob_unreadable", "%s cannot be read: %s", name, err.message);
    if (outcome != OK)
        return false;
    fsck->blobs_read++;
    fsck->bytes_read += (int64_t)bytes->size_bytes;
    char sha256[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, buf_str(bytes), bytes->size_bytes, sha256);
    if (!blob_name_matches(name, sha256))
        fsck_problem(fsck, job_id, number, "blob_damaged", "%s holds other bytes (sha256 %.16s…)", name, sha256);
    return true;
}

/* A name that belongs to another job or document would be read well and still be wrong. */
static bool name_belongs(struct fsck *fsck, const struct document *row, const char *name) {
    char job_id[OBJECT_ID_MAX];
    int number = 0;
    if (blob_name_parse(name, job_id, &number, NULL, NULL) && str_eq(job_id, row->job_id) && number == row->number)
        return true;
    fsck_problem(fsck, row->job_id, row->number, "blob_name", "\"%s\" is not the name of a blob of this document",
                 name);
    return false;
}

static bool read_named(struct fsck *fsck, const struct document *row, const char *name, struct buf *bytes) {
    return name_belongs(fsck, row, name) && fsck_read_blob(fsck, row->job_id, row->number, name, bytes);
}

static void check_digest(struct fsck *fsck, const struct document *row, const char *what, enum hash_kind kind,
                         const struct buf *bytes, const char *expected) {
    char hex[HASH_HEX_MAX];
    hash_hex(kind, buf_str(bytes), bytes->size_bytes, hex);
    if (!str_eq(hex, expected))
        fsck_problem(fsck, row->job_id, row->number, "digest", "%s: digest %s, expected %s", what, hex, expected);
}

static void check_size(struct fsck *fsck, const struct document *row, const char *what, const struct buf *bytes,
                       int64_t expected) {
    if ((int64_t)bytes->size_bytes != expected)
        fsck_problem(fsck, row->job_id, row->number, "size", "%s: %zu bytes, the row says %" PRId64, what,
                     bytes->size_bytes, expected);
}

static void check_blobs(struct fsck *fsck, const struct document *row, const struct filing *filing) {
    AUTO_BUF struct buf bytes = BUF_INIT(BLOB_BYTES_MAX);
    if (read_named(fsck, row, row->text_name, &bytes)) {
        check_size(fsck, row, "text", &bytes, row->text_bytes);
        check_digest(fsck, row, "text", HASH_MD5, &bytes, row->text_md5);
    }
    if (row->original_name[0] && read_named(fsck, row, row->original_name, &bytes)) {
        check_size(fsck, row, "original", &bytes, row->original_bytes);
        check_digest(fsck, row, "original", HASH_SHA256, &bytes, row->original_sha256);
        if (filing)
            check_digest(fsck, row, "original against the list", HASH_MD5, &bytes, filing->md5);
    }
    if (row->fields_name[0] && read_named(fsck, row, row->fields_name, &bytes))
        check_digest(fsck, row, "fields", HASH_SHA256, &bytes, row->fields_sha256);
}

static void check_row(struct fsck *fsck, const struct job *job, const struct filing_list *list,
                      const struct document *row) {
    const struct filing *filing = row->number >= 1 && row->number <= list->count ? &list->items[row->number - 1] : NULL;
    fsck->rows_seen++;
    fsck->rows_by_state[row->state]++;
    fsck->original_bytes += row->original_bytes;
    fsck->pages += row->pages;
    if (!filing)
        fsck_problem(fsck, job->id, row->number, "row_unlisted", "a row, but the list has %d filings", list->count);
    else if (!str_eq(filing->srn, row->srn))
        fsck_problem(fsck, job->id, row->number, "row_srn", "the row's SRN is %s, the list's %s", row->srn,
                     filing->srn);
    if (row->state != DOCUMENT_MISSING && !(row->original_name[0] && row->fields_name[0]))
        fsck_problem(fsck, job->id, row->number, "no_original", "%s, but without original or fields",
                     document_state_name(row->state));
    check_blobs(fsck, row, filing);
}

static void check_rows(struct fsck *fsck, const struct job *job, const struct filing_list *list,
                       const struct document_list *rows) {
    for (int i = 0; i < rows->count; i++) {
        if (i > 0 && rows->items[i - 1].number == rows->items[i].number)
            fsck_problem(fsck, job->id, rows->items[i].number, "row_doubled", "two rows");
        check_row(fsck, job, list, &rows->items[i]);
    }
}

/* Each filing without a row is named, up to a few. */
static void check_every_filing(struct fsck *fsck, const struct job *job, const struct filing_list *list,
                               const struct document_list *rows) {
    int missing = 0;
    for (int n = 1, at = 0; n <= list->count; n++) {
        while (at < rows->count && rows->items[at].number < n)
            at++;
        bool there = at < rows->count && rows->items[at].number == n;
        if (!there && ++missing <= ROWS_NAMED_MAX)
            fsck_problem(fsck, job->id, n, "row_missing", "completed, but filing %s has no row",
                         list->items[n - 1].srn);
    }
    if (missing > ROWS_NAMED_MAX)
        fsck_problem(fsck, job->id, 0, "row_missing", "completed, but %d filings have no row", missing);
}

static void check_completed(struct fsck *fsck, const struct job *job, const struct filing_list *list,
                            const struct document_list *rows) {
    check_every_filing(fsck, job, list, rows);
    if (job->downloaded_documents != rows->count || job->total_documents != list->count)
        fsck_problem(fsck, job->id, 0, "counters", "the job says %d of %d, there are %d rows of %d filings",
                     job->downloaded_documents, job->total_documents, rows->count, list->count);
    int states[3] = {0};
    for (int i = 0; i < rows->count; i++)
        states[rows->items[i].state]++;
    const struct completeness *said = &job->completeness;
    if (said->expected != list->count || said->stored != states[0] || said->unreadable != states[1] ||
        said->missing != states[2])
        fsck_problem(fsck, job->id, 0, "completeness", "the job's completeness is not what its rows say");
    fsck_manifest(fsck, job, list, rows);
}

enum outcome fsck_job(struct fsck *fsck, const struct job *job, struct error *err) {
    struct filing_list list = {0};
    struct document_list rows = {0};
    fsck->jobs_seen++;
    fsck->jobs_taken_in += job->at_ms != 0;
    /* Rows first: on a store at work a list is there before its rows. */
    enum outcome outcome = jobs_list_documents(fsck->jobs, job->id, 0, 0, &rows, err);
    if (outcome == OK)
        outcome = jobs_get_filings(fsck->jobs, job->id, &list, err);
    if (outcome == GONE) {
        outcome = OK;
        if (job->status == JOB_COMPLETED)
            fsck_problem(fsck, job->id, 0, "no_list", "completed without a filings list");
    }
    FAULT_POINT("fsck_rows");
    if (outcome == OK)
        check_rows(fsck, job, &list, &rows);
    if (outcome == OK && job->status == JOB_COMPLETED)
        check_completed(fsck, job, &list, &rows);
    if (outcome == OK && job->status == JOB_PROCESSING)
        fsck_note(fsck, job->id, 0, "leased",
                  "a run of this job is under way or died; it is taken over when its lease ends");
    document_list_finish(&rows);
    filing_list_finish(&list);
    return outcome;
}
