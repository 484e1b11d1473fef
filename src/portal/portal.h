/* The registry portal's client. One portal = one session; several threads may call portal_download at once (up to
 * `parallel`). */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "core/company.h"
#include "core/filing.h"

struct portal;
struct portal_config {
    const char *url;
    int parallel;           /* 1..16 connections */
    int request_timeout_ms; /* of one exchange; 0 = 60 s */
    int retry_for_ms;       /* how long one call may go on retrying; 0 = 30 s */
};
struct portal_company {
    char cin[CIN_MAX];
    char name[256];
    char status[64];
};
struct portal_numbers {
    int requests, errors, answered; /* answered: got something other than 429, 5xx or a transport error */
    int64_t bytes;
};
MUST_USE enum outcome portal_open(const struct portal_config *config, struct portal **ret, struct error *err);
void portal_close(struct portal *portal);
/* GONE "unknown_company"; RETRY "portal_down", "rate_limited" (retry_after_ms set); INVALID "portal_answer" (what is
 * wrong). */
MUST_USE enum outcome portal_get_company(struct portal *portal, const char *cin, struct portal_company *ret,
                                         struct error *err);
/* The whole list, every page, ordered and numbered (filing_list_order). */
MUST_USE enum outcome portal_list(struct portal *portal, const char *cin, struct filing_list *ret, struct error *err);
/* The PDF's bytes into out (its max is at least FILING_BYTES_MAX): Content-Length, MD5 and "%PDF-" checked, resumed by
 * Range when cut and the ETag is unchanged, retried with full jitter. GONE "filing_missing" after three 404/410.
 * INVALID "portal_answer". */
MUST_USE enum outcome portal_download(struct portal *portal, const struct filing *filing, struct buf *out,
                                      struct error *err);
void portal_numbers(struct portal *portal, struct portal_numbers *ret);
void portal_stop(struct portal *portal); /* every call under way ends with RETRY "stopped" within 200 ms */
