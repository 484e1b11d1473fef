/* Tables of the embedded store, and the steps from one version to the next (PRAGMA user_version).
 *
 * Times are store milliseconds. `seq` numbers jobs in the order of their insertion: lists are newest first by it, and
 * every index ends with it. available_at, at, company_name and the lease columns are NULL in rows that another program
 * inserted, until they are taken in. A document row is a fact only when it has `at`. `counts` is kept by triggers: jobs
 * by status without counting. */
#include "base/str.h"
#include "core/fault.h"
#include "jobs/jobs_sqlite.h"

enum { APPLICATION_ID = 0x66737572 };

#define RUN_NUMBERS_DDL                                                                                                \
    "listed INTEGER NOT NULL DEFAULT 0, had_rows INTEGER NOT NULL DEFAULT 0, run_downloaded INTEGER NOT NULL DEFAULT " \
    "0,"                                                                                                               \
    "run_uploaded INTEGER NOT NULL DEFAULT 0, run_stored INTEGER NOT NULL DEFAULT 0, run_unreadable INTEGER NOT NULL " \
    "DEFAULT 0,"                                                                                                       \
    "run_missing INTEGER NOT NULL DEFAULT 0, portal_requests INTEGER NOT NULL DEFAULT 0, portal_errors INTEGER NOT "   \
    "NULL DEFAULT 0,"                                                                                                  \
    "downloaded_bytes INTEGER NOT NULL DEFAULT 0, run_ms INTEGER NOT NULL DEFAULT 0, claim_wait_ms INTEGER NOT NULL "  \
    "DEFAULT 0"

#define DOCUMENTS_DDL                                                                                                  \
    "id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, number INTEGER NOT NULL, cin TEXT, company_name TEXT, state TEXT," \
    "document_type TEXT, srn TEXT, form TEXT, filed_on TEXT, reason TEXT, text_name TEXT, text_url TEXT,"              \
    "text_bytes INTEGER NOT NULL DEFAULT 0, text_md5 TEXT, original_name TEXT, original_bytes INTEGER NOT NULL "       \
    "DEFAULT 0,"                                                                                                       \
    "original_sha256 TEXT, fields_name TEXT, fields_sha256 TEXT, pages INTEGER NOT NULL DEFAULT 0,"                    \
    "download_ms INTEGER NOT NULL DEFAULT 0, read_ms INTEGER NOT NULL DEFAULT 0, store_ms INTEGER NOT NULL DEFAULT 0," \
    "downloaded_at INTEGER, by TEXT, at INTEGER"

