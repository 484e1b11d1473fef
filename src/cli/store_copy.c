#include "cli/store_copy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/stop.h"
#include "base/str.h"
#include "core/fault.h"

enum { JOBS_PAGE = 500, ROWS_PAGE = 500, MARK_LOOKED_MAX = 500 };

struct current { /* the job under way */
    const struct job *job;
    bool gone; /* purged meanwhile */
    int64_t documents, copied, there, bytes_copied, bytes;
};

static void problem(struct store_copy *copy, const char *job_id, int number, const char *code, const char *format, ...)
    PRINTF_LIKE(5, 6);
static void problem(struct store_copy *copy, const char *job_id, int number, const char *code, const char *format,
                    ...) {
    va_list arguments;
    va_start(arguments, format);
    findings_add(copy->problems, &copy->problem_count, job_id, number, code, format, arguments);
    va_end(arguments);
}

static bool is_whole(const char *name, const struct buf *bytes) {
    char sha256[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, buf_str(bytes), bytes->size_bytes, sha256);
    return blob_name_matches(name, sha256);
}

/* ---- a job that vanishes while it is copied -------------------------------------------------- */
/* True in *ret: the live store has purged the job, and now the copy has too. */
static enum outcome purged_meanwhile(struct store_copy *copy, const char *job_id, bool *ret, struct error *err) {
    struct job job;
    struct jobs_purged purged;
    *ret = false;
    if (!copy->live)
        return OK;
    enum outcome outcome = jobs_get(copy->live, job_id, &job, err);
    if (outcome != GONE)
        return outcome;
    const struct jobs_purge request = {.job_id = job_id, .actor = copy->actor};
    outcome = cli_advance_totals(copy->jobs, err); /* it may be older than the one that let the job go */
    if (outcome == OK)
        outcome = jobs_purge(copy->jobs, &request, &purged, err);
    if (outcome == INVALID)
        return OK; /* it vanished otherwise: what is missing is a problem */
    *ret = outcome == OK;
    return outcome;
}

/* ---- one blob -------------------------------------------------------------------------------- */
/* OK with *ret_there: it need not be copied. */
static enum outcome look_there(struct store_copy *copy, const char *name, struct buf *bytes, bool *ret_there,
                               struct error *err) {
    buf_clear(bytes);
    enum outcome outcome = blobs_get(copy->to, name, bytes, err);
    *ret_there = outcome == OK && is_whole(name, bytes);
    return outcome == RETRY ? outcome : OK; /* what cannot be read, or is longer than any blob, is replaced */
}

/* OK with *ret_read false: it is not to be had, which has been said. */
static enum outcome read_whole(struct store_copy *copy, struct current *now, int number, const char *name,
                               struct buf *bytes, bool *ret_read, struct error *err) {
    const char *job_id = now->job->id;
    *ret_read = false;
    buf_clear(bytes);
    enum outcome outcome = copy->from ? blobs_get(copy->from, name, bytes, err) : GONE;
    if (outcome == RETRY)
        return outcome;
    if (outcome == GONE) {
        outcome = purged_meanwhile(copy, job_id, &now->gone, err);
        if (outcome == OK && !now->gone)
            problem(copy, job_id, number, "blob_missing", "%s is not in %s", name, copy->from_name);
        return outcome;
    }
    if (outcome != OK)
        problem(copy, job_id, number, "blob_unreadable", "%s cannot be read: %s", name, err->message);
    else if (!is_whole(name, bytes))
        problem(copy, job_id, number, "blob_damaged", "%s holds other bytes in %s", name, copy->from_name);
    else
        *ret_read = true;
    return OK;
}

