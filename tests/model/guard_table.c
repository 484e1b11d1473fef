/* Each guard of the protocol: without it the search must find a trace. Two that cover for each other are removed
 * together, and each alone is named redundant with the reason. */
#include "base/macros.h"
#include "model/configs.h"

#define BIT(name) ((uint64_t)1 << GUARD_##name)

static const struct guard_case guards[] = {
    /* claim */
    {"claim_due", "only a job whose availableAt has come is claimed", BIT(CLAIM_DUE), "leases", "live_lease_is_kept",
     NULL},
    {"claim_open", "only an open job is claimed", BIT(CLAIM_OPEN), "leases", "finished_is_final", NULL},
    {"claim_cancel", "a requested cancel found at take-over cancels", BIT(CLAIM_CANCEL), "person", "cancel_is_kept",
     NULL},
    {"claim_unadopted", "a claim begins unadopted", BIT(CLAIM_UNADOPTED), "leases", "claim_is_unadopted", NULL},
    {"fresh_token", "the token is drawn anew for every try", BIT(FRESH_TOKEN), "late", "token_leases_once", NULL},
    {"lost_entry", "a take-over appends the old lease to `ended`", BIT(LOST_ENTRY), "leases", "every_run_recorded_once",
     NULL},
    {"claim_expired", "a lease that ran out is taken over", BIT(CLAIM_EXPIRED), "leases", NULL,
     "the keeper's expiry makes the job pending; without a keeper the take-over is what is left"},
    {"expire", "keepers expire leases", BIT(EXPIRE), "leases", NULL,
     "a claim takes the lease over; the keeper matters for KEDA's count and for cancels while nobody claims"},
    {"claim_expired+expire", "both of them", BIT(CLAIM_EXPIRED) | BIT(EXPIRE), "leases", "goal_reachable", NULL},
    {"owner_look", "an owner looks for its earlier claim first", BIT(OWNER_LOOK), "leases", NULL,
     "a claim whose reply was lost then lies idle until it runs out: only time is lost"},
    /* adopt, heartbeat */
    {"adopt_token", "adopt: filter leaseToken", BIT(ADOPT_TOKEN), "leases", "lost_lease_writes_nothing", NULL},
    {"adopted_by", "adopt: filter no adoptedBy", BIT(ADOPTED_BY), "pod", "one_runner_per_token", NULL},
    {"rows_seen", "new rows reset the attempts", BIT(ROWS_SEEN), "attempts", "attempts_count_starts", NULL},
    {"count_at_start", "attempts are counted by adoption, not by claim", BIT(COUNT_AT_START), "attempts",
     "attempts_count_starts", NULL},
    {"beat_token", "heartbeat: filter leaseToken", BIT(BEAT_TOKEN), "leases", "lost_lease_writes_nothing", NULL},
    /* end, expiry */
    {"end_token", "end: filter leaseToken", BIT(END_TOKEN), "leases", "lost_lease_writes_nothing", NULL},
    {"end_cancel", "an end that would be pending heeds a requested cancel", BIT(END_CANCEL), "person", "cancel_is_kept",
     NULL},
    {"flag_cleared", "ends, retry and claim clear the request", BIT(FLAG_CLEARED), "person", "request_while_leased",
     NULL},
    {"complete_look", "a worker counts the rows before it says completed", BIT(COMPLETE_LOOK), "documents",
     "completed_is_complete", NULL},
    {"complete_rule", "the store refuses completed while a row is missing", BIT(COMPLETE_RULE), "three filings", NULL,
     "a worker that keeps to the protocol has counted; the store's count is for one that does not"},
    {"give_back", "only an adopted lease gives an attempt back", BIT(GIVE_BACK), "attempts", "attempts_count_starts",
     NULL},
    {"release", "a release ends only a lease that nobody adopted", BIT(RELEASE), "pod", "end_claimed_is_own", NULL},
    {"expire_whole", "expiry is one update whose filter is the whole predicate", BIT(EXPIRE_WHOLE), "keeper",
     "live_lease_is_kept", NULL},
    {"expire_cancel", "an expiry heeds a requested cancel", BIT(EXPIRE_CANCEL), "person", "cancel_is_kept", NULL},
    {"expire_entry", "an expiry appends the lease to `ended`", BIT(EXPIRE_ENTRY), "leases", "every_run_recorded_once",
     NULL},
    {"look_order", "one's end is looked for in `ended`, then in `runs`", BIT(LOOK_ORDER), "records",
     "own_end_is_recognised", NULL},
    {"look_lost", "an entry `lost` is no end of one's own", BIT(LOOK_LOST), "leases", "end_claimed_is_own", NULL},
    {"look_token", "only the entry of one's own token counts", BIT(LOOK_TOKEN), "records", "own_end_is_recognised",
     NULL},
    /* run records */
    {"record_once", "a run record's _id is the token", BIT(RECORD_ONCE), "records", "every_run_recorded_once", NULL},
    {"record_order", "the record is inserted, then the entry pulled", BIT(RECORD_ORDER), "records",
     "every_run_recorded_once", NULL},
    /* facts */
    {"list_once", "the list of filings is inserted once", BIT(LIST_ONCE), "documents", "list_never_changes", NULL},
    {"row_once", "a row is inserted once", BIT(ROW_ONCE), "documents", "row_never_changes", NULL},
    {"blob_name", "blobs are named by content", BIT(BLOB_NAME), "documents", "named_blob_is_good", NULL},
    {"blob_condition", "If-None-Match: *", BIT(BLOB_CONDITION), "three filings", NULL,
     "the name says the bytes, so a second put writes the same; the condition saves the upload and keeps the blob's "
     "time"},
    {"blob_repair", "other bytes under the name are overwritten", BIT(BLOB_REPAIR), "documents", "named_blob_is_good",
     NULL},
    {"blob_first", "blobs before their row", BIT(BLOB_FIRST), "documents", "named_blob_is_good", NULL},
    {"manifest_rows", "the manifest follows from the rows, not from what this run read", BIT(MANIFEST_ROWS),
     "documents", "completed_is_complete", NULL},
    {"manifest_first", "the manifest is stored before the job names it", BIT(MANIFEST_FIRST), "documents",
     "named_blob_is_good", NULL},
    {"fsck_completed", "fsck removes unnamed blobs of completed jobs only", BIT(FSCK_COMPLETED), "documents",
     "named_blob_is_good", NULL},
    /* a person, intake */
    {"cancel_open", "only an open job is cancelled", BIT(CANCEL_OPEN), "person", "finished_is_final", NULL},
    {"cancel_leased", "the cancel of a processing job waits for its run", BIT(CANCEL_LEASED), "person",
     "live_lease_is_kept", NULL},
    {"retry_status", "only failed and cancelled jobs are retried", BIT(RETRY_STATUS), "person", "finished_is_final",
     NULL},
    {"retry_attempts", "a retry resets the attempts", BIT(RETRY_ATTEMPTS), "person", "attempts_count_starts", NULL},
    {"retry_company", "no retry while another job of the company is open", BIT(RETRY_COMPANY), "person", "one_open_job",
     NULL},
    {"take_in_cancel", "taking a job in heeds a requested cancel", BIT(TAKE_IN_CANCEL), "foreign", "cancel_is_kept",
     NULL},
    /* totals */
    {"watermark_old", "the update's filter is {upTo: old}", BIT(WATERMARK_OLD), "totals", "watermark_forward", NULL},
    {"lag", "the watermark stays behind the beat", BIT(LAG), "totals", "totals_equal_facts", NULL},
    {"store_time", "`at` is the store's time", BIT(STORE_TIME), "totals", "totals_equal_facts", NULL},
    {"insert_time", "an insertion has a deadline", BIT(INSERT_TIME), "totals", "totals_equal_facts", NULL},
    {"beat_first", "a majority write before the aggregate", BIT(BEAT_FIRST), "totals", "totals_equal_facts", NULL},
    {"half_open", "a step counts [upTo, T)", BIT(HALF_OPEN), "totals", "totals_equal_facts", NULL},
    {"read_twice", "a reader reads the watermark again", BIT(READ_TWICE), "totals", "reading_is_exact", NULL},
    {"purge_below", "purge takes facts below the watermark only", BIT(PURGE_BELOW), "totals", "totals_equal_facts",
     NULL},
    {"at_watermark", "embedded store: at = max(now, upTo)", BIT(AT_WATERMARK), "totals, embedded", "totals_equal_facts",
     NULL},
};

int guards_count(void) {
    return (int)COUNT_OF(guards);
}

const struct guard_case *guard_at(int index) {
    return &guards[index];
}
