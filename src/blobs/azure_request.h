/* One request to Azure Blob Storage, tried until there is a verdict: signed anew for each try, with a pause between
 * tries, never past its deadline.
 *
 *     201, 200, 206, 202 as expected ──> OK
 *     408 429 500 502 503 504, no or half an answer ──pause──> again, up to 5 tries
 *     409 ContainerBeingDeleted, where it may be waited for ──pause──> again, until the deadline
 *     401 403, and another time, connection string or token is known by now ──> again at once
 *     anything else ──> final
 */
#pragma once

#include "blobs/azure_access.h"
#include "blobs/azure_sign.h"

enum { AZURE_CODE_MAX = 64, AZURE_ERROR_BODY_MAX = 64 * 1024 };

struct azure_client;

/* Told of each request with its tries, from the calling thread; status 0: no answer. */
typedef void azure_on_request(void *arg, const char *operation, int64_t micros, int status, int tries);

/* access and world are the caller's and must outlive the client. container: a valid name. */
struct azure_client *azure_client_create(struct azure_access *access, const struct azure_world *world,
                                         const char *container, azure_on_request *on_request, void *arg);
void azure_client_destroy(struct azure_client *client);

struct azure_call {
    const char *verb;             /* "look at" …, for messages; NULL: the operation */
    const char *operation;        /* for on_request */
    const char *blob;             /* NULL: the container */
    int expected;                 /* status that is success */
    struct azure_message message; /* method, query, headers of the caller; path, length and the rest are added */
    const void *body;
    size_t body_size;
    bool waits_for_container; /* one that is being deleted is waited for */
    int64_t deadline_ms;      /* of azure_now_ms */
    /* Optional: the body of a success as it comes, from its start after each restart; false: enough of it. */
    bool (*take)(void *context, const void *bytes, size_t size_bytes);
    void (*restart)(void *context);
    void *context;
};

/* Of the last try. */
struct azure_answer {
    int status;                /* 0: none */
    char code[AZURE_CODE_MAX]; /* "BlobNotFound"; "" with a success, or when nothing that could be one was said */
    char request_id[AZURE_CODE_MAX];
    bool enough;            /* `take` ended it */
    int64_t content_length; /* -1: not said */
    char content_md5[32];
    char etag[128];
    char content_range[128];
    int tries;
};

/* *ret is filled whatever the outcome. Not the expected status:
 *     RETRY "blobs_busy" (it said so, or a container is being deleted), "blobs_down" (no or half an answer),
 *     "blobs_timeout" (no further try before the deadline), "blobs_answer" (what answered is no blob storage);
 *     DENIED "blobs_denied" (401, 403), GONE "no_blob", "no_container" (404), INVALID "blob_conflict" (409, 412),
 *     "too_large" (413), "blobs_refused" (any other); and what azure_access_enter has.
 * Messages hold the operation, the blob, status, code and request id, never a host, a query, a header or a key. */
MUST_USE enum outcome azure_request(struct azure_client *client, const struct azure_call *call,
                                    struct azure_answer *ret, struct error *err);
