/* A metrics registry of the right size: counters, gauges and histograms with up to three labels,
 * rendered as Prometheus text format 0.0.4. Thread-safe. Names and labels are checked by assert:
 * they are constants of the program. */
#pragma once

#include "base/buf.h"

struct metrics; /* registry */
struct metric;  /* one family; owned by its registry */

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *metrics);

/* label names: up to three, NULL-terminated array or NULL. buckets: ascending upper bounds in the
 * metric's unit. A family without labels is rendered as 0 from the start. At most 200 label
 * combinations a family: more are counted in "other", so that a client cannot grow memory. */
struct metric *metric_counter(struct metrics *metrics, const char *name, const char *help, const char *const *labels);
struct metric *metric_gauge(struct metrics *metrics, const char *name, const char *help, const char *const *labels);
struct metric *metric_histogram(struct metrics *metrics, const char *name, const char *help, const char *const *labels,
                                const double *buckets, size_t buckets_count);

/* values: label values in the order of the names (NULL for none). */
void metric_add(struct metric *metric, const char *const *values, double amount);
void metric_set(struct metric *metric, const char *const *values, double value);
void metric_observe(struct metric *metric, const char *const *values, double value);
#define METRIC_LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

extern const double metric_seconds_buckets[]; /* 0.001 … 60 */
extern const size_t metric_seconds_buckets_count;

bool metrics_render(struct metrics *metrics, struct buf *out);