static const char version_1[] =
    "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), boot_id TEXT NOT NULL, anchor_ms INTEGER NOT NULL,"
    "  last_seen_ms INTEGER NOT NULL) STRICT;"
    "INSERT INTO store VALUES (1, '', 0, 0);"

    "CREATE TABLE jobs (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, cin TEXT NOT NULL, company_name TEXT, status "
    "TEXT NOT NULL,"
    "  priority INTEGER NOT NULL DEFAULT 0, created_at INTEGER, updated_at INTEGER, at INTEGER, available_at INTEGER,"
    "  total_documents INTEGER NOT NULL DEFAULT 0, downloaded_documents INTEGER NOT NULL DEFAULT 0, lease_token TEXT, "
    "lease_owner TEXT,"
    "  adopted_by TEXT, lease_seconds INTEGER NOT NULL DEFAULT 0, locked_at INTEGER, runs INTEGER NOT NULL DEFAULT 0,"
    "  attempts INTEGER NOT NULL DEFAULT 0, rows_seen INTEGER NOT NULL DEFAULT 0, backoff_ms INTEGER NOT NULL DEFAULT "
    "0,"
    "  error_code TEXT, error_message TEXT, error_at INTEGER, cancel_requested INTEGER NOT NULL DEFAULT 0,"
    "  expected INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0, unreadable INTEGER NOT NULL DEFAULT 0,"
    "  missing INTEGER NOT NULL DEFAULT 0, manifest_name TEXT, completed_at INTEGER, " RUN_NUMBERS_DDL ") STRICT;"
    "CREATE INDEX jobs_claim ON jobs (priority DESC, available_at) WHERE status IN ('pending', 'processing');"
    "CREATE INDEX jobs_due ON jobs (status, available_at) WHERE status IN ('pending', 'processing');"
    "CREATE INDEX jobs_owner ON jobs (lease_owner) WHERE lease_owner IS NOT NULL;"
    "CREATE INDEX jobs_foreign ON jobs (seq) WHERE available_at IS NULL AND status IN ('pending', 'processing', "
    "'in_progress');"
    "CREATE INDEX jobs_status ON jobs (status);"
    "CREATE INDEX jobs_cin ON jobs (cin);"
    "CREATE INDEX jobs_name ON jobs (lower(company_name));"
    "CREATE INDEX jobs_at ON jobs (at);"

    "CREATE TABLE counts (status TEXT PRIMARY KEY, jobs INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER count_insert AFTER INSERT ON jobs BEGIN"
    "  INSERT INTO counts VALUES (new.status, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1; END;"
    "CREATE TRIGGER count_delete AFTER DELETE ON jobs BEGIN"
    "  UPDATE counts SET jobs = jobs - 1 WHERE status = old.status; END;"
    "CREATE TRIGGER count_update AFTER UPDATE OF status ON jobs WHEN new.status <> old.status BEGIN"
    "  UPDATE counts SET jobs = jobs - 1 WHERE status = old.status;"
    "  INSERT INTO counts VALUES (new.status, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1; END;"

    "CREATE TABLE runs (seq INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, run INTEGER NOT "
    "NULL,"
    "  outcome TEXT NOT NULL, job_status TEXT NOT NULL, owner TEXT, started_at INTEGER, ended_at INTEGER NOT NULL, "
    "error_code TEXT,"
    "  error_message TEXT, at INTEGER NOT NULL, " RUN_NUMBERS_DDL ") STRICT;"
    "CREATE INDEX runs_job ON runs (job_id);"
    "CREATE INDEX runs_at ON runs (at);"

    "CREATE TABLE documents (seq INTEGER PRIMARY KEY, " DOCUMENTS_DDL ") STRICT;"
    "CREATE UNIQUE INDEX documents_job ON documents (job_id, number) WHERE at IS NOT NULL;"
    "CREATE INDEX documents_foreign ON documents (job_id) WHERE at IS NULL;"
    "CREATE INDEX documents_at ON documents (at);"
    "CREATE TABLE documents_legacy (seq INTEGER PRIMARY KEY, " DOCUMENTS_DDL ") STRICT;"

    "CREATE TABLE filings (job_id TEXT PRIMARY KEY, count INTEGER NOT NULL, items TEXT NOT NULL, at INTEGER NOT NULL) "
    "STRICT;"
    "CREATE TABLE companies (cin TEXT PRIMARY KEY, open_job TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE batches (key_sha256 TEXT PRIMARY KEY, body_sha256 TEXT NOT NULL, items TEXT NOT NULL, done_at "
    "INTEGER NOT NULL) STRICT;"
    "CREATE INDEX batches_done ON batches (done_at);"
    "CREATE TABLE totals (one INTEGER PRIMARY KEY CHECK (one = 1), up_to_ms INTEGER NOT NULL, sums TEXT NOT NULL) "
    "STRICT;";

/* The audit log, ids of purged jobs whose blobs may still be there, what purges took away of the totals, and what
 * finding and removing a finished job reads. */
static const char version_2[] =
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL,"
    "  action TEXT NOT NULL, job_id TEXT, detail TEXT NOT NULL) STRICT;"
    "CREATE TABLE purged (job_id TEXT PRIMARY KEY, at INTEGER NOT NULL, blobs INTEGER NOT NULL,"
    "  removing INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE TABLE purged_totals (one INTEGER PRIMARY KEY CHECK (one = 1), jobs INTEGER NOT NULL,"
    "  documents INTEGER NOT NULL, runs INTEGER NOT NULL) STRICT;"
    "INSERT INTO purged_totals VALUES (1, 0, 0, 0);"
    "CREATE INDEX jobs_finished ON jobs (updated_at) WHERE status IN ('completed', 'failed', 'cancelled');"
    "CREATE INDEX legacy_job ON documents_legacy (job_id);";

