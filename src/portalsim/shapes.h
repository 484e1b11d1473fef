/* The documents themselves: the bytes of a filing's PDF, in one of four shapes. Every byte follows from the CIN. */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "portalsim/registry.h"

/* Overwrites out. */
void sim_document_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out);
/* What a reader can know about it: form, identifiers, fields with section, label and value, attachments. The caller's.
 */
json_t *sim_document_truth(const struct sim_company *company, const struct sim_filing *filing);

void shape_v3_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out);
void shape_v2_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out);
void shape_letter_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out);
void shape_scan_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out);
