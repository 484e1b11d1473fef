/* The audit log of every job store: each change that a person asked for, and nothing that was refused. */
#include "jobs/jobs.h"

#include "base/clock.h"
#include "contract/jobs_fixture.h"

static struct audit_list read_audit(struct fixture *fixture) {
    struct audit_list list;
    must(jobs_list_audit(fixture->jobs, 500, NULL, &list, &err));
    return list;
}

static int count_audit(struct fixture *fixture) {
    struct audit_list list = read_audit(fixture);
    int count = list.count;
    audit_list_finish(&list);
    return count;
}

static json_t *parse(const char *detail) {
    json_t *object = NULL;
    must(json_parse(detail, strlen(detail), &object, &err));
    return object;
}

static struct jobs_placed place(struct fixture *fixture, const struct jobs_order *order) {
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, order, &placed, &err));
    return placed;
}

/* The newest entry is this one, made just now. */
static void assert_newest(struct fixture *fixture, const char *actor, const char *action, const char *job_id,
                          const char *detail) {
    struct audit_list list = read_audit(fixture);
    assert_true(list.count > 0);
    const struct audit_entry *entry = &list.items[0];
    assert_true(object_id_valid(entry->id));
    assert_in_range(entry->at_ms, now_of(fixture) - 60000, now_of(fixture));
    assert_string_equal(entry->actor, actor);
    assert_string_equal(entry->action, action);
    assert_string_equal(entry->job_id, job_id);
    if (detail)
        assert_string_equal(entry->detail, detail);
    audit_list_finish(&list);
}

/* ---- orders ---------------------------------------------------------------------------------- */
static void an_order_of_one_company_names_its_job(struct fixture *fixture) {
    char detail[256];
    struct company company = a_company(1);
    const struct jobs_order order = {
        .companies = &company, .count = 1, .priority = 7, .force = true, .actor = "cli:anna"};
    struct jobs_placed placed = place(fixture, &order);
    str_format(detail, sizeof detail, "{\"jobs\":1,\"created\":1,\"priority\":7,\"force\":true,\"jobIds\":[\"%s\"]}",
               placed.items[0].job_id);
    assert_newest(fixture, "cli:anna", "order", placed.items[0].job_id, detail);
    jobs_placed_finish(&placed);
    char id[OBJECT_ID_MAX];
    order_one(fixture, 2, 0, id); /* without an actor */
    assert_newest(fixture, "unknown", "order", id, NULL);
    assert_int_equal(count_audit(fixture), 2);
}

static void an_order_of_many_names_the_first_hundred_jobs_it_made(struct fixture *fixture) {
    enum { MANY = AUDIT_JOBS_MAX + 20 };
    static struct company companies[MANY];
    char open[2][OBJECT_ID_MAX];
    for (int i = 0; i < MANY; i++)
        companies[i] = a_company(i);
    order_one(fixture, 0, 0, open[0]);
    order_one(fixture, 5, 0, open[1]);
    const struct jobs_order order = {.companies = companies, .count = MANY, .actor = "http"};
    struct jobs_placed placed = place(fixture, &order);
    assert_newest(fixture, "http", "order", "", NULL);
    assert_int_equal(count_audit(fixture), 3);
    struct audit_list list = read_audit(fixture);
    json_t *detail = parse(list.items[0].detail);
    assert_int_equal(json_member_int(detail, "jobs", -1), MANY);
    assert_int_equal(json_member_int(detail, "created", -1), MANY - 2);
    assert_true(strlen(list.items[0].detail) <= AUDIT_DETAIL_MAX);
    const json_t *ids = json_object_get(detail, "jobIds");
    assert_int_equal(json_array_size(ids), AUDIT_JOBS_MAX);
    assert_string_equal(json_string_value(json_array_get(ids, 0)), placed.items[1].job_id);
    assert_string_equal(json_string_value(json_array_get(ids, 4)), placed.items[6].job_id);
    json_decref(detail);
    audit_list_finish(&list);
    jobs_placed_finish(&placed);
}

static void an_order_that_makes_no_job_is_no_change(struct fixture *fixture) {
    struct company companies[2] = {a_company(1), a_company(2)};
    const struct jobs_order order = {
        .companies = companies, .count = 2, .idempotency_key = "k", .body_sha256 = "b", .actor = "http"};
    struct jobs_placed placed = place(fixture, &order);
    jobs_placed_finish(&placed);
    assert_int_equal(count_audit(fixture), 1);
    placed = place(fixture, &order); /* its answer again */
    assert_true(placed.replayed);
    jobs_placed_finish(&placed);
    const struct jobs_order unkeyed = {.companies = companies, .count = 2},
                            other = {
                                .companies = companies, .count = 1, .idempotency_key = "k", .body_sha256 = "other"};
    placed = place(fixture, &unkeyed); /* both are open */
    jobs_placed_finish(&placed);
    must_fail(jobs_place(fixture->jobs, &other, &placed, &err), INVALID, "idempotency_mismatch");
    assert_int_equal(count_audit(fixture), 1);
}

