/* A filing as the registry lists it. The list of a job is written once and never changes; n
 * is 1..count. */
#pragma once

#include "base/error.h"

enum {
    SRN_MAX = 33,
    FORM_MAX = 33,
    FILING_TITLE_MAX = 257,
    DATE_MAX = 11,
    MD5_HEX_MAX = 33,
    FILINGS_MAX = 5000, /* more in one company is refused */
};
#define FILING_BYTES_MAX ((int64_t)50 * 1024 * 1024)

struct filing {
    int number;
    char srn[SRN_MAX];
    char form[FORM_MAX];
    char title[FILING_TITLE_MAX];
    char filed_on[DATE_MAX]; /* YYYY-MM-DD */
    int64_t size_bytes;
    char md5[MD5_HEX_MAX];
};

struct filing_list {
    struct filing *items;
    int count;
};

void filing_list_finish(struct filing_list *list);
/* Sorts by filing date then SRN and numbers from 1. INVALID "bad_filings" when an SRN is doubled or
 * a field is malformed. */
MUST_USE enum outcome filing_list_order(struct filing_list *list, struct error *err);
/* SRN grammar: 1..32 of [A-Za-z0-9_-]. It becomes part of a URL, so nothing else passes. */
bool srn_valid(const char *srn);
