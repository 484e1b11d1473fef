/* What one filing's form says: see form_values.h. */
#include "portalsim/form_values.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "portalsim/day.h"
#include "portalsim/srn.h"

struct maker {
    const struct sim_company *company;
    const struct sim_filing *filing;
    struct rng rng;
    int person; /* the role the rows of this section are about */
    int times;  /* of the section that repeats */
};

bool form_option(const char *options, int index, char out[FORM_VALUE_MAX]) {
    const char *at = options;
    for (; at && index > 0; index--) {
        at = strchr(at, '|');
        at = at ? at + 1 : NULL;
    }
    if (!at) {
        return false;
    }
    str_format(out, FORM_VALUE_MAX, "%.*s", (int)strcspn(at, "|"), at);
    return true;
}

static int options_count(const char *options) {
    int count = 1;
    for (; *options; options++) {
        count += *options == '|' ? 1 : 0;
    }
    return count;
}

void form_mask(enum row_kind kind, const char *text, char out[FORM_VALUE_MAX]) {
    str_copy(out, FORM_VALUE_MAX, text);
    size_t end = strlen(out);
    size_t from = 2, to = end > 2 ? end - 2 : 0;
    if (kind == ROW_EMAIL) {
        to = strcspn(out, "@");
    } else if (kind != ROW_PAN_COMPANY && kind != ROW_PAN_PERSON) {
        return;
    }
    for (size_t i = from; i < to; i++) {
        out[i] = '*';
    }
}

void form_section_title(const struct form_value *value, char out[FORM_VALUE_MAX]) {
    const char *number = value->occurrence ? strstr(value->section->title, "%d") : NULL;
    if (number) {
        str_format(out, FORM_VALUE_MAX, "%.*s%d%s", (int)(number - value->section->title), value->section->title,
                   value->occurrence, number + 2);
    } else {
        str_copy(out, FORM_VALUE_MAX, value->section->title);
    }
}

void company_address(const struct sim_company *company, uint64_t salt, char out[FORM_VALUE_MAX]) {
    static const char *const roads[] = {"Sample Road", "Specimen Street", "Model Lane", "Example Marg",
                                        "Test Nagar Main Road"};
    static const char *const areas[] = {"Phase I", "Sector 4", "Block C", "Industrial Area", "Old Town"};
    struct rng rng = rng_from_text(company->cin, salt);
    str_format(out, FORM_VALUE_MAX, "Unit %d, %d %s, %s, %s 000%03d, India", rng_between(&rng, 1, 40),
               rng_between(&rng, 1, 250), roads[rng_below(&rng, COUNT_OF(roads))],
               areas[rng_below(&rng, COUNT_OF(areas))], company->state, rng_below(&rng, 1000));
}

/* AAAPA0000A: the number 0000 was never issued; the fourth letter says what kind of holder. */
static void make_pan(const struct sim_company *company, uint64_t salt, char kind, char *out) {
    struct rng rng = rng_from_text(company->cin, salt);
    char letters[5];
    for (int i = 0; i < 5; i++) {
        letters[i] = (char)('A' + rng_below(&rng, 26));
    }
    str_format(out, FORM_VALUE_MAX, "%c%c%c%c%c0000%c", letters[0], letters[1], letters[2], kind, letters[3],
               letters[4]);
}

static int pick_number(const struct sim_company *company, uint64_t salt, int lowest, int count) {
    struct rng rng = rng_from_text(company->cin, salt);
    return lowest + rng_below(&rng, count);
}

static void make_identifier(struct maker *maker, enum row_kind kind, char *out) {
    const struct sim_company *company = maker->company;
    uint64_t person = (uint64_t)maker->person;
    switch (kind) {
    case ROW_PAN_COMPANY:
        make_pan(company, 'P', 'C', out);
        break;
    case ROW_PAN_PERSON:
        make_pan(company, 'P' + 256 * person, 'P', out);
        break;
    case ROW_DIN:
        str_format(out, FORM_VALUE_MAX, "%d", pick_number(company, 'D' + 256 * person, 99000000, 1000000));
        break;
    case ROW_FRN:
        str_format(out, FORM_VALUE_MAX, "%d%c", pick_number(company, 'N', 900000, 100000),
                   "NSEWC"[pick_number(company, 'n', 0, 5)]);
        break;
    case ROW_MEMBERSHIP:
        str_format(out, FORM_VALUE_MAX, "%d", pick_number(company, 'M', 900000, 100000));
        break;
    case ROW_PERSON:
        str_format(out, FORM_VALUE_MAX, "DIRECTOR %d", maker->person);
        break;
    case ROW_AUDITOR:
        str_copy(out, FORM_VALUE_MAX, "AUDITOR");
        break;
    case ROW_EMAIL:
        if (maker->person) {
            str_format(out, FORM_VALUE_MAX, "person%d@example.com", maker->person);
        } else {
            str_copy(out, FORM_VALUE_MAX, "secretarial@example.com");
        }
        break;
    default:
        assert(false);
    }
}

