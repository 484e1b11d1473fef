/* What the portal's answers mean: pure, no I/O; every byte is distrusted. */
#pragma once

#include "base/url.h"
#include "core/filing.h"
#include "portal/portal.h"

enum { PORTAL_PAGES_MAX = 500 };

/* The body of GET /companies/{cin}: INVALID "portal_answer" when it is another company's or a field is malformed. */
MUST_USE enum outcome portal_parse_company(const char *bytes, size_t size_bytes, const char *cin,
                                           struct portal_company *ret, struct error *err);
/* The body of one page of filings, {"filings": […]} or the list itself, appended to *list. *list stays as it was on
 * failure. */
MUST_USE enum outcome portal_parse_filings(const char *bytes, size_t size_bytes, struct filing_list *list,
                                           struct error *err);
/* The number of the next page from a Link header; 0: this was the last. The link must lead to the same list at the same
 * origin and to a later page: the client builds the URL itself. */
MUST_USE enum outcome portal_parse_next(const char *link, const struct url *base, const char *cin, int page,
                                        int *ret_next, struct error *err);
/* "bytes 5-9/100" */
bool portal_parse_content_range(const char *text, int64_t *ret_first, int64_t *ret_last, int64_t *ret_total);
