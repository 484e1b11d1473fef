/* The job store, to use it. Implementations are behind jobs_backend.h; which one is used follows from the
 * configuration.
 *
 * One job document rules a job: each change is one atomic write, and a worker's writes are filtered by its lease token.
 * Facts (filing lists, document rows, run records) are inserted once and never change. Time is the store's: no call
 * takes the caller's clock. A store may be used by several threads at once. Every call has a deadline (jobs_config):
 * past it, RETRY "store_timeout". RETRY "store_down": nothing is known to have happened; every call here may be
 * repeated. */
#pragma once

#include "base/json.h"
#include "core/job.h"

struct jobs;

struct jobs_config {
    const char *data_dir; /* embedded store: <data_dir>/filesure.db, made when missing */
    bool read_only;       /* open an existing store to look at it; GONE when there is none */
    int deadline_ms;      /* of every call; 0: 10 s. The API waits less: it answers 503 within a second */
};

/* In a data folder that is to become a store of a restore; the store itself is made in it and moved out at the end. */
#define PARTIAL_FOLDER ".partial"

/* INVALID "restore_unfinished": the folder holds no store, but what a restore that was cut short left. */
MUST_USE enum outcome jobs_open(const struct jobs_config *config, struct jobs **ret, struct error *err);
void jobs_close(struct jobs *jobs);
MUST_USE enum outcome jobs_ping(struct jobs *jobs, struct error *err);
MUST_USE enum outcome jobs_now_ms(struct jobs *jobs, int64_t *ret, struct error *err); /* the store's clock */

/* ---- placing orders ------------------------------------------------------------------------------------------------
 */
enum { ORDER_ITEMS_MAX = 10000 };

struct jobs_order {
    const struct company *companies; /* checked by the caller (core/company.h) */
    int count;                       /* 1..ORDER_ITEMS_MAX */
    int priority;                    /* higher first */
    bool force;                      /* make a job even when one is open for the company */
    const char *idempotency_key;     /* NULL: none */
    const char *body_sha256;         /* with a key: what the key stands for */
    const char *actor;               /* who asked, for the audit log: "cli:anna", "http"; NULL: "unknown" */
};
struct jobs_placed_item {
    char job_id[OBJECT_ID_MAX];
    struct company company;
    bool created; /* false: the job was open already, or the whole is an answer given before */
};
struct jobs_placed {
    struct jobs_placed_item *items; /* in the order of the companies */
    int count;
    bool replayed; /* the idempotency key was known: this is its first answer again */
};
void jobs_placed_finish(struct jobs_placed *placed);
/* All or none, on disk when it returns OK. INVALID "idempotency_mismatch": same key, another body. A company twice in
 * one order gives one job (unless forced). */
MUST_USE enum outcome jobs_place(struct jobs *jobs, const struct jobs_order *order, struct jobs_placed *ret,
                                 struct error *err);

/* ---- a lease -------------------------------------------------------------------------------------------------------
 */
struct jobs_claim_request {
    const char *owner;  /* pod uid, else host:pid:start */
    const char *job_id; /* NULL: the best one */
    int lease_seconds;
};
struct lease {
    char job_id[OBJECT_ID_MAX];
    char token[TOKEN_MAX];
    int run;
    int lease_seconds;
    bool taken_over; /* another owner's lease had run out */
    bool repeated;   /* a live lease of this owner that nobody had adopted: its earlier claim */
};
/* GONE "nothing_claimable" (best) or, with a job_id: GONE "unknown_job" when there is no such job, GONE "not_claimable"
 * with the reason in the message. A job with a requested cancel found here becomes cancelled and the claim goes on to
 * the next. */
MUST_USE enum outcome jobs_claim(struct jobs *jobs, const struct jobs_claim_request *request, struct lease *ret,
                                 struct error *err);

/* Adoption = start of the run by the process `nonce`: counts rows and attempts. Repeating it with the same nonce is OK.
 * GONE "lease_taken": no such lease any more, or another process adopted it. *ret is the job as adopted. */
MUST_USE enum outcome jobs_adopt(struct jobs *jobs, const char *job_id, const char *token, const char *nonce,
                                 struct job *ret, struct error *err);
/* availableAt = now + lease. DENIED "lease_lost" when the token does not hold the job any more. */
MUST_USE enum outcome jobs_heartbeat(struct jobs *jobs, const char *job_id, const char *token,
                                     const struct run_numbers *numbers, bool *ret_cancel_requested, struct error *err);
