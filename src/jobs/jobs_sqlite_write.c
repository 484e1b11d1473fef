/* Writes of one process, grouped: whoever finds no leader becomes it, takes what is queued, runs all of it in one
 * transaction (each in its savepoint) and wakes the others; so many clients share one fsync. The leader leads one group
 * and hands over to the first in line.
 *
 *   queued ──taken by the leader──> running ──commit──> done (answer of the op)
 *      │                               └──no commit──> done (the store's error), or queued again when the lock was not
 * had in time └──deadline──> RETRY store_timeout */
#include "base/cond.h"
#include "core/fault.h"
#include "jobs/jobs_sqlite.h"

enum { GROUP_MAX = 256, NOTE_CLOCK_EVERY_MS = 1000 };

enum op_state { OP_QUEUED, OP_RUNNING, OP_LEAD, OP_DONE };
struct write_op {
    struct write_op *next;
    sqlite_apply *apply;
    void *arg;
    enum durability durability;
    int64_t deadline_ms;
    enum op_state state;
    pthread_cond_t changed;
    enum outcome outcome;
    struct error err;
};

/* ---- the queue; queue_lock is held ----------------------------------------------------------- */
static void push(struct sqlite_store *store, struct write_op *op) {
    op->next = NULL;
    op->state = OP_QUEUED;
    store->queued++;
    if (store->queue_last)
        store->queue_last->next = op;
    else
        store->queue_first = op;
    store->queue_last = op;
}

static void drop(struct sqlite_store *store, const struct write_op *op) {
    struct write_op *before = NULL;
    for (struct write_op *at = store->queue_first; at; before = at, at = at->next) {
        if (at != op)
            continue;
        if (before)
            before->next = at->next;
        else
            store->queue_first = at->next;
        if (store->queue_last == at)
            store->queue_last = before;
        store->queued--;
        return;
    }
}

static int take_group(struct sqlite_store *store, struct write_op *group[GROUP_MAX]) {
    int count = 0;
    bool alone = false;
    while (count < GROUP_MAX && store->queue_first && !alone) {
        struct write_op *op = store->queue_first;
        alone = op->durability == WRITE_DURABLE_ALONE;
        if (alone && count > 0)
            break;
        drop(store, op);
        op->state = OP_RUNNING;
        group[count++] = op;
    }
    return count;
}

static void set_state(struct write_op *op, enum op_state state) {
    op->state = state;
    pthread_cond_signal(&op->changed);
}

static void hand_over(struct sqlite_store *store) {
    struct write_op *next = store->queue_first;
    store->leading = next != NULL;
    if (next)
        set_state(next, OP_LEAD);
}

