/* What a check found, one line each: kept as JSON, printed as text. */
#pragma once

#include <stdarg.h>

#include "base/json.h"

enum { FINDINGS_LISTED_MAX = 1000 };

/* Adds {job, document, code, message} to the array, at most FINDINGS_LISTED_MAX of them, and counts it. number 0: no
 * document in particular; job_id "": no job. */
void findings_add(json_t *list, int64_t *count, const char *job_id, int number, const char *code, const char *format,
                  va_list arguments);
/* "<heading>: job <id> document <n>: [code] message" to stdout, and how many more there are. */
void findings_print(const char *heading, const json_t *list, int64_t count);
