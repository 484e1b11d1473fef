/* The words of a letter: shared by the text letter and the scanned one. */
#pragma once

#include "portalsim/registry.h"

enum { LETTER_LINES_MAX = 40, LETTER_LINE_MAX = 512 };

struct letter {
    char lines[LETTER_LINES_MAX][LETTER_LINE_MAX]; /* paragraphs; "" is an empty line */
    int count;
    int day;
};
void letter_make(const struct sim_company *company, const struct sim_filing *filing, struct letter *ret);
