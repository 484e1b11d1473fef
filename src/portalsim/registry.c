/* Which companies and filings the simulated registry has: see registry.h. */
#include "portalsim/registry.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "portalsim/day.h"
#include "portalsim/srn.h"

/* The registry's books: from 2019-04-01 to 2026-09-30; forms are V3 from 2025-07-14. */
static int books_begin(void) {
    return day_number(2019, 4, 1);
}
static int books_end(void) {
    return day_number(2026, 9, 30);
}
static int v3_begin(void) {
    return day_number(2025, 7, 14);
}
/* A CIN may claim any year; one without a calendar of its own here counts as this one. */
enum { YEAR_FIRST = 1850, YEAR_LAST = 2026, YEAR_INSTEAD = 2015 };

static const struct {
    const char *name;
    const char *title;
    int weight;
} forms[SIM_FORMS] = {
    [SIM_AOC_4] = {"AOC-4", "Form AOC-4: financial statements", 8},
    [SIM_MGT_7] = {"MGT-7", "Form MGT-7: annual return", 6},
    [SIM_MGT_7A] = {"MGT-7A", "Form MGT-7A: abridged annual return", 0},
    [SIM_ADT_1] = {"ADT-1", "Form ADT-1: appointment of auditor", 5},
    [SIM_DIR_12] = {"DIR-12", "Form DIR-12: change of directors", 7},
    [SIM_PAS_3] = {"PAS-3", "Form PAS-3: return of allotment", 4},
    [SIM_CHG_1] = {"CHG-1", "Form CHG-1: creation of a charge", 4},
    [SIM_SH_7] = {"SH-7", "Form SH-7: alteration of share capital", 3},
    [SIM_INC_22] = {"INC-22", "Form INC-22: registered office", 4},
};

const char *sim_form_name(enum sim_form form) {
    return form < SIM_FORMS ? forms[form].name : "Letter";
}

const char *sim_shape_name(enum sim_shape shape) {
    static const char *const names[] = {"v3", "v2", "letter", "scan"};
    return names[shape];
}

void sim_filing_title(const struct sim_filing *filing, char out[FILING_TITLE_MAX]) {
    static const char *const letters[] = {
        "Letter: acknowledgement of filing",
        "Letter: request for further information",
        "Letter: approval",
        "Letter: confirmation of particulars",
    };
    char period[8];
    if (filing->form == SIM_FORMS) {
        struct rng rng = sim_filing_rng(filing, 'T');
        str_copy(out, FILING_TITLE_MAX, letters[rng_below(&rng, COUNT_OF(letters))]);
    } else if (sim_filing_period(filing, period)) {
        str_format(out, FILING_TITLE_MAX, "%s %s", forms[filing->form].title, period);
    } else {
        str_copy(out, FILING_TITLE_MAX, forms[filing->form].title);
    }
}

bool sim_filing_period(const struct sim_filing *filing, char out[8]) {
    if (!filing->financial_year) {
        return false;
    }
    str_format(out, 8, "%04d-%02d", filing->financial_year, (filing->financial_year + 1) % 100);
    return true;
}

struct rng sim_filing_rng(const struct sim_filing *filing, uint64_t salt) {
    return rng_from_text(filing->srn, salt);
}

static int registered_day(const char *cin) {
    struct rng rng = rng_from_text(cin, 'R');
    char digits[5];
    int64_t year;
    str_format(digits, sizeof digits, "%.4s", cin + 8);
    if (!num_parse(digits, YEAR_FIRST, YEAR_LAST, &year)) {
        year = YEAR_INSTEAD;
    }
    int month = rng_between(&rng, 1, year == YEAR_LAST ? 3 : 12);
    return day_number((int)year, month, rng_between(&rng, 1, 28));
}

static int64_t number_of(const char *cin) {
    int64_t number;
    return num_parse(cin + 15, 0, 999999, &number) ? number : -1;
}

enum outcome sim_company_make(const char *cin, struct sim_company *ret, struct error *err) {
    enum outcome outcome = cin_check(cin, err);
    if (outcome != OK) {
        return outcome;
    }
    if (number_of(cin) < SIM_RESERVED_BELOW) {
        return error_set(err, GONE, "unknown_company", "no company has the CIN %s", cin);
    }
    struct rng rng = rng_from_text(cin, 'C');
    struct sim_company company = {.registered_day = registered_day(cin)};
    int luck = rng_below(&rng, 100);
    company.status = luck < 92 ? "Active" : luck < 95 ? "Dormant" : luck < 98 ? "Under liquidation" : "Strike off";
    company.filings = rng_between(&rng, SIM_FILINGS_MIN, SIM_FILINGS_MAX);
    str_copy(company.cin, sizeof company.cin, cin);
    str_format(company.state, sizeof company.state, "%.2s", cin + 6);
    company_simulated_name(cin, company.name);
    *ret = company;
    return OK;
}