/* ---- decisions ------------------------------------------------------------------------------- */
static void cancels_and_retries_are_entered(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    must(jobs_cancel(fixture->jobs, id, "cli:anna", &status, &err));
    assert_newest(fixture, "cli:anna", "cancel", id, "{\"cin\":\"U72200MH2020PTC000001\",\"status\":\"cancelled\"}");
    must(jobs_retry(fixture->jobs, id, "cli:bert", &status, &err));
    assert_newest(fixture, "cli:bert", "retry", id, "{\"cin\":\"U72200MH2020PTC000001\",\"status\":\"pending\"}");
    struct lease lease = run_job(fixture, id);
    must(jobs_cancel(fixture->jobs, id, NULL, &status, &err)); /* asked for: the job runs on until its end */
    assert_newest(fixture, "unknown", "cancel", id, "{\"cin\":\"U72200MH2020PTC000001\",\"status\":\"processing\"}");
    assert_int_equal(count_audit(fixture), 4);
    assert_int_equal(end_run(fixture, &lease, RUN_PENDING), JOB_CANCELLED);
    assert_int_equal(count_audit(fixture), 4); /* what workers and the keeper do is no person's change */
}

static void what_is_refused_is_not_entered(struct fixture *fixture) {
    static const char unknown[] = "65a0000000000000000000ff";
    char id[OBJECT_ID_MAX], second[OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 1, 0, id);
    must_fail(jobs_retry(fixture->jobs, id, "test", &status, &err), INVALID, "not_retryable");
    must_fail(jobs_cancel(fixture->jobs, unknown, "test", &status, &err), GONE, "unknown_job");
    must_fail(jobs_retry(fixture->jobs, unknown, "test", &status, &err), GONE, "unknown_job");
    assert_int_equal(count_audit(fixture), 1);
    must(jobs_cancel(fixture->jobs, id, "test", &status, &err));
    must_fail(jobs_cancel(fixture->jobs, id, "test", &status, &err), INVALID, "not_cancellable");
    order_one(fixture, 1, 0, second);
    must_fail(jobs_retry(fixture->jobs, id, "test", &status, &err), INVALID, "company_has_open_job");
    const struct jobs_purge purge = {.job_id = id};
    struct jobs_purged purged;
    must_fail(jobs_purge(fixture->jobs, &purge, &purged, &err), INVALID, "not_purgeable");
    assert_int_equal(count_audit(fixture), 3);
}

/* ---- entries of the caller's ----------------------------------------------------------------- */
static void what_changes_no_job_is_entered_by_the_caller(struct fixture *fixture) {
    must(jobs_audit(fixture->jobs, "cli:anna", "backup", "{\"folder\":\"b\"}", &err));
    assert_newest(fixture, "cli:anna", "backup", "", "{\"folder\":\"b\"}");
    must(jobs_audit(fixture->jobs, NULL, "repair", NULL, &err));
    assert_newest(fixture, "unknown", "repair", "", "{}");
}

