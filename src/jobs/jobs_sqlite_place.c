/* Placing orders: one transaction makes the whole order, so a batch is never left half done; a key's answer is kept for
 * a day. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "jobs/jobs_sqlite.h"

enum { LARGE_ORDER = 100 };

struct place {
    const struct jobs_order *order;
    char key_sha256[HASH_HEX_MAX];
    struct jobs_placed_item *items; /* order->count */
    bool replayed;
};

/* ---- an idempotency key's first answer ------------------------------------------------------- */
static char *items_to_json(const struct place *place) {
    struct buf out = BUF_INIT((size_t)ORDER_ITEMS_MAX * 2048);
    buf_append_char(&out, '[');
    for (int i = 0; i < place->order->count; i++) {
        const struct jobs_placed_item *item = &place->items[i];
        buf_printf(&out, "%s{\"jobId\":\"%s\",\"cin\":", i ? "," : "", item->job_id);
        json_append_string(&out, item->company.cin, strlen(item->company.cin));
        buf_append_str(&out, ",\"companyName\":");
        json_append_string(&out, item->company.name, strlen(item->company.name));
        buf_append_char(&out, '}');
    }
    buf_append_char(&out, ']');
    return buf_take(&out);
}

static enum outcome items_from_json(struct place *place, const char *text, struct error *err) {
    AUTO_JSON json_t *array = NULL;
    enum outcome outcome = json_parse(text, strlen(text), &array, err);
    if (outcome != OK)
        return outcome;
    if (json_array_size(array) != (size_t)place->order->count)
        return error_set(err, INVALID, "idempotency_mismatch", "this idempotency key was used for another order");
    for (int i = 0; i < place->order->count; i++) {
        const json_t *object = json_array_get(array, (size_t)i);
        struct jobs_placed_item *item = &place->items[i];
        *item = (struct jobs_placed_item){0};
        if (!json_member_copy(object, "jobId", item->job_id, sizeof item->job_id) ||
            !json_member_copy(object, "cin", item->company.cin, sizeof item->company.cin) ||
            !json_member_copy(object, "companyName", item->company.name, sizeof item->company.name))
            return error_set(err, FATAL, "store_damaged", "the stored answer of an order cannot be read");
    }
    return OK;
}

static enum outcome find_answer(struct sqlite_write *write, struct place *place, struct error *err) {
    static const char find[] = "SELECT body_sha256, items FROM batches WHERE key_sha256 = ? AND done_at > ?";
    AUTO_SQL struct sql sql = sql_start(write->conn, find);
    sql_text(&sql, place->key_sha256);
    sql_int(&sql, write->now_ms - ORDER_KEY_LIFE_MS);
    enum outcome outcome = sql_row(&sql, &place->replayed, err);
    if (outcome != OK || !place->replayed)
        return outcome;
    if (!str_eq(sql_get_str(&sql), place->order->body_sha256))
        return error_set(err, INVALID, "idempotency_mismatch", "this idempotency key was used for another order");
    return items_from_json(place, sql_get_str(&sql), err);
}

static enum outcome keep_answer(struct sqlite_write *write, const struct place *place, struct error *err) {
    static const char keep[] =
        "INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?)"; /* replaces only one that is a day old */
    AUTO_FREE char *items = items_to_json(place);
    AUTO_SQL struct sql sql = sql_start(write->conn, keep);
    sql_text(&sql, place->key_sha256);
    sql_text(&sql, place->order->body_sha256);
    sql_text(&sql, items);
    sql_int(&sql, write->now_ms);
    return sql_run(&sql, err);
}

/* ---- jobs ------------------------------------------------------------------------------------ */
/* The job that `companies` names, when that one is an unforced order's answer. */
static enum outcome find_open_job(struct sqlite_write *write, const char *cin, struct job *ret, bool *ret_open,
                                  struct error *err) {
    static const char find[] = "SELECT open_job FROM companies WHERE cin = ?";
    char named[OBJECT_ID_MAX];
    bool found = false;
    {
        AUTO_SQL struct sql sql = sql_start(write->conn, find);
        sql_text(&sql, cin);
        enum outcome outcome = sql_row(&sql, &found, err);
        if (outcome != OK)
            return outcome;
        if (found)
            sql_get_text(&sql, named, sizeof named);
    }
    *ret_open = false;
    if (!found)
        return OK;
    int64_t seq;
    enum outcome outcome = sqlite_load_job(write->conn, named, ret, &seq, &found, err);
    if (outcome == OK)
        *ret_open = company_job_answers(found ? ret : NULL);
    return outcome;
}

