/* Service request numbers: the form is described in registry.h. */
#pragma once

#include "core/company.h"
#include "core/filing.h"

void srn_make(const char *cin, int place, char out[SRN_MAX]);
/* False when it is not one that srn_make gives. */
bool srn_parse(const char *srn, char ret_cin[CIN_MAX], int *ret_place);
