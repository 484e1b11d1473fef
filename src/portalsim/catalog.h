/* Listings with size and MD5 of every document. They follow from the CIN, but take a few milliseconds to make, so the
 * latest are kept. Thread-safe. */
#pragma once

#include "base/hash.h"
#include "portalsim/faults.h"
#include "portalsim/registry.h"

struct catalog_entry {
    struct sim_filing filing;
    int64_t size_bytes;
    char md5[HASH_HEX_MAX];
};

struct catalog_listing {
    struct sim_company company;
    struct catalog_entry entries[SIM_FILINGS_MAX];
    int count;
};

struct catalog;
struct catalog *catalog_create(struct faults *faults);
void catalog_destroy(struct catalog *catalog);
/* GONE "unknown_company", INVALID "bad_cin". */
MUST_USE enum outcome catalog_get(struct catalog *catalog, const char *cin, struct catalog_listing *ret,
                                  struct error *err);
/* The bytes of one filing as the portal gives them: the document, or what the faults make of it. */
void catalog_document(struct catalog *catalog, const struct sim_company *company, const struct sim_filing *filing,
                      struct buf *out);
/* As the listing shows it: srn, form, title, filedOn, period, bytes, md5. The caller's. */
json_t *catalog_entry_json(const struct catalog_entry *entry);
