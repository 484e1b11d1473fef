/* The metrics registry and its Prometheus text form
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#include "base/metric.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { LABELS_MAX = 3, SERIES_MAX = 200, BUCKETS_MAX = 32, VALUE_MAX_BYTES = 128 };

enum kind { COUNTER, GAUGE, HISTOGRAM };
static const char *const kind_names[] = {"counter", "gauge", "histogram"};

struct series {
    char *values[LABELS_MAX];
    double value; /* histogram: the sum */
    uint64_t count;
    uint64_t *bucket_counts; /* not cumulative; what is above the last bound is in count only */
};

struct metric {
    struct metrics *registry;
    struct metric *next;
    enum kind kind;
    const char *name;
    const char *help;
    const char *labels[LABELS_MAX];
    size_t labels_count;
    double buckets[BUCKETS_MAX];
    size_t buckets_count;
    struct series *series;
    size_t series_count;
};

struct metrics {
    pthread_mutex_t lock;
    struct metric *first;
    struct metric **end;
};

const double metric_seconds_buckets[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                         0.5,   1,      2.5,   5,    10,    30,   60};
const size_t metric_seconds_buckets_count = COUNT_OF(metric_seconds_buckets);

struct metrics *metrics_create(void) {
    struct metrics *metrics = x_alloc(sizeof(*metrics));
    (void)pthread_mutex_init(&metrics->lock, NULL);
    metrics->end = &metrics->first;
    return metrics;
}

static void metric_destroy(struct metric *metric) {
    for (size_t i = 0; i < metric->series_count; i++) {
        for (size_t k = 0; k < metric->labels_count; k++) {
            free(metric->series[i].values[k]);
        }
        free(metric->series[i].bucket_counts);
    }
    free(metric->series);
    free(metric);
}

