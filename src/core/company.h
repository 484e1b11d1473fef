/* Companies by CIN: [LU] + 5 digits (industry) + 2 letters (state) + 4-digit year + 3 letters
 * (kind) + 6 digits. */
#pragma once

#include "base/error.h"

enum { CIN_MAX = 22, COMPANY_NAME_MAX = 201 };

struct company {
    char cin[CIN_MAX];
    char name[COMPANY_NAME_MAX]; /* UTF-8, at most 200 bytes; the CIN itself until the registry has
                                    named it */
};

/* INVALID "bad_cin" naming the position (1-based) and what is expected there. Lower case is not
 * accepted. */
MUST_USE enum outcome cin_check(const char *cin, struct error *err);
bool cin_valid(const char *cin);
/* Blanks trimmed, letters upper-cased, then checked: what a person typed. */
MUST_USE enum outcome cin_normalise(const char *text, char ret_cin[CIN_MAX], struct error *err);
/* Valid UTF-8, 1..200 bytes, no control characters. INVALID "bad_company_name". */
MUST_USE enum outcome company_name_check(const char *name, struct error *err);

/* A made-up company for samples: everything follows from the seed. The name is one the simulated
 * registry gives too. */
void company_sample(uint64_t seed, struct company *ret);
/* The name the simulated registry gives to a CIN (used by company_sample and by filesure-portal). */
void company_simulated_name(const char *cin, char ret_name[COMPANY_NAME_MAX]);
