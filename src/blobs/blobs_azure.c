/* Blobs in a container of Azure Blob Storage.
 *
 * put:  Put Blob, If-None-Match: *, Content-MD5
 *         201 ───────────────────────────────────────────> stored
 *         404 ContainerNotFound ──make it, once──> again
 *         409 BlobAlreadyExists, 412 ──Get Properties──> same size and MD5 ──> was there (or: the reply to our own
 *                                          │             put was lost)
 *                                          ├─> other ────> Put Blob, If-Match: its ETag: the name says what belongs
 * there └─> 404 ──────> again from the start (removed meanwhile) Everything else is one request (azure_request.h). */
#include "blobs/blobs_azure.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/str.h"
#include "blobs/azure_list.h"

enum { CONTAINER_SIZE = 64, MD5_TEXT = 32, PUT_ROUNDS = 5, TIMEOUT_MS = 60 * 1000, OPEN_TIMEOUT_MS = 10 * 1000 };

struct azure_store {
    struct azure_world world;
    struct azure_access *access;
    struct azure_client *client;
    struct azure_bookmark *bookmark;
    char container[CONTAINER_SIZE];
    bool create;
};

static int64_t deadline_of(const struct azure_store *store) {
    return azure_now_ms(&store->world) + (store->world.timeout_ms > 0 ? store->world.timeout_ms : TIMEOUT_MS);
}

static enum outcome bad_answer(struct error *err, const char *verb, const char *name, const char *what) {
    return error_set(err, RETRY, "blobs_answer", "blob store: cannot %s %s: %s", verb, name, what);
}

/* ---- the container ---- */

static enum outcome container_make(struct azure_store *store, int64_t deadline_ms, struct error *err) {
    struct azure_call call = {.verb = "make",
                              .operation = "container",
                              .expected = 201,
                              .message = {.method = "PUT"},
                              .waits_for_container = true,
                              .deadline_ms = deadline_ms};
    struct azure_answer answer;
    azure_add_query(&call.message, "restype", "container");
    enum outcome outcome = azure_request(store->client, &call, &answer, err);
    return str_eq(answer.code, "ContainerAlreadyExists") ? OK : outcome;
}

/* Known to the service, and not allowed to ask for this: a SAS or role for blobs alone. A key may do everything. */
static bool lacks_permission(struct azure_store *store, const struct azure_answer *answer) {
    return answer->status == 403 && azure_access_auth(store->access) != AZURE_SHARED_KEY &&
           (str_starts_with(answer->code, "Authorization") || str_eq(answer->code, "InsufficientAccountPermissions"));
}

static enum outcome container_check(struct azure_store *store, struct error *err) {
    int64_t deadline_ms = azure_now_ms(&store->world) +
                          (store->world.open_timeout_ms > 0 ? store->world.open_timeout_ms : OPEN_TIMEOUT_MS);
    struct azure_call call = {.verb = "look at",
                              .operation = "container",
                              .expected = 200,
                              .message = {.method = "HEAD"},
                              .deadline_ms = deadline_ms};
    struct azure_answer answer;
    azure_add_query(&call.message, "restype", "container");
    enum outcome outcome = azure_request(store->client, &call, &answer, err);
    if (outcome == GONE && store->create) {
        outcome = container_make(store, deadline_ms, err);
        return outcome == DENIED || outcome == RETRY ? OK : outcome; /* the first put tries again and says so */
    }
    if (outcome == GONE) {
        return error_set(err, GONE, "no_container", "blob store: there is no container \"%s\"", store->container);
    }
    return outcome == RETRY || lacks_permission(store, &answer) ? OK : outcome;
}

/* ---- put ---- */

struct put {
    const char *name;
    const void *bytes;
    size_t size_bytes;
    char md5[MD5_TEXT];
    char etag[128]; /* of the damaged blob to be replaced; "": there must be none */
    int64_t deadline_ms;
};

