/* One document through the helper: descriptors, frames, the wall clock, how it ended. */
#pragma once

#include "pdf/collect.h"

/* The host's side of one document. */
struct exchange {
    int document_fd;         /* sealed memfd */
    int out_read, out_write; /* pipe of frames */
    int status_fd, status_peer;
};
#define EXCHANGE_NONE ((struct exchange){-1, -1, -1, -1, -1})

enum exchange_end {
    EXCHANGE_DONE,        /* *ret says how it ended */
    EXCHANGE_HELPER_GONE, /* the helper died or is stuck: not the document's doing */
};
struct exchange_result {
    enum pdf_outcome outcome;
    char detail[256];
    int64_t cpu_ms, peak_bytes;
};

/* FATAL "no_descriptors" when the process has none left. */
MUST_USE enum outcome exchange_open(struct exchange *ret, const void *bytes, size_t size_bytes, struct error *err);
/* After the helper was asked: takes frames until the document's process has been reaped or time_ms is over. */
enum exchange_end exchange_run(struct exchange *exchange, struct collect *collect, int time_ms,
                               struct exchange_result *ret);
void exchange_finish(struct exchange *exchange);

/* The rule: what a document's end means. `killed` PDF_OK: the host did not kill it. */
struct exchange_facts {
    enum pdf_outcome killed; /* PDF_TIME, PDF_OUTPUT */
    const char *problem;     /* for PDF_OUTPUT */
    int wait_status;
    int64_t cpu_ms;
    bool ended; /* an END frame came */
    enum wire_end end;
    const char *end_detail;
};
void exchange_judge(const struct exchange_facts *facts, struct exchange_result *ret);
