/* What the stores make of requests for facts: filings list, blobs, rows, manifest, entries and run records. These rules
 * are not in core: each is one statement of a store (the real ones are named beside it). */
#include <assert.h>
#include <string.h>

#include "model/step.h"

/* src/jobs: insert once, whoever was first wins (jobs_put_filings). */
void facts_put_list(struct step *step, const struct world_request *request, struct answer *ret) {
    if (step->to.list == LIST_NONE) {
        step->to.list = request->value;
    } else if (off(step->config, GUARD_LIST_ONCE) && step->to.list != request->value) {
        step->to.list = request->value;
        step_break(step, "list_never_changes");
    }
    ret->list = step->to.list;
}

/* src/blobs (blobs_put): put if the name is free; there with the same bytes: done; with other bytes: overwritten. */
void facts_put_blob(struct step *step, const struct world_request *request) {
    const struct model_config *config = step->config;
    uint8_t *blob = &step->to.blobs[request->number][blob_slot(config, request->value)];
    bool free = *blob == BLOB_ABSENT;
    bool other = *blob != request->value;
    if (free || off(config, GUARD_BLOB_CONDITION) || (other && !off(config, GUARD_BLOB_REPAIR))) {
        *blob = request->value;
    }
}

/* src/jobs: unique (job, number), insert once (jobs_add_document). */
void facts_add_row(struct step *step, const struct world_request *request) {
    uint8_t *row = &step->to.rows[request->number];
    if (*row == 0) {
        *row = request->value;
        step->to.fruitless = 0;
    } else if (off(step->config, GUARD_ROW_ONCE)) {
        if (*row != request->value) {
            step_break(step, "row_never_changes");
        }
        *row = request->value;
    }
}

/* All manifests of a job are the same bytes, so one place is enough. */
void facts_put_manifest(struct step *step, const struct world_request *request) {
    if (step->to.manifest_blob != 0 && step->to.manifest_blob != request->value) {
        step_break(step, "manifest_is_one");
    }
    step->to.manifest_blob = request->value;
}

void facts_append_entry(struct step *step, uint8_t token, uint8_t outcome, uint8_t ender) {
    struct world_entry *entry = &step->to.entries[token - 1];
    if (entry->place != ENTRY_NONE) {
        step_break(step, "every_run_recorded_once");
    }
    bool moved = step->config->records;
    *entry = (struct world_entry){moved ? ENTRY_ENDED : ENTRY_RECORDED, outcome, ender};
}

/* src/jobs: insert the record under the token, once; then pull the entry (jobs_record_runs). */
void facts_record(struct step *step, const struct world_request *request) {
    uint8_t *place = &step->to.entries[request->token - 1].place;
    switch ((enum entry_place) * place) {
    case ENTRY_ENDED:
        *place = ENTRY_BOTH;
        break;
    case ENTRY_NOWHERE:
        *place = ENTRY_RECORDED;
        break;
    case ENTRY_BOTH:
    case ENTRY_RECORDED:
    case ENTRY_TWICE:
        if (off(step->config, GUARD_RECORD_ONCE)) {
            *place = ENTRY_TWICE;
            step_break(step, "every_run_recorded_once");
        }
        break;
    case ENTRY_NONE:
        assert(!"a record of a run that did not end");
    }
}

void facts_pull(struct step *step, uint8_t token) {
    uint8_t *place = &step->to.entries[token - 1].place;
    if (*place == ENTRY_BOTH) {
        *place = ENTRY_RECORDED;
    } else if (*place == ENTRY_ENDED) {
        *place = ENTRY_NOWHERE;
        step_break(step, "every_run_recorded_once");
    }
}

static bool named(const struct step *step, int filing, int slot) {
    uint8_t row = step->to.rows[filing];
    return row && blob_slot(step->config, row) == slot;
}

/* filesure fsck: removes blobs that nothing names, of completed jobs only. False: nothing to do. */
bool facts_fsck(struct step *step, int filing, int slot) {
    bool may = step->to.job.status == JOB_COMPLETED || off(step->config, GUARD_FSCK_COMPLETED);
    uint8_t *blob = &step->to.blobs[filing][slot];
    if (!may || *blob == BLOB_ABSENT || named(step, filing, slot)) {
        return false;
    }
    *blob = BLOB_ABSENT;
    return true;
}
