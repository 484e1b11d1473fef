/* A document row: the fact that filing n of a job has been dealt with. Inserted once, never changed. */
#pragma once

#include "base/hash.h"
#include "core/company.h"
#include "core/filing.h"

enum document_state {
    DOCUMENT_STORED,     /* original, text and fields are stored (text may be empty: a scan before OCR) */
    DOCUMENT_UNREADABLE, /* original stored; .txt says why in one line; .json has the outcome */
    DOCUMENT_MISSING,    /* the portal answers 404/410; .txt says so; no original */
};
const char *document_state_name(enum document_state state); /* "stored" … */
bool document_state_parse(const char *text, enum document_state *ret);

enum { BLOB_NAME_MAX = 128, BLOB_URL_MAX = 1024 };

struct document {
    char id[OBJECT_ID_MAX]; /* drawn by the store at insertion */
    char job_id[OBJECT_ID_MAX];
    int number;
    char cin[CIN_MAX];
    char company_name[COMPANY_NAME_MAX];
    enum document_state state;
    char document_type[FILING_TITLE_MAX]; /* contract's documentType: the filing's title, or its form */
    char srn[SRN_MAX];
    char form[FORM_MAX];
    char filed_on[DATE_MAX];
    char reason[128];                  /* unreadable, missing: outcome word; else "" */
    char text_name[BLOB_NAME_MAX];     /* jobs/<id>/document_<n>.<hex>.txt; never empty */
    char text_url[BLOB_URL_MAX];       /* blobUrl */
    int64_t text_bytes;                /* fileSize */
    char text_md5[MD5_HEX_MAX];        /* checksum without "MD5-" */
    char original_name[BLOB_NAME_MAX]; /* "" when missing */
    int64_t original_bytes;
    char original_sha256[HASH_HEX_MAX];
    char fields_name[BLOB_NAME_MAX]; /* "" when missing */
    char fields_sha256[HASH_HEX_MAX];
    int pages;
    int64_t download_ms, read_ms, store_ms; /* how long each step took (the row's `times`) */
    int64_t downloaded_at_ms;               /* worker's clock, for show only */
    char by[33];                            /* lease token of the writer */
    int64_t at_ms;                          /* store time of insertion; 0 before */
};
