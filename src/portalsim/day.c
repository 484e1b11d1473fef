/* Calendar days: see day.h. The arithmetic is Howard Hinnant's days_from_civil and its inverse, for years >= 1. */
#include "portalsim/day.h"

#include <assert.h>

#include "base/str.h"

int day_number(int year, int month, int day) {
    assert(year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= 31);
    int y = month <= 2 ? year - 1 : year;
    int era = y / 400;
    int year_of_era = y - era * 400;
    int month_from_march = (month + 9) % 12;
    int day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void day_split(int number, int *ret_year, int *ret_month, int *ret_day) {
    int z = number + 719468;
    assert(z >= 0);
    int era = z / 146097;
    int day_of_era = z - era * 146097;
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *ret_month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2 ? 1 : 0);
}

void day_iso(int number, char out[DATE_MAX]) {
    int year, month, day;
    day_split(number, &year, &month, &day);
    str_format(out, DATE_MAX, "%04d-%02d-%02d", year, month, day);
}

void day_form(int number, char out[DATE_MAX]) {
    int year, month, day;
    day_split(number, &year, &month, &day);
    str_format(out, DATE_MAX, "%02d/%02d/%04d", day, month, year);
}

int day_financial_year(int number) {
    int year, month, day;
    day_split(number, &year, &month, &day);
    return month >= 4 ? year : year - 1;
}