struct jobs_end {
    enum run_outcome outcome;               /* any but RUN_LOST */
    const char *error_code, *error_message; /* RUN_FAILED, RUN_EXHAUSTED; else NULL keeps the last error */
    int64_t retry_after_ms;                 /* RUN_FAILED: what the other side asked for */
    bool give_back_attempt;                 /* outage or SIGTERM: the attempt its own adoption took is not counted */
    bool unadopted_only;       /* a claim is released; a lease that a process has adopted is "lease_lost" */
    const char *manifest_name; /* RUN_COMPLETED */
    struct run_numbers numbers;
};
/* *ret_status: what the job is now. A requested cancel turns an end that would be pending into cancelled. When this
 * token's end was applied before (its reply was lost) the answer is OK with the status of then. DENIED "lease_lost":
 * nothing was changed. INVALID "incomplete": RUN_COMPLETED although the list is missing or a filing of it has no row.
 */
MUST_USE enum outcome jobs_end(struct jobs *jobs, const char *job_id, const char *token, const struct jobs_end *end,
                               enum job_status *ret_status, struct error *err);

/* The registry's name replaces a name that is only the CIN. Lease holder only; DENIED "lease_lost". */
MUST_USE enum outcome jobs_name_company(struct jobs *jobs, const char *job_id, const char *token, const char *name,
                                        struct error *err);

/* ---- facts ---------------------------------------------------------------------------------------------------------
 */
/* Inserts the ordered list once; whoever was first wins and *ret is the list that holds. *ret is untouched on failure.
 * This and jobs_add_document: GONE "unknown_job". */
MUST_USE enum outcome jobs_put_filings(struct jobs *jobs, const char *job_id, const struct filing_list *list,
                                       struct filing_list *ret, struct error *err);
MUST_USE enum outcome jobs_get_filings(struct jobs *jobs, const char *job_id, struct filing_list *ret,
                                       struct error *err); /* GONE: none yet */
/* Inserts the row once: *ret_inserted false when somebody has it. id and at are drawn by the store. */
MUST_USE enum outcome jobs_add_document(struct jobs *jobs, const struct document *document, bool *ret_inserted,
                                        struct error *err);
struct document_list {
    struct document *items;
    int count;
};
void document_list_finish(struct document_list *list);
/* Rows of a job by number, from after_number + 1 on, at most limit (0 = all). */
MUST_USE enum outcome jobs_list_documents(struct jobs *jobs, const char *job_id, int after_number, int limit,
                                          struct document_list *ret, struct error *err);
MUST_USE enum outcome jobs_get_document(struct jobs *jobs, const char *document_id, struct document *ret,
                                        struct error *err);
/* Sets have[n] for every number that has a row; have_size > the list's count. */
MUST_USE enum outcome jobs_have_rows(struct jobs *jobs, const char *job_id, bool *have, int have_size, int *ret_count,
                                     struct error *err);

/* ---- looking -------------------------------------------------------------------------------------------------------
 */
MUST_USE enum outcome jobs_get(struct jobs *jobs, const char *job_id, struct job *ret,
                               struct error *err); /* GONE "unknown_job" */
struct jobs_filter {
    const char *status; /* NULL: any */
    const char *cin;    /* exact; NULL: any */
    const char *prefix; /* of the CIN or of the lower-cased company name; NULL: any */
    int limit;          /* 1..500 */
    const char *cursor; /* "next" of the page before; NULL: first. INVALID "bad_cursor" */
};
enum { CURSOR_MAX = 128 };
struct job_list {
    struct job *items; /* newest first */
    int count;
    char next[CURSOR_MAX]; /* "" at the end */
};
void job_list_finish(struct job_list *list);
MUST_USE enum outcome jobs_list(struct jobs *jobs, const struct jobs_filter *filter, struct job_list *ret,
                                struct error *err);
enum { RUNS_LISTED_MAX = 500 }; /* of a job: an outage of days makes more; the newest are shown */
struct run_list {
    struct run_record *items; /* oldest first */
    int count;
};
void run_list_finish(struct run_list *list);
MUST_USE enum outcome jobs_list_runs(struct jobs *jobs, const char *job_id, struct run_list *ret, struct error *err);