/* steps[v] leads from version v to v + 1. */
static const char *const steps[STORE_VERSION] = {version_1, version_2};

static enum outcome pragma_int(struct sql_conn *conn, const char *sql, int64_t *ret, struct error *err) {
    AUTO_SQL struct sql statement = sql_start(conn, sql);
    bool found = false;
    enum outcome outcome = sql_row(&statement, &found, err);
    if (outcome == OK)
        *ret = found ? sql_get_int(&statement) : 0;
    return outcome;
}

static enum outcome read_version(struct sql_conn *conn, int64_t *ret, struct error *err) {
    int64_t application = 0, version = 0, tables = 0;
    enum outcome outcome = pragma_int(conn, "PRAGMA application_id", &application, err);
    if (outcome == OK)
        outcome = pragma_int(conn, "PRAGMA user_version", &version, err);
    if (outcome == OK)
        outcome = pragma_int(conn, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (outcome != OK)
        return outcome;
    if (application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0))
        return error_set(err, FATAL, "not_a_store",
                         "filesure.db is a database of another program; it is left untouched");
    if (version > STORE_VERSION)
        return error_set(err, FATAL, "store_too_new",
                         "the job store has version %lld, this program knows versions up to %d: use a newer filesure",
                         (long long)version, STORE_VERSION);
    *ret = version;
    return OK;
}

enum outcome sqlite_schema_check(struct sql_conn *conn, struct error *err) {
    int64_t ignored;
    return read_version(conn, &ignored, err);
}

static enum outcome write_totals_row(struct sql_conn *conn, struct error *err) {
    static const char insert[] = "INSERT OR IGNORE INTO totals VALUES (1, 0, ?)";
    const struct totals none = {0};
    AUTO_FREE char *sums = totals_to_json(&none);
    AUTO_SQL struct sql sql = sql_start(conn, insert);
    sql_text(&sql, sums);
    return sql_run(&sql, err);
}

static enum outcome run_step(struct sql_conn *conn, int64_t version, struct error *err) {
    char pragmas[96];
    str_format(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
               (int)version + 1);
    enum outcome outcome = sql_exec(conn, steps[version], err);
    if (outcome == OK && version == 0)
        outcome = write_totals_row(conn, err);
    FAULT_POINT("store_migrating");
    return outcome == OK ? sql_exec(conn, pragmas, err) : outcome;
}

/* One step is one transaction, so that a kill leaves the store at a version that a program knows. */
static enum outcome migrate(struct sql_conn *conn, int64_t version, struct error *err) {
    enum outcome outcome = sql_exec(conn, "BEGIN IMMEDIATE", err);
    if (outcome != OK)
        return outcome;
    int64_t deadline_ms = conn->deadline_ms;
    conn->deadline_ms = INT64_MAX; /* a large store takes its time, and nobody is in the way any more */
    outcome = run_step(conn, version, err);
    if (outcome == OK)
        outcome = sql_exec(conn, "COMMIT", err);
    if (outcome != OK)
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
    conn->deadline_ms = deadline_ms;
    FAULT_POINT("store_migrated");
    return outcome;
}

enum outcome sqlite_schema_prepare(struct sql_conn *conn, bool read_only, struct error *err) {
    int64_t version = 0;
    enum outcome outcome = read_version(conn, &version, err);
    if (outcome != OK || version == STORE_VERSION)
        return outcome;
    if (read_only && version == 0)
        return error_set(err, GONE, "no_store", "the job store has not been set up");
    if (read_only)
        return error_set(err, FATAL, "store_too_old",
                         "the job store has version %lld and is read at version %d: start filesure-api or a worker on "
                         "it once, which brings it up to date",
                         (long long)version, STORE_VERSION);
    for (; outcome == OK && version < STORE_VERSION; version++)
        outcome = migrate(conn, version, err);
    return outcome;
}
