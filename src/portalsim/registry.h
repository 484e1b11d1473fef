/* The simulated registry: which companies and filings there are. Everything follows from the CIN alone.
 *
 * An SRN holds its company and its place, so that a document can be found without any memory of earlier calls:
 *     LL iiiii yyyy nnnnnn xxxxxxxxx
 * LL two letters that check the rest (A-M: listed 'L', N-Z: unlisted 'U'), i industry, y year, n number of the CIN, and
 * x the five letters of the CIN in base 26 times 64 plus the filing's place 0..63. 26 characters. */
#pragma once

#include "core/company.h"
#include "core/filing.h"
#include "portalsim/rng.h"

enum {
    SIM_FILINGS_MIN = 30,
    SIM_FILINGS_MAX = 50,
    SIM_PLACES = 64, /* of an SRN */
    SIM_SRN_LENGTH = 26,
    SIM_RESERVED_BELOW = 100,  /* registration numbers 000000-000099: no such company (404) */
    SIM_WITHDRAWN_BELOW = 200, /* 000100-000199: their newest filing is listed, but withdrawn (410) */
};

enum sim_shape { SIM_V3, SIM_V2, SIM_LETTER, SIM_SCAN };
enum sim_form {
    SIM_AOC_4,
    SIM_MGT_7,
    SIM_MGT_7A,
    SIM_ADT_1,
    SIM_DIR_12,
    SIM_PAS_3,
    SIM_CHG_1,
    SIM_SH_7,
    SIM_INC_22,
    SIM_FORMS, /* how many there are; as a value: a letter */
};

struct sim_company {
    char cin[CIN_MAX];
    char name[COMPANY_NAME_MAX];
    const char *status;
    char state[3];
    int registered_day;
    int filings;
};

struct sim_filing {
    int place; /* 0..filings-1, in order of filing */
    enum sim_form form;
    enum sim_shape shape;
    int filed_day;
    int financial_year; /* its first year, e.g. 2023 for 2023-24; 0: the filing is about no year */
    bool withdrawn;
    char srn[SRN_MAX];
};

/* GONE "unknown_company" for the reserved range, INVALID "bad_cin". */
MUST_USE enum outcome sim_company_make(const char *cin, struct sim_company *ret, struct error *err);
/* All filings, oldest first; returns their number. */
int sim_filings_make(const struct sim_company *company, struct sim_filing out[SIM_FILINGS_MAX]);
/* GONE "unknown_filing" for an SRN that was never made. */
MUST_USE enum outcome sim_srn_find(const char *srn, struct sim_company *ret_company, struct sim_filing *ret_filing,
                                   struct error *err);

const char *sim_form_name(enum sim_form form); /* "AOC-4" …, "Letter" */
const char *sim_shape_name(enum sim_shape shape);
void sim_filing_title(const struct sim_filing *filing, char out[FILING_TITLE_MAX]);
bool sim_filing_period(const struct sim_filing *filing, char out[8]); /* "2023-24"; false: none */
/* The generator of one filing's content. */
struct rng sim_filing_rng(const struct sim_filing *filing, uint64_t salt);
