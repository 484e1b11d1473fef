/* The job store's front: checks arguments, so that no implementation has to, and hands on to the one in use. */
#include "jobs/jobs.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "jobs/jobs_check.h"

enum outcome jobs_open(const struct jobs_config *config, struct jobs **ret, struct error *err) {
    if (!config->data_dir || config->data_dir[0] == '\0')
        return error_set(err, INVALID, "no_store", "no folder is given for the embedded job store");
    return jobs_sqlite_open(config, ret, err);
}

void jobs_close(struct jobs *jobs) {
    if (jobs)
        jobs->backend->close(jobs);
}

enum outcome jobs_ping(struct jobs *jobs, struct error *err) {
    return jobs->backend->ping(jobs, err);
}

enum outcome jobs_now_ms(struct jobs *jobs, int64_t *ret, struct error *err) {
    return jobs->backend->now_ms(jobs, ret, err);
}

/* ---- arguments ------------------------------------------------------------------------------- */
enum outcome jobs_check_word(const char *what, const char *text, size_t size, struct error *err) {
    if (!text || text[0] == '\0' || strlen(text) >= size)
        return error_set(err, INVALID, "bad_argument", "%s is missing or longer than %zu bytes", what, size - 1);
    return OK;
}

enum outcome jobs_check_id(const char *job_id, struct error *err) {
    if (!job_id || !object_id_valid(job_id))
        return error_set(err, GONE, "unknown_job", "there is no such job");
    return OK;
}

enum outcome jobs_check_actor(const char **actor, struct error *err) {
    if (!*actor)
        *actor = "unknown";
    return jobs_check_word("who asks", *actor, ACTOR_MAX, err);
}

enum outcome jobs_check_limit(int limit, struct error *err) {
    if (limit < 1 || limit > LIST_LIMIT_MAX)
        return error_set(err, INVALID, "bad_limit", "a page has 1 to %d entries", LIST_LIMIT_MAX);
    return OK;
}

static enum outcome check_lease(const char *job_id, const char *token, struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    return outcome == OK ? jobs_check_word("the lease token", token, TOKEN_MAX, err) : outcome;
}

/* ---- placing --------------------------------------------------------------------------------- */
void jobs_placed_finish(struct jobs_placed *placed) {
    free(placed->items);
    *placed = (struct jobs_placed){0};
}

enum outcome jobs_place(struct jobs *jobs, const struct jobs_order *order, struct jobs_placed *ret, struct error *err) {
    if (order->count < 1 || order->count > ORDER_ITEMS_MAX)
        return error_set(err, INVALID, "bad_order", "an order names 1 to %d companies", ORDER_ITEMS_MAX);
    for (int i = 0; i < order->count; i++)
        if (order->companies[i].cin[0] == '\0')
            return error_set(err, INVALID, "bad_order", "company %d of the order has no CIN", i + 1);
    if (order->idempotency_key && (order->idempotency_key[0] == '\0' || !order->body_sha256))
        return error_set(err, INVALID, "bad_order", "an idempotency key needs a value and the digest of its body");
    struct jobs_order clean = *order;
    enum outcome outcome = jobs_check_actor(&clean.actor, err);
    return outcome == OK ? jobs->backend->place(jobs, &clean, ret, err) : outcome;
}

/* ---- a lease --------------------------------------------------------------------------------- */
enum outcome jobs_claim(struct jobs *jobs, const struct jobs_claim_request *request, struct lease *ret,
                        struct error *err) {
    enum outcome outcome = jobs_check_word("the owner of the lease", request->owner, OWNER_MAX, err);
    if (outcome == OK && request->job_id)
        outcome = jobs_check_id(request->job_id, err);
    if (outcome != OK)
        return outcome;
    if (request->lease_seconds < 1 || request->lease_seconds > LEASE_SECONDS_MAX)
        return error_set(err, INVALID, "bad_argument", "a lease lasts 1 to %d seconds", LEASE_SECONDS_MAX);
    return jobs->backend->claim(jobs, request, ret, err);
}

enum outcome jobs_adopt(struct jobs *jobs, const char *job_id, const char *token, const char *nonce, struct job *ret,
                        struct error *err) {
    enum outcome outcome = check_lease(job_id, token, err);
    if (outcome == OK)
        outcome = jobs_check_word("the process's nonce", nonce, TOKEN_MAX, err);
    return outcome == OK ? jobs->backend->adopt(jobs, job_id, token, nonce, ret, err) : outcome;
}