static enum outcome put_send(struct azure_store *store, const struct put *put, struct azure_answer *answer,
                             struct error *err) {
    struct azure_call call = {.operation = "put",
                              .blob = put->name,
                              .expected = 201,
                              .message = {.method = "PUT"},
                              .body = put->size_bytes ? put->bytes : "",
                              .body_size = put->size_bytes,
                              .waits_for_container = store->create,
                              .deadline_ms = put->deadline_ms};
    azure_add_header(&call.message, "Content-Type", blob_content_type(put->name));
    azure_add_header(&call.message, "Content-MD5", put->md5);
    azure_add_header(&call.message, *put->etag ? "If-Match" : "If-None-Match", *put->etag ? put->etag : "*");
    azure_add_header(&call.message, "x-ms-blob-type", "BlockBlob");
    return azure_request(store->client, &call, answer, err);
}

static enum outcome head(struct azure_store *store, const char *operation, const char *name, int64_t deadline_ms,
                         struct azure_answer *answer, struct error *err) {
    struct azure_call call = {.verb = "look at",
                              .operation = operation,
                              .blob = name,
                              .expected = 200,
                              .message = {.method = "HEAD"},
                              .deadline_ms = deadline_ms};
    enum outcome outcome = azure_request(store->client, &call, answer, err);
    return outcome == OK && answer->content_length < 0 ? bad_answer(err, "look at", name, "its size is not said")
                                                       : outcome;
}

/* Another blob is there: *ret_same when it is the one that is put, else put->etag is set for the next round. */
static enum outcome look_at_other(struct azure_store *store, struct put *put, bool *ret_same, struct error *err) {
    struct azure_answer there;
    enum outcome outcome = head(store, "check", put->name, put->deadline_ms, &there, err);
    if (outcome != OK) {
        put->etag[0] = '\0';
        return str_eq(there.code, "BlobNotFound") ? OK : outcome;
    }
    *ret_same = (size_t)there.content_length == put->size_bytes && str_eq(there.content_md5, put->md5);
    if (!*ret_same && there.etag[0] == '\0') {
        return bad_answer(err, "look at", put->name, "its ETag is not said");
    }
    (void)str_copy(put->etag, sizeof(put->etag), there.etag);
    return OK;
}

/* The last code is for a SAS that may create blobs but not overwrite any, whatever the condition. */
static bool is_there_already(const struct put *put, const struct azure_answer *answer) {
    return str_eq(answer->code, "BlobAlreadyExists") ||
           (answer->status == 412 && (*answer->code == '\0' || str_eq(answer->code, "ConditionNotMet"))) ||
           (*put->etag == '\0' && str_eq(answer->code, "UnauthorizedBlobOverwrite"));
}

static enum outcome azure_put(void *self, const char *name, const void *bytes, size_t size_bytes, bool *ret_created,
                              struct error *err) {
    struct azure_store *store = self;
    struct put put = {.name = name, .bytes = bytes, .size_bytes = size_bytes, .deadline_ms = deadline_of(store)};
    unsigned char md5[HASH_RAW_MAX];
    bool made = false;
    base64_encode(put.md5, md5, hash_raw(HASH_MD5, bytes, size_bytes, md5));
    for (int i = 0; i < PUT_ROUNDS; i++) {
        struct azure_answer answer;
        bool same = false;
        enum outcome outcome = put_send(store, &put, &answer, err);
        if (outcome == OK) {
            *ret_created = true;
            return OK;
        }
        if (str_eq(answer.code, "ContainerNotFound") && store->create && !made) {
            made = true;
            outcome = container_make(store, put.deadline_ms, err);
        } else if (is_there_already(&put, &answer)) {
            outcome = look_at_other(store, &put, &same, err);
        }
        if (outcome != OK) {
            return outcome;
        }
        if (same) {
            *ret_created = false;
            return OK;
        }
    }
    return error_set(err, RETRY, "blobs_busy", "blob store: %s changes while it is stored", name);
}

/* ---- reading ---- */

struct whole {
    struct buf *out;
    size_t before_bytes; /* in out when the call came */
};

