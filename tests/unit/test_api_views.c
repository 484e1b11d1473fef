/* JSON views and the cluster's metrics: what is shown, what never is. */
#include <string.h>

#include "api/json_views.h"
#include "api/metrics.h"
#include "api/snapshot.h"
#include "base/str.h"
#include "support/test.h"

#define NOW_MS ((int64_t)1700000000000)

static const struct view_clock clock_now = {
    .now_ms = NOW_MS, .active_leases = 2, .claimable = 6, .mean_run_ms = 1500, .no_worker_after_ms = 30000};

static struct job make_job(enum job_status status) {
    struct job job = {.status = status,
                      .created_at_ms = NOW_MS - 5000,
                      .available_at_ms = NOW_MS - 1000,
                      .total_documents = 14,
                      .downloaded_documents = 5};
    (void)str_copy(job.id, sizeof(job.id), "0123456789abcdef01234567");
    (void)str_copy(job.company.cin, sizeof(job.company.cin), "L17110MH1973PLC019786");
    (void)str_copy(job.company.name, sizeof(job.company.name), "Someone \"Quoted\" Limited");
    return job;
}

static json_t *at(json_t *object, const char *key) {
    json_t *member = json_object_get(object, key);
    assert_non_null(member);
    return member;
}

static void a_pending_job_says_why_it_waits(void **state) {
    (void)state;
    struct job job = make_job(JOB_PENDING);
    AUTO_JSON json_t *view = view_job(&job, &clock_now);
    assert_string_equal(json_member_string(view, "status"), "pending");
    assert_int_equal(json_member_int(at(view, "progress"), "percent", -1), 35);
    assert_int_equal(json_member_int(at(view, "progress"), "pendingDocuments", -1), 9);
    assert_string_equal(json_member_string(at(view, "waiting"), "reason"), "queued");
    assert_int_equal(json_member_int(at(view, "waiting"), "estimate", -1), 5); /* 3 rounds of 1.5 s */
    assert_true(json_is_null(at(view, "lease")));
    assert_true(json_is_null(at(view, "lastError")));
    assert_true(json_is_null(at(view, "completedAt")));
}

static void a_finished_job_waits_for_nothing(void **state) {
    (void)state;
    struct job job = make_job(JOB_COMPLETED);
    job.total_documents = job.downloaded_documents = 0;
    job.completed_at_ms = NOW_MS;
    AUTO_JSON json_t *view = view_job(&job, &clock_now);
    assert_true(json_is_null(at(view, "waiting")));
    assert_true(json_is_null(at(view, "availableAt")));
    assert_int_equal(json_member_int(at(view, "progress"), "percent", -1), 100);
    assert_string_equal(json_member_string(view, "completedAt"), "2023-11-14T22:13:20.000Z");
}

static void a_lease_token_is_never_shown(void **state) {
    (void)state;
    struct job job = make_job(JOB_PROCESSING);
    (void)str_copy(job.lease_token, sizeof(job.lease_token), "5ec2e75ec2e75ec2e75ec2e75ec2e75e");
    (void)str_copy(job.lease_owner, sizeof(job.lease_owner), "pod-7");
    (void)str_copy(job.adopted_by, sizeof(job.adopted_by), "5ec2e7ad0b7");
    struct run_record run = {.run = 1, .outcome = RUN_FAILED, .job_status = JOB_PENDING, .ended_at_ms = NOW_MS};
    (void)str_copy(run.token, sizeof(run.token), "5ec2e75ec2e75ec2e75ec2e75ec2e75f");
    const struct run_list runs = {.items = &run, .count = 1};
    AUTO_JSON json_t *view = view_job_detail(&job, &clock_now, &runs);
    AUTO_BUF struct buf text = BUF_INIT(65536);
    assert_true(json_append(&text, view));
    assert_null(strstr(text.data, "5ec2e7"));
    assert_string_equal(json_member_string(at(view, "lease"), "owner"), "pod-7");
    assert_true(json_member_bool(at(view, "lease"), "started", false));
}

static void an_audit_entry_says_who_did_what(void **state) {
    (void)state;
    char detail[] = "{\"jobs\":2,\"force\":false}", damaged[] = "{";
    struct audit_entry entry = {.at_ms = NOW_MS, .detail = detail};
    (void)str_copy(entry.id, sizeof(entry.id), "0123456789abcdef01234567");
    (void)str_copy(entry.actor, sizeof(entry.actor), "cli:anna");
    (void)str_copy(entry.action, sizeof(entry.action), "order");
    AUTO_JSON json_t *view = audit_entry_json(&entry);
    AUTO_BUF struct buf text = BUF_INIT(4096);
    assert_true(json_append(&text, view));
    assert_string_equal(
        buf_str(&text),
        "{\"id\":\"0123456789abcdef01234567\",\"at\":\"2023-11-14T22:13:20.000Z\",\"actor\":\"cli:anna\","
        "\"action\":\"order\",\"jobId\":null,\"detail\":{\"jobs\":2,\"force\":false}}");
    (void)str_copy(entry.job_id, sizeof(entry.job_id), "fedcba9876543210fedcba98");
    entry.detail = damaged;
    AUTO_JSON json_t *other = audit_entry_json(&entry);
    assert_string_equal(json_member_string(other, "jobId"), "fedcba9876543210fedcba98");
    assert_int_equal(json_object_size(at(other, "detail")), 0);
}

