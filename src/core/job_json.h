/* Jobs, runs and documents as JSON: one shape for the HTTP API and the command line. Pure. */
#pragma once

#include "base/json.h"
#include "core/job.h"

/* Each returns a new object. Times are RFC 3339 UTC; what is not there is null. Lease tokens never appear. */
json_t *job_json(const struct job *job);
json_t *waiting_json(const struct waiting *waiting); /* null when the job waits for nothing */
json_t *run_json(const struct run_record *run);
json_t *document_json(const struct document *document);
json_t *time_json(int64_t time_ms); /* 0: null */
