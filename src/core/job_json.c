#include "core/job_json.h"

#include "base/clock.h"
#include "base/str.h"
#include "core/blob_name.h"

static json_t *text_json(const char *text) {
    return *text ? json_string(text) : json_null();
}

json_t *time_json(int64_t time_ms) {
    char text[CLOCK_TEXT_MAX];
    if (!time_ms) {
        return json_null();
    }
    clock_format(time_ms, text);
    return json_string(text);
}

static json_t *progress_json(const struct job *job) {
    return json_pack("{s:i, s:i, s:i}", "totalDocuments", job->total_documents, "downloadedDocuments",
                     job->downloaded_documents, "pendingDocuments", job->total_documents - job->downloaded_documents);
}

static json_t *completeness_json(const struct completeness *it) {
    return json_pack("{s:i, s:i, s:i, s:i}", "expected", it->expected, "stored", it->stored, "unreadable",
                     it->unreadable, "missing", it->missing);
}

static json_t *last_error_json(const struct job *job) {
    if (!job->error_code[0]) {
        return json_null();
    }
    return json_pack("{s:s, s:s, s:o}", "code", job->error_code, "message", job->error_message, "at",
                     time_json(job->error_at_ms));
}

json_t *job_json(const struct job *job) {
    json_t *value = json_pack("{s:s, s:s, s:s, s:s, s:i}", "jobId", job->id, "cin", job->company.cin, "companyName",
                              job->company.name, "jobStatus", job_status_name(job->status), "priority", job->priority);
    json_object_set_new(value, "progress", progress_json(job));
    json_object_set_new(value, "completeness", completeness_json(&job->completeness));
    json_object_set_new(value, "runs", json_integer(job->runs));
    json_object_set_new(value, "attempts", json_integer(job->attempts));
    json_object_set_new(value, "lastError", last_error_json(job));
    json_object_set_new(value, "cancelRequested", json_boolean(job->cancel_requested));
    json_object_set_new(value, "leaseOwner", text_json(job->lease_owner));
    json_object_set_new(value, "lockedAt", time_json(job->locked_at_ms));
    json_object_set_new(value, "availableAt", time_json(job->available_at_ms));
    json_object_set_new(value, "createdAt", time_json(job->created_at_ms));
    json_object_set_new(value, "updatedAt", time_json(job->updated_at_ms));
    json_object_set_new(value, "completedAt", time_json(job->completed_at_ms));
    json_object_set_new(value, "manifestName", text_json(job->manifest_name));
    return value;
}

json_t *waiting_json(const struct waiting *waiting) {
    if (waiting->reason == WAIT_NONE) {
        return json_null();
    }
    return json_pack("{s:s, s:o, s:o}", "reason", waiting_reason_name(waiting->reason), "since",
                     time_json(waiting->since_ms), "until", time_json(waiting->until_ms));
}

static json_t *numbers_json(const struct run_numbers *it) {
    json_t *value = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "listed", it->listed, "hadRows", it->had_rows,
                              "downloaded", it->downloaded, "uploaded", it->uploaded, "stored", it->stored,
                              "unreadable", it->unreadable, "missing", it->missing);
    json_object_set_new(value, "portalRequests", json_integer(it->portal_requests));
    json_object_set_new(value, "portalErrors", json_integer(it->portal_errors));
    json_object_set_new(value, "downloadedBytes", json_integer(it->downloaded_bytes));
    json_object_set_new(value, "runMs", json_integer(it->run_ms));
    json_object_set_new(value, "claimWaitMs", json_integer(it->claim_wait_ms));
    return value;
}

json_t *run_json(const struct run_record *run) {
    json_t *value = json_pack("{s:i, s:s, s:s, s:s}", "run", run->run, "outcome", run_outcome_name(run->outcome),
                              "jobStatus", job_status_name(run->job_status), "owner", run->owner);
    json_object_set_new(value, "startedAt", time_json(run->started_at_ms));
    json_object_set_new(value, "endedAt", time_json(run->ended_at_ms));
    json_t *error = run->error_code[0] ? json_pack("{s:s, s:s}", "code", run->error_code, "message", run->error_message)
                                       : json_null();
    json_object_set_new(value, "error", error);
    json_object_set_new(value, "numbers", numbers_json(&run->numbers));
    return value;
}

static json_t *blob_json(const char *name, int64_t size_bytes, const char *sha256) {
    if (!*name) {
        return json_null();
    }
    json_t *value = json_pack("{s:s, s:s}", "name", name, "sha256", sha256);
    if (size_bytes >= 0) {
        json_object_set_new(value, "bytes", json_integer(size_bytes));
    }
    return value;
}

json_t *document_json(const struct document *document) {
    char file_name[64], checksum[MD5_HEX_MAX + 4];
    document_file_name(document->number, "txt", file_name);
    str_format(checksum, sizeof(checksum), "MD5-%s", document->text_md5);
    json_t *value =
        json_pack("{s:s, s:s, s:i, s:s, s:s}", "documentId", document->id, "jobId", document->job_id, "documentNumber",
                  document->number, "cin", document->cin, "companyName", document->company_name);
    json_object_set_new(value, "state", json_string(document_state_name(document->state)));
    json_object_set_new(value, "reason", text_json(document->reason));
    json_object_set_new(value, "documentType", json_string(document->document_type));
    json_object_set_new(value, "srn", json_string(document->srn));
    json_object_set_new(value, "form", json_string(document->form));
    json_object_set_new(value, "filedOn", json_string(document->filed_on));
    json_object_set_new(value, "fileName", json_string(file_name));
    json_object_set_new(value, "fileSize", json_integer(document->text_bytes));
    json_object_set_new(value, "checksum", json_string(checksum));
    json_object_set_new(value, "blobUrl", json_string(document->text_url));
    json_object_set_new(value, "pages", json_integer(document->pages));
    json_object_set_new(value, "original",
                        blob_json(document->original_name, document->original_bytes, document->original_sha256));
    json_object_set_new(value, "fields", blob_json(document->fields_name, -1, document->fields_sha256));
    json_object_set_new(value, "times",
                        json_pack("{s:I, s:I, s:I}", "downloadMs", (json_int_t)document->download_ms, "readMs",
                                  (json_int_t)document->read_ms, "storeMs", (json_int_t)document->store_ms));
    json_object_set_new(value, "downloadedAt", time_json(document->downloaded_at_ms));
    json_object_set_new(value, "at", time_json(document->at_ms));
    return value;
}
