#include "core/manifest.h"

#include "base/json.h"

static json_t *part_json(const char *name, int64_t size_bytes, const char *digest_key, const char *digest) {
    if (!*name) {
        return json_null();
    }
    json_t *part = json_pack("{s:s}", "name", name);
    if (size_bytes >= 0) {
        json_object_set_new(part, "bytes", json_integer(size_bytes));
    }
    json_object_set_new(part, digest_key, json_string(digest));
    return part;
}

static json_t *row_json(const struct document *row) {
    json_t *value =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:i}", "number", row->number, "srn", row->srn, "form", row->form,
                  "filedOn", row->filed_on, "state", document_state_name(row->state), "pages", row->pages);
    json_object_set_new(value, "text", part_json(row->text_name, row->text_bytes, "md5", row->text_md5));
    json_object_set_new(value, "original",
                        part_json(row->original_name, row->original_bytes, "sha256", row->original_sha256));
    json_object_set_new(value, "fields", part_json(row->fields_name, -1, "sha256", row->fields_sha256));
    return value;
}

enum outcome manifest_build(const char *job_id, const char *cin, const struct filing_list *list,
                            const struct document *rows, int rows_count, struct buf *ret, struct error *err) {
    if (rows_count != list->count) {
        return error_set(err, INVALID, "incomplete", "%d rows of %d filings", rows_count, list->count);
    }
    int states[3] = {0};
    AUTO_JSON json_t *manifest = json_object();
    json_t *documents = json_array();
    for (int i = 0; i < rows_count; i++) {
        if (rows[i].number != i + 1) {
            json_decref(documents);
            return error_set(err, INVALID, "incomplete", "document %d has no row", i + 1);
        }
        states[rows[i].state]++;
        json_array_append_new(documents, row_json(&rows[i]));
    }
    json_object_set_new(manifest, "schema", json_integer(1));
    json_object_set_new(manifest, "jobId", json_string(job_id));
    json_object_set_new(manifest, "cin", json_string(cin));
    json_object_set_new(manifest, "expected", json_integer(list->count));
    json_object_set_new(manifest, "stored", json_integer(states[DOCUMENT_STORED]));
    json_object_set_new(manifest, "unreadable", json_integer(states[DOCUMENT_UNREADABLE]));
    json_object_set_new(manifest, "missing", json_integer(states[DOCUMENT_MISSING]));
    json_object_set_new(manifest, "documents", documents);
    if (!json_append(ret, manifest)) {
        return error_set(err, INVALID, "too_large", "the manifest is over %zu bytes", ret->max_bytes);
    }
    return OK;
}
