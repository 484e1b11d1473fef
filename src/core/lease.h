/* The transition rules of a job: who may take it, and what a claim, adoption, heartbeat, end, expiry, cancel or retry
 * makes of it.
 *
 *  order ──> pending ──claim──> processing ──end: filings left──────────> pending
 *               ^                   │ ├─────end: every filing has a row──> completed
 *               │   lease ran out   │ ├─────end: run failed──────────────> pending, after a back-off
 *               └───────────────────┘ ├─────end: attempts used up────────> failed
 *                                     └─────cancel requested─────────────> cancelled
 *  failed, cancelled ──retry──> pending
 *
 * Pure: no I/O, no clock, no random source; time is the store's and is passed in. Each function looks at a job, changes
 * it or leaves it untouched, and says which. A store applies one function within one atomic write; the protocol model
 * explores these very functions. */
#pragma once

#include "core/job.h"

#define INTAKE_AFTER_MS                                                                                                \
    ((int64_t)10 * 60 * 1000) /* a job another program holds is taken over when it is silent this long */

/* The entries a store knows of one job: those in `ended`, then those in `runs`. Looking one token up is enough. */
struct ended_list {
    const struct run_record *items;
    int count;
};
const struct run_record *ended_find(const struct ended_list *list, const char *token); /* NULL: not there */

/* A job as it is when an order made it: pending and due at once. */
/* What the store counted of its rows: the counts that a job shows are never added up. */
void job_count_rows(struct job *job, const struct completeness *rows);
void job_place(struct job *job, const char *id, const struct company *company, int priority, int64_t now_ms,
               int64_t at_ms);

/* Claimable = pending or processing, and available_at_ms is set and not after now. Pending: "not before"; processing:
 * end of the lease. */
bool job_claimable(const struct job *job, int64_t now_ms);
bool job_lease_live(const struct job *job, int64_t now_ms);

/* ---- claim ----------------------------------------------------------------------------------- */
/* A live lease of this owner that no process has adopted: its earlier claim, whose reply may have been lost. */
bool lease_claimed_before(const struct job *job, const char *owner, int64_t now_ms);

enum claim_result {
    CLAIM_REFUSED,    /* not claimable; untouched */
    CLAIM_TAKEN,      /* leased under the token */
    CLAIM_TAKEN_OVER, /* the same, and another lease had run out: *ret_ended is its entry */
    CLAIM_CANCELLED,  /* a requested cancel was found: the job is cancelled, this is no claim; *ret_ended is the old
                         lease's entry */
};
/* `token` is drawn anew for every try. */
enum claim_result lease_claim(struct job *job, const char *owner, const char *token, int lease_seconds, int64_t now_ms,
                              struct run_record *ret_ended);

/* ---- adopt, heartbeat ------------------------------------------------------------------------ */
enum adopt_result {
    ADOPT_REFUSED,  /* the token holds no lease, or another process adopted it; untouched */
    ADOPT_STARTED,  /* attempts counted: 1 when rows came since the last start, else one more */
    ADOPT_REPEATED, /* this process adopted it before; untouched */
};
enum adopt_result lease_adopt(struct job *job, const char *token, const char *nonce, int rows, int64_t now_ms);
/* False: the token does not hold the job. numbers NULL: as they are. The time a claim waited is the store's and is
 * kept. */
bool lease_beat(struct job *job, const char *token, const struct run_numbers *numbers, int64_t now_ms);
/* The registry's name replaces a name that is only the CIN. False: the token does not hold the job. */
bool lease_name_company(struct job *job, const char *token, const char *name);

/* ---- end ------------------------------------------------------------------------------------- */
struct lease_end {
    enum run_outcome outcome;               /* any but RUN_LOST */
    const char *error_code, *error_message; /* NULL: the job's last error stays */
    int64_t retry_after_ms;
    bool give_back_attempt;
    bool unadopted_only;       /* a claim is released: a lease that a process has adopted is END_LOST */
    const char *manifest_name; /* RUN_COMPLETED */
    struct run_numbers numbers;
    struct completeness rows; /* counted by the store; expected -1: no filings list yet */
    uint64_t random;          /* for the back-off */
};
enum end_result {
    END_LOST,       /* the token does not hold the job and no entry says that it ended it; untouched */
    END_DONE,       /* *ret_ended is the entry */
    END_REPEATED,   /* the token ended the job before: *ret_ended is that entry; untouched */
    END_INCOMPLETE, /* RUN_COMPLETED, but a filing has no row or there is no list; untouched */
};
enum end_result lease_end(struct job *job, const struct ended_list *ended, const char *token,
                          const struct lease_end *end, int64_t now_ms, struct run_record *ret_ended);

/* Processing and past its lease -> pending (or cancelled, when that was requested). False: untouched. */
bool lease_expire(struct job *job, int64_t now_ms, struct run_record *ret_ended);

/* ---- a person -------------------------------------------------------------------------------- */
enum cancel_result {
    CANCEL_REFUSED,   /* finished already; untouched */
    CANCEL_DONE,      /* pending -> cancelled; *ret_ended is an entry that is no run, under the fresh token */
    CANCEL_REQUESTED, /* processing: its next end, expiry or take-over cancels it */
};
enum cancel_result job_cancel(struct job *job, const char *fresh_token, int64_t now_ms, struct run_record *ret_ended);

enum retry_result {
    RETRY_REFUSED, /* not failed or cancelled; untouched */
    RETRY_TAKEN,   /* another open job is the company's; untouched */
    RETRY_DONE,    /* pending at once; the company's open job is this one from now on */
};
/* company_job: the job that `companies` names for this company, NULL when it names none. */
enum retry_result job_retry(struct job *job, const struct job *company_job, int64_t now_ms);
/* Whether an unforced order of this company is answered by that job instead of a new one. NULL: nobody is named. */
bool company_job_answers(const struct job *company_job);

/* ---- keeper ---------------------------------------------------------------------------------- */
/* A job another program inserted (available_at_ms 0): pending at once, processing when silent for INTAKE_AFTER_MS
 * (cancelled, when that was requested). */
bool job_take_in(struct job *job, int64_t now_ms, int64_t at_ms);
/* A store clock that was set back strands no job: a lease ends at most its own length from now, a back-off at most its
 * cap. */
bool job_mend_clock(struct job *job, int64_t now_ms);
