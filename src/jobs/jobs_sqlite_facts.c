/* Facts of the embedded store, each inserted once and never changed: filing lists and document rows. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "jobs/jobs_sqlite.h"

/* ---- filing lists ---------------------------------------------------------------------------- */
enum { FILING_JSON_MAX = 2048 };

static void append_member(struct buf *out, const char *key, const char *text) {
    buf_printf(out, ",\"%s\":", key);
    json_append_string(out, text, strlen(text));
}

static char *filings_to_json(const struct filing_list *list) {
    struct buf out = BUF_INIT((size_t)FILINGS_MAX * FILING_JSON_MAX);
    buf_append_char(&out, '[');
    for (int i = 0; i < list->count; i++) {
        const struct filing *filing = &list->items[i];
        buf_printf(&out, "%s{\"n\":%d,\"bytes\":%lld", i ? "," : "", filing->number, (long long)filing->size_bytes);
        append_member(&out, "srn", filing->srn);
        append_member(&out, "form", filing->form);
        append_member(&out, "title", filing->title);
        append_member(&out, "filedOn", filing->filed_on);
        append_member(&out, "md5", filing->md5);
        buf_append_char(&out, '}');
    }
    buf_append_char(&out, ']');
    return buf_take(&out);
}

static bool filing_from_json(const json_t *object, struct filing *ret) {
    ret->number = (int)json_member_int(object, "n", 0);
    ret->size_bytes = json_member_int(object, "bytes", 0);
    return json_member_copy(object, "srn", ret->srn, sizeof ret->srn) &&
           json_member_copy(object, "form", ret->form, sizeof ret->form) &&
           json_member_copy(object, "title", ret->title, sizeof ret->title) &&
           json_member_copy(object, "filedOn", ret->filed_on, sizeof ret->filed_on) &&
           json_member_copy(object, "md5", ret->md5, sizeof ret->md5);
}

static enum outcome filings_from_json(const char *text, struct filing_list *ret, struct error *err) {
    AUTO_JSON json_t *array = NULL;
    enum outcome outcome = json_parse(text, strlen(text), &array, err);
    if (outcome != OK)
        return outcome;
    size_t count = json_array_size(array);
    AUTO_FREE struct filing *items = count ? x_alloc(count * sizeof *items) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!filing_from_json(json_array_get(array, i), &items[i]) || items[i].number != (int)i + 1)
            return error_set(err, FATAL, "store_damaged", "a stored list of filings cannot be read");
    *ret = (struct filing_list){.items = take_ptr(items), .count = (int)count};
    return OK;
}

enum outcome sqlite_get_filings(struct jobs *jobs, const char *job_id, struct filing_list *ret, struct error *err) {
    static const char read[] = "SELECT items FROM filings WHERE job_id = ?";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_text(&sql, job_id);
    bool found = false;
    outcome = sql_row(&sql, &found, err);
    if (outcome != OK)
        return outcome;
    if (!found)
        return error_set(err, GONE, "no_filings", "the job has no list of filings yet");
    return filings_from_json(sql_get_str(&sql), ret, err);
}

struct put {
    const char *job_id;
    const char *items;
    int count;
};

static enum outcome check_job(struct sqlite_write *write, const char *job_id, struct error *err) {
    static const char look[] = "SELECT seq FROM jobs WHERE id = ?";
    AUTO_SQL struct sql sql = sql_start(write->conn, look);
    sql_text(&sql, job_id);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome == OK && !found)
        return error_set(err, GONE, "unknown_job", "there is no such job");
    return outcome;
}

static enum outcome apply_put(struct sqlite_write *write, void *arg, struct error *err) {
    static const char insert[] = "INSERT INTO filings VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    const struct put *put = arg;
    enum outcome outcome = check_job(write, put->job_id, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(write->conn, insert);
    sql_text(&sql, put->job_id);
    sql_int(&sql, put->count);
    sql_text(&sql, put->items);
    sql_int(&sql, write->at_ms);
    return sql_run(&sql, err);
}

enum outcome sqlite_put_filings(struct jobs *jobs, const char *job_id, const struct filing_list *list,
                                struct filing_list *ret, struct error *err) {
    AUTO_FREE char *items = filings_to_json(list);
    struct put put = {.job_id = job_id, .items = items, .count = list->count};
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_FAST, apply_put, &put, err);
    return outcome == OK ? sqlite_get_filings(jobs, job_id, ret, err) : outcome;
}

