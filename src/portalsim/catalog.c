/* Listings with size and MD5: see catalog.h. */
#include "portalsim/catalog.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/str.h"
#include "portalsim/broken.h"
#include "portalsim/day.h"
#include "portalsim/shapes.h"

enum { KEPT = 128 };

struct slot {
    struct catalog_listing listing; /* no CIN: free */
    uint64_t used;
    uint64_t faults_version;
};

struct catalog {
    struct faults *faults;
    pthread_mutex_t lock;
    uint64_t uses;
    struct slot slots[KEPT];
};

struct catalog *catalog_create(struct faults *faults) {
    struct catalog *catalog = x_alloc(sizeof *catalog);
    catalog->faults = faults;
    pthread_mutex_init(&catalog->lock, NULL);
    return catalog;
}

void catalog_destroy(struct catalog *catalog) {
    if (catalog) {
        pthread_mutex_destroy(&catalog->lock);
        free(catalog);
    }
}

void catalog_document(struct catalog *catalog, const struct sim_company *company, const struct sim_filing *filing,
                      struct buf *out) {
    sim_document_make(company, filing, out);
    enum fault_kind kind = faults_of_filing(catalog->faults, filing->srn, company->cin);
    if (kind != FAULT_NONE) {
        broken_make(kind, filing, out);
    }
}

static bool find(struct catalog *catalog, const char *cin, uint64_t version, struct catalog_listing *ret) {
    bool found = false;
    pthread_mutex_lock(&catalog->lock);
    for (int i = 0; i < KEPT && !found; i++) {
        struct slot *slot = &catalog->slots[i];
        if (slot->faults_version == version && str_eq(slot->listing.company.cin, cin)) {
            slot->used = ++catalog->uses;
            *ret = slot->listing;
            found = true;
        }
    }
    pthread_mutex_unlock(&catalog->lock);
    return found;
}

static void keep(struct catalog *catalog, const struct catalog_listing *listing, uint64_t version) {
    pthread_mutex_lock(&catalog->lock);
    struct slot *oldest = &catalog->slots[0];
    for (int i = 1; i < KEPT; i++) {
        if (catalog->slots[i].used < oldest->used) {
            oldest = &catalog->slots[i];
        }
    }
    oldest->listing = *listing;
    oldest->faults_version = version;
    oldest->used = ++catalog->uses;
    pthread_mutex_unlock(&catalog->lock);
}

enum outcome catalog_get(struct catalog *catalog, const char *cin, struct catalog_listing *ret, struct error *err) {
    uint64_t version = faults_version(catalog->faults);
    if (find(catalog, cin, version, ret)) {
        return OK;
    }
    struct sim_company company;
    enum outcome outcome = sim_company_make(cin, &company, err);
    if (outcome != OK) {
        return outcome;
    }
    struct sim_filing filings[SIM_FILINGS_MAX];
    AUTO_BUF struct buf document = BUF_INIT((size_t)FILING_BYTES_MAX);
    struct catalog_listing listing = {.company = company, .count = sim_filings_make(&company, filings)};
    for (int i = 0; i < listing.count; i++) {
        struct catalog_entry *entry = &listing.entries[i];
        entry->filing = filings[i];
        catalog_document(catalog, &company, &filings[i], &document);
        entry->size_bytes = (int64_t)document.size_bytes;
        hash_hex(HASH_MD5, buf_str(&document), document.size_bytes, entry->md5);
    }
    keep(catalog, &listing, version);
    *ret = listing;
    return OK;
}

json_t *catalog_entry_json(const struct catalog_entry *entry) {
    char filed_on[DATE_MAX], title[FILING_TITLE_MAX], period[8];
    day_iso(entry->filing.filed_day, filed_on);
    sim_filing_title(&entry->filing, title);
    bool has_period = sim_filing_period(&entry->filing, period);
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:s}", "srn", entry->filing.srn, "form",
                     sim_form_name(entry->filing.form), "title", title, "filedOn", filed_on, "period",
                     has_period ? period : NULL, "bytes", (json_int_t)entry->size_bytes, "md5", entry->md5);
}
