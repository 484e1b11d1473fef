/* Documents of a job, one document with what was read from it, and the stored bytes. */
#include <stdlib.h>

#include "api/api.h"
#include "base/str.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 500, FIELDS_MAX_BYTES = 4 * 1024 * 1024 };

static void add_link(struct http_exchange *exchange, const char *job_id, int64_t limit, int next) {
    char link[200];
    (void)str_format(link, sizeof(link), "</api/v1/jobs/%s/documents?limit=%lld&cursor=%d>; rel=\"next\"", job_id,
                     (long long)limit, next);
    http_add_header(exchange, "Link", link);
}

void route_list_documents(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    static const char *const allowed[] = {"limit", "cursor", NULL};
    const char *id;
    int64_t limit, after;
    if (!http_query_only(exchange, allowed) || !path_job_id(exchange, &id) ||
        !query_int(exchange, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit) ||
        !query_int(exchange, "cursor", 0, FILINGS_MAX, 0, &after)) {
        return;
    }
    struct error err = {0};
    struct store_call call;
    struct document_list list = {0};
    if (!begin_store(api, exchange, STORE_READ, "list_documents", &call)) {
        return;
    }
    enum outcome outcome = jobs_list_documents(call.jobs, id, (int)after, (int)limit + 1, &list, &err);
    struct job job;
    if (outcome == OK && list.count == 0) {
        outcome = jobs_get(call.jobs, id, &job, &err); /* no documents yet, or no such job */
    }
    if (!end_store(exchange, &call, outcome, &err)) {
        document_list_finish(&list);
        return;
    }
    int shown = list.count > limit ? (int)limit : list.count;
    AUTO_JSON json_t *documents = json_array();
    for (int i = 0; i < shown; i++) {
        json_array_append_new(documents, view_document(&list.items[i]));
    }
    int next = list.count > shown ? list.items[shown - 1].number : 0;
    document_list_finish(&list);
    if (next) {
        add_link(exchange, id, limit, next);
    }
    char cursor[16];
    (void)str_format(cursor, sizeof(cursor), "%d", next);
    AUTO_JSON json_t *answer =
        json_pack("{s:O, s:o}", "documents", documents, "next", next ? json_string(cursor) : json_null());
    reply_json_cached(exchange, answer);
}

/* False: the reply has been made. */
static bool get_document(struct api *api, struct http_exchange *exchange, struct document *ret) {
    const char *id = http_param(exchange, "id");
    if (!object_id_valid(id)) {
        http_reply_problem(exchange, 404, "unknown_document", "there is no such document: an id has 24 hex digits",
                           NULL);
        return false;
    }
    struct error err = {0};
    struct store_call call;
    return begin_store(api, exchange, STORE_READ, "get_document", &call) &&
           end_store(exchange, &call, jobs_get_document(call.jobs, id, ret, &err), &err);
}

static void reply_blob_failure(struct http_exchange *exchange, const struct error *err) {
    if (err->outcome == RETRY) {
        reply_unavailable(exchange, "the blob store does not answer");
    } else {
        http_reply_problem(exchange, 500, "blob_missing",
                           "the document is recorded, but its stored bytes cannot be read: filesure fsck says more",
                           NULL);
    }
}

/* What was read from the document: {"extracted": …}. False: the reply has been made. */
static bool add_extracted(struct api *api, struct http_exchange *exchange, const struct document *document,
                          json_t *view) {
    if (!*document->fields_name) {
        json_object_set_new(view, "extracted", json_null());
        return true;
    }
    struct error err = {0};
    AUTO_BUF struct buf bytes = BUF_INIT(FIELDS_MAX_BYTES);
    enum outcome outcome = blobs_get(api->blobs, document->fields_name, &bytes, &err);
    if (outcome == INVALID) { /* too large to be shown within an answer: fields.href streams it */
        json_object_set_new(view, "extracted", json_null());
        return true;
    }
    if (outcome != OK) {
        reply_blob_failure(exchange, &err);
        return false;
    }
    json_t *extracted = NULL;
    if (json_parse(bytes.data, bytes.size_bytes, &extracted, &err) != OK) {
        err.outcome = FATAL;
        reply_blob_failure(exchange, &err);
        return false;
    }
    json_object_set_new(view, "extracted", extracted);
    return true;
}

void route_get_document(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    struct document document;
    if (!http_query_only(exchange, (const char *const[]){NULL}) || !get_document(api, exchange, &document)) {
        return;
    }
    AUTO_JSON json_t *view = view_document(&document);
    if (add_extracted(api, exchange, &document, view)) {
        reply_json_cached(exchange, view);
    }
}

struct content {
    struct blobs *blobs;
    char name[BLOB_NAME_MAX];
};

static int64_t read_content(void *context, int64_t offset, char *out, size_t out_size) {
    const struct content *content = context;
    size_t read = 0;
    struct error err;
    return blobs_read(content->blobs, content->name, offset, out, out_size, &read, &err) == OK ? (int64_t)read : -1;
}

struct representation {
    const char *as;
    const char *extension;
    const char *name; /* of the blob; "" when the document has none */
};

/* False: 400 or 404 has been replied. */
static bool choose(struct http_exchange *exchange, const struct document *document, struct representation *ret) {
    const struct representation all[] = {{"pdf", "pdf", document->original_name},
                                         {"text", "txt", document->text_name},
                                         {"json", "json", document->fields_name}};
    const char *as = http_query(exchange, "as");
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!str_eq(as ? as : "pdf", all[i].as)) {
            continue;
        }
        if (!*all[i].name) {
            http_reply_problem(exchange, 404, "no_content",
                               "the registry had no such document, so there is a text with the reason only", NULL);
            return false;
        }
        *ret = all[i];
        return true;
    }
    http_reply_problem(exchange, 400, "bad_query", "as must be pdf, text or json", NULL);
    return false;
}

void route_get_content(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    static const char *const allowed[] = {"as", NULL};
    struct document document;
    struct representation chosen;
    if (!http_query_only(exchange, allowed) || !get_document(api, exchange, &document) ||
        !choose(exchange, &document, &chosen)) {
        return;
    }
    int64_t size_bytes = 0;
    struct error err = {0};
    if (blobs_size(api->blobs, chosen.name, &size_bytes, &err) != OK) {
        reply_blob_failure(exchange, &err);
        return;
    }
    char hex[17] = "", etag[48], file_name[64], disposition[128];
    (void)blob_name_parse(chosen.name, NULL, NULL, hex, NULL);
    (void)str_format(etag, sizeof(etag), "\"%s.%s\"", hex, chosen.extension);
    document_file_name(document.number, chosen.extension, file_name);
    (void)str_format(disposition, sizeof(disposition), "inline; filename=\"%s\"", file_name);
    http_add_header(exchange, "Content-Disposition", disposition);
    http_add_header(exchange, "Cache-Control", "private, max-age=86400");
    if (http_not_modified(exchange, etag)) {
        return;
    }
    struct content *content = x_alloc(sizeof(*content));
    content->blobs = api->blobs;
    (void)str_copy(content->name, sizeof(content->name), chosen.name);
    const char *type = str_eq(chosen.as, "text") ? "text/plain; charset=utf-8" : blob_content_type(chosen.name);
    http_reply_stream(exchange, 200, type, size_bytes, read_content, content, free);
}
