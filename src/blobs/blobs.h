/* The blob store, to use it: a folder, or a container of Azure Blob Storage. Blobs are immutable and named by content
 * (core/blob_name.h). Implementations are behind blobs_backend.h. Thread-safe. Every call has a deadline (60 s): past
 * it, RETRY "blobs_timeout"; until then Azure's calls are tried again by themselves. Azure, beside what stands at each
 * call: RETRY "blobs_down" (no answer), "blobs_busy", "blobs_answer" (what answers is no blob storage), DENIED
 * "blobs_denied" and "identity_refused", INVALID "blob_conflict" and "blobs_refused". */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "core/blob_name.h"

struct blobs;
struct blobs_config {
    const char *data_dir;  /* directory store: <data_dir>/blobs/<container>/<name> */
    const char *container; /* 3..63 of [a-z0-9-] as Azure has it */
    bool create;           /* make the container when missing; else GONE "no_container" */
    /* Azure: a connection string (blobs/azure_conn.h), and the file it came from (NULL: none), which is read again
     * every 60 s and whenever it is refused. Both NULL: the folder. */
    const char *azure_conn;
    const char *azure_conn_file;
    /* Optional: told of each request to Azure with its retries, from the calling thread. operation: "put", "get",
     * "read", "size", "check" (of a blob that is there already), "list", "remove", "container". status 0: no answer. */
    void (*on_request)(void *arg, const char *operation, int64_t micros, int status, int tries);
    void *on_request_arg;
};
/* Azure being away is no failure here: it is asked for its container for 10 s at most, later calls say how it is.
 * INVALID "bad_container", "bad_connection_string"; messages never hold a part of the connection string. */
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
/* How far the service's clock is ahead of this machine's, as its last answer says; 0 for the folder. */
int64_t blobs_clock_offset_ms(struct blobs *blobs);
/* The plain unsigned URL of a blob (file:///… for the directory store). */
MUST_USE enum outcome blobs_url(struct blobs *blobs, const char *name, char ret[BLOB_URL_MAX], struct error *err);
