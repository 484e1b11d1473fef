/* The blob store, to use it. Blobs are immutable and named by content (core/blob_name.h). Implementations are behind
 * blobs_backend.h. Thread-safe. Every call has a deadline (60 s): past it, RETRY "blobs_timeout". */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "core/blob_name.h"

struct blobs;
struct blobs_config {
    const char *data_dir;  /* directory store: <data_dir>/blobs/<container>/<name> */
    const char *container; /* 3..63 of [a-z0-9-] as Azure has it */
    bool create;           /* make the container when missing; else GONE "no_container" */
};
MUST_USE enum outcome blobs_open(const struct blobs_config *config, struct blobs **ret, struct error *err);
void blobs_close(struct blobs *blobs);

/* Stores the bytes under a name that carries the start of their sha256 (asserted). Already there with the same bytes:
 * done, *ret_created false. There with other bytes (damaged): overwritten, as the name says what belongs there. On disk
 * when OK. FATAL "disk_full". */
MUST_USE enum outcome blobs_put(struct blobs *blobs, const char *name, const void *bytes, size_t size_bytes,
                                bool *ret_created, struct error *err);
/* The whole blob; INVALID "too_large" past ret->max_bytes. GONE "no_blob". */
MUST_USE enum outcome blobs_get(struct blobs *blobs, const char *name, struct buf *ret, struct error *err);
/* Pieces for streaming: size once, then ranges. A range past the end is cut; *ret_read is what was read. */
MUST_USE enum outcome blobs_size(struct blobs *blobs, const char *name, int64_t *ret_size_bytes, struct error *err);
MUST_USE enum outcome blobs_read(struct blobs *blobs, const char *name, int64_t offset_bytes, void *out,
                                 size_t out_size, size_t *ret_read, struct error *err);
/* Names under a prefix in ascending order, `after` excluded (NULL: from the first), at most limit. */
struct blob_names {
    char (*items)[BLOB_NAME_MAX];
    int count;
};
void blob_names_finish(struct blob_names *names);
MUST_USE enum outcome blobs_list(struct blobs *blobs, const char *prefix, const char *after, int limit,
                                 struct blob_names *ret, struct error *err);
/* Removed for good when OK: no power cut brings it back. Not there: OK. */
MUST_USE enum outcome blobs_remove(struct blobs *blobs, const char *name, struct error *err);
/* Every blob whose name starts with the prefix, one by one in ascending order: what was cut short is finished by
 * calling it again. Removed for good when OK, also what an earlier call removed. *ret_removed (may be NULL): how many
 * this call removed, also when it failed. INVALID "bad_prefix" when the prefix is not "jobs/<job id>/" or longer:
 * nobody means to remove everything. */
MUST_USE enum outcome blobs_remove_under(struct blobs *blobs, const char *prefix, int64_t *ret_removed,
                                         struct error *err);
/* Whether there is any blob whose name starts with the prefix. */
MUST_USE enum outcome blobs_any_under(struct blobs *blobs, const char *prefix, bool *ret_any, struct error *err);
/* Everything stored before is on disk, also what a process put that was killed before its put came to its end. */
MUST_USE enum outcome blobs_sync(struct blobs *blobs, struct error *err);
/* The plain unsigned URL of a blob (file:///… for the directory store). */
MUST_USE enum outcome blobs_url(struct blobs *blobs, const char *name, char ret[BLOB_URL_MAX], struct error *err);
