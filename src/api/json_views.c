/* Jobs, runs and documents as JSON. */
#include "api/json_views.h"

#include "base/clock.h"
#include "base/str.h"

enum { RUNS_SHOWN_MAX = 200, ERRORS_SHOWN_MAX = 20 };

json_t *view_time(int64_t time_ms) {
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

static json_t *view_error(const char *code, const char *message, int64_t at_ms) {
    return *code ? json_pack("{s:s, s:s, s:o}", "code", code, "message", message, "at", view_time(at_ms)) : json_null();
}

int64_t view_estimate_s(const struct waiting *waiting, const struct view_clock *clock) {
    if (waiting->reason != WAIT_QUEUED || clock->active_leases <= 0 || clock->mean_run_ms <= 0) {
        return -1;
    }
    int64_t rounds = (clock->claimable + clock->active_leases - 1) / clock->active_leases;
    return (rounds * clock->mean_run_ms + 999) / 1000;
}

static json_t *view_waiting(const struct job *job, const struct view_clock *clock) {
    int active = clock->active_leases > INT32_MAX ? INT32_MAX : (int)clock->active_leases;
    struct waiting waiting = job_waiting(job, clock->now_ms, active, clock->no_worker_after_ms);
    if (waiting.reason == WAIT_NONE) {
        return json_null();
    }
    int64_t estimate_s = view_estimate_s(&waiting, clock);
    return json_pack("{s:s, s:o, s:o, s:o}", "reason", waiting_reason_name(waiting.reason), "since",
                     view_time(waiting.since_ms), "until", view_time(waiting.until_ms), "estimate",
                     estimate_s < 0 ? json_null() : json_integer(estimate_s));
}

static json_t *view_progress(const struct job *job) {
    int pending = job->total_documents - job->downloaded_documents;
    int percent = job->status == JOB_COMPLETED ? 100
                  : job->total_documents == 0  ? 0
                  : pending <= 0               ? 100
                                               : (int)(100LL * job->downloaded_documents / job->total_documents);
    return json_pack("{s:i, s:i, s:i, s:i}", "totalDocuments", job->total_documents, "downloadedDocuments",
                     job->downloaded_documents, "pendingDocuments", pending > 0 ? pending : 0, "percent", percent);
}

static json_t *view_completeness(const struct completeness *numbers) {
    return json_pack("{s:i, s:i, s:i, s:i}", "expected", numbers->expected, "stored", numbers->stored, "unreadable",
                     numbers->unreadable, "missing", numbers->missing);
}

static json_t *view_lease(const struct job *job) {
    return *job->lease_token ? json_pack("{s:s, s:o, s:o, s:i, s:b}", "owner", job->lease_owner, "since",
                                         view_time(job->locked_at_ms), "until", view_time(job->available_at_ms),
                                         "seconds", job->lease_seconds, "started", *job->adopted_by != '\0')
                             : json_null();
}

json_t *view_job(const struct job *job, const struct view_clock *clock) {
    json_t *view = json_object();
    json_object_set_new(view, "jobId", json_string(job->id));
    json_object_set_new(view, "cin", json_string(job->company.cin));
    json_object_set_new(view, "companyName", json_string(job->company.name));
    json_object_set_new(view, "status", json_string(job_status_name(job->status)));
    json_object_set_new(view, "priority", json_integer(job->priority));
    json_object_set_new(view, "progress", view_progress(job));
    json_object_set_new(view, "waiting", view_waiting(job, clock));
    json_object_set_new(view, "cancelRequested", json_boolean(job->cancel_requested));
    json_object_set_new(view, "runCount", json_integer(job->runs));
    json_object_set_new(view, "attempts", json_integer(job->attempts));
    json_object_set_new(view, "lastError", view_error(job->error_code, job->error_message, job->error_at_ms));
    json_object_set_new(view, "completeness", view_completeness(&job->completeness));
    json_object_set_new(view, "lease", view_lease(job));
    json_object_set_new(view, "createdAt", view_time(job->created_at_ms));
    json_object_set_new(view, "updatedAt", view_time(job->updated_at_ms));
    json_object_set_new(view, "availableAt",
                        job_status_open(job->status) ? view_time(job->available_at_ms) : json_null());
    json_object_set_new(view, "completedAt", view_time(job->completed_at_ms));
    return view;
}

static json_t *view_numbers(const struct run_numbers *numbers) {
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I}", "listed", numbers->listed,
                     "hadRows", numbers->had_rows, "downloaded", numbers->downloaded, "uploaded", numbers->uploaded,
                     "stored", numbers->stored, "unreadable", numbers->unreadable, "missing", numbers->missing,
                     "portalRequests", numbers->portal_requests, "portalErrors", numbers->portal_errors,
                     "downloadedBytes", (json_int_t)numbers->downloaded_bytes, "runMs", (json_int_t)numbers->run_ms,
                     "claimWaitMs", (json_int_t)numbers->claim_wait_ms);
}

