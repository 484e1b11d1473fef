/* SQLite connections: prepared statements that are kept, values in and out, and what SQLite's answers mean to a caller.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "jobs/jobs_sqlite.h"

static int wait_for_lock(void *arg, int tries) {
    const struct sql_conn *conn = arg;
    if (sqlite_boot_ms() >= conn->deadline_ms)
        return 0;
    sqlite_nap(tries);
    return 1;
}

static int past_deadline(void *arg) {
    const struct sql_conn *conn = arg;
    return sqlite_boot_ms() >= conn->deadline_ms;
}

enum outcome sql_conn_open(struct sql_conn *conn, const char *path, int flags, int64_t deadline_ms, struct error *err) {
    enum { INSTRUCTIONS_PER_LOOK = 100000 };
    *conn = (struct sql_conn){.deadline_ms = deadline_ms};
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

/* SQLite calls only ENOSPC full; other limits are found behind its I/O errors, at the database or at its journal. */
static bool file_out_of_room(struct sql_conn *conn, int which_file) {
    sqlite3_file *file = NULL;
    int system_error = 0;
    if (sqlite3_file_control(conn->db, "main", which_file, &file) != SQLITE_OK || !file || !file->pMethods)
        return false;
    if (file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &system_error) != SQLITE_OK)
        return false;
    return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

static bool out_of_room(struct sql_conn *conn, int code) {
    /* the log index could not grow: nothing else makes that fail on a sound disk */
    if ((code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE)
        return true;
    return (code & 0xff) == SQLITE_IOERR &&
           (file_out_of_room(conn, SQLITE_FCNTL_FILE_POINTER) || file_out_of_room(conn, SQLITE_FCNTL_JOURNAL_POINTER));
}

enum outcome sql_error(struct sql_conn *conn, struct error *err) {
    int code = conn->db ? sqlite3_extended_errcode(conn->db) : SQLITE_NOMEM;
    const char *text = conn->db ? sqlite3_errmsg(conn->db) : "out of memory";
    if (conn->db && out_of_room(conn, code))
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

/* ---- a statement ----------------------------------------------------------------------------- */
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
        sql.code = sqlite3_prepare_v3(conn->db, constant_text, -1, SQLITE_PREPARE_PERSISTENT,
                                      &conn->statements[at].stmt, NULL);
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
