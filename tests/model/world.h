/* The world of the job model: one job with its facts, the processes that work on it, and what is on its way between
 * them. Every member is a small number, so that a state packs into a few words; rules.c turns the job into a real
 * `struct job`, lets core/lease.c decide, and turns it back.
 *
 * Time: only whether availableAt has come is kept, and it may come at any moment. So a lease may run out under a
 * process that is well: that is SIGSTOP, a suspended machine or a store that was away, for as long as the search likes.
 * Tokens, nonces: numbers, renamed after each step (world_settle), so that runs without end stay a finite number of
 * states. */
#pragma once

#include "core/lease.h"
#include "model/guards.h"
#include "model/layout.h"

enum { M_WORKERS = 3, M_KEEPERS = 2, M_TOKENS = 7, M_FILINGS = 3, M_READINGS = 2, M_REQUESTS = 2 };
enum { NOBODY = 0, GONE_PROCESS = M_WORKERS + 1 }; /* processes: 1 + worker; one that is no more */

enum availability { AVAILABLE_NEVER, AVAILABLE_SILENT, AVAILABLE_NOW, AVAILABLE_LATER };
/* AVAILABLE_NEVER: another program's job, not taken in; AVAILABLE_SILENT: it has been silent for INTAKE_AFTER_MS. */

enum other_job { OTHER_NONE, OTHER_OPEN, OTHER_FINISHED };
enum list_kind { LIST_NONE, LIST_SHORT, LIST_FULL };
enum blob_state { BLOB_ABSENT, BLOB_READING_1, BLOB_READING_2, BLOB_DAMAGED };

struct world_job {
    uint8_t status, available, token, owner, adopted, cancel, attempts, rows_seen, manifest;
};

/* Where the entry of a lease that ended is: in `ended` of the job, as a run record, or both. */
enum entry_place { ENTRY_NONE, ENTRY_ENDED, ENTRY_BOTH, ENTRY_RECORDED, ENTRY_NOWHERE, ENTRY_TWICE };
struct world_entry {
    uint8_t place, outcome;
    uint8_t ender; /* truth: the process whose request ended the lease; NOBODY: expiry, take-over */
};

enum worker_pc {
    WORKER_IDLE,      /* no process, or one that looks for a job */
    WORKER_CLAIMED,   /* knows a token */
    WORKER_COUNTED,   /* has counted the rows before it adopts */
    WORKER_RUNNING,   /* adopted: works */
    WORKER_MANIFEST,  /* every filing has a row: stores the manifest */
    WORKER_ENDING,    /* sends the end */
    WORKER_LOOK_1,    /* its end matched nothing: looks into the first of `ended`, `runs` */
    WORKER_LOOK_2,    /* … and the second */
    WORKER_RELEASING, /* a claim that is given up before adoption */
    WORKER_ENDED,     /* threads may still write facts */
};
enum filing_step { FILING_IDLE, FILING_TODO, FILING_STORED };
struct world_worker {
    uint8_t pc, token, outcome, give_back, list, rows, manifest;
    uint8_t filings[M_FILINGS];
};

enum keeper_pc { KEEPER_IDLE, KEEPER_READ, KEEPER_MOVING, KEEPER_EXPIRES };
struct world_keeper {
    uint8_t pc, token;
};

enum request_kind {
    REQUEST_NONE,
    REQUEST_CLAIM,
    REQUEST_ADOPT,
    REQUEST_BEAT,
    REQUEST_END,
    REQUEST_LIST,
    REQUEST_BLOB,
    REQUEST_ROW,
    REQUEST_MANIFEST,
    REQUEST_RECORD,
    REQUEST_CANCEL,
    REQUEST_RETRY,
    REQUEST_KINDS
};
/* A request to a store. One that is on its way may arrive after its sender has given up or is gone. */
struct world_request {
    uint8_t kind, token;
    uint8_t process;                     /* the sender; GONE_PROCESS when it is no more */
    uint8_t owner;                       /* claim */
    uint8_t outcome, give_back, release; /* end */
    uint8_t number;                      /* filing */
    uint8_t value;                       /* reading, list, manifest or rows counted */
};

struct world {
    struct world_job job;
    uint8_t other, names_other; /* another order of the company; whether `companies` names it */
    uint8_t list;
    uint8_t rows[M_FILINGS]; /* 0: none; the reading it names */
    uint8_t blobs[M_FILINGS][M_READINGS];
    uint8_t manifest_blob;
    struct world_entry entries[M_TOKENS]; /* by token - 1 */
    struct world_worker workers[M_WORKERS];
    struct world_keeper keepers[M_KEEPERS];
    struct world_request requests[M_REQUESTS]; /* on their way */
    /* truth, for the invariants */
    uint8_t cancel_wanted; /* asked for since the last retry */
    uint8_t fruitless;     /* starts since the last new row, without those given back */
};

enum model_goal { GOAL_NONE, GOAL_FINISHED, GOAL_COMPLETED };

struct model_config {
    const char *name, *covers;
    uint64_t off; /* guards that are removed: bits of enum guard */
    uint8_t workers, keepers, filings, requests, tokens, max_attempts;
    uint8_t owners[M_WORKERS];   /* lease owner by worker: 1.. */
    uint8_t readings[M_WORKERS]; /* what each reads in a filing: 1, 2 */
    uint32_t delayed;            /* bits of request_kind: requests that may arrive late */
    bool list_grows;             /* the portal may list one filing less */
    bool stale_rows;             /* rows are counted before the adoption, not within it */
    bool records;                /* `ended` and `runs` are two places, entries are moved and looked up in steps */
    bool failures, stops, zombies, restarts, torn, fsck;
    bool cancel, retry, company, foreign;
    enum model_goal goal;
    bool as_told; /* every process keeps its number: for traces that are read */
};

static inline bool off(const struct model_config *config, enum guard guard) {
    return config->off >> guard & 1;
}

/* A configuration made ready for the search. */
struct job_run {
    struct model_config config;
    struct layout layout;
};
/* as_told: for a trace that is read. */
void job_model(const struct model_config *config, uint64_t guards_off, bool as_told, struct job_run *run,
               struct search_model *ret);

void world_layout(const struct model_config *config, struct layout *ret);

/* ---- the state in short ---- */
void world_start(const struct model_config *config, struct world *ret);
int world_list_count(const struct model_config *config, uint8_t list);
int world_count_rows(const struct world *world, int filings);
/* Renames tokens in the order of their first use and forgets runs that are recorded and that nobody asks for. */
void world_settle(const struct model_config *config, struct world *world);
void world_sort(const struct model_config *config, struct world *world); /* symmetry.c: one of the equal states */
uint8_t world_fresh_token(const struct model_config *config, const struct world *world); /* 0: none left */
void world_process_ends(struct world *world, int worker); /* what the process knew is lost; its marks stay behind */

/* ---- names, by the real rules of core/blob_name.c and core/manifest.c ---- */
void names_make(void);
/* 0: nothing; else what list and rows make. */
uint8_t manifest_id(const struct model_config *config, uint8_t list, const uint8_t rows[M_FILINGS]);
const char *manifest_name(uint8_t id);
uint8_t manifest_find(const char *name);
/* Which of a filing's blobs has the name of this reading. */
int blob_slot(const struct model_config *config, uint8_t reading);
