/* The manifest of a completed job: follows from filings list and rows alone, so every owner makes the same bytes. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "core/document.h"

enum { MANIFEST_MAX_BYTES = 8 * 1024 * 1024 };

/* JSON: {"schema","jobId","cin","expected","stored","unreadable","missing","documents":[{number, srn, form, filedOn,
 * state, pages, text {name, bytes, md5}, original {name, bytes, sha256}|null, fields {name, sha256}|null}…]}. rows: one
 * for every filing, by number; INVALID "incomplete" otherwise. No time, host, token or run is in it. */
MUST_USE enum outcome manifest_build(const char *job_id, const char *cin, const struct filing_list *list,
                                     const struct document *rows, int rows_count, struct buf *ret, struct error *err);
