/* What a reader can know about a document: see shapes.h. */
#include "base/str.h"
#include "portalsim/attachments.h"
#include "portalsim/day.h"
#include "portalsim/form_values.h"
#include "portalsim/letter.h"
#include "portalsim/shapes.h"
#include "portalsim/xfa.h"

static const char *kind_name(enum row_kind kind) {
    switch (kind) {
    case ROW_RADIO:
        return "radio";
    case ROW_CHECK:
        return "check";
    case ROW_DATE:
    case ROW_DATE_LATER:
    case ROW_YEAR_FROM:
    case ROW_YEAR_TO:
    case ROW_FILED_ON:
        return "date";
    case ROW_PAN_COMPANY:
    case ROW_PAN_PERSON:
        return "pan";
    case ROW_DIN:
        return "din";
    case ROW_SRN:
        return "srn";
    case ROW_CIN:
        return "cin";
    case ROW_FRN:
        return "frn";
    case ROW_EMAIL:
        return "email";
    default:
        return "text";
    }
}

static json_t *field_truth(const struct sim_filing *filing, const struct form_values *values, int index) {
    const struct form_value *value = &values->items[index];
    char section[FORM_VALUE_MAX], shown[FORM_VALUE_MAX], raw[FORM_VALUE_MAX], element[XFA_NAME_MAX];
    form_section_title(value, section);
    str_copy(shown, sizeof shown, value->text);
    if (filing->shape == SIM_V3) {
        form_mask(value->row->kind, value->text, shown);
    }
    json_t *truth = json_pack("{s:s, s:s, s:s, s:s}", "section", section, "label", value->row->label, "kind",
                              kind_name(value->row->kind), "value", shown);
    if (filing->shape == SIM_V2) {
        char form[XFA_NAME_MAX], path[256];
        int number = xfa_section(values, index);
        xfa_form_name(filing->form, form);
        xfa_value(value, raw);
        xfa_data_name(value->row, element);
        str_format(path, sizeof path, "form1[0].%s[0].Section%d[%d].%s[0]", form, number,
                   value->occurrence ? value->occurrence - 1 : 0, value->row->field);
        json_object_set_new(truth, "acroform", json_string(path));
        str_format(path, sizeof path, "%s/SECTION_%d[%d]/%s", form, number, value->occurrence ? value->occurrence : 1,
                   element);
        json_object_set_new(truth, "xfa", json_string(path));
        json_object_set_new(truth, "data", json_string(raw));
    }
    return truth;
}

static void add_form(const struct sim_company *company, const struct sim_filing *filing, json_t *truth) {
    struct form_values values;
    form_values_make(company, filing, &values);
    json_t *fields = json_array();
    for (int i = 0; i < values.count; i++) {
        json_array_append_new(fields, field_truth(filing, &values, i));
    }
    json_object_set_new(truth, "fields", fields);
    json_object_set_new(truth, "attachments", attachments_truth(company, filing));
}

static void add_letter(const struct sim_company *company, const struct sim_filing *filing, json_t *truth) {
    struct letter letter;
    letter_make(company, filing, &letter);
    json_t *lines = json_array();
    for (int i = 0; i < letter.count; i++) {
        if (letter.lines[i][0]) {
            json_array_append_new(lines, json_string(letter.lines[i]));
        }
    }
    json_object_set_new(truth, "paragraphs", lines);
}

json_t *sim_document_truth(const struct sim_company *company, const struct sim_filing *filing) {
    char filed_on[DATE_MAX];
    day_iso(filing->filed_day, filed_on);
    json_t *truth =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "srn", filing->srn, "shape", sim_shape_name(filing->shape), "form",
                  sim_form_name(filing->form), "cin", company->cin, "company", company->name, "filedOn", filed_on);
    if (filing->form == SIM_FORMS) {
        add_letter(company, filing, truth);
    } else {
        add_form(company, filing, truth);
    }
    return truth;
}
