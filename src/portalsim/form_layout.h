/* Draws the blank form and finds the spot of every answer; what is put there is the shape's business: V3 draws it, V2
 * makes a form field of it. */
#pragma once

#include "portalsim/form_values.h"
#include "portalsim/paper.h"

struct form_spot {
    const struct form_value *value;
    int index; /* of the value in form_values */
    int page;
    int x, y, width, height; /* of the box, circle or square */
    int option;              /* of a radio: one spot for each option */
};

typedef void form_place(void *context, struct paper *paper, const struct form_spot *spot);

struct form_job {
    const struct sim_company *company;
    const struct sim_filing *filing;
    const struct form_values *values;
    form_place *place;
    void *context;
    const char *const *attachments; /* labels; NULL: none; ends with NULL */
};
void form_layout(struct paper *paper, const struct form_job *job);
