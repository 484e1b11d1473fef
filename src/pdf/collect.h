/* Takes the frames of one document, checks every byte of them, and writes text and JSON. Knows nothing of processes, so
 * that tests and the fuzzer can feed it. */
#pragma once

#include "base/hash.h"
#include "pdf/pdf.h"
#include "pdf/wire.h"

enum { COLLECT_JSON_BYTES_MAX = 96 * 1024 * 1024 };

struct collect; /* of one document */

struct collect_source {
    char sha256[HASH_HEX_MAX];
    size_t size_bytes;
    char parser[WIRE_PARSER_MAX];
};

struct collect *collect_create(void);
void collect_destroy(struct collect *collect);
/* One frame. False: it is not what wire.h says, or too many came; *ret_problem (constant text) says what. After that
 * the document's outcome is "output" and no frame may be added. */
MUST_USE bool collect_frame(struct collect *collect, uint32_t type, const unsigned char *payload, size_t size_bytes,
                            const char **ret_problem);
/* The END frame, if it came. */
bool collect_ended(const struct collect *collect, enum wire_end *ret_end, const char **ret_detail);
/* Fills *ret with the outcome: all that was read when PDF_OK, else only what was wrong. */
void collect_finish(struct collect *collect, const struct collect_source *source, enum pdf_outcome outcome,
                    const char *detail, struct pdf_reading *ret);