void metrics_destroy(struct metrics *metrics) {
    if (!metrics) {
        return;
    }
    for (struct metric *metric = metrics->first; metric;) {
        struct metric *next = metric->next;
        metric_destroy(metric);
        metric = next;
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static bool name_valid(const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return *name && strspn(name, letters) == strlen(name) && !(*name >= '0' && *name <= '9');
}

/* One more series. An empty name of values[k] is allowed: Prometheus treats it as a label that is
 * not there. */
static struct series *add_series(struct metric *metric, const char *const *values) {
    metric->series = x_realloc(metric->series, metric->series_count + 1, sizeof(*metric->series));
    struct series *series = &metric->series[metric->series_count++];
    *series = (struct series){0};
    for (size_t i = 0; i < metric->labels_count; i++) {
        series->values[i] = x_strndup(values[i], utf8_cut(values[i], VALUE_MAX_BYTES));
    }
    if (metric->kind == HISTOGRAM) {
        series->bucket_counts = x_alloc(metric->buckets_count * sizeof(*series->bucket_counts));
    }
    return series;
}

static struct metric *add_family(struct metrics *metrics, enum kind kind, const char *name, const char *help,
                                 const char *const *labels) {
    assert(name_valid(name) && help && *help);
    struct metric *metric = x_alloc(sizeof(*metric));
    *metric = (struct metric){.registry = metrics, .kind = kind, .name = name, .help = help};
    for (; labels && labels[metric->labels_count]; metric->labels_count++) {
        assert(metric->labels_count < LABELS_MAX && name_valid(labels[metric->labels_count]));
        metric->labels[metric->labels_count] = labels[metric->labels_count];
    }
    return metric;
}

/* Visible to metrics_render from here on, so only when it is complete. */
static struct metric *publish(struct metric *metric) {
    struct metrics *metrics = metric->registry;
    if (metric->labels_count == 0) {
        (void)add_series(metric, NULL);
    }
    (void)pthread_mutex_lock(&metrics->lock);
    for (const struct metric *other = metrics->first; other; other = other->next) {
        assert(!str_eq(other->name, metric->name));
    }
    *metrics->end = metric;
    metrics->end = &metric->next;
    (void)pthread_mutex_unlock(&metrics->lock);
    return metric;
}

struct metric *metric_counter(struct metrics *metrics, const char *name, const char *help, const char *const *labels) {
    return publish(add_family(metrics, COUNTER, name, help, labels));
}

struct metric *metric_gauge(struct metrics *metrics, const char *name, const char *help, const char *const *labels) {
    return publish(add_family(metrics, GAUGE, name, help, labels));
}

struct metric *metric_histogram(struct metrics *metrics, const char *name, const char *help, const char *const *labels,
                                const double *buckets, size_t buckets_count) {
    assert(buckets_count > 0 && buckets_count <= BUCKETS_MAX);
    struct metric *metric = add_family(metrics, HISTOGRAM, name, help, labels);
    for (size_t i = 0; i < buckets_count; i++) {
        assert(i == 0 || buckets[i - 1] < buckets[i]);
        metric->buckets[i] = buckets[i];
    }
    metric->buckets_count = buckets_count;
    return publish(metric);
}

static bool same_value(const char *kept, const char *value) {
    size_t length = strlen(kept);
    return utf8_cut(value, VALUE_MAX_BYTES) == length && memcmp(kept, value, length) == 0;
}

static struct series *find_series(const struct metric *metric, const char *const *values) {
    for (size_t i = 0; i < metric->series_count; i++) {
        size_t same = 0;
        while (same < metric->labels_count && same_value(metric->series[i].values[same], values[same])) {
            same++;
        }
        if (same == metric->labels_count) {
            return &metric->series[i];
        }
    }
    return NULL;
}

static struct series *get_series(struct metric *metric, const char *const *values) {
    assert(metric->labels_count == 0 || values);
    struct series *series = find_series(metric, values);
    if (series || metric->series_count < SERIES_MAX) {
        return series ? series : add_series(metric, values);
    }
    static const char *const others[LABELS_MAX] = {"other", "other", "other"};
    series = find_series(metric, others);
    return series ? series : add_series(metric, others);
}

void metric_add(struct metric *metric, const char *const *values, double amount) {
    assert(metric->kind != HISTOGRAM && (metric->kind == GAUGE || amount >= 0));
    (void)pthread_mutex_lock(&metric->registry->lock);
    get_series(metric, values)->value += amount;
    (void)pthread_mutex_unlock(&metric->registry->lock);
}

void metric_set(struct metric *metric, const char *const *values, double value) {
    assert(metric->kind != HISTOGRAM);
    (void)pthread_mutex_lock(&metric->registry->lock);
    get_series(metric, values)->value = value;
    (void)pthread_mutex_unlock(&metric->registry->lock);
}

void metric_observe(struct metric *metric, const char *const *values, double value) {
    assert(metric->kind == HISTOGRAM && !isnan(value));
    (void)pthread_mutex_lock(&metric->registry->lock);
    struct series *series = get_series(metric, values);
    size_t at = 0;
    while (at < metric->buckets_count && value > metric->buckets[at]) {
        at++;
    }
    if (at < metric->buckets_count) {
        series->bucket_counts[at]++;
    }
    series->count++;
    series->value += value;
    (void)pthread_mutex_unlock(&metric->registry->lock);
}

static void append_number(struct buf *out, double number) {
    char text[32];
    if (isnan(number) || isinf(number)) {
        (void)buf_append_str(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        (void)str_format(text, sizeof(text), "%.*g", precision, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    (void)buf_append_str(out, text);
}

static void append_escaped(struct buf *out, const char *text, bool quotes) {
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = utf8_char(text, left);
        if (length == 0) {
            (void)buf_append_str(out, "\xef\xbf\xbd");
            length = 1;
        } else if (*text == '\n') {
            (void)buf_append_str(out, "\\n");
        } else {
            if (*text == '\\' || (quotes && *text == '"')) {
                (void)buf_append_char(out, '\\');
            }
            (void)buf_append(out, text, length);
        }
        text += length;
        left -= length;
    }
}

/* name{labels,le="…"} and a blank; le NULL: none */
static void append_name(struct buf *out, const struct metric *metric, const struct series *series, const char *suffix,
                        const double *le) {
    (void)buf_append_str(out, metric->name);
    (void)buf_append_str(out, suffix);
    const char *before = "{";
    for (size_t i = 0; i < metric->labels_count; i++) {
        (void)buf_printf(out, "%s%s=\"", before, metric->labels[i]);
        append_escaped(out, series->values[i], true);
        (void)buf_append_char(out, '"');
        before = ",";
    }
    if (le) {
        (void)buf_printf(out, "%sle=\"", before);
        append_number(out, *le);
        (void)buf_append_char(out, '"');
    }
    (void)buf_append_str(out, metric->labels_count || le ? "} " : " ");
}

static void render_histogram(struct buf *out, const struct metric *metric, const struct series *series) {
    uint64_t below = 0;
    for (size_t i = 0; i < metric->buckets_count; i++) {
        below += series->bucket_counts[i];
        append_name(out, metric, series, "_bucket", &metric->buckets[i]);
        (void)buf_printf(out, "%llu\n", (unsigned long long)below);
    }
    const double infinity = HUGE_VAL;
    append_name(out, metric, series, "_bucket", &infinity);
    (void)buf_printf(out, "%llu\n", (unsigned long long)series->count);
    append_name(out, metric, series, "_sum", NULL);
    append_number(out, series->value);
    (void)buf_append_char(out, '\n');
    append_name(out, metric, series, "_count", NULL);
    (void)buf_printf(out, "%llu\n", (unsigned long long)series->count);
}

static void render_family(struct buf *out, const struct metric *metric) {
    (void)buf_printf(out, "# HELP %s ", metric->name);
    append_escaped(out, metric->help, false);
    (void)buf_printf(out, "\n# TYPE %s %s\n", metric->name, kind_names[metric->kind]);
    for (size_t i = 0; i < metric->series_count; i++) {
        const struct series *series = &metric->series[i];
        if (metric->kind == HISTOGRAM) {
            render_histogram(out, metric, series);
        } else {
            append_name(out, metric, series, "", NULL);
            append_number(out, series->value);
            (void)buf_append_char(out, '\n');
        }
    }
}

bool metrics_render(struct metrics *metrics, struct buf *out) {
    (void)pthread_mutex_lock(&metrics->lock);
    for (const struct metric *metric = metrics->first; metric; metric = metric->next) {
        render_family(out, metric);
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    return !out->full;
}
