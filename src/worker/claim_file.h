/* The file by which `filesure-worker claim` hands a lease to the container that runs it: JOB_ID='…' and
 * LEASE_TOKEN='…', a line each, both empty when nothing was claimable. It is what Kubernetes' fileKeyRef reads. */
#pragma once

#include "base/error.h"
#include "core/job.h"

struct claim_file {
    char job_id[OBJECT_ID_MAX];
    char token[TOKEN_MAX];
};

/* Temp, fsync, rename: a reader finds the whole file or none. */
MUST_USE enum outcome claim_file_write(const char *path, const struct claim_file *claim, struct error *err);
/* GONE when there is no such file; INVALID "bad_claim_file" when it is not one of ours. */
MUST_USE enum outcome claim_file_read(const char *path, struct claim_file *ret, struct error *err);
