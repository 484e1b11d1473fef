/* A company as files: see write.h. */
#include "portalsim/write.h"

#include "base/fdio.h"
#include "base/str.h"
#include "portalsim/catalog.h"
#include "portalsim/shapes.h"

enum { PATH_BYTES = 4096, JSON_BYTES = 16 * 1024 * 1024, MODE = 0644 };

static enum outcome write_file(const char *dir, const char *name, const struct buf *bytes, struct error *err) {
    char path[PATH_BYTES];
    if (!str_format(path, sizeof path, "%s/%s", dir, name)) {
        return error_set(err, INVALID, "usage", "--to: the path is too long");
    }
    return file_replace(path, buf_str(bytes), bytes->size_bytes, MODE, err);
}

static enum outcome write_json(const char *dir, const char *name, const json_t *value, struct error *err) {
    AUTO_BUF struct buf text = BUF_INIT(JSON_BYTES);
    if (!json_append(&text, value) || !buf_append_char(&text, '\n')) {
        return error_set(err, FATAL, "too_large", "%s is too large", name);
    }
    return write_file(dir, name, &text, err);
}

static enum outcome write_filing(const struct catalog_listing *listing, int index, const char *dir, json_t *listed,
                                 json_t *truths, struct error *err) {
    const struct sim_filing *filing = &listing->entries[index].filing;
    AUTO_BUF struct buf document = BUF_INIT((size_t)FILING_BYTES_MAX);
    char name[SRN_MAX + 8];
    json_t *entry = catalog_entry_json(&listing->entries[index]);
    json_object_set_new(entry, "shape", json_string(sim_shape_name(filing->shape)));
    json_object_set_new(entry, "withdrawn", json_boolean(filing->withdrawn));
    json_array_append_new(listed, entry);
    json_array_append_new(truths, sim_document_truth(&listing->company, filing));
    sim_document_make(&listing->company, filing, &document);
    str_format(name, sizeof name, "%s.pdf", filing->srn);
    return write_file(dir, name, &document, err);
}

enum outcome write_company(const char *cin, const char *dir, struct error *err) {
    struct faults *faults = faults_create();
    struct catalog *catalog = catalog_create(faults);
    json_t *listed AUTO_JSON = json_array(), *truths AUTO_JSON = json_array();
    struct catalog_listing listing;
    enum outcome outcome = catalog_get(catalog, cin, &listing, err);
    if (outcome == OK) {
        outcome = dir_make(dir, err);
    }
    for (int i = 0; outcome == OK && i < listing.count; i++) {
        outcome = write_filing(&listing, i, dir, listed, truths, err);
    }
    if (outcome == OK) {
        json_t *company AUTO_JSON =
            json_pack("{s:s, s:s, s:O}", "cin", listing.company.cin, "name", listing.company.name, "filings", listed);
        outcome = write_json(dir, "listing.json", company, err);
    }
    if (outcome == OK) {
        outcome = write_json(dir, "truth.json", truths, err);
    }
    catalog_destroy(catalog);
    faults_destroy(faults);
    return outcome;
}
