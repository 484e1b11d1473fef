/* Jobs: one document rules a job; its states and what each transition does are pure rules here and in core/lease.h. */
#pragma once

#include "core/document.h"

enum job_status { JOB_PENDING, JOB_PROCESSING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED };
enum { JOB_STATUS_COUNT = 5 };
const char *job_status_name(enum job_status status);
bool job_status_parse(const char *text, enum job_status *ret);
static inline bool job_status_open(enum job_status status) {
    return status == JOB_PENDING || status == JOB_PROCESSING;
}

/* How a run ended: the word in `ended` and in the run record. */
enum run_outcome {
    RUN_PENDING,     /* batch done, filings left */
    RUN_COMPLETED,   /* every filing has a row */
    RUN_FAILED,      /* portal, store or reader trouble: tried again after a back-off */
    RUN_EXHAUSTED,   /* MAX_ATTEMPTS used up, seen at start: the job is failed */
    RUN_CANCELLED,   /* cancel was requested */
    RUN_INTERRUPTED, /* SIGTERM, or a claim released */
    RUN_LOST,        /* lease ran out: expiry or take-over wrote it */
};
const char *run_outcome_name(enum run_outcome outcome);
bool run_outcome_parse(const char *text, enum run_outcome *ret);

enum { TOKEN_MAX = 33, OWNER_MAX = 129, LAST_ERROR_MAX = 513 };

/* The run's own numbers: carried by heartbeats and by the end; facts of the run record. */
struct run_numbers {
    int listed;                                            /* filings in the list */
    int had_rows;                                          /* rows there at the start */
    int downloaded, uploaded, stored, unreadable, missing; /* of this run */
    int portal_requests, portal_errors;
    int64_t downloaded_bytes;
    int64_t run_ms, claim_wait_ms; /* length of the run; availableAt -> claim */
};

struct completeness {
    int expected, stored, unreadable, missing;
};

struct job {
    char id[OBJECT_ID_MAX];
    struct company company;
    enum job_status status;
    int priority;
    int64_t created_at_ms, updated_at_ms, at_ms;
    int64_t available_at_ms;
    /* processingStages.documentDownload */
    int total_documents, downloaded_documents;
    /* lease; token "" when not leased */
    char lease_token[TOKEN_MAX], lease_owner[OWNER_MAX], adopted_by[TOKEN_MAX];
    int lease_seconds;
    int64_t locked_at_ms;
    int runs, attempts, rows_seen;
    int64_t backoff_ms;
    char error_code[ERROR_CODE_MAX], error_message[LAST_ERROR_MAX];
    int64_t error_at_ms;
    bool cancel_requested;
    struct completeness completeness;
    char manifest_name[BLOB_NAME_MAX];
    int64_t completed_at_ms; /* 0: not completed */
    struct run_numbers run;  /* of the run that holds the lease, as of its last heartbeat */
};

/* One run that ended: from `ended` or from the run records. */
struct run_record {
    char token[TOKEN_MAX];
    char job_id[OBJECT_ID_MAX];
    int run; /* 1.. ; 0 for an entry that is no run (cancel of a pending job) */
    enum run_outcome outcome;
    enum job_status job_status; /* what the job became */
    char owner[OWNER_MAX];
    int64_t started_at_ms, ended_at_ms;
    char error_code[ERROR_CODE_MAX], error_message[LAST_ERROR_MAX];
    struct run_numbers numbers;
    int64_t at_ms; /* store time of insertion as a record; 0 while only in `ended` */
};

/* Why an open job is not being worked on, or that it is. Pure: from the job, the store's time and the number of
 * workers. */
enum waiting_reason {
    WAIT_NONE,
    WAIT_QUEUED,
    WAIT_BACKOFF,
    WAIT_RATE_LIMITED,
    WAIT_NO_WORKER,
    WAIT_LEASED,
    WAIT_CANCELLING
};
struct waiting {
    enum waiting_reason reason;
    int64_t since_ms, until_ms; /* until 0: not known */
};
const char *waiting_reason_name(enum waiting_reason reason);
/* active_leases: leases held now by anybody; a job due for more than no_worker_after_ms while none is held waits for a
 * worker. */
struct waiting job_waiting(const struct job *job, int64_t now_ms, int active_leases, int64_t no_worker_after_ms);
