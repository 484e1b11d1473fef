/* What each form asks, as tables: sections of rows. The V3 and the V2 shape are drawn from the same tables, and so is
 * the truth that --write puts beside the files. */
#pragma once

#include "portalsim/registry.h"

enum row_kind {
    ROW_CIN,
    ROW_COMPANY,
    ROW_ADDRESS,
    ROW_EMAIL,
    ROW_PAN_COMPANY,
    ROW_PAN_PERSON,
    ROW_PERSON, /* only by role: DIRECTOR 1 */
    ROW_DIN,
    ROW_AUDITOR,
    ROW_FRN, /* firm registration number of the auditor */
    ROW_MEMBERSHIP,
    ROW_DATE,       /* some time before the filing */
    ROW_DATE_LATER, /* after the filing: until when something lasts */
    ROW_YEAR_FROM,
    ROW_YEAR_TO,
    ROW_AMOUNT,
    ROW_COUNT,
    ROW_TIMES, /* how often the form's repeating section is there */
    ROW_CHOICE,
    ROW_RADIO,
    ROW_CHECK,
    ROW_SRN,
    ROW_FILED_ON,
};

struct form_row {
    const char *label;
    const char *field; /* name of the V2 form field */
    enum row_kind kind;
    const char *options; /* ROW_RADIO, ROW_CHOICE: "Yes|No"; ROW_CHECK: what the box says */
    const char *data;    /* V2: element under xfa:data; NULL: the field's name without its last letter, in capitals */
};

struct form_section {
    const char *title; /* with %d when it repeats */
    const struct form_row *rows;
    int rows_count;
    int repeat_min, repeat_max; /* 0, 0: once; a form has at most one that repeats */
};

struct form_table {
    const char *purpose;
    const char *rule;
    const struct form_section *sections;
    int sections_count;
    const char *attachments[3]; /* labels of what is attached */
};

extern const struct form_table form_tables[SIM_FORMS];
/* Every form begins and ends with these. */
extern const struct form_section form_opening, form_closing, form_office;
