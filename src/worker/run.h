/* One run of one job: what its steps share. Of src/worker only. */
#pragma once

#include <pthread.h>

#include "blobs/blobs.h"
#include "jobs/jobs.h"
#include "pdf/pdf.h"
#include "portal/portal.h"
#include "worker/halt.h"
#include "worker/heartbeat.h"
#include "worker/metrics.h"
#include "worker/worker.h"

struct run {
    const struct worker_config *config;
    struct worker_metrics *metrics;
    struct halt *halt;
    struct heartbeat *heartbeat; /* NULL before the lease is adopted */

    struct jobs *jobs;
    struct blobs *blobs;
    struct portal *portal;
    pthread_mutex_t reader_lock;
    struct pdf_reader *reader; /* started by the first filing that was downloaded */

    struct job job; /* as adopted */
    char token[TOKEN_MAX];
    struct filing_list list;
    bool *have;          /* have[n]: filing n had a row when the run looked */
    int rows;            /* how many had one */
    int64_t began_ms;    /* monotonic: adoption */
    int asides_answered; /* answers of the portal to requests that are not about filings */
    bool abandoned;      /* a thread still works with this memory */

    pthread_mutex_t lock; /* of what follows */
    struct run_numbers numbers;
    bool store_trouble; /* job store or blob store away or full: no fault of this job */
};

/* How the run is to be ended. */
struct ending {
    enum run_outcome outcome;
    struct error error;
    bool give_back;
    char manifest_name[BLOB_NAME_MAX];
};

/* ---- run_lease.c: claim, adoption, end; each repeated while the store is away ---- */

/* Opens the store and gets the lease. False: there is nothing to run, *ret_code is the exit code and the reason is
 * logged. */
bool run_take_lease(struct run *run, const struct worker_task *task, int *ret_code);
/* Hands the job back; the exit code. */
int run_give_lease(struct run *run, const struct ending *ending);

/* ---- run_end.c: what a run came to ---- */

/* Every filing has a row: stores the manifest and says so in *ret; else the error is in ret->error. */
MUST_USE enum outcome run_end_completed(struct run *run, struct ending *ret);
/* ending->error says why. An outage (stores, portal) is not held against the job. */
void run_end_failed(struct run *run, struct ending *ending);
/* A run that was halted ends as the reason says, whatever its steps reported. False: it was not halted. */
bool run_end_halted(struct run *run, struct ending *ending);
/* MAX_ATTEMPTS are used up: nothing was tried in this run. */
void run_end_exhausted(const struct run *run, struct ending *ending);

/* ---- document.c: what becomes of one filing ---- */

struct document_source {
    const struct filing *filing;
    const void *bytes; /* NULL: the registry does not have the filing */
    size_t size_bytes;
    const struct pdf_reading *reading; /* NULL when bytes is */
    int64_t download_ms, read_ms;
};
/* Blobs, then row. *ret_inserted false: another run had made the row. RETRY "halted" when the run may not go on. */
MUST_USE enum outcome document_store(struct run *run, const struct document_source *source, bool *ret_inserted,
                                     struct error *err);
/* A blob of the run, measured; trouble is noted in the run. */
MUST_USE enum outcome run_put_blob(struct run *run, const char *name, const void *bytes, size_t size_bytes,
                                   struct error *err);
/* RETRY "halted" naming the reason when the run may not go on; else OK. */
MUST_USE enum outcome run_check(struct run *run, struct error *err);
/* Notes an error of a store for how the run is ended; returns `outcome`. */
enum outcome run_note_store(struct run *run, enum outcome outcome, const struct error *err);
/* The run's own numbers with those of the portal; `context` is the run. */
void run_get_numbers(void *context, struct run_numbers *ret);
