/* A company as files, for tests and for people: <SRN>.pdf, listing.json (what the portal lists, with shape) and
 * truth.json (what each document says). */
#pragma once

#include "base/error.h"

MUST_USE enum outcome write_company(const char *cin, const char *dir, struct error *err);
