/* What one filing's form says: the answers to the rows of its table. People are roles; identifiers are grammar-valid
 * and from ranges that were never issued (DIN from 99000000, PAN with the number 0000, firms and members from 900000).
 */
#pragma once

#include "portalsim/form_table.h"

enum { FORM_VALUES_MAX = 96, FORM_VALUE_MAX = 208, FORM_OPTIONS_MAX = 4 };

struct form_value {
    const struct form_section *section;
    const struct form_row *row;
    int occurrence;            /* of a section that repeats: 1, 2 …; 0: it does not */
    bool first;                /* of its section */
    char text[FORM_VALUE_MAX]; /* the answer in words; of a radio the chosen option; of a check "Yes" or "" */
    int option;                /* radio: 0 …; check: 1 ticked, 0 not */
};

struct form_values {
    struct form_value items[FORM_VALUES_MAX];
    int count;
};

void form_values_make(const struct sim_company *company, const struct sim_filing *filing, struct form_values *ret);
/* One option of "A|B|C"; false: there are fewer. */
bool form_option(const char *options, int index, char out[FORM_VALUE_MAX]);
/* As V3 forms show them: AA******1K, di*******@example.com. */
void form_mask(enum row_kind kind, const char *text, char out[FORM_VALUE_MAX]);
void form_section_title(const struct form_value *value, char out[FORM_VALUE_MAX]);
void company_address(const struct sim_company *company, uint64_t salt, char out[FORM_VALUE_MAX]);
