/* /metrics of the API: this process's own counters, and the cluster's truth rendered from a snapshot. */
#pragma once

#include "base/buf.h"
#include "jobs/jobs.h"

struct api_metrics;
struct snapshot_data;

struct api_metrics *api_metrics_create(void);
void api_metrics_destroy(struct api_metrics *metrics);

void api_metrics_reply(struct api_metrics *metrics, const char *route, const char *method, int status, double seconds);
void api_metrics_store(struct api_metrics *metrics, const char *operation, double seconds, bool write_failed);
void api_metrics_created(struct api_metrics *metrics, int num_jobs); /* one request of /create-job */
void api_metrics_create_failed(struct api_metrics *metrics);
void api_metrics_keeper_failed(struct api_metrics *metrics, const char *step);
void api_metrics_store_up(struct api_metrics *metrics, bool up);

bool api_metrics_render(struct api_metrics *metrics, struct buf *out); /* this process's part */
/* The part every replica shares: current numbers and the sums of every fact. Pure. */
void metrics_render_cluster(const struct jobs_counts *counts, const struct totals *totals, struct buf *out);
