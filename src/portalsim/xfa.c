/* The XFA half of a V2 form: see xfa.h. */
#include "portalsim/xfa.h"

#include <string.h>

#include "base/str.h"

const char xfa_preamble[] = "<xdp:xdp xmlns:xdp=\"http://ns.adobe.com/xdp/\" timeStamp=\"2019-04-01T00:00:00Z\" "
                            "uuid=\"00000000-0000-0000-0000-000000000000\">\n";
const char xfa_config[] =
    "<config xmlns=\"http://www.xfa.org/schema/xci/3.0/\"><agent name=\"designer\"><destination>pdf</destination>"
    "<pdf><fontInfo/></pdf></agent><present><pdf><version>1.7</version></pdf></present></config>\n";
const char xfa_locale[] =
    "<localeSet xmlns=\"http://www.xfa.org/schema/xfa-locale-set/2.7/\"><locale name=\"en_IN\" desc=\"English "
    "(India)\">"
    "<datePatterns><datePattern name=\"med\">DD/MM/YYYY</datePattern></datePatterns></locale></localeSet>\n";
const char xfa_postamble[] = "</xdp:xdp>\n";

void xfa_form_name(enum sim_form form, char out[XFA_NAME_MAX]) {
    size_t at = 0;
    for (const char *name = sim_form_name(form); *name; name++) {
        if (*name != '-') {
            out[at++] = *name;
        }
    }
    out[at] = '\0';
}

void xfa_data_name(const struct form_row *row, char out[XFA_NAME_MAX]) {
    str_copy(out, XFA_NAME_MAX, row->data ? row->data : row->field);
    if (!row->data) {
        out[strlen(out) - 2] = '\0'; /* "_C" */
    }
    for (char *at = out; *at; at++) {
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    }
}

void xfa_export(const char *options, int option, char out[XFA_EXPORT_MAX]) {
    char text[FORM_VALUE_MAX];
    size_t length = 0;
    form_option(options, option, text);
    for (const char *at = text; *at && length < XFA_EXPORT_MAX - 1; at++) {
        if (*at >= 'a' && *at <= 'z') {
            out[length++] = (char)(*at - 'a' + 'A');
        } else if (*at >= 'A' && *at <= 'Z') {
            out[length++] = *at;
        }
    }
    out[length] = '\0';
}

static void without_commas(const char *text, char out[FORM_VALUE_MAX]) {
    size_t at = 0;
    for (; *text; text++) {
        if (*text != ',') {
            out[at++] = *text;
        }
    }
    out[at] = '\0';
}

void xfa_value(const struct form_value *value, char out[FORM_VALUE_MAX]) {
    switch (value->row->kind) {
    case ROW_DATE:
    case ROW_DATE_LATER:
    case ROW_YEAR_FROM:
    case ROW_YEAR_TO:
    case ROW_FILED_ON: /* DD/MM/YYYY */
        str_format(out, FORM_VALUE_MAX, "%.4s-%.2s-%.2s", value->text + 6, value->text + 3, value->text);
        break;
    case ROW_AMOUNT:
        without_commas(value->text, out);
        break;
    case ROW_RADIO:
        xfa_export(value->row->options, value->option, out);
        break;
    case ROW_CHECK:
        str_copy(out, FORM_VALUE_MAX, value->option ? "1" : "0");
        break;
    default:
        str_copy(out, FORM_VALUE_MAX, value->text);
    }
}

int xfa_section(const struct form_values *values, int index) {
    int section = 0;
    for (int i = 0; i <= index; i++) {
        const struct form_value *value = &values->items[i];
        section += value->first && value->occurrence <= 1 ? 1 : 0;
    }
    return section;
}

static void put_xml(struct buf *out, const char *text) {
    while (*text) {
        size_t plain = strcspn(text, "&<>\"");
        buf_append(out, text, plain);
        text += plain;
        if (*text) {
            buf_append_str(out, *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : "&quot;");
            text++;
        }
    }
}

static void put_radio(struct buf *out, const struct form_row *row) {
    char option[FORM_VALUE_MAX], exported[XFA_EXPORT_MAX];
    for (int i = 0; form_option(row->options, i, option); i++) {
        xfa_export(row->options, i, exported);
        buf_printf(out, "<field name=\"%s_%d\"><ui><checkButton shape=\"round\"/></ui><caption><value><text>",
                   row->field, i + 1);
        put_xml(out, option);
        buf_printf(out, "</text></value></caption><items><text>%s</text></items></field>", exported);
    }
}

