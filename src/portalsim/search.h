/* Search in a registry of every company there could be: the directory holds the first few thousand sample companies
 * (company_sample), and a CIN prefix finds companies made for it besides. */
#pragma once

#include "portalsim/registry.h"

enum { SEARCH_MAX = 100, SEARCH_DIRECTORY = 2000 };

/* Companies whose name holds the text (ASCII letters of either case) or whose CIN begins with it. Returns how many. */
int search_companies(const char *text, int limit, struct sim_company out[SEARCH_MAX]);
