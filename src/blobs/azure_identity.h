/* Tokens for Azure Storage without any secret of its own: the workload identity of a Kubernetes pod (the federated
 * token in a file, exchanged at Microsoft Entra: OAuth 2.0 client credentials with a JWT assertion), else the managed
 * identity of the machine (Instance Metadata Service). Thread-safe.
 *
 *     no token ──first caller fetches, the others wait──> token ──5 min before its end, in the background──> newer
 * token └── its end, or azure_identity_forget ──> no token */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "blobs/azure_world.h"

struct azure_identity;

/* As AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE and AZURE_AUTHORITY_HOST say. With a token file it is
 * a workload identity, and client and tenant must be there; else a managed one, that of the client id when there is
 * one. INVALID "bad_identity": naming the variable that is wrong, never its value. `world` is the caller's and must
 * outlive the identity. */
MUST_USE enum outcome azure_identity_create(const struct azure_world *world, struct azure_identity **ret,
                                            struct error *err);
void azure_identity_destroy(struct azure_identity *identity); /* ends a refresh under way */

/* Appends a token that is good now. DENIED "identity_refused"; RETRY "identity_down" (tried until deadline_ms of
 * azure_now_ms) with retry_after_ms; messages hold no token, host or path. */
MUST_USE enum outcome azure_identity_token(struct azure_identity *identity, int64_t deadline_ms, struct buf *out,
                                           struct error *err);
/* The service refused this token: the next call fetches another one, unless that has happened already. */
void azure_identity_forget(struct azure_identity *identity, const char *token);