enum outcome jobs_heartbeat(struct jobs *jobs, const char *job_id, const char *token, const struct run_numbers *numbers,
                            bool *ret_cancel_requested, struct error *err) {
    enum outcome outcome = check_lease(job_id, token, err);
    return outcome == OK ? jobs->backend->heartbeat(jobs, job_id, token, numbers, ret_cancel_requested, err) : outcome;
}

enum outcome jobs_end(struct jobs *jobs, const char *job_id, const char *token, const struct jobs_end *end,
                      enum job_status *ret_status, struct error *err) {
    assert(end->outcome != RUN_LOST);
    enum outcome outcome = check_lease(job_id, token, err);
    if (outcome != OK)
        return outcome;
    if (end->outcome == RUN_FAILED && !end->error_code)
        return error_set(err, INVALID, "bad_argument", "a run that failed needs the code of its error");
    return jobs->backend->end(jobs, job_id, token, end, ret_status, err);
}

enum outcome jobs_name_company(struct jobs *jobs, const char *job_id, const char *token, const char *name,
                               struct error *err) {
    enum outcome outcome = check_lease(job_id, token, err);
    if (outcome == OK)
        outcome = jobs_check_word("the company's name", name, COMPANY_NAME_MAX, err);
    return outcome == OK ? jobs->backend->name_company(jobs, job_id, token, name, err) : outcome;
}

/* ---- facts ----------------------------------------------------------------------------------- */
enum outcome jobs_put_filings(struct jobs *jobs, const char *job_id, const struct filing_list *list,
                              struct filing_list *ret, struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    if (outcome != OK)
        return outcome;
    if (list->count < 0 || list->count > FILINGS_MAX)
        return error_set(err, INVALID, "bad_filings", "a company has at most %d filings", FILINGS_MAX);
    for (int i = 0; i < list->count; i++)
        if (list->items[i].number != i + 1)
            return error_set(err, INVALID, "bad_filings", "filing %d of the list is numbered %d", i + 1,
                             list->items[i].number);
    return jobs->backend->put_filings(jobs, job_id, list, ret, err);
}

enum outcome jobs_get_filings(struct jobs *jobs, const char *job_id, struct filing_list *ret, struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    return outcome == OK ? jobs->backend->get_filings(jobs, job_id, ret, err) : outcome;
}

enum outcome jobs_add_document(struct jobs *jobs, const struct document *document, bool *ret_inserted,
                               struct error *err) {
    enum outcome outcome = check_lease(document->job_id, document->by, err);
    if (outcome != OK)
        return outcome;
    if (document->number < 1 || document->number > FILINGS_MAX || document->text_name[0] == '\0')
        return error_set(err, INVALID, "bad_argument", "a document row needs a number and the name of its text");
    return jobs->backend->add_document(jobs, document, ret_inserted, err);
}

void document_list_finish(struct document_list *list) {
    free(list->items);
    *list = (struct document_list){0};
}

enum outcome jobs_list_documents(struct jobs *jobs, const char *job_id, int after_number, int limit,
                                 struct document_list *ret, struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    return outcome == OK ? jobs->backend->list_documents(jobs, job_id, after_number, limit, ret, err) : outcome;
}

enum outcome jobs_get_document(struct jobs *jobs, const char *document_id, struct document *ret, struct error *err) {
    if (!document_id || !object_id_valid(document_id))
        return error_set(err, GONE, "unknown_document", "there is no such document");
    return jobs->backend->get_document(jobs, document_id, ret, err);
}

enum outcome jobs_have_rows(struct jobs *jobs, const char *job_id, bool *have, int have_size, int *ret_count,
                            struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    if (outcome != OK)
        return outcome;
    memset(have, 0, (size_t)have_size * sizeof *have);
    return jobs->backend->have_rows(jobs, job_id, have, have_size, ret_count, err);
}

/* ---- looking --------------------------------------------------------------------------------- */
enum outcome jobs_get(struct jobs *jobs, const char *job_id, struct job *ret, struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    return outcome == OK ? jobs->backend->get(jobs, job_id, ret, err) : outcome;
}

