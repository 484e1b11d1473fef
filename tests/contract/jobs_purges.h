/* What the tests of removing jobs share: jobs that are finished, days that pass, and purges. */
#pragma once

#include "contract/jobs_fixture.h"

enum { HOUR_MS = 3600000 };

static inline void finish(struct fixture *fixture, int number, int rows, char ret_id[OBJECT_ID_MAX]) {
    order_one(fixture, number, 0, ret_id);
    struct lease lease = run_job(fixture, ret_id);
    put_filings(fixture, ret_id, rows);
    for (int n = 1; n <= rows; n++)
        assert_true(add_row(fixture, &lease, n));
    assert_int_equal(end_run(fixture, &lease, RUN_COMPLETED), JOB_COMPLETED);
}

static inline void fail_job(struct fixture *fixture, int number, char ret_id[OBJECT_ID_MAX]) {
    order_one(fixture, number, 0, ret_id);
    struct lease lease = run_job(fixture, ret_id);
    assert_int_equal(end_run(fixture, &lease, RUN_EXHAUSTED), JOB_FAILED);
}

static inline void cancel(struct fixture *fixture, const char *id) {
    enum job_status status;
    must(jobs_cancel(fixture->jobs, id, "test", &status, &err));
    assert_int_equal(status, JOB_CANCELLED);
}

/* All that is there lies below the watermark from now on. */
static inline void raise_watermark(struct fixture *fixture) {
    int recorded;
    bool advanced = true;
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    jobs_shift_clock(fixture->jobs, 1000);
    jobs_set_watermark_lag(fixture->jobs, 0);
    while (advanced)
        must(jobs_advance_totals(fixture->jobs, &advanced, &err));
}

/* And more than a day passes. */
static inline void age(struct fixture *fixture) {
    jobs_shift_clock(fixture->jobs, 25 * HOUR_MS);
    raise_watermark(fixture);
}

static inline enum outcome try_purge(struct fixture *fixture, const char *id, bool dry_run, struct jobs_purged *ret) {
    const struct jobs_purge purge = {.job_id = id, .actor = "cli:anna", .dry_run = dry_run};
    return jobs_purge(fixture->jobs, &purge, ret, &err);
}

static inline void assert_refused(struct fixture *fixture, const char *id, const char *reason) {
    struct jobs_purged purged;
    struct job before = get_job(fixture, id);
    for (int dry_run = 0; dry_run < 2; dry_run++) {
        must_fail(try_purge(fixture, id, dry_run, &purged), INVALID, "not_purgeable");
        if (!strstr(err.message, reason))
            fail_msg("not for that reason: %s", err.message);
    }
    assert_unchanged(fixture, before);
}

static inline struct jobs_purged purge(struct fixture *fixture, const char *id) {
    struct jobs_purged purged;
    must(try_purge(fixture, id, false, &purged));
    assert_int_equal(fixture->implementation->count_traces(fixture, id), 0);
    return purged;
}

static inline struct totals read_totals(struct fixture *fixture) {
    struct totals totals;
    must(jobs_totals(fixture->jobs, &totals, &err));
    return totals;
}

static inline int count_audit(struct fixture *fixture, const char *action) {
    struct audit_list list;
    int count = 0;
    must(jobs_list_audit(fixture->jobs, 500, NULL, &list, &err));
    for (int i = 0; i < list.count; i++)
        count += str_eq(list.items[i].action, action);
    audit_list_finish(&list);
    return count;
}

static inline int count_purged(struct fixture *fixture) {
    struct purged_list list;
    must(jobs_list_purged(fixture->jobs, NULL, 500, &list, &err));
    int count = list.count;
    purged_list_finish(&list);
    return count;
}