static void put_field(struct buf *out, const struct form_value *value) {
    char data[XFA_NAME_MAX];
    const struct form_row *row = value->row;
    xfa_data_name(row, data);
    if (row->kind == ROW_RADIO) {
        buf_printf(out, "<exclGroup name=\"%s\"><bind match=\"dataRef\" ref=\"$.%s\"/>", row->field, data);
        put_radio(out, row);
        buf_append_str(out, "</exclGroup>\n");
        return;
    }
    const char *ui = row->kind == ROW_CHECK     ? "<checkButton/>"
                     : strstr(row->field, "_D") ? "<dateTimeEdit/>"
                                                : "<textEdit/>";
    buf_printf(out, "<field name=\"%s\"><ui>%s</ui><caption><value><text>", row->field, ui);
    put_xml(out, row->label);
    buf_append_str(out, "</text></value></caption>");
    if (row->kind == ROW_CHECK) {
        buf_append_str(out, "<items><integer>1</integer><integer>0</integer></items>");
    }
    buf_printf(out, "<bind match=\"dataRef\" ref=\"$.%s\"/></field>\n", data);
}

void xfa_template(enum sim_form form, const struct form_values *values, struct buf *out) {
    char name[XFA_NAME_MAX];
    xfa_form_name(form, name);
    buf_printf(out,
               "<template xmlns=\"http://www.xfa.org/schema/xfa-template/2.8/\"><subform name=\"form1\" layout=\"tb\" "
               "locale=\"en_IN\">\n<subform name=\"%s\" layout=\"tb\"><bind match=\"dataRef\" ref=\"$.%s\"/>\n",
               name, name);
    bool open = false;
    for (int i = 0; i < values->count; i++) {
        const struct form_value *value = &values->items[i];
        if (value->occurrence > 1) { /* a repeating section is described once */
            continue;
        }
        if (value->first) {
            int section = xfa_section(values, i);
            buf_printf(
                out, "%s<subform name=\"Section%d\" layout=\"tb\"><bind match=\"dataRef\" ref=\"$.SECTION_%d%s\"/>%s\n",
                open ? "</subform>\n" : "", section, section, value->occurrence ? "[*]" : "",
                value->occurrence ? "<occur min=\"1\" max=\"-1\"/>" : "");
            open = true;
        }
        put_field(out, value);
    }
    buf_append_str(out, "</subform>\n</subform></subform></template>\n");
}

static void put_sections(struct buf *out, const struct form_values *values, bool with_values) {
    int section = 0;
    for (int i = 0; i < values->count; i++) {
        const struct form_value *value = &values->items[i];
        char data[XFA_NAME_MAX], text[FORM_VALUE_MAX];
        if (!with_values && value->occurrence > 1) {
            continue;
        }
        if (value->first) {
            if (section) {
                buf_printf(out, "</SECTION_%d>\n", section);
            }
            section = xfa_section(values, i);
            buf_printf(out, "<SECTION_%d>\n", section);
        }
        xfa_data_name(value->row, data);
        xfa_value(value, text);
        if (with_values && text[0]) {
            buf_printf(out, "<%s>", data);
            put_xml(out, text);
            buf_printf(out, "</%s>\n", data);
        } else {
            buf_printf(out, "<%s/>\n", data);
        }
    }
    buf_printf(out, "</SECTION_%d>\n", section);
}

void xfa_datasets(enum sim_form form, const struct form_values *values, struct buf *out) {
    char name[XFA_NAME_MAX];
    xfa_form_name(form, name);
    buf_printf(out, "<xfa:datasets xmlns:xfa=\"http://www.xfa.org/schema/xfa-data/1.0/\"><xfa:data>\n<data><%s>\n",
               name);
    put_sections(out, values, true);
    buf_printf(out,
               "</%s></data>\n</xfa:data>\n<dd:dataDescription xmlns:dd=\"http://ns.adobe.com/data-description/\" "
               "dd:name=\"data\"><data><%s>\n",
               name, name);
    put_sections(out, values, false);
    buf_printf(out, "</%s></data></dd:dataDescription>\n</xfa:datasets>\n", name);
}
