/* Jobs, runs and documents as JSON: one shape for the HTTP API and the command line. Pure. Each function returns a new
 * value (AUTO_JSON). Times are RFC 3339 UTC; what is not there is null. Lease tokens never appear. */
#pragma once

#include "base/json.h"
#include "core/job.h"

json_t *time_json(int64_t time_ms); /* 0: null */
json_t *job_json(const struct job *job);
/* null when the job waits for nothing. estimate_s: seconds until it probably starts; negative: not known. */
json_t *waiting_json(const struct waiting *waiting, int64_t estimate_s);
json_t *run_json(const struct run_record *run);
json_t *document_json(const struct document *document);
