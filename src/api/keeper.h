/* The keeper: a thread that does what nobody else may be there for. Every step is harmless when several API replicas
 * run it. */
#pragma once

#include "api/retention.h"
#include "api/store.h"

struct keeper;
struct keeper_config {
    struct store *store;
    struct blobs *blobs;
    struct api_metrics *metrics;
    int retention_days; /* 0: finished jobs are kept for ever */
};

struct keeper *keeper_start(const struct keeper_config *config);
void keeper_ask_to_stop(struct keeper *keeper); /* returns at once; it stays usable */
/* False when it did not end within wait_ms: nothing it uses may be freed then. NULL: true. */
bool keeper_stop(struct keeper *keeper, int64_t wait_ms);