static enum outcome copy_blob(struct store_copy *copy, struct current *now, int number, const char *name,
                              struct error *err) {
    char job_id[OBJECT_ID_MAX];
    bool there = false, read = false;
    if (!*name || now->gone)
        return OK;
    if (stop_requested())
        return error_set(err, RETRY, "stopped", "stopped: run it again and it goes on");
    if (!blob_name_parse(name, job_id, NULL, NULL, NULL) || !str_eq(job_id, now->job->id)) {
        problem(copy, now->job->id, number, "blob_name", "\"%s\" is not the name of a blob of this job", name);
        return OK;
    }
    AUTO_BUF struct buf bytes = BUF_INIT(BLOB_BYTES_MAX);
    enum outcome outcome = look_there(copy, name, &bytes, &there, err);
    if (outcome == OK && !there)
        outcome = read_whole(copy, now, number, name, &bytes, &read, err);
    if (outcome == OK && read)
        outcome = blobs_put(copy->to, name, buf_str(&bytes), bytes.size_bytes, NULL, err);
    if (outcome != OK)
        return outcome;
    FAULT_POINT("copy_blob");
    now->there += there;
    now->copied += read;
    now->bytes += there || read ? (int64_t)bytes.size_bytes : 0;
    now->bytes_copied += read ? (int64_t)bytes.size_bytes : 0;
    return OK;
}

/* ---- jobs ------------------------------------------------------------------------------------ */
static enum outcome copy_document(struct store_copy *copy, struct current *now, const struct document *row,
                                  struct error *err) {
    const char *const names[] = {row->text_name, row->original_name, row->fields_name};
    enum outcome outcome = OK;
    for (size_t i = 0; i < COUNT_OF(names) && outcome == OK; i++)
        outcome = copy_blob(copy, now, row->number, names[i], err);
    now->documents++;
    return outcome;
}

static enum outcome copy_job(struct store_copy *copy, const struct job *job, struct error *err) {
    struct current now = {.job = job};
    enum outcome outcome = OK;
    int after = 0;
    for (bool more = true; more && outcome == OK && !now.gone;) {
        struct document_list rows = {0};
        outcome = jobs_list_documents(copy->jobs, job->id, after, ROWS_PAGE, &rows, err);
        more = outcome == OK && rows.count == ROWS_PAGE;
        for (int i = 0; i < rows.count && outcome == OK; i++) {
            outcome = copy_document(copy, &now, &rows.items[i], err);
            after = rows.items[i].number;
        }
        document_list_finish(&rows);
    }
    if (outcome == OK)
        outcome = copy_blob(copy, &now, 0, job->manifest_name, err);
    if (outcome != OK || now.gone)
        return outcome;
    copy->jobs_seen++;
    copy->documents += now.documents;
    copy->blobs_copied += now.copied;
    copy->blobs_there += now.there;
    copy->bytes_copied += now.bytes_copied;
    copy->bytes += now.bytes;
    return OK;
}

enum outcome store_copy_blobs(struct store_copy *copy, struct error *err) {
    char cursor[CURSOR_MAX] = "";
    enum outcome outcome = OK;
    do {
        const struct jobs_filter filter = {.limit = JOBS_PAGE, .cursor = *cursor ? cursor : NULL};
        struct job_list page = {0};
        outcome = jobs_list(copy->jobs, &filter, &page, err);
        if (outcome != OK)
            return outcome;
        for (int i = 0; outcome == OK && i < page.count; i++)
            outcome = copy_job(copy, &page.items[i], err);
        str_copy(cursor, sizeof(cursor), page.next);
        job_list_finish(&page);
    } while (outcome == OK && *cursor);
    return outcome == OK ? blobs_sync(copy->to, err) : outcome;
}

/* ---- what was done --------------------------------------------------------------------------- */
json_t *store_copy_json(const struct store_copy *copy) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "jobs", (json_int_t)copy->jobs_seen, "documents",
                     (json_int_t)copy->documents, "blobs", (json_int_t)(copy->blobs_copied + copy->blobs_there),
                     "blobsCopied", (json_int_t)copy->blobs_copied, "blobsThere", (json_int_t)copy->blobs_there,
                     "bytes", (json_int_t)copy->bytes, "bytesCopied", (json_int_t)copy->bytes_copied);
}