json_t *view_run(const struct run_record *run) {
    return json_pack(
        "{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "run", run->run, "outcome", run_outcome_name(run->outcome),
        "jobStatus", job_status_name(run->job_status), "owner", text_or_null(run->owner), "startedAt",
        view_time(run->started_at_ms), "endedAt", view_time(run->ended_at_ms), "error",
        view_error(run->error_code, run->error_message, run->ended_at_ms), "numbers", view_numbers(&run->numbers));
}

/* One entry for each code: how often, and the last message. */
static json_t *view_errors(const struct run_list *runs) {
    json_t *errors = json_array();
    for (int i = 0; i < runs->count; i++) {
        const struct run_record *run = &runs->items[i];
        if (!*run->error_code) {
            continue;
        }
        json_t *group = NULL;
        for (size_t k = 0; k < json_array_size(errors) && !group; k++) {
            json_t *other = json_array_get(errors, k);
            group = str_eq(json_member_string(other, "code"), run->error_code) ? other : NULL;
        }
        if (!group && json_array_size(errors) == ERRORS_SHOWN_MAX) {
            continue;
        }
        if (!group) {
            group = json_pack("{s:s, s:i}", "code", run->error_code, "count", 0);
            json_array_append_new(errors, group);
        }
        json_object_set_new(group, "count", json_integer(json_member_int(group, "count", 0) + 1));
        json_object_set_new(group, "message", json_string(run->error_message));
        json_object_set_new(group, "lastAt", view_time(run->ended_at_ms));
    }
    return errors;
}

json_t *view_job_detail(const struct job *job, const struct view_clock *clock, const struct run_list *runs) {
    json_t *view = view_job(job, clock);
    json_t *list = json_array();
    for (int i = runs->count > RUNS_SHOWN_MAX ? runs->count - RUNS_SHOWN_MAX : 0; i < runs->count; i++) {
        json_array_append_new(list, view_run(&runs->items[i]));
    }
    json_object_set_new(view, "runs", list);
    json_object_set_new(view, "errors", view_errors(runs));
    return view;
}

static json_t *view_content(const struct document *document, const char *kind, const char *digest_name,
                            const char *digest, int64_t size_bytes) {
    char href[96];
    (void)str_format(href, sizeof(href), "/api/v1/documents/%s/content?as=%s", document->id, kind);
    json_t *view = json_pack("{s:s, s:s}", "href", href, digest_name, digest);
    if (size_bytes >= 0) {
        json_object_set_new(view, "bytes", json_integer(size_bytes));
    }
    return view;
}

json_t *view_document(const struct document *document) {
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
    /* a file:// URL would name a folder of the server */
    json_object_set_new(view, "blobUrl",
                        str_starts_with(document->text_url, "http") ? json_string(document->text_url) : json_null());
    json_object_set_new(view, "text", view_content(document, "text", "md5", document->text_md5, document->text_bytes));
    bool original = *document->original_name != '\0';
    json_object_set_new(
        view, "original",
        original ? view_content(document, "pdf", "sha256", document->original_sha256, document->original_bytes)
                 : json_null());
    json_object_set_new(view, "fields",
                        *document->fields_name ? view_content(document, "json", "sha256", document->fields_sha256, -1)
                                               : json_null());
    json_object_set_new(view, "times",
                        json_pack("{s:I, s:I, s:I}", "downloadMs", (json_int_t)document->download_ms, "readMs",
                                  (json_int_t)document->read_ms, "storeMs", (json_int_t)document->store_ms));
    json_object_set_new(view, "downloadedAt", view_time(document->downloaded_at_ms));
    json_object_set_new(view, "createdAt", view_time(document->at_ms));
    return view;
}

json_t *view_placed(const struct jobs_placed *placed) {
    json_t *list = json_array();
    for (int i = 0; i < placed->count; i++) {
        const struct jobs_placed_item *item = &placed->items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "jobId", item->job_id, "cin", item->company.cin,
                                              "companyName", item->company.name));
    }
    return list;
}
