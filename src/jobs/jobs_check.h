/* Checks of arguments that the front of the job store shares (jobs.c, jobs_purge.c). */
#pragma once

#include "jobs/jobs_backend.h"

/* Not empty and shorter than size; INVALID "bad_argument" says what it is that is not. */
MUST_USE enum outcome jobs_check_word(const char *what, const char *text, size_t size, struct error *err);
/* What is no id at all names no job either: GONE "unknown_job". */
MUST_USE enum outcome jobs_check_id(const char *job_id, struct error *err);
/* A missing actor becomes "unknown". */
MUST_USE enum outcome jobs_check_actor(const char **actor, struct error *err);
/* Of a page: INVALID "bad_limit". */
MUST_USE enum outcome jobs_check_limit(int limit, struct error *err);