static void an_entry_fits_and_its_detail_is_an_object(struct fixture *fixture) {
    static char big[AUDIT_DETAIL_MAX + 2];
    char actor[ACTOR_MAX + 1], action[AUDIT_ACTION_MAX + 1], id[OBJECT_ID_MAX];
    enum job_status status;
    struct company company = a_company(9);
    memset(actor, 'a', ACTOR_MAX), actor[ACTOR_MAX] = '\0';
    memset(action, 'b', AUDIT_ACTION_MAX), action[AUDIT_ACTION_MAX] = '\0';
    order_one(fixture, 1, 0, id);
    must_fail(jobs_audit(fixture->jobs, actor, "backup", NULL, &err), INVALID, "bad_argument");
    must_fail(jobs_audit(fixture->jobs, "", "backup", NULL, &err), INVALID, "bad_argument");
    must_fail(jobs_audit(fixture->jobs, "a", action, NULL, &err), INVALID, "bad_argument");
    must_fail(jobs_audit(fixture->jobs, "a", NULL, NULL, &err), INVALID, "bad_argument");
    must_fail(jobs_audit(fixture->jobs, "a", "backup", "[1]", &err), INVALID, "bad_argument");
    must_fail(jobs_audit(fixture->jobs, "a", "backup", "{\"a\":", &err), INVALID, "bad_json");
    const struct jobs_order order = {.companies = &company, .count = 1, .actor = actor};
    const struct jobs_purge purge = {.job_id = id, .actor = actor};
    struct jobs_placed placed;
    struct jobs_purged purged;
    must_fail(jobs_place(fixture->jobs, &order, &placed, &err), INVALID, "bad_argument");
    must_fail(jobs_cancel(fixture->jobs, id, actor, &status, &err), INVALID, "bad_argument");
    must_fail(jobs_retry(fixture->jobs, id, actor, &status, &err), INVALID, "bad_argument");
    must_fail(jobs_purge(fixture->jobs, &purge, &purged, &err), INVALID, "bad_argument");
    memset(big, ' ', sizeof big - 1);
    big[0] = '{', big[sizeof big - 2] = '}';
    must_fail(jobs_audit(fixture->jobs, "a", "backup", big, &err), INVALID, "bad_argument");
    assert_int_equal(count_audit(fixture), 1);
    assert_int_equal(status_of(fixture, id), JOB_PENDING);
    big[sizeof big - 3] = '}', big[sizeof big - 2] = '\0';
    actor[ACTOR_MAX - 1] = action[AUDIT_ACTION_MAX - 1] = '\0';
    must(jobs_audit(fixture->jobs, actor, action, big, &err));
    assert_newest(fixture, actor, action, "", big);
}

/* ---- pages ----------------------------------------------------------------------------------- */
static void pages_go_back_from_the_newest_entry(struct fixture *fixture) {
    enum { ENTRIES = 23, PAGE = 5 };
    char detail[32], cursor[CURSOR_MAX] = "", next_detail[32];
    int seen = 0;
    for (int i = 0; i < ENTRIES; i++) {
        str_format(detail, sizeof detail, "{\"n\":%d}", i);
        must(jobs_audit(fixture->jobs, "test", "backup", detail, &err));
    }
    do {
        struct audit_list list;
        must(jobs_list_audit(fixture->jobs, PAGE, cursor, &list, &err));
        assert_int_equal(list.count, seen + PAGE <= ENTRIES ? PAGE : ENTRIES - seen);
        for (int i = 0; i < list.count; i++) {
            str_format(next_detail, sizeof next_detail, "{\"n\":%d}", ENTRIES - ++seen);
            assert_string_equal(list.items[i].detail, next_detail);
        }
        str_copy(cursor, sizeof cursor, list.next);
        audit_list_finish(&list);
        must(jobs_audit(fixture->jobs, "test", "repair", NULL, &err)); /* what comes meanwhile moves no page */
    } while (cursor[0] != '\0');
    assert_int_equal(seen, ENTRIES);
}

static void a_page_ends_where_the_log_does(struct fixture *fixture) {
    struct audit_list list;
    must(jobs_list_audit(fixture->jobs, 3, NULL, &list, &err));
    assert_int_equal(list.count, 0);
    assert_string_equal(list.next, "");
    audit_list_finish(&list);
    for (int i = 0; i < 3; i++)
        must(jobs_audit(fixture->jobs, "test", "backup", NULL, &err));
    must(jobs_list_audit(fixture->jobs, 3, NULL, &list, &err));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.next, "");
    audit_list_finish(&list);
    static const char *const bad[] = {"x", "-1", "0", "1x", " 1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        must_fail(jobs_list_audit(fixture->jobs, 3, bad[i], &list, &err), INVALID, "bad_cursor");
    must_fail(jobs_list_audit(fixture->jobs, 0, NULL, &list, &err), INVALID, "bad_limit");
    must_fail(jobs_list_audit(fixture->jobs, LIST_LIMIT_MAX + 1, NULL, &list, &err), INVALID, "bad_limit");
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(an_order_of_one_company_names_its_job),
        CASE(an_order_of_many_names_the_first_hundred_jobs_it_made),
        CASE(an_order_that_makes_no_job_is_no_change),
        CASE(cancels_and_retries_are_entered),
        CASE(what_is_refused_is_not_entered),
        CASE(what_changes_no_job_is_entered_by_the_caller),
        CASE(an_entry_fits_and_its_detail_is_an_object),
        CASE(pages_go_back_from_the_newest_entry),
        CASE(a_page_ends_where_the_log_does),
    };
    return RUN_CASES(cases);
}
