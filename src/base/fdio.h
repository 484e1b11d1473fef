/* Descriptors and files. Failures: GONE "not_found", DENIED "access_denied", FATAL "disk_full" or "io_error", INVALID
 * "bad_path", RETRY "closed" (the reader of a pipe or socket is gone) or "busy" (no descriptor or memory is free). The
 * temporary file of X is `.X.<16 hex>.tmp` beside it; only a kill leaves one behind. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

/* The failure that errno tells, as above: "cannot <what> <path>: <reason>". path may be NULL. */
MUST_USE enum outcome io_error(struct error *err, const char *what, const char *path);

MUST_USE enum outcome fd_write_all(int fd, const void *bytes, size_t size_bytes, struct error *err);
/* Reads exactly size_bytes; GONE "end_of_file" when the stream ends before the first byte, RETRY
 * "cut_short" later. */
MUST_USE enum outcome fd_read_exact(int fd, void *out, size_t size_bytes, struct error *err);
MUST_USE enum outcome fd_read_to_end(int fd, struct buf *out,
                                     struct error *err); /* INVALID "too_large" past out->max */
MUST_USE enum outcome file_read(const char *path, struct buf *out,
                                struct error *err); /* GONE when there is no such file */
/* Temp file in the same folder, fsync, rename, fsync of the folder: the file is the old or the new,
 * never half. */
MUST_USE enum outcome file_replace(const char *path, const void *bytes, size_t size_bytes, unsigned mode,
                                   struct error *err);
/* The same, but an existing file is never replaced (link): *ret_created false when it was there
 * already. */
MUST_USE enum outcome file_create_once(const char *path, const void *bytes, size_t size_bytes, bool *ret_created,
                                       struct error *err);
MUST_USE enum outcome dir_make(const char *path, struct error *err); /* mkdir -p, mode 0700 */
