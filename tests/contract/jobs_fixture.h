/* What the contract tests of the job store share: the table of implementations, and short words for what every case
 * does. Each case runs against every implementation, in a store of its own. Time is moved with jobs_shift_clock;
 * nothing sleeps. */
#pragma once

#include "support/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "jobs/jobs_backend.h"
#include "support/folder.h"

struct fixture;
struct implementation {
    const char *name;
    enum outcome (*open)(const struct fixture *fixture, struct jobs **ret, struct error *err);
    /* What another program does behind the store's back: statements of that store's own language. */
    void (*insert_job)(const struct fixture *fixture, const char *id, const char *status, int64_t created_ms,
                       int64_t locked_ms);
    void (*insert_document)(const struct fixture *fixture, const char *id, const char *job_id, int number);
    int64_t (*count_legacy)(const struct fixture *fixture);
    /* Whatever the store still holds of a job, anywhere but in the audit log and among the purged ids. */
    int64_t (*count_traces)(const struct fixture *fixture, const char *job_id);
};

struct fixture {
    const struct implementation *implementation;
    char folder[FOLDER_PATH_MAX];
    struct jobs *jobs;
};

static struct error err; /* of the last call */

#define must(call)                                                                                                     \
    do {                                                                                                               \
        enum outcome outcome_ = (call);                                                                                \
        if (outcome_ != OK)                                                                                            \
            fail_msg("%s: %s %s", #call, err.code, err.message);                                                       \
    } while (0)
#define must_fail(call, expected, expected_code)                                                                       \
    do {                                                                                                               \
        err = (struct error){0};                                                                                       \
        assert_string_equal(outcome_name(call), outcome_name(expected));                                               \
        assert_string_equal(err.code, expected_code);                                                                  \
        assert_int_equal(err.outcome, expected);                                                                       \
        assert_true(err.message[0] != '\0');                                                                           \
    } while (0)

/* ---- SQLite ---------------------------------------------------------------------------------- */
static inline enum outcome fixture_sqlite_open(const struct fixture *fixture, struct jobs **ret, struct error *err_) {
    const struct jobs_config config = {.data_dir = fixture->folder};
    return jobs_open(&config, ret, err_);
}

static inline void fixture_sqlite_path(const struct fixture *fixture, char ret[FOLDER_PATH_MAX + 16]) {
    assert_true(str_format(ret, FOLDER_PATH_MAX + 16, "%s/filesure.db", fixture->folder));
}

/* Runs a statement on a connection of its own; the first number of its first row. */
static inline int64_t fixture_sqlite_run(const struct fixture *fixture, const char *format, ...) PRINTF_LIKE(2, 3);
static inline int64_t fixture_sqlite_run(const struct fixture *fixture, const char *format, ...) {
    char path[FOLDER_PATH_MAX + 16], sql[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    assert_in_range(length, 1, sizeof sql - 1);
    fixture_sqlite_path(fixture, path);
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int code = sqlite3_step(stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

static inline void fixture_sqlite_insert_job(const struct fixture *fixture, const char *id, const char *status,
                                             int64_t created_ms, int64_t locked_ms) {
    fixture_sqlite_run(fixture,
                       "INSERT INTO jobs (id, cin, company_name, status, created_at, updated_at, locked_at) VALUES "
                       "('%s', 'U72200MH2020PTC000077', 'Foreign', '%s', %lld, %lld, nullif(%lld, 0))",
                       id, status, (long long)created_ms, (long long)created_ms, (long long)locked_ms);
}

static inline void fixture_sqlite_insert_document(const struct fixture *fixture, const char *id, const char *job_id,
                                                  int number) {
    fixture_sqlite_run(fixture, "INSERT INTO documents (id, job_id, number, state) VALUES ('%s', '%s', %d, 'stored')",
                       id, job_id, number);
}

static inline int64_t fixture_sqlite_count_legacy(const struct fixture *fixture) {
    return fixture_sqlite_run(fixture, "SELECT count(*) FROM documents_legacy");
}

static inline int64_t fixture_sqlite_count_traces(const struct fixture *fixture, const char *job_id) {
    return fixture_sqlite_run(fixture,
                              "SELECT (SELECT count(*) FROM jobs WHERE id = '%s') + "
                              "(SELECT count(*) FROM documents WHERE job_id = '%s') + "
                              "(SELECT count(*) FROM documents_legacy WHERE job_id = '%s') + "
                              "(SELECT count(*) FROM runs WHERE job_id = '%s') + "
                              "(SELECT count(*) FROM filings WHERE job_id = '%s') + "
                              "(SELECT count(*) FROM companies WHERE open_job = '%s')",
                              job_id, job_id, job_id, job_id, job_id, job_id);
}

static const struct implementation implementations[] = {
    {"sqlite", fixture_sqlite_open, fixture_sqlite_insert_job, fixture_sqlite_insert_document,
     fixture_sqlite_count_legacy, fixture_sqlite_count_traces},
};

/* ---- running cases against all of them ------------------------------------------------------- */
struct jobs_case {
    const char *name;
    void (*run)(struct fixture *fixture);
};
#define CASE(function)                                                                                                 \
    { #function, function }

struct case_run {
    const struct implementation *implementation;
    const struct jobs_case *what;
    struct fixture fixture;
};

static inline int case_setup(void **state) {
    struct case_run *run = *state;
    run->fixture = (struct fixture){.implementation = run->implementation};
    folder_make(run->fixture.folder);
    must(run->implementation->open(&run->fixture, &run->fixture.jobs, &err));
    return 0;
}

static inline void case_body(void **state) {
    struct case_run *run = *state;
    run->what->run(&run->fixture);
}

static inline int case_teardown(void **state) {
    struct case_run *run = *state;
    jobs_close(run->fixture.jobs);
    folder_remove(run->fixture.folder);
    return 0;
}

enum { CASES_MAX = 64, CASE_NAME_MAX = 128 };

/* Only those of one implementation, when `only` names it. */
static inline int run_cases_of(const char *only, const struct jobs_case *cases, size_t count) {
    static struct case_run runs[CASES_MAX];
    static struct CMUnitTest tests[CASES_MAX];
    static char names[CASES_MAX][CASE_NAME_MAX];
    size_t filled = 0;
    for (size_t i = 0; i < COUNT_OF(implementations); i++)
        for (size_t k = 0; k < count && filled < CASES_MAX; k++) {
            if (only && !str_eq(only, implementations[i].name))
                continue;
            runs[filled] = (struct case_run){.implementation = &implementations[i], .what = &cases[k]};
            str_format(names[filled], CASE_NAME_MAX, "%s: %s", implementations[i].name, cases[k].name);
            tests[filled] = (struct CMUnitTest){names[filled], case_body, case_setup, case_teardown, &runs[filled]};
            filled++;
        }
    struct CMUnitTest *const used = tests;
    return _cmocka_run_group_tests("jobs", used, filled, NULL, NULL);
}
#define RUN_CASES(cases) run_cases_of(NULL, cases, COUNT_OF(cases))

/* ---- short words ----------------------------------------------------------------------------- */
enum { LEASE_S = 60, LEASE_MS = LEASE_S * 1000 };

static inline struct company a_company(int number) {
    struct company company = {0};
    str_format(company.cin, sizeof company.cin, "U72200MH2020PTC%06d", number);
    str_format(company.name, sizeof company.name, "Company %d Limited", number);
    return company;
}

/* One unforced order; the job's id. */
static inline void order_one(struct fixture *fixture, int number, int priority, char ret_id[OBJECT_ID_MAX]) {
    struct company company = a_company(number);
    const struct jobs_order order = {.companies = &company, .count = 1, .priority = priority};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    assert_int_equal(placed.count, 1);
    str_copy(ret_id, OBJECT_ID_MAX, placed.items[0].job_id);
    jobs_placed_finish(&placed);
}

static inline enum outcome try_claim(struct fixture *fixture, const char *owner, const char *job_id,
                                     struct lease *ret) {
    const struct jobs_claim_request request = {.owner = owner, .job_id = job_id, .lease_seconds = LEASE_S};
    return jobs_claim(fixture->jobs, &request, ret, &err);
}

static inline struct lease claim(struct fixture *fixture, const char *owner) {
    struct lease lease = {0};
    must(try_claim(fixture, owner, NULL, &lease));
    return lease;
}

/* Claims the job and adopts it under nonce "n". */
static inline struct lease run_job(struct fixture *fixture, const char *job_id) {
    struct lease lease = {0};
    struct job job;
    must(try_claim(fixture, "owner", job_id, &lease));
    must(jobs_adopt(fixture->jobs, job_id, lease.token, "n", &job, &err));
    return lease;
}

static inline enum outcome try_end(struct fixture *fixture, const struct lease *lease, enum run_outcome outcome,
                                   enum job_status *ret) {
    const struct jobs_end end = {.outcome = outcome,
                                 .error_code = outcome == RUN_FAILED ? "portal_down" : NULL,
                                 .error_message = outcome == RUN_FAILED ? "the portal answered 502" : NULL,
                                 .manifest_name = outcome == RUN_COMPLETED ? "manifest" : NULL};
    return jobs_end(fixture->jobs, lease->job_id, lease->token, &end, ret, &err);
}

static inline enum job_status end_run(struct fixture *fixture, const struct lease *lease, enum run_outcome outcome) {
    enum job_status status = JOB_PENDING;
    must(try_end(fixture, lease, outcome, &status));
    return status;
}

static inline struct job get_job(struct fixture *fixture, const char *job_id) {
    struct job job = {0};
    must(jobs_get(fixture->jobs, job_id, &job, &err));
    return job;
}

static inline enum job_status status_of(struct fixture *fixture, const char *job_id) {
    return get_job(fixture, job_id).status;
}

static inline int64_t now_of(struct fixture *fixture) {
    int64_t now_ms = 0;
    must(jobs_now_ms(fixture->jobs, &now_ms, &err));
    return now_ms;
}

/* The job as it is stored; for "nothing changed". */
#define assert_unchanged(fixture, before)                                                                              \
    do {                                                                                                               \
        struct job now_ = get_job(fixture, (before).id);                                                               \
        assert_memory_equal(&now_, &(before), sizeof now_);                                                            \
    } while (0)

static inline int expire(struct fixture *fixture) {
    int expired = -1, recorded = -1;
    must(jobs_expire(fixture->jobs, &expired, &err));
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    return expired;
}

static inline void put_filings(struct fixture *fixture, const char *job_id, int count) {
    struct filing_list list = {.items = x_alloc((size_t)(count + 1) * sizeof *list.items), .count = count}, held;
    for (int i = 0; i < count; i++) {
        list.items[i].number = i + 1;
        str_format(list.items[i].srn, SRN_MAX, "T%08d", i);
        str_copy(list.items[i].form, FORM_MAX, "AOC-4");
        str_copy(list.items[i].title, FILING_TITLE_MAX, "Financial statement");
        str_copy(list.items[i].filed_on, DATE_MAX, "2024-05-01");
        str_copy(list.items[i].md5, MD5_HEX_MAX, "d41d8cd98f00b204e9800998ecf8427e");
        list.items[i].size_bytes = 1000 + i;
    }
    must(jobs_put_filings(fixture->jobs, job_id, &list, &held, &err));
    assert_int_equal(held.count, count);
    filing_list_finish(&held);
    filing_list_finish(&list);
}

static inline struct document a_document(const char *job_id, int number, const char *by) {
    struct document document = {.number = number,
                                .state = DOCUMENT_STORED,
                                .text_bytes = 10 * number,
                                .original_bytes = 100 * number,
                                .pages = number,
                                .download_ms = 20,
                                .read_ms = 200,
                                .store_ms = 2};
    str_copy(document.job_id, OBJECT_ID_MAX, job_id);
    str_copy(document.by, sizeof document.by, by);
    str_copy(document.cin, CIN_MAX, "U72200MH2020PTC000001");
    str_copy(document.srn, SRN_MAX, "T1");
    str_format(document.text_name, BLOB_NAME_MAX, "jobs/%s/document_%d.0123456789abcdef.txt", job_id, number);
    str_format(document.text_url, BLOB_URL_MAX, "file:///%s", document.text_name);
    str_copy(document.text_md5, MD5_HEX_MAX, "d41d8cd98f00b204e9800998ecf8427e");
    return document;
}

static inline bool add_row(struct fixture *fixture, const struct lease *lease, int number) {
    struct document document = a_document(lease->job_id, number, lease->token);
    bool inserted = false;
    must(jobs_add_document(fixture->jobs, &document, &inserted, &err));
    return inserted;
}