static enum outcome name_in_companies(struct sqlite_write *write, const struct job *job, struct error *err) {
    static const char name[] =
        "INSERT INTO companies VALUES (?, ?) ON CONFLICT DO UPDATE SET open_job = excluded.open_job";
    AUTO_SQL struct sql sql = sql_start(write->conn, name);
    sql_text(&sql, job->company.cin);
    sql_text(&sql, job->id);
    return sql_run(&sql, err);
}

static enum outcome place_one(struct sqlite_write *write, const struct jobs_order *order, const struct company *company,
                              struct jobs_placed_item *ret, struct error *err) {
    struct job job;
    bool open = false;
    enum outcome outcome = order->force ? OK : find_open_job(write, company->cin, &job, &open, err);
    if (outcome != OK)
        return outcome;
    if (!open) {
        char id[OBJECT_ID_MAX];
        object_id_make(id);
        job_place(&job, id, company, order->priority, write->now_ms, write->at_ms);
        outcome = sqlite_insert_job(write->conn, &job, err);
        if (outcome == OK && !order->force)
            outcome = name_in_companies(write, &job, err);
    }
    *ret = (struct jobs_placed_item){.company = job.company, .created = !open};
    str_copy(ret->job_id, sizeof ret->job_id, job.id);
    return outcome;
}

/* ---- the audit log --------------------------------------------------------------------------- */
static char *order_detail(const struct place *place, int created) {
    const struct jobs_order *order = place->order;
    struct buf out = BUF_INIT(AUDIT_DETAIL_MAX);
    int named = 0;
    buf_printf(&out, "{\"jobs\":%d,\"created\":%d,\"priority\":%d,\"force\":%s,\"jobIds\":[", order->count, created,
               order->priority, order->force ? "true" : "false");
    for (int i = 0; i < order->count && named < AUDIT_JOBS_MAX; i++)
        if (place->items[i].created)
            buf_printf(&out, "%s\"%s\"", named++ ? "," : "", place->items[i].job_id);
    buf_append_str(&out, "]}");
    return buf_take(&out);
}

/* An order that made no job changed nothing. */
static enum outcome note_order(struct sqlite_write *write, const struct place *place, struct error *err) {
    int created = 0;
    for (int i = 0; i < place->order->count; i++)
        created += place->items[i].created;
    if (created == 0)
        return OK;
    AUTO_FREE char *detail = order_detail(place, created);
    const char *job_id = place->order->count == 1 ? place->items[0].job_id : NULL;
    const struct audit_note note = {place->order->actor, "order", job_id, detail};
    return sqlite_append_audit(write, &note, err);
}

static enum outcome apply_place(struct sqlite_write *write, void *arg, struct error *err) {
    struct place *place = arg;
    enum outcome outcome = OK;
    place->replayed = false;
    if (place->order->idempotency_key)
        outcome = find_answer(write, place, err);
    if (outcome != OK || place->replayed)
        return outcome;
    for (int i = 0; i < place->order->count && outcome == OK; i++)
        outcome = place_one(write, place->order, &place->order->companies[i], &place->items[i], err);
    if (outcome == OK && place->order->idempotency_key)
        outcome = keep_answer(write, place, err);
    return outcome == OK ? note_order(write, place, err) : outcome;
}

enum outcome sqlite_place(struct jobs *jobs, const struct jobs_order *order, struct jobs_placed *ret,
                          struct error *err) {
    struct place place = {.order = order};
    AUTO_FREE struct jobs_placed_item *items = x_alloc((size_t)order->count * sizeof *items);
    place.items = items;
    if (order->idempotency_key)
        hash_hex(HASH_SHA256, order->idempotency_key, strlen(order->idempotency_key), place.key_sha256);
    enum durability durability = order->count > LARGE_ORDER ? WRITE_DURABLE_ALONE : WRITE_DURABLE;
    enum outcome outcome = sqlite_write(sqlite_store(jobs), durability, apply_place, &place, err);
    if (outcome == OK)
        *ret = (struct jobs_placed){.items = take_ptr(items), .count = order->count, .replayed = place.replayed};
    return outcome;
}
