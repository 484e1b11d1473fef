/* A trace in words: what was done, and the state it made. */
#include "model/step.h"

static const char *const action_texts[] = {
    [ACTION_START] = "start",
    [ACTION_CLAIM] = "claims",
    [ACTION_LOOK] = "finds its owner's earlier claim",
    [ACTION_COUNT_ROWS] = "counts the rows",
    [ACTION_ADOPT] = "adopts",
    [ACTION_BEAT] = "beats",
    [ACTION_RELEASE] = "is told to stop: will release its claim",
    [ACTION_LIST] = "gets the list",
    [ACTION_BLOB] = "puts the blob of filing",
    [ACTION_TORN_BLOB] = "dies while it puts the blob of filing",
    [ACTION_ROW] = "adds the row of filing",
    [ACTION_FINISH] = "counts the rows at its end",
    [ACTION_MANIFEST] = "puts the manifest",
    [ACTION_FAIL] = "fails",
    [ACTION_STOP] = "is told to stop",
    [ACTION_END] = "sends its end:",
    [ACTION_LOOK_BACK] = "looks for its end in",
    [ACTION_EXIT] = "exits",
    [ACTION_CRASH] = "dies",
    [ACTION_RESTART] = "dies and is started again with its token",
    [ACTION_TIME] = "time passes: availableAt has come",
    [ACTION_ARRIVES] = "a late request arrives:",
    [ACTION_EXPIRE] = "expires the lease",
    [ACTION_EXPIRE_LOOK] = "sees a lease that ran out",
    [ACTION_RECORD_READ] = "reads the entry of",
    [ACTION_RECORD_INSERT] = "inserts the record of",
    [ACTION_RECORD_PULL] = "pulls the entry of",
    [ACTION_KEEPER_CRASH] = "dies",
    [ACTION_TAKE_IN] = "takes the job in",
    [ACTION_FSCK] = "removes an unnamed blob of filing",
    [ACTION_CANCEL] = "cancels",
    [ACTION_RETRY] = "retries",
    [ACTION_ORDER] = "orders the company again",
    [ACTION_OTHER_ENDS] = "the other job of the company is finished",
};

static const char *const request_texts[REQUEST_KINDS] = {
    [REQUEST_NONE] = "none",     [REQUEST_CLAIM] = "claim",   [REQUEST_ADOPT] = "adoption",
    [REQUEST_BEAT] = "beat",     [REQUEST_END] = "end",       [REQUEST_LIST] = "list",
    [REQUEST_BLOB] = "blob",     [REQUEST_ROW] = "row",       [REQUEST_MANIFEST] = "manifest",
    [REQUEST_RECORD] = "record", [REQUEST_CANCEL] = "cancel", [REQUEST_RETRY] = "retry",
};

static void print_actor(FILE *out, enum action action, unsigned who) {
    if (action >= ACTION_CLAIM && action <= ACTION_RESTART) {
        (void)fprintf(out, "worker %u ", who + 1);
    } else if (action >= ACTION_EXPIRE && action <= ACTION_TAKE_IN) {
        (void)fprintf(out, "keeper %u ", who + 1);
    } else if (action == ACTION_FSCK) {
        (void)fprintf(out, "fsck ");
    } else if (action >= ACTION_CANCEL && action <= ACTION_ORDER) {
        (void)fprintf(out, "a person ");
    }
}

static void print_what(FILE *out, enum action action, unsigned who, unsigned what) {
    switch (action) {
    case ACTION_BLOB:
    case ACTION_TORN_BLOB:
    case ACTION_ROW:
        (void)fprintf(out, " %u", what + 1);
        break;
    case ACTION_FSCK:
        (void)fprintf(out, " %u", who + 1);
        break;
    case ACTION_END:
        (void)fprintf(out, " %s", run_outcome_name(what));
        break;
    case ACTION_LOOK_BACK:
        (void)fprintf(out, " %s", what ? "`ended`" : "`runs`");
        break;
    case ACTION_ARRIVES:
        (void)fprintf(out, " %s", request_texts[what]);
        break;
    case ACTION_FAIL:
        (void)fprintf(out, "%s", what ? " by an outage" : "");
        break;
    case ACTION_RECORD_READ:
    case ACTION_RECORD_INSERT:
    case ACTION_RECORD_PULL:
        (void)fprintf(out, " t%u", what);
        break;
    default:
        break;
    }
}

static void print_job(FILE *out, const struct model_config *config, const struct world *world) {
    const struct world_job *job = &world->job;
    static const char *const available[] = {"not taken in", "silent", "due", "later"};
    (void)fprintf(out, "  | %s, %s", job_status_name(job->status), available[job->available]);
    if (job->token) {
        (void)fprintf(out, ", t%u of %c", job->token, 'A' + job->owner - 1);
    }
    if (job->adopted) {
        (void)fprintf(out, job->adopted == GONE_PROCESS ? " adopted by a dead process" : " adopted by worker %u",
                      job->adopted);
    }
    (void)fprintf(out, "%s", job->cancel ? ", cancel requested" : "");
    if (config->max_attempts) {
        (void)fprintf(out, ", attempts %u", job->attempts);
    }
}

static void print_facts(FILE *out, const struct model_config *config, const struct world *world) {
    for (int n = 0; n < config->filings; n++) {
        (void)fprintf(out, "%s%u", n ? " " : "  rows ", world->rows[n]);
    }
    for (int n = 0; n < config->filings; n++) {
        (void)fprintf(out, "%s%u%u", n ? " " : "  blobs ", world->blobs[n][0], world->blobs[n][1]);
    }
    for (int i = 0; i < M_TOKENS; i++) {
        const struct world_entry *entry = &world->entries[i];
        static const char *const places[] = {"", "ended", "ended+runs", "runs", "nowhere", "twice"};
        if (entry->place) {
            (void)fprintf(out, "  t%d:%s/%s", i + 1, places[entry->place], run_outcome_name(entry->outcome));
        }
    }
}

static void print_workers(FILE *out, const struct world *world) {
    static const char *const pcs[] = {"idle",   "claimed", "counted", "running",   "manifest",
                                      "ending", "looks",   "looks",   "releasing", "ended"};
    for (int w = 0; w < M_WORKERS; w++) {
        const struct world_worker *worker = &world->workers[w];
        if (worker->pc) {
            (void)fprintf(out, "  w%d %s t%u", w + 1, pcs[worker->pc], worker->token);
        }
    }
}

void print_step(FILE *out, const void *context, uint32_t code, const uint64_t *packed) {
    static const char *const fates[] = {"", ", the reply is lost", ", the request is delayed"};
    enum action action = (enum action)(code & 0xff);
    const struct job_run *run = context;
    struct world world;
    layout_unpack(&run->layout, packed, &world);
    print_actor(out, action, code >> 8 & 0xff);
    (void)fprintf(out, "%s", action_texts[action]);
    print_what(out, action, code >> 8 & 0xff, code >> 16 & 0xff);
    (void)fprintf(out, "%s", fates[code >> 24 & 3]);
    print_job(out, &run->config, &world);
    print_facts(out, &run->config, &world);
    print_workers(out, &world);
}
