/* How a run ends: what its steps came to, as the store is told. */
#include "base/str.h"
#include "core/blob_name.h"
#include "core/fault.h"
#include "core/manifest.h"
#include "worker/run.h"

enum outcome run_end_completed(struct run *run, struct ending *ret) {
    CLEANUP(document_list_finish) struct document_list rows = {0};
    AUTO_BUF struct buf bytes = BUF_INIT(MANIFEST_MAX_BYTES);
    char sha256[HASH_HEX_MAX];
    struct error *err = &ret->error;
    FAULT_POINT("before_manifest");
    enum outcome outcome = run_note_store(run, jobs_list_documents(run->jobs, run->job.id, 0, 0, &rows, err), err);
    if (outcome == OK) {
        outcome = manifest_build(run->job.id, run->job.company.cin, &run->list, rows.items, rows.count, &bytes, err);
    }
    if (outcome != OK) {
        return outcome;
    }
    hash_hex(HASH_SHA256, bytes.data, bytes.size_bytes, sha256);
    blob_name_manifest(run->job.id, sha256, ret->manifest_name);
    outcome = run_put_blob(run, ret->manifest_name, bytes.data, bytes.size_bytes, err);
    if (outcome == OK) {
        FAULT_POINT("after_manifest");
        ret->outcome = RUN_COMPLETED;
    }
    return outcome;
}

void run_end_failed(struct run *run, struct ending *ending) {
    struct portal_numbers portal = {0};
    if (run->portal) {
        portal_numbers(run->portal, &portal);
    }
    (void)pthread_mutex_lock(&run->lock);
    bool store_trouble = run->store_trouble;
    (void)pthread_mutex_unlock(&run->lock);
    bool portal_outage =
        ending->error.outcome == RETRY && portal.requests > 0 && portal.answered <= run->asides_answered;
    ending->outcome = RUN_FAILED;
    ending->give_back = store_trouble || portal_outage;
    *ending->manifest_name = '\0';
}

bool run_end_halted(struct run *run, struct ending *ending) {
    struct run_numbers numbers;
    run_get_numbers(run, &numbers);
    switch (halt_reason(run->halt)) {
    case HALT_NONE:
        return false;
    case HALT_STOP:
        *ending = (struct ending){.outcome = RUN_INTERRUPTED, .give_back = true};
        return true;
    case HALT_CANCEL:
        *ending = (struct ending){.outcome = RUN_CANCELLED};
        return true;
    case HALT_RUN_TIME:
        *ending = (struct ending){.outcome = numbers.uploaded > 0 ? RUN_PENDING : RUN_FAILED};
        (void)error_set(&ending->error, RETRY, "run_time", "the run took %d s (RUN_SECONDS)", run->config->run_seconds);
        return true;
    case HALT_LOST:
    case HALT_OVERDUE:
        break;
    }
    *ending = (struct ending){.outcome = RUN_FAILED, .give_back = true};
    (void)error_set(&ending->error, RETRY, "store_down", "the lease could not be renewed in time");
    return true;
}

void run_end_exhausted(const struct run *run, struct ending *ending) {
    const struct job *job = &run->job;
    ending->outcome = RUN_EXHAUSTED;
    (void)error_set(&ending->error, FATAL, "too_many_attempts",
                    "%d runs in a row stored no new document; the last error was %s%s%s", job->attempts - 1,
                    *job->error_code ? job->error_code : "not recorded", *job->error_message ? ": " : "",
                    job->error_message);
}
