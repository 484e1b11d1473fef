/* The XFA half of a V2 form (XML Forms Architecture 3.3): the template that says which field is bound to which element,
 * and the datasets with the values. */
#pragma once

#include "base/buf.h"
#include "portalsim/form_values.h"

enum { XFA_NAME_MAX = 64, XFA_EXPORT_MAX = 5 };

/* "ADT1": the form's name inside field names and data. */
void xfa_form_name(enum sim_form form, char out[XFA_NAME_MAX]);
/* The element under the section that holds a row's value. */
void xfa_data_name(const struct form_row *row, char out[XFA_NAME_MAX]);
/* What a chosen radio button exports: the first four letters of the option, in capitals. */
void xfa_export(const char *options, int option, char out[XFA_EXPORT_MAX]);
/* A value as the datasets hold it: dates as YYYY-MM-DD, amounts without commas, radios as exported, checks as 1 or 0.
 */
void xfa_value(const struct form_value *value, char out[FORM_VALUE_MAX]);
/* The section's number in names: sections count from 1 in the order of the form; a repeating one counts once. */
int xfa_section(const struct form_values *values, int index);

void xfa_template(enum sim_form form, const struct form_values *values, struct buf *out);
void xfa_datasets(enum sim_form form, const struct form_values *values, struct buf *out);

extern const char xfa_preamble[], xfa_config[], xfa_locale[], xfa_postamble[];
