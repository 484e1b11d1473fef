/* The words of a letter: see letter.h. */
#include "portalsim/letter.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "portalsim/day.h"
#include "portalsim/form_values.h"

static void say(struct letter *letter, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(struct letter *letter, const char *format, ...) {
    assert(letter->count < LETTER_LINES_MAX);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(letter->lines[letter->count++], LETTER_LINE_MAX, format, arguments);
    va_end(arguments);
    assert(length < LETTER_LINE_MAX);
}

static const char *const causes[] = {
    "The form named above has been taken on record. This acknowledgement is issued on the basis of the particulars "
    "stated in "
    "the form and does not confirm their correctness.",
    "The form named above has been examined and further information is called for. The company may answer within "
    "fifteen "
    "days of the date of this letter, failing which the form is treated as not received.",
    "The request made in the form named above has been considered and is approved with effect from the date of this "
    "letter, "
    "subject to the conditions that are stated below.",
    "The particulars of the company in the register have been changed as the form named above asks. The company is to "
    "see "
    "to it that its stationery and its sign boards show them.",
};
static const char *const conditions[] = {
    "A copy of this letter is to be kept at the registered office together with the minutes of the meeting.",
    "Any fee that falls due because of a late filing is to be paid in addition to the fee already paid.",
    "This letter is issued electronically and carries no signature by hand.",
    "The company shall answer every notice that refers to the service request number stated above.",
    "Nothing in this letter releases the company or its officers from a liability under the law.",
};

void letter_make(const struct sim_company *company, const struct sim_filing *filing, struct letter *ret) {
    struct rng rng = sim_filing_rng(filing, 'L');
    char date[DATE_MAX], address[FORM_VALUE_MAX], title[FILING_TITLE_MAX], meeting[DATE_MAX];
    ret->count = 0;
    ret->day = filing->filed_day;
    day_form(filing->filed_day, date);
    day_form(filing->filed_day - rng_between(&rng, 5, 40), meeting);
    company_address(company, 'a', address);
    sim_filing_title(filing, title);
    say(ret, "OFFICE OF THE REGISTRAR (SIMULATED)");
    say(ret, "%s", "");
    say(ret, "Date: %s", date);
    say(ret, "SRN: %s", filing->srn);
    say(ret, "CIN: %s", company->cin);
    say(ret, "%s", "");
    say(ret, "To");
    say(ret, "%s", company->name);
    say(ret, "%s", address);
    say(ret, "%s", "");
    say(ret, "Subject: %s", title + strlen("Letter: "));
    say(ret, "Reference: Form %s of the company, board meeting held on %s",
        sim_form_name((enum sim_form)rng_below(&rng, SIM_FORMS)), meeting);
    say(ret, "%s", "");
    say(ret, "Dear Sir or Madam,");
    say(ret, "%s", causes[rng_below(&rng, COUNT_OF(causes))]);
    int said = rng_between(&rng, 2, 4);
    int first = rng_below(&rng, COUNT_OF(conditions));
    for (int i = 0; i < said; i++) {
        say(ret, "%d. %s", i + 1, conditions[(first + i) % (int)COUNT_OF(conditions)]);
    }
    say(ret, "The DIN of the director who signed the form is %d.", 99000000 + rng_below(&rng, 1000000));
    say(ret, "%s", "");
    say(ret, "Yours faithfully,");
    say(ret, "REGISTRAR (ROLE)");
    say(ret, "%s", "");
    say(ret, "SAMPLE of a simulated registry: no company, no person and no office is meant.");
}
