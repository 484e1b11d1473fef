/* Files inside a form's PDF (ISO 32000-1, 7.11.4): PDFs of one page, and in some V3 forms a workbook that is declared
 * as text. They are listed in the EmbeddedFiles name tree, in V2 under the number of the slot ("2709" …), in V3 under
 * their name. */
#pragma once

#include "base/json.h"
#include "portalsim/paper.h"
#include "portalsim/registry.h"

enum { ATTACHMENTS_MAX = 4 };

/* Labels as the form prints them, NULL-terminated; returns how many. */
int attachments_labels(const struct sim_filing *filing, const char *ret_labels[ATTACHMENTS_MAX + 1]);
/* Writes the objects; catalog gets "/Names …". */
void attachments_write(struct pdf_frame *frame, const struct sim_company *company, const struct sim_filing *filing,
                       struct buf *catalog);
/* [{slot, name, type, declared, bytes, md5}]; the caller's. */
json_t *attachments_truth(const struct sim_company *company, const struct sim_filing *filing);
