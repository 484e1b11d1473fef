/* Which shape makes a filing's document: see shapes.h. */
#include "portalsim/shapes.h"

void sim_document_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out) {
    switch (filing->shape) {
    case SIM_V3:
        shape_v3_make(company, filing, out);
        break;
    case SIM_V2:
        shape_v2_make(company, filing, out);
        break;
    case SIM_LETTER:
        shape_letter_make(company, filing, out);
        break;
    case SIM_SCAN:
        shape_scan_make(company, filing, out);
        break;
    }
}