/* ---- document rows --------------------------------------------------------------------------- */
struct add {
    const struct document *document;
    bool inserted;
};

static void bind_document(struct sql *sql, const struct document *document, const char *id, int64_t at_ms) {
    sql_text(sql, id);
    sql_text(sql, document->job_id);
    sql_int(sql, document->number);
    sql_text(sql, document->cin);
    sql_text(sql, document->company_name);
    sql_text(sql, document_state_name(document->state));
    sql_text(sql, document->document_type);
    sql_text(sql, document->srn);
    sql_text(sql, document->form);
    sql_text(sql, document->filed_on);
    sql_word(sql, document->reason);
    sql_text(sql, document->text_name);
    sql_text(sql, document->text_url);
    sql_int(sql, document->text_bytes);
    sql_text(sql, document->text_md5);
    sql_word(sql, document->original_name);
    sql_int(sql, document->original_bytes);
    sql_word(sql, document->original_sha256);
    sql_word(sql, document->fields_name);
    sql_word(sql, document->fields_sha256);
    sql_int(sql, document->pages);
    sql_int(sql, document->download_ms);
    sql_int(sql, document->read_ms);
    sql_int(sql, document->store_ms);
    sql_int(sql, document->downloaded_at_ms);
    sql_text(sql, document->by);
    sql_int(sql, at_ms);
}

static enum outcome apply_add(struct sqlite_write *write, void *arg, struct error *err) {
    static const char insert[] =
        "INSERT INTO documents (" DOCUMENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id, number) WHERE at IS NOT NULL DO NOTHING";
    struct add *add = arg;
    enum outcome outcome = check_job(write, add->document->job_id, err);
    if (outcome != OK)
        return outcome;
    char id[OBJECT_ID_MAX];
    object_id_make(id);
    AUTO_SQL struct sql sql = sql_start(write->conn, insert);
    bind_document(&sql, add->document, id, write->at_ms);
    outcome = sql_run(&sql, err);
    add->inserted = sqlite3_changes(write->conn->db) > 0;
    return outcome;
}

enum outcome sqlite_add_document(struct jobs *jobs, const struct document *document, bool *ret_inserted,
                                 struct error *err) {
    struct add add = {.document = document};
    enum outcome outcome = sqlite_write(sqlite_store(jobs), WRITE_FAST, apply_add, &add, err);
    if (outcome == OK)
        *ret_inserted = add.inserted;
    return outcome;
}

static void append_document(struct document_list *list, int *capacity, struct sql *sql) {
    if (list->count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 16;
        list->items = x_realloc(list->items, (size_t)*capacity, sizeof *list->items);
    }
    sqlite_get_document(sql, &list->items[list->count++]);
}

enum outcome sqlite_list_documents(struct jobs *jobs, const char *job_id, int after_number, int limit,
                                   struct document_list *ret, struct error *err) {
    static const char read[] =
        "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE job_id = ? AND number > ? AND at IS NOT NULL "
        "ORDER BY number LIMIT ?";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_text(&sql, job_id);
    sql_int(&sql, after_number);
    sql_int(&sql, limit > 0 ? limit : -1);
    struct document_list list = {0};
    int capacity = 0;
    bool found = true;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found)
        append_document(&list, &capacity, &sql);
    if (outcome == OK)
        *ret = list;
    else
        document_list_finish(&list);
    return outcome;
}

enum outcome sqlite_one_document(struct jobs *jobs, const char *document_id, struct document *ret, struct error *err) {
    static const char read[] = "SELECT " DOCUMENT_COLUMNS " FROM documents WHERE id = ? AND at IS NOT NULL";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_text(&sql, document_id);
    bool found = false;
    outcome = sql_row(&sql, &found, err);
    if (outcome != OK)
        return outcome;
    if (!found)
        return error_set(err, GONE, "unknown_document", "there is no such document");
    sqlite_get_document(&sql, ret);
    return OK;
}

enum outcome sqlite_have_rows(struct jobs *jobs, const char *job_id, bool *have, int have_size, int *ret_count,
                              struct error *err) {
    static const char read[] = "SELECT number FROM documents WHERE job_id = ? AND at IS NOT NULL";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_text(&sql, job_id);
    bool found = false;
    int count = 0;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        int64_t number = sql_get_int(&sql);
        if (number >= 0 && number < have_size)
            have[number] = true;
        count++;
    }
    if (outcome == OK)
        *ret_count = count;
    return outcome;
}