/* ---- one group; the leader owns the writer --------------------------------------------------- */
static enum outcome set_synchronous(struct sqlite_store *store, bool full, struct error *err) {
    if (store->writer_full_sync == full)
        return OK;
    enum outcome outcome =
        sql_exec(&store->writer, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
    if (outcome == OK)
        store->writer_full_sync = full;
    return outcome;
}

static enum outcome run_constant(struct sqlite_store *store, const char *constant_text, struct error *err) {
    AUTO_SQL struct sql sql = sql_start(&store->writer, constant_text);
    return sql_run(&sql, err);
}
static const char begin_immediate[] = "BEGIN IMMEDIATE";
static const char commit[] = "COMMIT";
static const char rollback[] = "ROLLBACK";
static const char savepoint[] = "SAVEPOINT op";
static const char rollback_to[] = "ROLLBACK TO op";
static const char release[] = "RELEASE op";

static bool transaction_open(const struct sqlite_store *store) {
    return sqlite3_get_autocommit(store->writer.db) == 0;
}

/* Not OK: the transaction cannot go on. What the op answered is in op; *ret_undo: and it is to be undone. */
static enum outcome apply_op(struct sqlite_store *store, struct sqlite_write *write, struct write_op *op,
                             bool *ret_undo, struct error *err) {
    write->keep = false;
    op->err = (struct error){0};
    op->outcome = op->apply(write, op->arg, &op->err);
    if (!transaction_open(store)) { /* never after OK: SQLite itself rolled everything back: no room, I/O error */
        *err = op->err;
        return op->outcome;
    }
    *ret_undo = op->outcome != OK && !write->keep;
    return OK;
}

static enum outcome run_op(struct sqlite_store *store, struct sqlite_write *write, struct write_op *op,
                           struct error *err) {
    bool undo = false;
    enum outcome outcome = run_constant(store, savepoint, err);
    if (outcome == OK)
        outcome = apply_op(store, write, op, &undo, err);
    if (outcome == OK && undo)
        outcome = run_constant(store, rollback_to, err);
    return outcome == OK ? run_constant(store, release, err) : outcome;
}

/* A group of one needs no savepoint (which costs a large order dearly): its transaction is undone. */
static enum outcome run_only_op(struct sqlite_store *store, struct sqlite_write *write, struct write_op *op,
                                struct error *err) {
    bool undo = false;
    enum outcome outcome = apply_op(store, write, op, &undo, err);
    return outcome == OK && undo ? run_constant(store, rollback, err) : outcome;
}

static enum outcome run_ops(struct sqlite_store *store, struct write_op *const *group, int count, struct error *err) {
    struct sqlite_write write = {.store = store, .conn = &store->writer, .now_ms = sqlite_now_ms(store)};
    int64_t up_to_ms = 0;
    int changes = sqlite3_total_changes(store->writer.db);
    enum outcome outcome = sqlite_read_watermark(&store->writer, &up_to_ms, err);
    write.at_ms = write.now_ms > up_to_ms ? write.now_ms : up_to_ms;
    for (int i = 0; i < count && outcome == OK; i++)
        outcome = (count == 1 ? run_only_op : run_op)(store, &write, group[i], err);
    bool changed = transaction_open(store) && sqlite3_total_changes(store->writer.db) != changes;
    if (outcome == OK && changed && write.now_ms >= store->noted_ms + NOTE_CLOCK_EVERY_MS) {
        outcome = sqlite_clock_note(store, &store->writer, err);
        store->noted_ms = write.now_ms;
    }
    return outcome;
}

/* Answers of the ops are in them when this is OK; else nothing of the group happened. */
static enum outcome run_group(struct sqlite_store *store, struct write_op *const *group, int count, struct error *err) {
    bool durable = false;
    for (int i = 0; i < count; i++)
        durable = durable || group[i]->durability != WRITE_FAST;
    store->writer.deadline_ms = group[0]->deadline_ms;
    enum outcome outcome = sqlite_lock(store, group[0]->deadline_ms, err);
    if (outcome == OK)
        outcome = set_synchronous(store, durable, err);
    if (outcome == OK)
        outcome = run_constant(store, begin_immediate, err);
    if (outcome != OK)
        return outcome;
    /* from here on only this process can be in the way: no statement is given up in the middle */
    store->writer.deadline_ms = INT64_MAX;
    outcome = run_ops(store, group, count, err);
    FAULT_POINT("store_before_commit");
    if (outcome == OK && transaction_open(store))
        outcome = run_constant(store, commit, err);
    if (outcome != OK && transaction_open(store)) {
        struct error ignored;
        if (run_constant(store, rollback, &ignored) != OK)
            return outcome;
    }
    FAULT_POINT("store_after_commit");
    return outcome;
}

/* Whoever still has time lines up again when the lock was not had: another process holds it. */
static void answer_group(struct sqlite_store *store, struct write_op *const *group, int count, enum outcome outcome,
                         const struct error *err) {
    int64_t boot_ms = sqlite_boot_ms();
    for (int i = 0; i < count; i++) {
        struct write_op *op = group[i];
        if (outcome == RETRY && op->deadline_ms > boot_ms) {
            push(store, op);
            set_state(op, OP_QUEUED);
            continue;
        }
        if (outcome != OK) {
            op->outcome = outcome;
            op->err = *err;
        }
        set_state(op, OP_DONE);
    }
}

static void lead(struct sqlite_store *store) {
    struct write_op *group[GROUP_MAX] = {0};
    struct error err = {0};
    int count = take_group(store, group);
    pthread_mutex_unlock(&store->queue_lock);
    enum outcome outcome = run_group(store, group, count, &err);
    pthread_mutex_lock(&store->queue_lock);
    answer_group(store, group, count, outcome, &err);
    pthread_mutex_unlock(&store->queue_lock); /* nobody waits for the checkpoint */
    if (outcome == OK)
        sqlite_checkpoint_log(store);
    sqlite_unlock(store);
    pthread_mutex_lock(&store->queue_lock);
    hand_over(store);
}

/* ---- callers --------------------------------------------------------------------------------- */
static void wait_for_change(struct sqlite_store *store, struct write_op *op) {
    if (op->state == OP_RUNNING) /* the leader answers */
        pthread_cond_wait(&op->changed, &store->queue_lock);
    else
        sqlite_wait_ms(&op->changed, &store->queue_lock, op->deadline_ms - sqlite_boot_ms());
}

static void run_queued(struct sqlite_store *store, struct write_op *op) {
    pthread_mutex_lock(&store->queue_lock);
    push(store, op);
    if (!store->leading) {
        store->leading = true;
        op->state = OP_LEAD;
    }
    while (op->state != OP_DONE) {
        if (op->state == OP_LEAD) {
            lead(store);
        } else if (op->state == OP_QUEUED && sqlite_boot_ms() >= op->deadline_ms) {
            drop(store, op);
            op->outcome = error_set(&op->err, RETRY, "store_timeout", "too many writes wait for the job store");
            break;
        } else {
            wait_for_change(store, op);
        }
    }
    pthread_mutex_unlock(&store->queue_lock);
}

enum outcome sqlite_write(struct sqlite_store *store, enum durability durability, sqlite_apply *apply, void *arg,
                          struct error *err) {
    if (store->read_only)
        return error_set(err, DENIED, "read_only", "the job store is open for reading only");
    struct write_op op = {.apply = apply,
                          .arg = arg,
                          .durability = durability,
                          .deadline_ms = sqlite_boot_ms() + atomic_load(&store->deadline_ms)};
    cond_init_monotonic(&op.changed);
    run_queued(store, &op);
    pthread_cond_destroy(&op.changed);
    if (op.outcome != OK && err)
        *err = op.err;
    return op.outcome;
}
