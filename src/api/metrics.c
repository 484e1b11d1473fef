/* Counters of this API process: the names dashboards know (the first table) and those of HTTP, keeper and process. */
#include "api/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/str.h"
#include "build_info.h"

struct api_metrics {
    struct metrics *registry;
    struct metric *requests, *request_seconds, *created, *create_failures, *write_failures, *store_operations,
        *store_seconds;
    struct metric *http_seconds, *keeper_failures, *store_up, *cpu_seconds, *resident_bytes, *open_fds;
};

/* Few buckets: with three labels each one costs many series. */
static const double http_buckets[] = {0.01, 0.1, 1};
static const double store_buckets[] = {0.001, 0.005, 0.025, 0.1, 0.5, 1};

static void add_process_metrics(struct api_metrics *own) {
    struct metrics *registry = own->registry;
    own->cpu_seconds = metric_counter(registry, "process_cpu_seconds_total", "Processor time used, in seconds.", NULL);
    own->resident_bytes = metric_gauge(registry, "process_resident_memory_bytes", "Resident memory.", NULL);
    own->open_fds = metric_gauge(registry, "process_open_fds", "Open file descriptors.", NULL);
    struct metric *start =
        metric_gauge(registry, "process_start_time_seconds", "Start of the process, in Unix time.", NULL);
    metric_set(start, NULL, (double)clock_real_ms() / 1000);
    struct metric *build = metric_gauge(registry, "filesure_build_info", "1; the labels say which build this is.",
                                        METRIC_LABELS("version", "commit"));
    metric_set(build, METRIC_LABELS(FILESURE_VERSION, FILESURE_COMMIT), 1);
}

struct api_metrics *api_metrics_create(void) {
    struct api_metrics *own = x_alloc(sizeof(*own));
    struct metrics *registry = own->registry = metrics_create();
    own->requests = metric_counter(registry, "requests_total", "HTTP requests answered.", NULL);
    own->request_seconds = metric_histogram(registry, "request_duration_seconds", "Time to answer an HTTP request.",
                                            NULL, metric_seconds_buckets, metric_seconds_buckets_count);
    own->created = metric_counter(registry, "jobs_created_total",
                                  "Requests to /create-job that made jobs, by how many were asked for.",
                                  METRIC_LABELS("num_jobs"));
    own->create_failures = metric_counter(registry, "jobs_created_failures_total",
                                          "Requests to /create-job that the job store failed.", NULL);
    own->write_failures =
        metric_counter(registry, "db_write_failures_total", "Writes that the job store failed.", NULL);
    own->store_operations =
        metric_counter(registry, "mongodb_operations_total",
                       "Operations on the job store, whichever it is, for HTTP requests.", METRIC_LABELS("operation"));
    own->store_seconds = metric_histogram(registry, "mongodb_operation_duration_seconds",
                                          "Time of an operation on the job store for an HTTP request.",
                                          METRIC_LABELS("operation"), store_buckets, COUNT_OF(store_buckets));
    own->http_seconds = metric_histogram(
        registry, "filesure_http_request_seconds", "Time to answer an HTTP request; code is its class.",
        METRIC_LABELS("method", "route", "code"), http_buckets, COUNT_OF(http_buckets));
    own->keeper_failures = metric_counter(registry, "filesure_keeper_failures_total",
                                          "Steps of the background keeper that failed.", METRIC_LABELS("step"));
    own->store_up =
        metric_gauge(registry, "filesure_store_up", "1 when the job store answered the last time it was asked.", NULL);
    add_process_metrics(own);
    for (int count = 1; count <= 10; count++) {
        char label[8];
        (void)str_format(label, sizeof(label), "%d", count);
        metric_add(own->created, METRIC_LABELS(label), 0);
    }
    return own;
}

void api_metrics_destroy(struct api_metrics *metrics) {
    if (metrics) {
        metrics_destroy(metrics->registry);
        free(metrics);
    }
}

/* The routes that matter one by one; files of the page and the rest are one each. */
static const char *route_label(const char *route) {
    return str_starts_with(route, "/api/") || str_eq(route, "/create-job") || str_eq(route, "unmatched") ? route
                                                                                                         : "other";
}

void api_metrics_reply(struct api_metrics *metrics, const char *route, const char *method, int status, double seconds) {
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    static const char *const methods[] = {"GET", "POST", "HEAD", "OPTIONS"};
    const char *known = "other";
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        known = str_eq(method, methods[i]) ? methods[i] : known;
    }
    metric_add(metrics->requests, NULL, 1);
    metric_observe(metrics->request_seconds, NULL, seconds);
    const char *code = status >= 100 && status < 600 ? classes[status / 100 - 1] : "other";
    metric_observe(metrics->http_seconds, METRIC_LABELS(known, route_label(route), code), seconds);
}

void api_metrics_store(struct api_metrics *metrics, const char *operation, double seconds, bool write_failed) {
    metric_add(metrics->store_operations, METRIC_LABELS(operation), 1);
    metric_observe(metrics->store_seconds, METRIC_LABELS(operation), seconds);
    metric_add(metrics->write_failures, NULL, write_failed ? 1 : 0);
}

void api_metrics_created(struct api_metrics *metrics, int num_jobs) {
    char label[8];
    (void)str_format(label, sizeof(label), "%d", num_jobs);
    metric_add(metrics->created, METRIC_LABELS(label), 1);
}

void api_metrics_create_failed(struct api_metrics *metrics) {
    metric_add(metrics->create_failures, NULL, 1);
}

void api_metrics_keeper_failed(struct api_metrics *metrics, const char *step) {
    metric_add(metrics->keeper_failures, METRIC_LABELS(step), 1);
}

void api_metrics_store_up(struct api_metrics *metrics, bool up) {
    metric_set(metrics->store_up, NULL, up ? 1 : 0);
}

static int64_t resident_bytes(void) {
    long long size, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    char line[128] = "";
    if (statm) {
        char *got = fgets(line, sizeof(line), statm);
        (void)fclose(statm);
        char *end = NULL;
        size = got ? strtoll(line, &end, 10) : 0;
        resident = size > 0 ? strtoll(end, NULL, 10) : 0;
    }
    return resident * sysconf(_SC_PAGESIZE);
}

static int open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* its own */
    while (folder && readdir(folder)) {
        count++;
    }
    if (folder) {
        (void)closedir(folder);
    }
    return count > 2 ? count - 2 : 0; /* without . and .. */
}

bool api_metrics_render(struct api_metrics *metrics, struct buf *out) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        double user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
        double system = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
        metric_set(metrics->cpu_seconds, NULL, user + system);
    }
    metric_set(metrics->resident_bytes, NULL, (double)resident_bytes());
    metric_set(metrics->open_fds, NULL, open_descriptors());
    return metrics_render(metrics->registry, out);
}
