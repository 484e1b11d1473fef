#include "core/job_json.h"

#include "base/clock.h"
#include "base/str.h"
#include "core/blob_name.h"

json_t *time_json(int64_t time_ms) {
    char text[CLOCK_TEXT_MAX];
    if (time_ms == 0) {
        return json_null();
    }
    clock_format(time_ms, text);
    return json_string(text);
}

static json_t *text_or_null(const char *text) {
    return *text ? json_string(text) : json_null();
}

static json_t *error_json(const char *code, const char *message, int64_t at_ms) {
    return *code ? json_pack("{s:s, s:s, s:o}", "code", code, "message", message, "at", time_json(at_ms)) : json_null();
}

json_t *waiting_json(const struct waiting *waiting, int64_t estimate_s) {
    if (waiting->reason == WAIT_NONE) {
        return json_null();
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "reason", waiting_reason_name(waiting->reason), "since",
                     time_json(waiting->since_ms), "until", time_json(waiting->until_ms), "estimate",
                     estimate_s < 0 ? json_null() : json_integer(estimate_s));
}

static json_t *progress_json(const struct job *job) {
    int pending = job->total_documents - job->downloaded_documents;
    int percent = job->status == JOB_COMPLETED ? 100
                  : job->total_documents == 0  ? 0
                  : pending <= 0               ? 100
                                               : (int)(100LL * job->downloaded_documents / job->total_documents);
    return json_pack("{s:i, s:i, s:i, s:i}", "totalDocuments", job->total_documents, "downloadedDocuments",
                     job->downloaded_documents, "pendingDocuments", pending > 0 ? pending : 0, "percent", percent);
}

static json_t *completeness_json(const struct completeness *numbers) {
    return json_pack("{s:i, s:i, s:i, s:i}", "expected", numbers->expected, "stored", numbers->stored, "unreadable",
                     numbers->unreadable, "missing", numbers->missing);
}

static json_t *lease_json(const struct job *job) {
    return *job->lease_token ? json_pack("{s:s, s:o, s:o, s:i, s:b}", "owner", job->lease_owner, "since",
                                         time_json(job->locked_at_ms), "until", time_json(job->available_at_ms),
                                         "seconds", job->lease_seconds, "started", *job->adopted_by != '\0')
                             : json_null();
}

json_t *job_json(const struct job *job) {
    json_t *view = json_object();
    json_object_set_new(view, "jobId", json_string(job->id));
    json_object_set_new(view, "cin", json_string(job->company.cin));
    json_object_set_new(view, "companyName", json_string(job->company.name));
    json_object_set_new(view, "status", json_string(job_status_name(job->status)));
    json_object_set_new(view, "priority", json_integer(job->priority));
    json_object_set_new(view, "progress", progress_json(job));
    json_object_set_new(view, "cancelRequested", json_boolean(job->cancel_requested));
    json_object_set_new(view, "runCount", json_integer(job->runs));
    json_object_set_new(view, "attempts", json_integer(job->attempts));
    json_object_set_new(view, "lastError", error_json(job->error_code, job->error_message, job->error_at_ms));
    json_object_set_new(view, "completeness", completeness_json(&job->completeness));
    json_object_set_new(view, "lease", lease_json(job));
    json_object_set_new(view, "createdAt", time_json(job->created_at_ms));
    json_object_set_new(view, "updatedAt", time_json(job->updated_at_ms));
    json_object_set_new(view, "availableAt",
                        job_status_open(job->status) ? time_json(job->available_at_ms) : json_null());
    json_object_set_new(view, "completedAt", time_json(job->completed_at_ms));
    return view;
}

static json_t *numbers_json(const struct run_numbers *numbers) {
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I}", "listed", numbers->listed,
                     "hadRows", numbers->had_rows, "downloaded", numbers->downloaded, "uploaded", numbers->uploaded,
                     "stored", numbers->stored, "unreadable", numbers->unreadable, "missing", numbers->missing,
                     "portalRequests", numbers->portal_requests, "portalErrors", numbers->portal_errors,
                     "downloadedBytes", (json_int_t)numbers->downloaded_bytes, "runMs", (json_int_t)numbers->run_ms,
                     "claimWaitMs", (json_int_t)numbers->claim_wait_ms);
}

json_t *run_json(const struct run_record *run) {
    return json_pack(
        "{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "run", run->run, "outcome", run_outcome_name(run->outcome),
        "jobStatus", job_status_name(run->job_status), "owner", text_or_null(run->owner), "startedAt",
        time_json(run->started_at_ms), "endedAt", time_json(run->ended_at_ms), "error",
        error_json(run->error_code, run->error_message, run->ended_at_ms), "numbers", numbers_json(&run->numbers));
}

static json_t *content_json(const char *digest_name, const char *digest, int64_t size_bytes) {
    json_t *content = json_pack("{s:s}", digest_name, digest);
    if (size_bytes >= 0) {
        json_object_set_new(content, "bytes", json_integer(size_bytes));
    }
    return content;
}

json_t *document_json(const struct document *document) {
    char name[64], checksum[MD5_HEX_MAX + 4];
    document_file_name(document->number, "txt", name);
    (void)str_format(checksum, sizeof(checksum), "MD5-%s", document->text_md5);
    json_t *view = json_object();
    json_object_set_new(view, "documentId", json_string(document->id));
    json_object_set_new(view, "jobId", json_string(document->job_id));
    json_object_set_new(view, "documentNumber", json_integer(document->number));
    json_object_set_new(view, "cin", json_string(document->cin));
    json_object_set_new(view, "companyName", json_string(document->company_name));
    json_object_set_new(view, "state", json_string(document_state_name(document->state)));
    json_object_set_new(view, "documentType", json_string(document->document_type));
    json_object_set_new(view, "srn", text_or_null(document->srn));
    json_object_set_new(view, "form", text_or_null(document->form));
    json_object_set_new(view, "filedOn", text_or_null(document->filed_on));
    json_object_set_new(view, "reason", text_or_null(document->reason));
    json_object_set_new(view, "pages", json_integer(document->pages));
    json_object_set_new(view, "fileName", json_string(name));
    json_object_set_new(view, "fileSize", json_integer(document->text_bytes));
    json_object_set_new(view, "checksum", json_string(checksum));
    json_object_set_new(view, "blobUrl", json_string(document->text_url));
    json_object_set_new(view, "text", content_json("md5", document->text_md5, document->text_bytes));
    bool original = *document->original_name != '\0';
    json_object_set_new(view, "original",
                        original ? content_json("sha256", document->original_sha256, document->original_bytes)
                                 : json_null());
    json_object_set_new(view, "fields",
                        *document->fields_name ? content_json("sha256", document->fields_sha256, -1) : json_null());
    json_object_set_new(view, "times",
                        json_pack("{s:I, s:I, s:I}", "downloadMs", (json_int_t)document->download_ms, "readMs",
                                  (json_int_t)document->read_ms, "storeMs", (json_int_t)document->store_ms));
    json_object_set_new(view, "downloadedAt", time_json(document->downloaded_at_ms));
    json_object_set_new(view, "createdAt", time_json(document->at_ms));
    return view;
}
