/* Sums over facts: how one fact is counted, and how sums are added and written down. The same for every job store.
 * A document without an original (missing) was neither downloaded nor read: it is in no histogram but `store`. */
#include <string.h>

#include "jobs/jobs_backend.h"

const int64_t totals_buckets_ms[TOTALS_BUCKETS] = {5,    10,   25,   50,    100,   250,    500,
                                                   1000, 2500, 5000, 10000, 30000, 120000, 600000};

static void observe(struct totals_histogram *histogram, int64_t value_ms) {
    int bucket = 0;
    while (bucket < TOTALS_BUCKETS && value_ms > totals_buckets_ms[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_ms += value_ms;
}

void totals_add_document(struct totals *totals, const struct document *document) {
    totals->documents[document->state]++;
    totals->document_bytes += document->original_bytes;
    totals->pages += document->pages;
    if (document->state != DOCUMENT_MISSING) {
        observe(&totals->download, document->download_ms);
        observe(&totals->read, document->read_ms);
    }
    observe(&totals->store, document->store_ms);
}

void totals_add_run(struct totals *totals, const struct run_record *run) {
    if (run->run == 0)
        return;
    totals->runs[run->outcome]++;
    totals->attempts_portal_requests += run->numbers.portal_requests;
    totals->portal_errors += run->numbers.portal_errors;
    observe(&totals->run, run->numbers.run_ms);
}

static void add_histogram(struct totals_histogram *histogram, const struct totals_histogram *more) {
    for (size_t i = 0; i < COUNT_OF(histogram->counts); i++)
        histogram->counts[i] += more->counts[i];
    histogram->sum_ms += more->sum_ms;
}

void totals_add(struct totals *totals, const struct totals *more) {
    totals->jobs_placed += more->jobs_placed;
    for (size_t i = 0; i < COUNT_OF(totals->documents); i++)
        totals->documents[i] += more->documents[i];
    totals->document_bytes += more->document_bytes;
    totals->pages += more->pages;
    for (size_t i = 0; i < COUNT_OF(totals->runs); i++)
        totals->runs[i] += more->runs[i];
    totals->attempts_portal_requests += more->attempts_portal_requests;
    totals->portal_errors += more->portal_errors;
    add_histogram(&totals->download, &more->download);
    add_histogram(&totals->read, &more->read);
    add_histogram(&totals->store, &more->store);
    add_histogram(&totals->run, &more->run);
}

/* One table of what is written down: name, first number, how many. */
struct part {
    const char *name;
    int64_t *numbers;
    size_t count;
};
enum { PARTS = 15 };

static void list_parts(struct totals *totals, struct part parts[PARTS]) {
    const struct part all[PARTS] = {
        {"jobsPlaced", &totals->jobs_placed, 1},        {"documents", totals->documents, COUNT_OF(totals->documents)},
        {"documentBytes", &totals->document_bytes, 1},  {"pages", &totals->pages, 1},
        {"runs", totals->runs, COUNT_OF(totals->runs)}, {"portalRequests", &totals->attempts_portal_requests, 1},
        {"portalErrors", &totals->portal_errors, 1},    {"download", totals->download.counts, TOTALS_BUCKETS + 1},
        {"downloadSumMs", &totals->download.sum_ms, 1}, {"read", totals->read.counts, TOTALS_BUCKETS + 1},
        {"readSumMs", &totals->read.sum_ms, 1},         {"store", totals->store.counts, TOTALS_BUCKETS + 1},
        {"storeSumMs", &totals->store.sum_ms, 1},       {"run", totals->run.counts, TOTALS_BUCKETS + 1},
        {"runSumMs", &totals->run.sum_ms, 1},
    };
    for (size_t i = 0; i < PARTS; i++)
        parts[i] = all[i];
}

char *totals_to_json(const struct totals *totals) {
    struct totals copy = *totals;
    struct part parts[PARTS];
    list_parts(&copy, parts);
    struct buf out = BUF_INIT(64 * 1024);
    buf_append_char(&out, '{');
    for (size_t i = 0; i < PARTS; i++) {
        buf_printf(&out, "%s\"%s\":[", i ? "," : "", parts[i].name);
        for (size_t k = 0; k < parts[i].count; k++)
            buf_printf(&out, "%s%lld", k ? "," : "", (long long)parts[i].numbers[k]);
        buf_append_char(&out, ']');
    }
    buf_append_char(&out, '}');
    return buf_take(&out);
}

static bool read_part(const json_t *object, const struct part *part) {
    const json_t *array = json_object_get(object, part->name);
    if (json_array_size(array) != part->count)
        return false;
    for (size_t i = 0; i < part->count; i++) {
        const json_t *number = json_array_get(array, i);
        if (!json_is_integer(number))
            return false;
        part->numbers[i] = json_integer_value(number);
    }
    return true;
}

enum outcome totals_from_json(const char *text, struct totals *ret, struct error *err) {
    AUTO_JSON json_t *object = NULL;
    enum outcome outcome = json_parse(text, strlen(text), &object, err);
    if (outcome != OK)
        return outcome;
    struct totals read = {.up_to_ms = ret->up_to_ms};
    struct part parts[PARTS];
    list_parts(&read, parts);
    bool good = true;
    for (size_t i = 0; i < PARTS; i++)
        good = read_part(object, &parts[i]) && good;
    if (!good)
        return error_set(err, FATAL, "store_damaged", "the stored totals cannot be read");
    *ret = read;
    return OK;
}
