/* The blob store, to write one: what an implementation gives to blobs.c. blobs.c has checked the name before any call
 * comes (blob_name_parse), and for a put that the name carries the start of the bytes' sha256. Calls come from several
 * threads at once. Errors as blobs.h has them; messages name the blob, never a host or a folder of the machine. */
#pragma once

#include "blobs/blobs.h"

struct blobs_backend {
    /* On disk (or acknowledged by the service) when OK. An existing blob with the same bytes: OK, *ret_created false,
     * untouched; with other bytes: replaced in one step, *ret_created true. Never a blob that is there in part. */
    enum outcome (*put)(void *self, const char *name, const void *bytes, size_t size_bytes, bool *ret_created,
                        struct error *err);
    /* Appends the whole blob; INVALID "too_large" past out->max_bytes. */
    enum outcome (*get)(void *self, const char *name, struct buf *out, struct error *err);
    enum outcome (*size)(void *self, const char *name, int64_t *ret_size_bytes, struct error *err);
    /* Bytes from offset on into out, at most out_size; *ret_read less only at the end of the blob (0 past it). */
    enum outcome (*read)(void *self, const char *name, int64_t offset_bytes, void *out, size_t out_size,
                         size_t *ret_read, struct error *err);
    /* Appends names with blob_names_add in ascending byte order; only names that blob_name_parse knows. */
    enum outcome (*list)(void *self, const char *prefix, const char *after, int limit, struct blob_names *out,
                         struct error *err);
    /* Not there: OK. A power cut may bring it back until `removed` was called. */
    enum outcome (*remove)(void *self, const char *name, struct error *err);
    /* Comes after removals from the job that `name` starts with ("jobs/<job id>/…"): what is not there any more is gone
     * for good when OK, and what was only there to hold blobs goes too. NULL: a removal is for good at once. */
    enum outcome (*removed)(void *self, const char *name, struct error *err);
    enum outcome (*sync)(void *self, struct error *err); /* blobs_sync; NULL: a put is on disk before it can be seen */
    enum outcome (*url)(void *self, const char *name, char ret[BLOB_URL_MAX], struct error *err);
    int64_t (*clock_offset_ms)(void *self); /* NULL: there is no other clock */
    void (*close)(void *self);
};

/* Each implementation: opens and hands back its functions and its own memory, which `close` frees. */
MUST_USE enum outcome blobs_dir_open(const struct blobs_config *config, const struct blobs_backend **ret_backend,
                                     void **ret_self, struct error *err);
MUST_USE enum outcome blobs_azure_open(const struct blobs_config *config, const struct blobs_backend **ret_backend,
                                       void **ret_self, struct error *err);

void blob_names_add(struct blob_names *names, const char *name);