static void make_date(struct maker *maker, enum row_kind kind, char *out) {
    const struct sim_filing *filing = maker->filing;
    int day = filing->filed_day;
    if (kind == ROW_DATE) {
        day -= rng_between(&maker->rng, 1, 60);
        day = day < maker->company->registered_day ? maker->company->registered_day : day;
    } else if (kind == ROW_DATE_LATER) {
        day += rng_between(&maker->rng, 365, 5 * 365);
    } else if (kind == ROW_YEAR_FROM) {
        day = day_number(filing->financial_year, 4, 1);
        day = day < maker->company->registered_day ? maker->company->registered_day : day;
    } else if (kind == ROW_YEAR_TO) {
        day = day_number(filing->financial_year + 1, 3, 31);
    }
    char text[DATE_MAX];
    day_form(day, text);
    str_copy(out, FORM_VALUE_MAX, text);
}

/* 1,23,45,678.00: rupees are grouped in twos above the thousands. */
static void make_amount(struct maker *maker, char *out) {
    char digits[24], grouped[32];
    int power = rng_between(&maker->rng, 3, 9), number = rng_between(&maker->rng, 1, 9);
    for (int i = 1; i < power; i++) {
        number = number * 10 + rng_below(&maker->rng, 10);
    }
    str_format(digits, sizeof digits, "%d", number);
    size_t length = strlen(digits), at = 0;
    for (size_t i = 0; i < length; i++) {
        size_t left = length - i;
        if (i && (left == 3 || (left > 3 && left % 2 == 1))) {
            grouped[at++] = ',';
        }
        grouped[at++] = digits[i];
    }
    grouped[at] = '\0';
    str_format(out, FORM_VALUE_MAX, "%s.00", grouped);
}

static void make_other(struct maker *maker, struct form_value *value) {
    char *out = value->text;
    switch (value->row->kind) {
    case ROW_CIN:
        str_copy(out, FORM_VALUE_MAX, maker->company->cin);
        break;
    case ROW_COMPANY:
        str_copy(out, FORM_VALUE_MAX, maker->company->name);
        break;
    case ROW_ADDRESS:
        company_address(maker->company, value->section == &form_opening ? 'a' : 'b', out);
        break;
    case ROW_AMOUNT:
        make_amount(maker, out);
        break;
    case ROW_COUNT:
        str_format(out, FORM_VALUE_MAX, "%d", rng_between(&maker->rng, 1, 12));
        break;
    case ROW_TIMES:
        str_format(out, FORM_VALUE_MAX, "%d", maker->times);
        break;
    case ROW_SRN:
        if (value->section == &form_office) { /* most V2 forms do not say their own */
            bool said = maker->filing->shape != SIM_V2 || rng_chance(&maker->rng, 40);
            str_copy(out, FORM_VALUE_MAX, said ? maker->filing->srn : "");
        } else { /* of a form of this company that is not in the list */
            srn_make(maker->company->cin, SIM_PLACES - 1 - rng_below(&maker->rng, 4), out);
        }
        break;
    case ROW_CHECK:
        value->option = rng_chance(&maker->rng, 70) ? 1 : 0;
        str_copy(out, FORM_VALUE_MAX, value->option ? "Yes" : "");
        break;
    default: /* ROW_RADIO, ROW_CHOICE */
        value->option = rng_below(&maker->rng, options_count(value->row->options));
        form_option(value->row->options, value->option, out);
    }
}

static void make_value(struct maker *maker, struct form_value *value) {
    switch (value->row->kind) {
    case ROW_EMAIL:
    case ROW_PAN_COMPANY:
    case ROW_PAN_PERSON:
    case ROW_PERSON:
    case ROW_DIN:
    case ROW_AUDITOR:
    case ROW_FRN:
    case ROW_MEMBERSHIP:
        make_identifier(maker, value->row->kind, value->text);
        break;
    case ROW_DATE:
    case ROW_DATE_LATER:
    case ROW_YEAR_FROM:
    case ROW_YEAR_TO:
    case ROW_FILED_ON:
        make_date(maker, value->row->kind, value->text);
        break;
    default:
        make_other(maker, value);
    }
}

static void add_section(struct maker *maker, const struct form_section *section, struct form_values *values) {
    int times = section->repeat_max ? maker->times : 1;
    for (int occurrence = 1; occurrence <= times; occurrence++) {
        maker->person = section == &form_opening ? 0 : section->repeat_max ? occurrence : 1;
        for (int i = 0; i < section->rows_count; i++) {
            assert(values->count < FORM_VALUES_MAX);
            struct form_value *value = &values->items[values->count++];
            *value = (struct form_value){.section = section, .row = &section->rows[i], .first = i == 0};
            value->occurrence = section->repeat_max ? occurrence : 0;
            make_value(maker, value);
        }
    }
}

void form_values_make(const struct sim_company *company, const struct sim_filing *filing, struct form_values *ret) {
    struct maker maker = {.company = company, .filing = filing, .rng = sim_filing_rng(filing, 'V')};
    const struct form_table *table = &form_tables[filing->form];
    ret->count = 0;
    for (int i = 0; i < table->sections_count; i++) {
        const struct form_section *section = &table->sections[i];
        if (section->repeat_max) {
            maker.times = rng_between(&maker.rng, section->repeat_min, section->repeat_max);
        }
    }
    add_section(&maker, &form_opening, ret);
    for (int i = 0; i < table->sections_count; i++) {
        add_section(&maker, &table->sections[i], ret);
    }
    add_section(&maker, &form_closing, ret);
    add_section(&maker, &form_office, ret);
}
