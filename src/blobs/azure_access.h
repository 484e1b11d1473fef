/* What requests to Azure Blob Storage are made with now: the connection string (in a file it may change), the token of
 * an identity, and how far this machine's clock is off. Thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "blobs/azure_conn.h"
#include "blobs/azure_world.h"

struct azure_access;

/* conn: the connection string; file: where it came from (either may be NULL). A file is read again every 60 s; what
 * cannot be read or is no connection string changes nothing. INVALID "bad_connection_string" (also for an identity over
 * http: its token would be readable on the way), "bad_identity". world must outlive the access. */
MUST_USE enum outcome azure_access_create(const char *conn, const char *file, const struct azure_world *world,
                                          struct azure_access **ret, struct error *err);
void azure_access_destroy(struct azure_access *access);

/* For one try of one request. */
struct azure_pass {
    struct azure_grant *grant;
    const struct azure_conn *conn;
    struct buf token;  /* AZURE_IDENTITY: to be sent as "Bearer" */
    int64_t offset_ms; /* to be added to this machine's time; 0 unless it is more than 60 s off */
};
/* *ret is the caller's to finish whatever the outcome. Errors are azure_identity_token's. */
MUST_USE enum outcome azure_access_enter(struct azure_access *access, int64_t deadline_ms, struct azure_pass *ret,
                                         struct error *err);
void azure_pass_finish(struct azure_pass *pass);

/* The service answered with this Date. */
void azure_access_note_date(struct azure_access *access, const char *date);
/* The service answered 401 or 403 to what was sent with this pass. True: by now something is known that may help
 * (another time, another connection string, another token), so it is worth one more try. */
bool azure_access_refused(struct azure_access *access, const struct azure_pass *pass, int status);
enum azure_auth azure_access_auth(struct azure_access *access);
char *azure_access_base(struct azure_access *access);        /* the endpoint (azure_conn.h), the caller's to free */
int64_t azure_access_offset_ms(struct azure_access *access); /* as measured */