json_t *store_copy_report(const struct store_copy *copy, const char *dir, const char *taken_at, int64_t took_ms) {
    json_t *value = store_copy_json(copy);
    json_object_set_new(value, "milliseconds", json_integer(took_ms));
    json_object_set_new(value, "takenAt", taken_at ? json_string(taken_at) : json_null());
    json_object_set_new(value, "directory", json_string(dir));
    json_object_set_new(value, "problemCount", json_integer(copy->problem_count));
    json_object_set(value, "problems", copy->problems);
    return value;
}

void store_copy_print(const struct store_copy *copy) {
    findings_print("problem", copy->problems, copy->problem_count);
    printf("%" PRId64 " jobs, %" PRId64 " documents, %" PRId64 " blobs copied (%" PRId64 " bytes), %" PRId64
           " blobs already there, %" PRId64 " bytes in all",
           copy->jobs_seen, copy->documents, copy->blobs_copied, copy->bytes_copied, copy->blobs_there, copy->bytes);
}

/* ---- the mark -------------------------------------------------------------------------------- */
enum { STATE_MAX = 256 };

/* What any work on a store changes: its facts, and how many jobs are in which state. */
static enum outcome tell_state(struct jobs *jobs, char ret[STATE_MAX], struct error *err) {
    struct totals totals = {0};
    struct jobs_counts counts = {0};
    int64_t documents = 0, runs = 0;
    enum outcome outcome = jobs_totals(jobs, &totals, err);
    if (outcome == OK)
        outcome = jobs_count(jobs, &counts, err);
    if (outcome != OK)
        return outcome;
    for (size_t i = 0; i < COUNT_OF(totals.documents); i++)
        documents += totals.documents[i];
    for (size_t i = 0; i < COUNT_OF(totals.runs); i++)
        runs += totals.runs[i];
    str_format(ret, STATE_MAX,
               "%" PRId64 " placed, %" PRId64 " documents, %" PRId64 " runs, %" PRId64 " pending, %" PRId64
               " processing",
               totals.jobs_placed, documents, runs, counts.by_status[JOB_PENDING], counts.by_status[JOB_PROCESSING]);
    return OK;
}

enum outcome store_copy_mark(const struct store_copy *copy, int64_t taken_at_ms, struct error *err) {
    char taken_at[CLOCK_TEXT_MAX], state[STATE_MAX];
    enum outcome outcome = tell_state(copy->jobs, state, err);
    if (outcome != OK)
        return outcome;
    clock_format(taken_at_ms, taken_at);
    AUTO_JSON json_t *detail = store_copy_json(copy);
    json_object_set_new(detail, "takenAt", json_string(taken_at));
    json_object_set_new(detail, "state", json_string(state));
    AUTO_BUF struct buf text = BUF_INIT(AUDIT_DETAIL_MAX);
    json_append(&text, detail);
    return jobs_audit(copy->jobs, copy->actor, "backup", buf_str(&text), err);
}

static void read_mark(const struct audit_entry *entry, const char *state, char ret_taken_at[MARK_TAKEN_MAX]) {
    struct error bad = {0};
    char marked[STATE_MAX];
    AUTO_JSON json_t *detail = NULL;
    if (!str_eq(entry->action, "backup") || json_parse(entry->detail, strlen(entry->detail), &detail, &bad) != OK ||
        !json_member_copy(detail, "state", marked, sizeof(marked)) || !str_eq(marked, state) ||
        !json_member_copy(detail, "takenAt", ret_taken_at, MARK_TAKEN_MAX))
        *ret_taken_at = '\0';
}

enum outcome store_copy_find_mark(struct jobs *jobs, char ret_taken_at[MARK_TAKEN_MAX], struct error *err) {
    struct audit_list list = {0};
    char state[STATE_MAX];
    enum outcome outcome = tell_state(jobs, state, err);
    if (outcome == OK)
        outcome = jobs_list_audit(jobs, MARK_LOOKED_MAX, NULL, &list, err);
    if (outcome != OK)
        return outcome;
    *ret_taken_at = '\0';
    int at = 0;
    while (at < list.count && str_eq(list.items[at].action, "repair"))
        at++;
    if (at < list.count)
        read_mark(&list.items[at], state, ret_taken_at);
    audit_list_finish(&list);
    return OK;
}
