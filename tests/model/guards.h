/* The guards of the protocol that the models can do without, to show what each is for. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum guard {
    /* claim */
    GUARD_CLAIM_DUE,       /* a lease that has not run out is not taken */
    GUARD_CLAIM_OPEN,      /* a finished job is not taken */
    GUARD_CLAIM_EXPIRED,   /* a claim takes over a lease that ran out */
    GUARD_CLAIM_UNADOPTED, /* a claim begins unadopted */
    GUARD_CLAIM_CANCEL,    /* a requested cancel found at take-over cancels */
    GUARD_FRESH_TOKEN,     /* a token is drawn anew for every try */
    GUARD_OWNER_LOOK,      /* an owner looks for its earlier claim first */
    GUARD_LOST_ENTRY,      /* a take-over appends the old lease to `ended` */
    /* adopt, heartbeat */
    GUARD_ADOPT_TOKEN,
    GUARD_ADOPTED_BY,     /* only a lease that nobody adopted is adopted */
    GUARD_ROWS_SEEN,      /* new rows reset the attempts */
    GUARD_COUNT_AT_START, /* attempts are counted by adoption, not by claim */
    GUARD_BEAT_TOKEN,
    /* end, expiry */
    GUARD_END_TOKEN,
    GUARD_END_CANCEL,    /* an end that would be pending is cancelled when that was requested */
    GUARD_FLAG_CLEARED,  /* ends, retry and claim clear the request */
    GUARD_COMPLETE_LOOK, /* the worker counts rows before it says completed */
    GUARD_COMPLETE_RULE, /* the store refuses completed while a row is missing */
    GUARD_GIVE_BACK,     /* only an adopted lease gives an attempt back */
    GUARD_RELEASE,       /* a release ends only a lease that nobody adopted */
    GUARD_EXPIRE,        /* keepers expire leases */
    GUARD_EXPIRE_WHOLE,  /* expiry is one update with the whole predicate */
    GUARD_EXPIRE_CANCEL,
    GUARD_EXPIRE_ENTRY, /* an expiry appends the lease to `ended` */
    GUARD_LOOK_ORDER,   /* `ended` before `runs` */
    GUARD_LOOK_LOST,    /* outcome lost is no end of one's own */
    GUARD_LOOK_TOKEN,   /* only the own token counts */
    /* run records */
    GUARD_RECORD_ONCE,  /* record's _id is the token */
    GUARD_RECORD_ORDER, /* insert the record, then pull the entry */
    /* facts */
    GUARD_LIST_ONCE,
    GUARD_ROW_ONCE,
    GUARD_BLOB_NAME,      /* blobs are named by content */
    GUARD_BLOB_CONDITION, /* If-None-Match: * */
    GUARD_BLOB_REPAIR,    /* other bytes under the name are overwritten */
    GUARD_BLOB_FIRST,     /* blobs before their row */
    GUARD_MANIFEST_ROWS,  /* the manifest follows from the rows, not from what this run read */
    GUARD_MANIFEST_FIRST, /* the manifest is stored before the job names it */
    GUARD_FSCK_COMPLETED, /* unnamed blobs are removed of completed jobs only */
    /* a person */
    GUARD_CANCEL_OPEN,
    GUARD_CANCEL_LEASED,  /* a processing job's cancel waits for its run */
    GUARD_RETRY_STATUS,   /* only failed and cancelled jobs are retried */
    GUARD_RETRY_ATTEMPTS, /* retry resets the attempts */
    GUARD_TAKE_IN_CANCEL, /* taking a job in heeds a requested cancel */
    GUARD_RETRY_COMPANY,  /* not while another job of the company is open */
    /* totals */
    GUARD_WATERMARK_OLD, /* the update's filter is the watermark it started from */
    GUARD_LAG,
    GUARD_STORE_TIME,   /* `at` is the store's time, not the worker's */
    GUARD_INSERT_TIME,  /* an insertion has a deadline */
    GUARD_BEAT_FIRST,   /* a majority write before the aggregate */
    GUARD_HALF_OPEN,    /* [upTo, T): a fact at T waits for the next step */
    GUARD_READ_TWICE,   /* the reader reads the watermark again */
    GUARD_PURGE_BELOW,  /* purge takes facts below the watermark only */
    GUARD_AT_WATERMARK, /* embedded store: at = max(now, upTo) */
    GUARD_COUNT
};
_Static_assert(GUARD_COUNT <= 64, "guards are bits of one word");
