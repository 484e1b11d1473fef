/* The one number parser. */
#pragma once

#include "base/macros.h"

/* Decimal digits with an optional '-', nothing before or after, within [min, max]. False leaves
 * *ret alone. */
bool num_parse(const char *text, int64_t min, int64_t max, int64_t *ret);
