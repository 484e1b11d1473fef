/* Faults on demand. Two kinds: those of the wire are decided for each request; those of a document belong to the
 * filing, so that its listing (size, MD5) and its bytes agree and a client accepts them. The JSON grammar is in
 * docs/portal.md.
 *
 * A share is drawn from seed, rule, target and the number of the request to that target, never from the order in which
 * requests of different targets arrive: the same requests meet the same faults, however many threads a client has.
 * Thread-safe. */
#pragma once

#include "base/json.h"
#include "core/company.h"
#include "core/filing.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_STATUS,       /* "404" "410" "429" "500" "503" */
    FAULT_RESET,        /* the connection is reset in place of a reply */
    FAULT_HANG,         /* nothing comes, then the connection ends */
    FAULT_TRUNCATE,     /* a part of the body, then the connection ends */
    FAULT_CONTENT_TYPE, /* the right body under a wrong media type */
    FAULT_HTML,         /* 200 with a page of HTML */
    FAULT_SESSION,      /* the session has expired: 401 */
    FAULT_ETAG,         /* another ETag for each request */
    FAULT_DRIP,         /* the body comes very slowly */
    FAULT_MD5,          /* one byte of the body is wrong */
    /* of the document: */
    FAULT_DAMAGED,
    FAULT_PASSWORD,
    FAULT_BOMB,
    FAULT_PAGES,
};

enum fault_route {
    ROUTE_SESSION,
    ROUTE_SEARCH,
    ROUTE_COMPANY,
    ROUTE_FILINGS,
    ROUTE_DOCUMENT,
    ROUTES,
    ROUTE_ANY = ROUTES,
};

struct fault { /* what to do with one request */
    enum fault_kind kind;
    int status;
    int retry_after_s; /* 429, 503 */
    int hang_ms;
    int64_t after_bytes;      /* truncate: how many come; -1: half */
    int64_t bytes_per_second; /* drip */
    uint64_t request;         /* its number, from 1 */
};

struct faults;
struct faults *faults_create(void);
void faults_destroy(struct faults *faults);
/* Replaces all rules and forgets all counts. INVALID "bad_faults" naming what is wrong; then nothing has changed. */
MUST_USE enum outcome faults_set(struct faults *faults, const json_t *document, struct error *err);
json_t *faults_get(struct faults *faults);      /* as it was set; the caller's */
uint64_t faults_version(struct faults *faults); /* changes with each faults_set */

/* Counts a request to a target (SRN, CIN or client) and decides. cin: the company it is about, or NULL. */
void faults_of_request(struct faults *faults, enum fault_route route, const char *target, const char *cin,
                       struct fault *ret);
enum fault_kind faults_of_filing(struct faults *faults, const char *srn, const char *cin);