static bool whole_take(void *context, const void *bytes, size_t size_bytes) {
    struct whole *whole = context;
    return buf_append(whole->out, bytes, size_bytes);
}

static void whole_restart(void *context) {
    struct whole *whole = context;
    whole->out->size_bytes = whole->before_bytes;
    if (whole->out->data) {
        whole->out->data[whole->before_bytes] = '\0';
    }
}

static enum outcome azure_get(void *self, const char *name, struct buf *out, struct error *err) {
    struct azure_store *store = self;
    struct whole whole = {.out = out, .before_bytes = out->size_bytes};
    struct azure_call call = {.operation = "get",
                              .blob = name,
                              .expected = 200,
                              .message = {.method = "GET"},
                              .deadline_ms = deadline_of(store),
                              .take = whole_take,
                              .restart = whole_restart,
                              .context = &whole};
    struct azure_answer answer;
    enum outcome outcome = azure_request(store->client, &call, &answer, err);
    if (outcome == OK && answer.enough) {
        outcome = error_set(err, INVALID, "too_large", "blob store: %s: more than %zu bytes", name, out->max_bytes);
    }
    if (outcome != OK) {
        whole_restart(&whole);
    }
    return outcome;
}

static enum outcome azure_size(void *self, const char *name, int64_t *ret_size_bytes, struct error *err) {
    struct azure_store *store = self;
    struct azure_answer answer;
    enum outcome outcome = head(store, "size", name, deadline_of(store), &answer, err);
    if (outcome == OK) {
        *ret_size_bytes = answer.content_length;
    }
    return outcome;
}

struct part {
    char *out;
    size_t out_size;
    size_t have;
};

static bool part_take(void *context, const void *bytes, size_t size_bytes) {
    struct part *part = context;
    size_t room = part->out_size - part->have;
    size_t taken = size_bytes < room ? size_bytes : room;
    memcpy(part->out + part->have, bytes, taken);
    part->have += taken;
    return taken == size_bytes;
}

static void part_restart(void *context) {
    struct part *part = context;
    part->have = 0;
}

/* Whether "bytes 7-9/12" is the part that was asked for: all of it, or all there is. */
static bool is_part(const char *content_range, int64_t offset_bytes, const struct part *part) {
    char text[128];
    int64_t first = 0;
    int64_t total = 0;
    if (!str_copy(text, sizeof(text), content_range) || !str_starts_with(text, "bytes ")) {
        return false;
    }
    char *rest = text + strlen("bytes ");
    const char *first_text = strsep(&rest, "-");
    const char *total_text = rest ? strchr(rest, '/') : NULL;
    if (!total_text || !num_parse(first_text, 0, INT64_MAX, &first) ||
        !num_parse(total_text + 1, 0, INT64_MAX, &total) || first != offset_bytes || total < first) {
        return false;
    }
    int64_t left = total - first; /* 0: some say 206 to nothing, where Azure says 416 */
    return part->have == (left < (int64_t)part->out_size ? (size_t)left : part->out_size);
}

static enum outcome azure_read(void *self, const char *name, int64_t offset_bytes, void *out, size_t out_size,
                               size_t *ret_read, struct error *err) {
    struct azure_store *store = self;
    struct part part = {.out = out, .out_size = out_size < INT32_MAX ? out_size : INT32_MAX};
    struct azure_call call = {.operation = "read",
                              .blob = name,
                              .expected = 206,
                              .message = {.method = "GET"},
                              .deadline_ms = deadline_of(store),
                              .take = part_take,
                              .restart = part_restart,
                              .context = &part};
    struct azure_answer answer;
    char range[64];
    if (out_size == 0) {
        int64_t size = 0;
        *ret_read = 0;
        return azure_size(self, name, &size, err);
    }
    if (offset_bytes > INT64_MAX - (int64_t)part.out_size) {
        offset_bytes = INT64_MAX - (int64_t)part.out_size; /* past every end */
    }
    (void)str_format(range, sizeof(range), "bytes=%lld-%lld", (long long)offset_bytes,
                     (long long)(offset_bytes + (int64_t)part.out_size - 1));
    azure_add_header(&call.message, "x-ms-range", range);
    enum outcome outcome = azure_request(store->client, &call, &answer, err);
    if (answer.status == 416 && outcome == INVALID) {
        *ret_read = 0;
        return OK;
    }
    if (outcome == OK && !is_part(answer.content_range, offset_bytes, &part)) {
        return bad_answer(err, "read", name, "another part of it came");
    }
    if (outcome == OK) {
        *ret_read = part.have;
    }
    return outcome;
}