static void errors_are_grouped(void **state) {
    (void)state;
    struct job job = make_job(JOB_PENDING);
    struct run_record items[3] = {
        {.run = 1, .outcome = RUN_FAILED}, {.run = 2, .outcome = RUN_FAILED}, {.run = 3, .outcome = RUN_FAILED}};
    static const char *const codes[] = {"portal_down", "disk_full", "portal_down"};
    for (int i = 0; i < 3; i++) {
        (void)str_copy(items[i].error_code, sizeof(items[i].error_code), codes[i]);
        (void)str_format(items[i].error_message, sizeof(items[i].error_message), "message %d", i);
    }
    const struct run_list runs = {.items = items, .count = 3};
    AUTO_JSON json_t *view = view_job_detail(&job, &clock_now, &runs);
    json_t *errors = at(view, "errors");
    assert_int_equal(json_array_size(errors), 2);
    assert_int_equal(json_member_int(json_array_get(errors, 0), "count", 0), 2);
    assert_string_equal(json_member_string(json_array_get(errors, 0), "message"), "message 2");
    assert_int_equal(json_array_size(at(view, "runs")), 3);
}

static void a_document_tells_no_folder_of_the_server(void **state) {
    (void)state;
    struct document document = {.number = 3, .state = DOCUMENT_MISSING, .text_bytes = 12};
    (void)str_copy(document.text_url, sizeof(document.text_url), "file:///srv/data/blobs/x.txt");
    (void)str_copy(document.text_md5, sizeof(document.text_md5), "d41d8cd98f00b204e9800998ecf8427e");
    AUTO_JSON json_t *view = view_document(&document);
    assert_true(json_is_null(at(view, "blobUrl")));
    assert_true(json_is_null(at(view, "original")));
    assert_true(json_is_null(at(view, "fields")));
    assert_string_equal(json_member_string(view, "fileName"), "document_3.txt");
    assert_string_equal(json_member_string(view, "checksum"), "MD5-d41d8cd98f00b204e9800998ecf8427e");
    (void)str_copy(document.text_url, sizeof(document.text_url), "https://account.blob.example/documents/x.txt");
    AUTO_JSON json_t *second = view_document(&document);
    assert_string_equal(json_member_string(second, "blobUrl"), document.text_url);
}

static void the_estimate_is_said_only_when_known(void **state) {
    (void)state;
    const struct waiting queued = {.reason = WAIT_QUEUED}, backoff = {.reason = WAIT_BACKOFF};
    struct view_clock clock = clock_now;
    assert_int_equal(view_estimate_s(&backoff, &clock), -1);
    clock.active_leases = 0;
    assert_int_equal(view_estimate_s(&queued, &clock), -1);
    clock = clock_now;
    clock.mean_run_ms = 0;
    assert_int_equal(view_estimate_s(&queued, &clock), -1);
}

static void has_line(const struct buf *text, const char *line) {
    const char *found = strstr(text->data, line);
    if (!found || (found != text->data && found[-1] != '\n') || found[strlen(line)] != '\n') {
        fail_msg("no line \"%s\" in\n%s", line, text->data);
    }
}

static void the_sums_become_metrics(void **state) {
    (void)state;
    struct jobs_counts counts = {
        .by_status = {1, 2, 3, 4, 5}, .total = 15, .claimable = 1, .leased = 2, .oldest_waiting_ms = 1234};
    struct totals totals = {.jobs_placed = 15,
                            .documents = {7, 2, 1},
                            .document_bytes = 99,
                            .pages = 8,
                            .attempts_portal_requests = 10,
                            .portal_errors = 4};
    totals.runs[RUN_COMPLETED] = 3;
    totals.runs[RUN_LOST] = 6;
    totals.run.counts[0] = 2;
    totals.run.counts[TOTALS_BUCKETS] = 1;
    totals.run.sum_ms = 60001;
    AUTO_BUF struct buf text = BUF_INIT(65536);
    metrics_render_cluster(&counts, &totals, &text);
    assert_false(text.full);
    has_line(&text, "filesure_jobs{status=\"failed\"} 4");
    has_line(&text, "filesure_jobs_claimable 1");
    has_line(&text, "filesure_workers_active 2");
    has_line(&text, "filesure_job_oldest_waiting_seconds 1.234");
    has_line(&text, "filesure_jobs_created_total 15");
    has_line(&text, "filesure_jobs_finished_total{status=\"completed\"} 3");
    has_line(&text, "filesure_runs_total{outcome=\"lost\"} 6");
    has_line(&text, "filesure_leases_expired_total 6");
    has_line(&text, "filesure_documents_total{result=\"unreadable\"} 2");
    has_line(&text, "filesure_portal_requests_total{result=\"ok\"} 6");
    has_line(&text, "filesure_run_seconds_bucket{le=\"+Inf\"} 3");
    has_line(&text, "filesure_run_seconds_sum 60.001");
    has_line(&text, "filesure_run_seconds_count 3");
    has_line(&text, "filesure_document_seconds_count{stage=\"parse\"} 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pending_job_says_why_it_waits),
        cmocka_unit_test(a_finished_job_waits_for_nothing),
        cmocka_unit_test(a_lease_token_is_never_shown),
        cmocka_unit_test(an_audit_entry_says_who_did_what),
        cmocka_unit_test(errors_are_grouped),
        cmocka_unit_test(a_document_tells_no_folder_of_the_server),
        cmocka_unit_test(the_estimate_is_said_only_when_known),
        cmocka_unit_test(the_sums_become_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
