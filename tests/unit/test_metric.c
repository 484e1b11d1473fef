#include "base/metric.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/str.h"
#include "support/test.h"

static struct metrics *metrics;
static struct buf page;

static int setup(void **state) {
    (void)state;
    metrics = metrics_create();
    page = BUF_INIT(1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    metrics_destroy(metrics);
    buf_finish(&page);
    return 0;
}

static const char *render(void) {
    buf_clear(&page);
    assert_true(metrics_render(metrics, &page));
    return buf_str(&page);
}

static void counters_and_gauges(void **state) {
    (void)state;
    struct metric *requests = metric_counter(metrics, "requests_total", "Requests.", NULL);
    struct metric *ended = metric_counter(metrics, "ended_total", "Ends.", METRIC_LABELS("status", "kind"));
    struct metric *active = metric_gauge(metrics, "active_jobs", "Jobs now.", NULL);
    metric_add(requests, NULL, 1);
    metric_add(requests, NULL, 2);
    metric_add(ended, METRIC_LABELS("completed", "a"), 1);
    metric_add(ended, METRIC_LABELS("failed", "a"), 1);
    metric_add(ended, METRIC_LABELS("completed", "a"), 1);
    metric_set(active, NULL, 5);
    metric_add(active, NULL, -1.5);
    assert_string_equal(render(), "# HELP requests_total Requests.\n"
                                  "# TYPE requests_total counter\n"
                                  "requests_total 3\n"
                                  "# HELP ended_total Ends.\n"
                                  "# TYPE ended_total counter\n"
                                  "ended_total{status=\"completed\",kind=\"a\"} 2\n"
                                  "ended_total{status=\"failed\",kind=\"a\"} 1\n"
                                  "# HELP active_jobs Jobs now.\n"
                                  "# TYPE active_jobs gauge\n"
                                  "active_jobs 3.5\n");
}

static void no_labels_start_at_zero(void **state) {
    (void)state;
    metric_counter(metrics, "a_total", "A.", NULL);
    metric_counter(metrics, "b_total", "B.", METRIC_LABELS("x"));
    assert_string_equal(render(), "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n"
                                  "# HELP b_total B.\n# TYPE b_total counter\n");
}

static void histograms(void **state) {
    (void)state;
    static const double buckets[] = {0.005, 1, 2.5};
    struct metric *seconds =
        metric_histogram(metrics, "t_seconds", "Time.", METRIC_LABELS("op"), buckets, COUNT_OF(buckets));
    metric_observe(seconds, METRIC_LABELS("get"), 0.005); /* a bound belongs to its bucket */
    metric_observe(seconds, METRIC_LABELS("get"), 0.25);
    metric_observe(seconds, METRIC_LABELS("get"), 99);
    assert_string_equal(render(), "# HELP t_seconds Time.\n"
                                  "# TYPE t_seconds histogram\n"
                                  "t_seconds_bucket{op=\"get\",le=\"0.005\"} 1\n"
                                  "t_seconds_bucket{op=\"get\",le=\"1\"} 2\n"
                                  "t_seconds_bucket{op=\"get\",le=\"2.5\"} 2\n"
                                  "t_seconds_bucket{op=\"get\",le=\"+Inf\"} 3\n"
                                  "t_seconds_sum{op=\"get\"} 99.255\n"
                                  "t_seconds_count{op=\"get\"} 3\n");
}

static void histogram_without_labels(void **state) {
    (void)state;
    metric_histogram(metrics, "s", "S.", NULL, metric_seconds_buckets, metric_seconds_buckets_count);
    assert_non_null(strstr(render(), "\ns_bucket{le=\"0.001\"} 0\n"));
    assert_non_null(strstr(buf_str(&page), "\ns_bucket{le=\"60\"} 0\ns_bucket{le=\"+Inf\"} 0\ns_sum 0\ns_count 0\n"));
}

static void values_are_escaped(void **state) {
    (void)state;
    struct metric *metric = metric_counter(metrics, "a_total", "back\\slash \"and\"\nline", METRIC_LABELS("x"));
    metric_add(metric, METRIC_LABELS("q\"b\\n\nu\xc3\xa9\xff"), 1);
    assert_string_equal(render(), "# HELP a_total back\\\\slash \"and\"\\nline\n"
                                  "# TYPE a_total counter\n"
                                  "a_total{x=\"q\\\"b\\\\n\\nu\xc3\xa9\xef\xbf\xbd\"} 1\n");
}

static int lines_with(const char *text) {
    int count = 0;
    for (const char *at = strstr(buf_str(&page), text); at; at = strstr(at + 1, text))
        count++;
    return count;
}

static void label_combinations_are_bounded(void **state) {
    (void)state;
    struct metric *metric = metric_counter(metrics, "a_total", "A.", METRIC_LABELS("x", "y"));
    for (int i = 0; i < 1000; i++) {
        char value[16];
        (void)str_format(value, sizeof(value), "v%d", i);
        metric_add(metric, METRIC_LABELS(value, "y"), 1);
    }
    metric_add(metric, METRIC_LABELS("v7", "y"), 1); /* a known one stays itself */
    (void)render();
    assert_int_equal(lines_with("\na_total{"), 201);
    assert_int_equal(lines_with("\na_total{x=\"other\",y=\"other\"} 800\n"), 1);
    assert_int_equal(lines_with("\na_total{x=\"v7\",y=\"y\"} 2\n"), 1);
}

static void long_label_values_are_cut(void **state) {
    (void)state;
    struct metric *metric = metric_counter(metrics, "a_total", "A.", METRIC_LABELS("x"));
    static char huge[100000];
    memset(huge, 'z', sizeof(huge) - 1);
    metric_add(metric, METRIC_LABELS(huge), 1);
    metric_add(metric, METRIC_LABELS(huge), 1); /* finds its own series again */
    assert_true(strlen(render()) < 300);
    assert_int_equal(lines_with("\na_total{"), 1);
}

static void numbers_keep_their_value(void **state) {
    (void)state;
    struct metric *metric = metric_gauge(metrics, "g", "G.", NULL);
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0.1, "\ng 0.1\n"},       {1764064800, "\ng 1764064800\n"}, {NAN, "\ng NaN\n"},
                {HUGE_VAL, "\ng +Inf\n"}, {-HUGE_VAL, "\ng -Inf\n"},        {1.0 / 3, "\ng 0.3333333333333333\n"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        metric_set(metric, NULL, rows[i].value);
        assert_non_null(strstr(render(), rows[i].text));
    }
}

static void full_page_is_reported(void **state) {
    (void)state;
    metric_counter(metrics, "a_total", "A.", NULL);
    AUTO_BUF struct buf small = BUF_INIT(20);
    assert_false(metrics_render(metrics, &small));
}

enum { THREADS = 4, TIMES = 5000 };

static void *count_up(void *metric) {
    for (int i = 0; i < TIMES; i++)
        metric_add(metric, NULL, 1);
    return NULL;
}

static void threads_lose_nothing(void **state) {
    (void)state;
    struct metric *metric = metric_counter(metrics, "a_total", "A.", NULL);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, metric), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_non_null(strstr(render(), "\na_total 20000\n"));
}

#define with_metrics(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_metrics(counters_and_gauges),
        with_metrics(no_labels_start_at_zero),
        with_metrics(histograms),
        with_metrics(histogram_without_labels),
        with_metrics(values_are_escaped),
        with_metrics(label_combinations_are_bounded),
        with_metrics(long_label_values_are_cut),
        with_metrics(numbers_keep_their_value),
        with_metrics(full_page_is_reported),
        with_metrics(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