/* ---- the rest ---- */

static enum outcome azure_list_names(void *self, const char *prefix, const char *after, int limit,
                                     struct blob_names *out, struct error *err) {
    struct azure_store *store = self;
    return azure_list(store->client, &store->world, store->bookmark, prefix, after, limit, deadline_of(store), out,
                      err);
}

static enum outcome azure_remove(void *self, const char *name, struct error *err) {
    struct azure_store *store = self;
    struct azure_call call = {.operation = "remove",
                              .blob = name,
                              .expected = 202,
                              .message = {.method = "DELETE"},
                              .deadline_ms = deadline_of(store)};
    struct azure_answer answer;
    azure_add_header(&call.message, "x-ms-delete-snapshots", "include");
    enum outcome outcome = azure_request(store->client, &call, &answer, err);
    return outcome == GONE ? OK : outcome;
}

static enum outcome azure_url(void *self, const char *name, char ret[BLOB_URL_MAX], struct error *err) {
    struct azure_store *store = self;
    AUTO_BUF struct buf url = BUF_INIT(BLOB_URL_MAX - 1);
    char *base AUTO_FREE = azure_access_base(store->access);
    if (!azure_append_path(&url, base, store->container, name)) {
        return error_set(err, INVALID, "too_large", "blob store: the URL of %s is longer than %d bytes", name,
                         BLOB_URL_MAX - 1);
    }
    (void)str_copy(ret, BLOB_URL_MAX, buf_str(&url));
    return OK;
}

static int64_t azure_clock_offset_ms(void *self) {
    struct azure_store *store = self;
    return azure_access_offset_ms(store->access);
}

static void azure_close(void *self) {
    struct azure_store *store = self;
    azure_client_destroy(store->client);
    azure_access_destroy(store->access);
    azure_bookmark_destroy(store->bookmark);
    free(store);
}

static const struct blobs_backend azure_backend = {
    .put = azure_put,
    .get = azure_get,
    .size = azure_size,
    .read = azure_read,
    .list = azure_list_names,
    .remove = azure_remove,
    .url = azure_url,
    .clock_offset_ms = azure_clock_offset_ms,
    .close = azure_close,
};

enum outcome blobs_azure_open_in(const struct azure_world *world, const struct blobs_config *config,
                                 const struct blobs_backend **ret_backend, void **ret_self, struct error *err) {
    struct azure_store *store = x_alloc(sizeof(*store));
    store->world = *world;
    store->create = config->create;
    store->bookmark = azure_bookmark_create();
    (void)str_copy(store->container, sizeof(store->container), config->container);
    enum outcome outcome =
        azure_access_create(config->azure_conn, config->azure_conn_file, &store->world, &store->access, err);
    if (outcome == OK) {
        store->client = azure_client_create(store->access, &store->world, store->container, config->on_request,
                                            config->on_request_arg);
        outcome = container_check(store, err);
    }
    if (outcome != OK) {
        azure_close(store);
        return outcome;
    }
    *ret_backend = &azure_backend;
    *ret_self = store;
    return OK;
}

enum outcome blobs_azure_open(const struct blobs_config *config, const struct blobs_backend **ret_backend,
                              void **ret_self, struct error *err) {
    static const struct azure_world real;
    return blobs_azure_open_in(&real, config, ret_backend, ret_self, err);
}
