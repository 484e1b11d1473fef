/* Names of blobs out of List Blobs, page by page. */
#pragma once

#include "blobs/azure_request.h"
#include "blobs/blobs_backend.h"

/* Where a listing stopped. List Blobs cannot begin behind a name, only at a marker of its own, so the last one is kept:
 * who goes on with the name he got last goes on there, and not at the first page again. Used once, for a minute. */
struct azure_bookmark;
struct azure_bookmark *azure_bookmark_create(void);
void azure_bookmark_destroy(struct azure_bookmark *bookmark);

/* blobs_backend.h's list. */
MUST_USE enum outcome azure_list(struct azure_client *client, const struct azure_world *world,
                                 struct azure_bookmark *bookmark, const char *prefix, const char *after, int limit,
                                 int64_t deadline_ms, struct blob_names *out, struct error *err);
