/* Documents that a reader must survive: what a fault of the document makes of a filing. */
#pragma once

#include "base/buf.h"
#include "portalsim/faults.h"
#include "portalsim/registry.h"

/* bytes: the right document; it is damaged (FAULT_DAMAGED) or replaced. */
void broken_make(enum fault_kind kind, const struct sim_filing *filing, struct buf *bytes);

/* The password that opens a FAULT_PASSWORD document. */
#define BROKEN_PASSWORD "filesure"
/* The page of a FAULT_BOMB document: a stream of 16,000,000 times 258 bytes and one more, drawn eight times. */
#define BROKEN_BOMB_REPEATS INT64_C(16000000)
#define BROKEN_BOMB_TIMES 8
/* How many pages a FAULT_PAGES document has. */
#define BROKEN_PAGES 1000000000
