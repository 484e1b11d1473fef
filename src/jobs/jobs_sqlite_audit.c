/* The embedded store's audit log: one row for each change that a person asked for, in the transaction of the change. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

enum outcome sqlite_append_audit(struct sqlite_write *write, const struct audit_note *note, struct error *err) {
    static const char insert[] = "INSERT INTO audit (id, at, actor, action, job_id, detail) VALUES (?, ?, ?, ?, ?, ?)";
    char id[OBJECT_ID_MAX];
    object_id_make(id);
    AUTO_SQL struct sql sql = sql_start(write->conn, insert);
    sql_text(&sql, id);
    sql_int(&sql, write->now_ms);
    sql_text(&sql, note->actor);
    sql_text(&sql, note->action);
    sql_word(&sql, note->job_id);
    sql_text(&sql, note->detail);
    return sql_run(&sql, err);
}

enum outcome sqlite_audit_decision(struct sqlite_write *write, const char *actor, const char *action,
                                   const struct job *job, struct error *err) {
    AUTO_BUF struct buf detail = BUF_INIT(AUDIT_DETAIL_MAX);
    buf_append_str(&detail, "{\"cin\":");
    json_append_string(&detail, job->company.cin, strlen(job->company.cin));
    buf_printf(&detail, ",\"status\":\"%s\"}", job_status_name(job->status));
    const struct audit_note note = {actor, action, job->id, buf_str(&detail)};
    return sqlite_append_audit(write, &note, err);
}

static enum outcome apply_audit(struct sqlite_write *write, void *arg, struct error *err) {
    return sqlite_append_audit(write, arg, err);
}

enum outcome sqlite_audit(struct jobs *jobs, const char *actor, const char *action, const char *detail,
                          struct error *err) {
    struct audit_note note = {.actor = actor, .action = action, .detail = detail};
    return sqlite_write(sqlite_store(jobs), WRITE_DURABLE, apply_audit, &note, err);
}

/* ---- reading --------------------------------------------------------------------------------- */
static int64_t get_entry(struct sql *sql, struct audit_entry *ret) {
    int64_t seq = sql_get_int(sql);
    *ret = (struct audit_entry){0};
    sql_get_text(sql, ret->id, sizeof ret->id);
    ret->at_ms = sql_get_int(sql);
    sql_get_text(sql, ret->actor, sizeof ret->actor);
    sql_get_text(sql, ret->action, sizeof ret->action);
    sql_get_text(sql, ret->job_id, sizeof ret->job_id);
    ret->detail = x_strdup(sql_get_str(sql));
    return seq;
}

/* At most limit entries; one more that there is makes the cursor. */
static enum outcome read_page(struct sql *sql, int limit, struct audit_list *list, struct error *err) {
    int64_t last_seq = 0;
    bool found = false;
    enum outcome outcome;
    while ((outcome = sql_row(sql, &found, err)) == OK && found && list->count < limit)
        last_seq = get_entry(sql, &list->items[list->count++]);
    if (outcome == OK && found)
        str_format(list->next, sizeof list->next, "%lld", (long long)last_seq);
    return outcome;
}

enum outcome sqlite_list_audit(struct jobs *jobs, int limit, const char *cursor, struct audit_list *ret,
                               struct error *err) {
    static const char read[] =
        "SELECT seq, id, at, actor, action, job_id, detail FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?";
    int64_t before_seq = INT64_MAX;
    if (cursor && !num_parse(cursor, 1, INT64_MAX, &before_seq))
        return error_set(err, INVALID, "bad_cursor", "the cursor is not one that a page gave");
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_int(&sql, before_seq);
    sql_int(&sql, limit + 1);
    struct audit_list list = {.items = x_alloc((size_t)limit * sizeof *list.items)};
    outcome = read_page(&sql, limit, &list, err);
    if (outcome == OK)
        *ret = list;
    else
        audit_list_finish(&list);
    return outcome;
}