struct jobs_counts { /* now, from indexed counts */
    int64_t by_status[JOB_STATUS_COUNT];
    int64_t total, claimable;
    int64_t leased;            /* processing with a lease that has not run out */
    int64_t oldest_waiting_ms; /* age of the oldest claimable one; 0: none */
    int64_t now_ms;
};
MUST_USE enum outcome jobs_count(struct jobs *jobs, struct jobs_counts *ret, struct error *err);

/* ---- a person ------------------------------------------------------------------------------------------------------
 */
/* pending -> cancelled; processing -> cancel requested (*ret_status stays processing). INVALID "not_cancellable" when
 * finished. actor: who asked, for the audit log (NULL: "unknown"). */
MUST_USE enum outcome jobs_cancel(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                                  struct error *err);
/* failed, cancelled -> pending at once, attempts 0. INVALID "not_retryable" (with the reason), INVALID
 * "company_has_open_job". */
MUST_USE enum outcome jobs_retry(struct jobs *jobs, const char *job_id, const char *actor, enum job_status *ret_status,
                                 struct error *err);

/* ---- removing what is finished -------------------------------------------------------------------------------------
 */
enum { PURGE_AFTER_MS = 24 * 60 * 60 * 1000 }; /* a job is kept at least that long after its end */

/* Jobs that ended before before_ms and may be purged now, the longest finished first; limit 1..500, cursor as in
 * jobs_filter. "Ended" is the last change of a finished job. A job may be purged when it is finished, ended more than
 * PURGE_AFTER_MS ago and every fact of it lies below the watermark. */
MUST_USE enum outcome jobs_list_purgeable(struct jobs *jobs, int64_t before_ms, int limit, const char *cursor,
                                          struct job_list *ret, struct error *err);
struct jobs_purge {
    const char *job_id;
    const char *actor; /* NULL: "unknown" */
    bool dry_run;      /* only check and count */
};
struct jobs_purged {
    int64_t rows, runs;
};
/* The job document first, then rows, runs, list and the company's entry; each purge is in the audit log. Totals stay as
 * they are. The job's id is kept among the purged ones until jobs_finish_purges has removed its blobs. GONE
 * "unknown_job"; INVALID "not_purgeable" with the reason. On disk when OK; what a crash left half done is finished by
 * calling it again or by jobs_finish_purges. */
MUST_USE enum outcome jobs_purge(struct jobs *jobs, const struct jobs_purge *request, struct jobs_purged *ret,
                                 struct error *err);
struct purged_job {
    char id[OBJECT_ID_MAX];
    int64_t blobs; /* how many its rows and its manifest named */
    bool removing; /* a blob of it was seen in the blob store: from then on, no blob means that all are removed */
};
struct purged_list {
    struct purged_job *items;
    int count;
};
void purged_list_finish(struct purged_list *list);
/* Purged jobs whose blobs may still be there, by ascending id, after `after` (NULL: from the first). */
MUST_USE enum outcome jobs_list_purged(struct jobs *jobs, const char *after, int limit, struct purged_list *ret,
                                       struct error *err);
/* The caller's, since the job store knows no blobs: whether there is any of the job, and removing every one, for good
 * when OK. */
struct purged_blobs {
    enum outcome (*find)(void *arg, const char *job_id, bool *ret_any, struct error *err);
    enum outcome (*remove)(void *arg, const char *job_id, struct error *err);
    void *arg;
};
/* For each purged job: its blobs are removed, then the id is forgotten. A job that had blobs of which none was ever
 * found is kept: GONE "blobs_not_found", since this may be the wrong blob store. After a failure it goes on with the
 * next job and gives back the first one at the end; RETRY stops. *ret_finished also then. `after` (OBJECT_ID_MAX bytes;
 * may be NULL: all): begins after that id; afterwards where a RETRY stopped, "" when it came to the end. */
MUST_USE enum outcome jobs_finish_purges(struct jobs *jobs, const struct purged_blobs *blobs, char *after,
                                         int *ret_finished, struct error *err);
/* Forgets one without its blobs: somebody knows that they are gone. Not there: OK. */
MUST_USE enum outcome jobs_forget_purged(struct jobs *jobs, const char *job_id, struct error *err);
struct purged_totals {
    int64_t jobs, documents, runs;
};
/* What purges have taken away so far of what jobs_totals counts. */
MUST_USE enum outcome jobs_purged_totals(struct jobs *jobs, struct purged_totals *ret, struct error *err);

/* ---- audit log: who changed what, when -----------------------------------------------------------------------------
 * Orders, cancels, retries and purges enter it with the change itself; what changes no job is entered by the caller. */