static enum sim_form pick_form(struct rng *rng, const struct sim_company *company) {
    int total = 0;
    for (int i = 0; i < SIM_FORMS; i++) {
        total += forms[i].weight;
    }
    int luck = rng_below(rng, total);
    int form = 0;
    while (luck >= forms[form].weight) {
        luck -= forms[form++].weight;
    }
    struct rng habit = rng_from_text(company->cin, 'A'); /* small companies file the abridged return */
    bool small = strncmp(company->cin + 12, "OPC", 3) == 0 || rng_chance(&habit, 30);
    return form == SIM_MGT_7 && small ? SIM_MGT_7A : (enum sim_form)form;
}

static int later(int a, int b) {
    return a > b ? a : b;
}

static void pick_filing(struct rng *rng, const struct sim_company *company, struct sim_filing *filing) {
    int begin = later(company->registered_day + 30, books_begin());
    int luck = rng_below(rng, 100);
    filing->shape = luck < 45 ? SIM_V3 : luck < 70 ? SIM_V2 : luck < 88 ? SIM_LETTER : SIM_SCAN;
    if (filing->shape == SIM_V2 && begin >= v3_begin()) {
        filing->shape = SIM_V3;
    }
    int from = filing->shape == SIM_V3 ? later(begin, v3_begin()) : begin;
    int to = filing->shape == SIM_V2 ? v3_begin() - 1 : books_end();
    filing->filed_day = rng_between(rng, from, to);
    filing->form = SIM_FORMS;
    filing->financial_year = 0;
    if (filing->shape == SIM_LETTER || filing->shape == SIM_SCAN) {
        return;
    }
    filing->form = pick_form(rng, company);
    bool annual = filing->form == SIM_AOC_4 || filing->form == SIM_MGT_7 || filing->form == SIM_MGT_7A;
    int year = day_financial_year(filing->filed_day) - 1;
    if (annual && day_number(year + 1, 3, 31) >= company->registered_day) {
        filing->financial_year = year;
    } else if (annual) {
        filing->form = SIM_DIR_12;
    }
}

/* A year has one balance sheet and one annual return: a second one becomes something else. */
static void vary(struct rng *rng, const struct sim_filing *earlier, int count, struct sim_filing *filing) {
    static const enum sim_form instead[] = {SIM_DIR_12, SIM_CHG_1, SIM_PAS_3, SIM_ADT_1};
    for (int i = 0; i < count && filing->financial_year; i++) {
        if (earlier[i].form == filing->form && earlier[i].financial_year == filing->financial_year) {
            filing->form = instead[rng_below(rng, COUNT_OF(instead))];
            filing->financial_year = 0;
        }
    }
}

int sim_filings_make(const struct sim_company *company, struct sim_filing out[SIM_FILINGS_MAX]) {
    struct rng rng = rng_from_text(company->cin, 'F');
    for (int i = 0; i < company->filings; i++) {
        struct sim_filing filing = {0};
        pick_filing(&rng, company, &filing);
        vary(&rng, out, i, &filing);
        int at = i;
        for (; at > 0 && out[at - 1].filed_day > filing.filed_day; at--) {
            out[at] = out[at - 1];
        }
        out[at] = filing;
    }
    for (int i = 0; i < company->filings; i++) {
        out[i].place = i;
        srn_make(company->cin, i, out[i].srn);
    }
    out[company->filings - 1].withdrawn = number_of(company->cin) < SIM_WITHDRAWN_BELOW;
    return company->filings;
}

enum outcome sim_srn_find(const char *srn, struct sim_company *ret_company, struct sim_filing *ret_filing,
                          struct error *err) {
    char cin[CIN_MAX];
    int place;
    struct sim_company company;
    struct error ignored;
    if (!srn_parse(srn, cin, &place) || sim_company_make(cin, &company, &ignored) != OK || place >= company.filings) {
        return error_set(err, GONE, "unknown_filing", "no filing has this SRN");
    }
    struct sim_filing filings[SIM_FILINGS_MAX];
    sim_filings_make(&company, filings);
    *ret_company = company;
    *ret_filing = filings[place];
    return OK;
}
