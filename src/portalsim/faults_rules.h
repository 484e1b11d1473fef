/* The rules of a fault document, checked: used by faults.c only. */
#pragma once

#include "portalsim/faults.h"

enum { FAULT_RULES_MAX = 64, FAULT_NTH_MAX = 16, FAULTS_DOCUMENT_MAX = 64 * 1024 };

struct fault_rule {
    struct fault fault;
    enum fault_route route;
    double share;           /* of the requests that match; 1 with nth */
    int nth[FAULT_NTH_MAX]; /* 0 ends; none: every request */
    char srn[SRN_MAX];      /* "": any */
    char cin[CIN_MAX];      /* "": any */
};

struct fault_rules {
    uint64_t seed;
    int count;
    struct fault_rule items[FAULT_RULES_MAX];
};

MUST_USE enum outcome fault_rules_read(const json_t *document, struct fault_rules *ret, struct error *err);
bool fault_of_document(enum fault_kind kind);
