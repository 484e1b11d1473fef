/* SQLite connections: prepared statements that are kept, values in and out, and what SQLite's answers mean to a caller. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

/* Waits for another process's write in short, uneven naps, so that no process starves and none spins. */
static int wait_for_lock(void *arg, int calls) {
    const struct sql_conn *conn = arg;
    if (sqlite_boot_ms() >= conn->deadline_ms)
        return 0;
    long step_us = calls < 8 ? 300 : 2000;
    struct timespec nap = {.tv_nsec = (step_us + (long)random_below((uint64_t)step_us)) * 1000};
    nanosleep(&nap, NULL);
    return 1;
}

static int past_deadline(void *arg) {
    const struct sql_conn *conn = arg;
    return sqlite_boot_ms() >= conn->deadline_ms;
}

enum outcome sql_conn_open(struct sql_conn *conn, const char *path, int flags, struct error *err) {
    enum { INSTRUCTIONS_PER_LOOK = 100000, CACHE_KIB = 4096 };
    *conn = (struct sql_conn){.deadline_ms = sqlite_boot_ms() + STORE_DEADLINE_MS};
    if (sqlite3_open_v2(path, &conn->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        enum outcome outcome = sql_error(conn, err);
        sql_conn_close(conn);
        return outcome;
    }
    sqlite3_extended_result_codes(conn->db, 1);
    sqlite3_busy_handler(conn->db, wait_for_lock, conn);
    sqlite3_progress_handler(conn->db, INSTRUCTIONS_PER_LOOK, past_deadline, conn);
    return OK;
}

void sql_conn_close(struct sql_conn *conn) {
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(conn->statements[i].stmt);
    sqlite3_close(conn->db);
    *conn = (struct sql_conn){0};
}

static bool out_of_room(int code, int system_error) {
    if ((code & 0xff) == SQLITE_FULL)
        return true;
    return (code & 0xff) == SQLITE_IOERR && (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
}

enum outcome sql_error(struct sql_conn *conn, struct error *err) {
    int code = conn->db ? sqlite3_extended_errcode(conn->db) : SQLITE_NOMEM;
    const char *text = conn->db ? sqlite3_errmsg(conn->db) : "out of memory";
    if (out_of_room(code, conn->db ? sqlite3_system_errno(conn->db) : 0))
        return error_set(err, FATAL, "disk_full", "no room is left for the job store");
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
        return error_set(err, RETRY, "store_timeout", "the job store did not answer in time: %s", text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, FATAL, "store_damaged", "the job store's file is damaged: %s", text);
    default:
        return error_set(err, FATAL, "store_io", "the job store failed: %s (%d)", text, code);
    }
}

enum outcome sql_exec(struct sql_conn *conn, const char *sql, struct error *err) {
    return sqlite3_exec(conn->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : sql_error(conn, err);
}

/* ---- a statement --------------------------------------------------------------------------------------------------- */
struct sql sql_start(struct sql_conn *conn, const char *constant_text) {
    struct sql sql = {.conn = conn};
    size_t at = ((uintptr_t)constant_text >> 3) % STATEMENTS_MAX;
    size_t looked = 0;
    while (conn->statements[at].text && conn->statements[at].text != constant_text) {
        at = (at + 1) % STATEMENTS_MAX;
        looked++;
        assert(looked < STATEMENTS_MAX);
    }
    if (!conn->statements[at].stmt) {
        sql.code = sqlite3_prepare_v3(conn->db, constant_text, -1, SQLITE_PREPARE_PERSISTENT, &conn->statements[at].stmt, NULL);
        if (sql.code == SQLITE_OK)
            conn->statements[at].text = constant_text;
    }
    sql.stmt = conn->statements[at].stmt;
    return sql;
}

void sql_finish(struct sql *sql) {
    if (!sql->stmt)
        return;
    sqlite3_reset(sql->stmt);
    sqlite3_clear_bindings(sql->stmt);
}

static void stick(struct sql *sql, int code) {
    if (sql->code == SQLITE_OK)
        sql->code = code;
}

void sql_int(struct sql *sql, int64_t value) {
    stick(sql, sqlite3_bind_int64(sql->stmt, ++sql->bound, value));
}

void sql_time(struct sql *sql, int64_t time_ms) {
    if (time_ms != 0)
        sql_int(sql, time_ms);
    else
        stick(sql, sqlite3_bind_null(sql->stmt, ++sql->bound));
}

void sql_text(struct sql *sql, const char *text) {
    stick(sql, sqlite3_bind_text(sql->stmt, ++sql->bound, text, -1, SQLITE_STATIC));
}

void sql_word(struct sql *sql, const char *text) {
    sql_text(sql, text && text[0] != '\0' ? text : NULL);
}

enum outcome sql_row(struct sql *sql, bool *ret_found, struct error *err) {
    if (sql->code != SQLITE_OK)
        return sql_error(sql->conn, err);
    sql->read = 0;
    int code = sqlite3_step(sql->stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sql_error(sql->conn, err);
    *ret_found = code == SQLITE_ROW;
    return OK;
}

enum outcome sql_run(struct sql *sql, struct error *err) {
    bool found = false;
    return sql_row(sql, &found, err);
}

int64_t sql_get_int(struct sql *sql) {
    return sqlite3_column_int64(sql->stmt, sql->read++);
}

const char *sql_get_str(struct sql *sql) {
    const char *text = (const char *)sqlite3_column_text(sql->stmt, sql->read++);
    return text ? text : "";
}

void sql_get_text(struct sql *sql, char *out, size_t out_size) {
    str_copy(out, out_size, sql_get_str(sql));
}