enum { ACTOR_MAX = 65, AUDIT_ACTION_MAX = 17, AUDIT_DETAIL_MAX = 4096, AUDIT_JOBS_MAX = 100 };
struct audit_entry {
    char id[OBJECT_ID_MAX];
    int64_t at_ms;
    char actor[ACTOR_MAX];
    char action[AUDIT_ACTION_MAX]; /* order, cancel, retry, purge, backup, restore, repair */
    char job_id[OBJECT_ID_MAX];    /* ""; it names no job or several */
    char *detail;                  /* a JSON object: of an order {jobs, created, priority, force, jobIds (the first
                                    * AUDIT_JOBS_MAX)}; of a cancel or retry {cin, status: what the job is now}; of a
                                    * purge {cin, status, endedAt, rows, runs} */
};
struct audit_list {
    struct audit_entry *items; /* newest first */
    int count;
    char next[CURSOR_MAX]; /* "" at the end */
};
void audit_list_finish(struct audit_list *list);
/* {id, at, actor, action, jobId or null, detail}, as people and programs are shown it; a damaged detail is {}. */
json_t *audit_entry_json(const struct audit_entry *entry);
/* detail: a JSON object, at most AUDIT_DETAIL_MAX bytes; NULL: {}. */
MUST_USE enum outcome jobs_audit(struct jobs *jobs, const char *actor, const char *action, const char *detail,
                                 struct error *err);
/* limit 1..500; cursor NULL: the newest. INVALID "bad_cursor". */
MUST_USE enum outcome jobs_list_audit(struct jobs *jobs, int limit, const char *cursor, struct audit_list *ret,
                                      struct error *err);

/* ---- a copy --------------------------------------------------------------------------------------------------------
 * The whole store as it was at one instant, as a store of its own in that folder (made when missing), on disk when OK.
 * Writers go on meanwhile. No deadline of its own: it takes as long as the store is big; `stop` (may be NULL) true ends
 * it with RETRY "stopped", leaving nothing. INVALID "store_exists" when the folder holds a store; INVALID
 * "not_embedded" when this store is no file; FATAL "disk_full". */
MUST_USE enum outcome jobs_copy(struct jobs *jobs, const char *data_dir, bool (*stop)(void), struct error *err);

/* ---- keeper: every step may run in several processes at once
 * ------------------------------------------------------------ */
MUST_USE enum outcome jobs_expire(struct jobs *jobs, int *ret_expired,
                                  struct error *err); /* leases that ran out -> pending */
MUST_USE enum outcome jobs_record_runs(struct jobs *jobs, int *ret_recorded,
                                       struct error *err); /* `ended` -> run records */
MUST_USE enum outcome jobs_finish_orders(struct jobs *jobs, int *ret_finished,
                                         struct error *err); /* unfinished batches; old keys */
MUST_USE enum outcome jobs_take_in(struct jobs *jobs, int *ret_taken,
                                   struct error *err); /* jobs other programs inserted */
MUST_USE enum outcome jobs_advance_totals(struct jobs *jobs, bool *ret_advanced, struct error *err); /* the watermark */
MUST_USE enum outcome jobs_check_clock(struct jobs *jobs, int *ret_mended,
                                       struct error *err); /* a clock set back strands no job */

/* ---- counters that survive pods ------------------------------------------------------------------------------------
 */
enum { TOTALS_BUCKETS = 14 };
extern const int64_t totals_buckets_ms[TOTALS_BUCKETS]; /* upper bounds; the last bucket of a histogram is +Inf */
struct totals_histogram {
    int64_t counts[TOTALS_BUCKETS + 1]; /* not cumulative */
    int64_t sum_ms;
};
struct totals {
    int64_t up_to_ms; /* the watermark */
    int64_t jobs_placed;
    int64_t documents[3];   /* by document_state */
    int64_t document_bytes; /* of originals */
    int64_t pages;
    int64_t runs[7];                                 /* by run_outcome; entries that are no run are not counted */
    int64_t attempts_portal_requests, portal_errors; /* sums over run records */
    struct totals_histogram download, read, store, run;
};
/* Sums over every fact, on both sides of the watermark. Facts only: `ended` entries count once they are run records. */
MUST_USE enum outcome jobs_totals(struct jobs *jobs, struct totals *ret, struct error *err);
/* For tests and fsck: how far behind the watermark stays (default 5 min). */
void jobs_set_watermark_lag(struct jobs *jobs, int64_t lag_ms);
