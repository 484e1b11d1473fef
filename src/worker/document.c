/* What becomes of one filing: its blobs, then its row. A crash in between leaves blobs that no row names, and the next
 * run makes the same ones again. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "core/blob_name.h"
#include "core/fault.h"
#include "worker/run.h"

enum { REASON_LINE_MAX = 512 };

static const char missing_text[] =
    "missing: the registry does not have this filing (any more); it was asked three times\n";

enum outcome run_check(struct run *run, struct error *err) {
    enum halt_reason reason = halt_reason(run->halt);
    return reason == HALT_NONE ? OK
                               : error_set(err, RETRY, "halted", "the run was halted: %s", halt_reason_name(reason));
}

enum outcome run_note_store(struct run *run, enum outcome outcome, const struct error *err) {
    if (outcome == RETRY || (outcome == FATAL && str_eq(err->code, "disk_full"))) {
        (void)pthread_mutex_lock(&run->lock);
        run->store_trouble = true;
        (void)pthread_mutex_unlock(&run->lock);
    } else if (outcome == DENIED && str_eq(err->code, "lease_lost")) {
        halt_set(run->halt, HALT_LOST);
    }
    return outcome;
}

enum outcome run_put_blob(struct run *run, const char *name, const void *bytes, size_t size_bytes, struct error *err) {
    enum outcome outcome = run_check(run, err);
    if (outcome != OK) {
        return outcome;
    }
    int64_t started_ms = clock_monotonic_ms();
    outcome = blobs_put(run->blobs, name, bytes, size_bytes, NULL, err);
    worker_metric(run->metrics, METRIC_BLOB_OPERATIONS, "upload", 1);
    worker_metric(run->metrics, METRIC_BLOB_SECONDS, "upload", (double)(clock_monotonic_ms() - started_ms) / 1000);
    return outcome == OK ? OK : run_note_store(run, outcome, err);
}

/* The reason as one line of text: what the reader said may hold anything that is UTF-8. */
static void unreadable_line(const struct pdf_reading *reading, char out[REASON_LINE_MAX]) {
    const char *detail = utf8_valid(reading->detail, strlen(reading->detail)) ? reading->detail : "";
    (void)str_format(out, REASON_LINE_MAX, "unreadable: %s%s%s\n", pdf_outcome_name(reading->outcome),
                     *detail ? ": " : "", detail);
    for (char *at = out; at[0] && at[1]; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
}

static enum outcome put_text(struct run *run, struct document *row, const void *bytes, size_t size_bytes,
                             struct error *err) {
    char sha256[HASH_HEX_MAX];
    char md5[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, bytes, size_bytes, sha256);
    hash_hex(HASH_MD5, bytes, size_bytes, md5);
    blob_name_document(row->job_id, row->number, BLOB_TEXT, sha256, row->text_name);
    (void)str_copy(row->text_md5, sizeof(row->text_md5), md5);
    row->text_bytes = (int64_t)size_bytes;
    enum outcome outcome = run_put_blob(run, row->text_name, bytes, size_bytes, err);
    return outcome == OK ? blobs_url(run->blobs, row->text_name, row->text_url, err) : outcome;
}

static enum outcome put_original(struct run *run, struct document *row, const struct document_source *source,
                                 struct error *err) {
    hash_hex(HASH_SHA256, source->bytes, source->size_bytes, row->original_sha256);
    blob_name_document(row->job_id, row->number, BLOB_ORIGINAL, row->original_sha256, row->original_name);
    row->original_bytes = (int64_t)source->size_bytes;
    return run_put_blob(run, row->original_name, source->bytes, source->size_bytes, err);
}

static enum outcome put_fields(struct run *run, struct document *row, const struct buf *fields, struct error *err) {
    hash_hex(HASH_SHA256, buf_str(fields), fields->size_bytes, row->fields_sha256);
    blob_name_document(row->job_id, row->number, BLOB_FIELDS, row->fields_sha256, row->fields_name);
    return run_put_blob(run, row->fields_name, buf_str(fields), fields->size_bytes, err);
}

static enum outcome put_blobs(struct run *run, struct document *row, const struct document_source *source,
                              struct error *err) {
    const struct pdf_reading *reading = source->reading;
    if (!source->bytes) {
        row->state = DOCUMENT_MISSING;
        (void)str_copy(row->reason, sizeof(row->reason), "missing");
        return put_text(run, row, missing_text, strlen(missing_text), err);
    }
    row->pages = reading->pages;
    enum outcome outcome = put_original(run, row, source, err);
    if (outcome == OK) {
        outcome = put_fields(run, row, &reading->fields, err);
    }
    FAULT_POINT("between_blobs");
    if (outcome != OK || reading->outcome == PDF_OK) {
        row->state = DOCUMENT_STORED;
        return outcome == OK ? put_text(run, row, buf_str(&reading->text), reading->text.size_bytes, err) : outcome;
    }
    char line[REASON_LINE_MAX];
    row->state = DOCUMENT_UNREADABLE;
    (void)str_copy(row->reason, sizeof(row->reason), pdf_outcome_name(reading->outcome));
    unreadable_line(reading, line);
    return put_text(run, row, line, strlen(line), err);
}

static void describe(const struct run *run, const struct document_source *source, struct document *row) {
    const struct filing *filing = source->filing;
    row->number = filing->number;
    (void)str_copy(row->job_id, sizeof(row->job_id), run->job.id);
    (void)str_copy(row->cin, sizeof(row->cin), run->job.company.cin);
    (void)str_copy(row->company_name, sizeof(row->company_name), run->job.company.name);
    (void)str_copy(row->document_type, sizeof(row->document_type), *filing->title ? filing->title : filing->form);
    (void)str_copy(row->srn, sizeof(row->srn), filing->srn);
    (void)str_copy(row->form, sizeof(row->form), filing->form);
    (void)str_copy(row->filed_on, sizeof(row->filed_on), filing->filed_on);
    (void)str_copy(row->by, sizeof(row->by), run->token);
    row->download_ms = source->download_ms;
    row->read_ms = source->read_ms;
    row->downloaded_at_ms = clock_real_ms() - source->read_ms;
}

static void count(struct run *run, const struct document *row) {
    (void)pthread_mutex_lock(&run->lock);
    struct run_numbers *numbers = &run->numbers;
    numbers->uploaded++;
    numbers->stored += row->state == DOCUMENT_STORED;
    numbers->unreadable += row->state == DOCUMENT_UNREADABLE;
    numbers->missing += row->state == DOCUMENT_MISSING;
    (void)pthread_mutex_unlock(&run->lock);
    worker_metric(run->metrics, METRIC_DOCUMENTS_UPLOADED, NULL, 1);
}

enum outcome document_store(struct run *run, const struct document_source *source, bool *ret_inserted,
                            struct error *err) {
    struct document row = {0};
    int64_t started_ms = clock_monotonic_ms();
    describe(run, source, &row);
    enum outcome outcome = put_blobs(run, &row, source, err);
    if (outcome != OK) {
        return outcome;
    }
    FAULT_POINT("after_blob_put");
    row.store_ms = clock_monotonic_ms() - started_ms;
    heartbeat_step(run->heartbeat);
    FAULT_POINT("before_row");
    outcome = run_check(run, err);
    if (outcome != OK) {
        return outcome;
    }
    bool inserted = false;
    outcome = run_note_store(run, jobs_add_document(run->jobs, &row, &inserted, err), err);
    if (outcome != OK) {
        return outcome;
    }
    FAULT_POINT("after_row");
    if (inserted) {
        count(run, &row);
    }
    *ret_inserted = inserted;
    return OK;
}

void run_get_numbers(void *context, struct run_numbers *ret) {
    struct run *run = context;
    struct portal_numbers portal = {0};
    (void)pthread_mutex_lock(&run->lock);
    if (run->portal) {
        portal_numbers(run->portal, &portal);
    }
    *ret = run->numbers;
    (void)pthread_mutex_unlock(&run->lock);
    ret->portal_requests = portal.requests;
    ret->portal_errors = portal.errors;
    ret->run_ms = clock_monotonic_ms() - run->began_ms;
}
