/* Calendar days as numbers: days since 1970-01-01 in the Gregorian calendar. */
#pragma once

#include "core/filing.h"

int day_number(int year, int month, int day);
void day_split(int number, int *ret_year, int *ret_month, int *ret_day);
void day_iso(int number, char out[DATE_MAX]);  /* 2025-07-14 */
void day_form(int number, char out[DATE_MAX]); /* 14/07/2025, as the forms write it */
/* The year in which the financial year (April to March) of this day began. */
int day_financial_year(int number);