void job_list_finish(struct job_list *list) {
    free(list->items);
    *list = (struct job_list){0};
}

static const char *unless_empty(const char *text) {
    return text && text[0] != '\0' ? text : NULL;
}

enum outcome jobs_list(struct jobs *jobs, const struct jobs_filter *filter, struct job_list *ret, struct error *err) {
    enum job_status status;
    struct jobs_filter clean = *filter;
    if (filter->status && !job_status_parse(filter->status, &status))
        return error_set(err, INVALID, "bad_status", "a status is pending, processing, completed, failed or cancelled");
    enum outcome outcome = jobs_check_limit(filter->limit, err);
    if (outcome != OK)
        return outcome;
    clean.prefix = unless_empty(filter->prefix);
    clean.cursor = unless_empty(filter->cursor);
    if (clean.prefix && strlen(clean.prefix) >= COMPANY_NAME_MAX)
        return error_set(err, INVALID, "bad_prefix", "no company has a name that long");
    return jobs->backend->list(jobs, &clean, ret, err);
}

void run_list_finish(struct run_list *list) {
    free(list->items);
    *list = (struct run_list){0};
}

enum outcome jobs_list_runs(struct jobs *jobs, const char *job_id, struct run_list *ret, struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    return outcome == OK ? jobs->backend->list_runs(jobs, job_id, ret, err) : outcome;
}

enum outcome jobs_count(struct jobs *jobs, struct jobs_counts *ret, struct error *err) {
    return jobs->backend->count(jobs, ret, err);
}

/* ---- a person -------------------------------------------------------------------------------- */
enum outcome jobs_cancel(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                         struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    if (outcome == OK)
        outcome = jobs_check_actor(&actor, err);
    return outcome == OK ? jobs->backend->cancel(jobs, job_id, actor, ret_status, err) : outcome;
}

enum outcome jobs_retry(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                        struct error *err) {
    enum outcome outcome = jobs_check_id(job_id, err);
    if (outcome == OK)
        outcome = jobs_check_actor(&actor, err);
    return outcome == OK ? jobs->backend->retry(jobs, job_id, actor, ret_status, err) : outcome;
}

/* ---- a copy ---------------------------------------------------------------------------------- */
enum outcome jobs_copy(struct jobs *jobs, const char *data_dir, bool (*stop)(void), struct error *err) {
    enum outcome outcome = jobs_check_word("the folder of the copy", data_dir, PATH_MAX, err);
    return outcome == OK ? jobs->backend->copy(jobs, data_dir, stop, err) : outcome;
}

/* ---- keeper and totals ----------------------------------------------------------------------- */
enum outcome jobs_expire(struct jobs *jobs, int *ret_expired, struct error *err) {
    return jobs->backend->expire(jobs, ret_expired, err);
}

enum outcome jobs_record_runs(struct jobs *jobs, int *ret_recorded, struct error *err) {
    return jobs->backend->record_runs(jobs, ret_recorded, err);
}

enum outcome jobs_finish_orders(struct jobs *jobs, int *ret_finished, struct error *err) {
    return jobs->backend->finish_orders(jobs, ret_finished, err);
}

enum outcome jobs_take_in(struct jobs *jobs, int *ret_taken, struct error *err) {
    return jobs->backend->take_in(jobs, ret_taken, err);
}

enum outcome jobs_advance_totals(struct jobs *jobs, bool *ret_advanced, struct error *err) {
    return jobs->backend->advance_totals(jobs, ret_advanced, err);
}

enum outcome jobs_check_clock(struct jobs *jobs, int *ret_mended, struct error *err) {
    return jobs->backend->check_clock(jobs, ret_mended, err);
}

enum outcome jobs_totals(struct jobs *jobs, struct totals *ret, struct error *err) {
    return jobs->backend->totals(jobs, ret, err);
}

void jobs_set_watermark_lag(struct jobs *jobs, int64_t lag_ms) {
    jobs->backend->set_watermark_lag(jobs, lag_ms);
}

#ifdef FILESURE_FAULT_POINTS
void jobs_shift_clock(struct jobs *jobs, int64_t shift_ms) {
    jobs->backend->shift_clock(jobs, shift_ms);
}
#endif
