/* The job store, to write one. jobs.c checks arguments and dispatches; an implementation fills the table and embeds
 * `struct jobs` as the first member of its own struct. What each call does, and which errors it gives, is the contract
 * of jobs.h; the rules themselves are core/lease.h, which every implementation agrees with.
 *
 * Ownership: pointers in requests belong to the caller and are valid during the call only. What a ret_… points to is
 * made by the implementation (x_alloc family) on success and freed by the caller with the finish function that jobs.h
 * names. `err` may be NULL. Threads: every call may come from several threads at once. */
#pragma once

#include "jobs/jobs.h"

struct jobs_backend {
    const char *name; /* "sqlite", "mongo": a word for tests and messages */

    void (*close)(struct jobs *jobs); /* frees jobs too; no other call is running */
    enum outcome (*ping)(struct jobs *jobs, struct error *err);
    enum outcome (*now_ms)(struct jobs *jobs, int64_t *ret, struct error *err);

    /* count is 1..ORDER_ITEMS_MAX. ret->items is allocated with x_alloc */
    enum outcome (*place)(struct jobs *jobs, const struct jobs_order *order, struct jobs_placed *ret,
                          struct error *err);

    /* Ids, tokens, nonces and owners are not empty and fit; lease_seconds is 1..LEASE_SECONDS_MAX */
    enum outcome (*claim)(struct jobs *jobs, const struct jobs_claim_request *request, struct lease *ret,
                          struct error *err);
    enum outcome (*adopt)(struct jobs *jobs, const char *job_id, const char *token, const char *nonce, struct job *ret,
                          struct error *err);
    enum outcome (*heartbeat)(struct jobs *jobs, const char *job_id, const char *token,
                              const struct run_numbers *numbers, bool *ret_cancel_requested, struct error *err);
    enum outcome (*end)(struct jobs *jobs, const char *job_id, const char *token, const struct jobs_end *end,
                        enum job_status *ret_status, struct error *err);
    enum outcome (*name_company)(struct jobs *jobs, const char *job_id, const char *token, const char *name,
                                 struct error *err);

    /* Lists come ordered and numbered; ret->items is allocated with x_alloc (NULL when empty) */
    enum outcome (*put_filings)(struct jobs *jobs, const char *job_id, const struct filing_list *list,
                                struct filing_list *ret, struct error *err);
    enum outcome (*get_filings)(struct jobs *jobs, const char *job_id, struct filing_list *ret, struct error *err);
    enum outcome (*add_document)(struct jobs *jobs, const struct document *document, bool *ret_inserted,
                                 struct error *err);
    enum outcome (*list_documents)(struct jobs *jobs, const char *job_id, int after_number, int limit,
                                   struct document_list *ret, struct error *err);
    enum outcome (*get_document)(struct jobs *jobs, const char *document_id, struct document *ret, struct error *err);
    enum outcome (*have_rows)(struct jobs *jobs, const char *job_id, bool *have, int have_size, int *ret_count,
                              struct error *err);

    enum outcome (*get)(struct jobs *jobs, const char *job_id, struct job *ret, struct error *err);
    /* limit is 1..LIST_LIMIT_MAX; status is one of the five words or NULL; prefix is not empty or NULL; cursor likewise
     */
    enum outcome (*list)(struct jobs *jobs, const struct jobs_filter *filter, struct job_list *ret, struct error *err);
    enum outcome (*list_runs)(struct jobs *jobs, const char *job_id, struct run_list *ret, struct error *err);
    enum outcome (*count)(struct jobs *jobs, struct jobs_counts *ret, struct error *err);

    /* actor is never NULL and fits */
    enum outcome (*cancel)(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                           struct error *err);
    enum outcome (*retry)(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                          struct error *err);

    /* limit is 1..LIST_LIMIT_MAX; an empty cursor comes as NULL */
    enum outcome (*list_purgeable)(struct jobs *jobs, int64_t before_ms, int limit, const char *cursor,
                                   struct job_list *ret, struct error *err);
    enum outcome (*purge)(struct jobs *jobs, const struct jobs_purge *request, struct jobs_purged *ret,
                          struct error *err);
    /* purge keeps the job's id with the number of blobs that its rows and its manifest named, and adds what the totals
     * counted of it to purged_totals, both with the purge itself. after is "" for the first page */
    enum outcome (*list_purged)(struct jobs *jobs, const char *after, int limit, struct purged_list *ret,
                                struct error *err);
    enum outcome (*find_purged)(struct jobs *jobs, const char *job_id, struct purged_job *ret, bool *ret_found,
                                struct error *err);
    /* `removing` is set: on disk when OK, since removals that outlast a power cut follow */
    enum outcome (*mark_purged)(struct jobs *jobs, const char *job_id, struct error *err);
    enum outcome (*forget_purged)(struct jobs *jobs, const char *job_id, struct error *err);
    enum outcome (*purged_totals)(struct jobs *jobs, struct purged_totals *ret, struct error *err);

    /* detail is a JSON object that fits */
    enum outcome (*audit)(struct jobs *jobs, const char *actor, const char *action, const char *detail,
                          struct error *err);
    enum outcome (*list_audit)(struct jobs *jobs, int limit, const char *cursor, struct audit_list *ret,
                               struct error *err);
    enum outcome (*copy)(struct jobs *jobs, const char *data_dir, bool (*stop)(void), struct error *err);

    enum outcome (*expire)(struct jobs *jobs, int *ret_expired, struct error *err);
    enum outcome (*record_runs)(struct jobs *jobs, int *ret_recorded, struct error *err);
    enum outcome (*finish_orders)(struct jobs *jobs, int *ret_finished, struct error *err);
    enum outcome (*take_in)(struct jobs *jobs, int *ret_taken, struct error *err);
    enum outcome (*advance_totals)(struct jobs *jobs, bool *ret_advanced, struct error *err);
    enum outcome (*check_clock)(struct jobs *jobs, int *ret_mended, struct error *err);

    enum outcome (*totals)(struct jobs *jobs, struct totals *ret, struct error *err);
    void (*set_watermark_lag)(struct jobs *jobs, int64_t lag_ms);

    /* Tests only: from now on this handle sees the store's clock moved by that much (several calls add up). */
    void (*shift_clock)(struct jobs *jobs, int64_t shift_ms);
};

struct jobs {
    const struct jobs_backend *backend;
};

enum {
    LEASE_SECONDS_MAX = 3600,
    LIST_LIMIT_MAX = 500,
    STORE_DEADLINE_MS = 10000 /* unless the configuration says otherwise */
};
#define WATERMARK_LAG_MS ((int64_t)5 * 60 * 1000)
#define ORDER_KEY_LIFE_MS ((int64_t)24 * 60 * 60 * 1000)

enum outcome jobs_sqlite_open(const struct jobs_config *config, struct jobs **ret, struct error *err);

/* What of totals is the same for every implementation: adding facts, and the sums as JSON. */
void totals_add_document(struct totals *totals,
                         const struct document *document); /* looks at state, sizes, pages and times only */
void totals_add_run(struct totals *totals, const struct run_record *run); /* run 0 is no run */
void totals_add(struct totals *totals, const struct totals *more);        /* sums; up_to_ms stays */
char *totals_to_json(const struct totals *totals);                        /* without up_to_ms; the caller frees */
MUST_USE enum outcome totals_from_json(const char *text, struct totals *ret, struct error *err);

#ifdef FILESURE_FAULT_POINTS
void jobs_shift_clock(struct jobs *jobs, int64_t shift_ms);
#endif
