/* Which form it is, and of which generation. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pdf/child/reading.h"

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *skip_word(const char *text, const char *word) {
    size_t length = strlen(word);
    if (strncasecmp(text, word, length) != 0) {
        return NULL;
    }
    text += length;
    while (*text == ' ' || *text == ':' || *text == '.' || *text == '-') {
        text++;
    }
    return text;
}

/* "Form No. AOC-4", "FORM AOC-4 XBRL", "e-Form MGT-7A": the number when the line is (almost) nothing else. */
static bool form_number(const char *text, char ret[33]) {
    static const char *const starts[] = {"e-form", "eform", "form", NULL};
    const char *at = NULL;
    for (int i = 0; starts[i] && !at; i++) {
        at = skip_word(text, starts[i]);
    }
    if (!at) {
        return false;
    }
    const char *no = skip_word(at, "no");
    at = no ? no : at;
    size_t letters = 0;
    while (is_upper(at[letters])) {
        letters++;
    }
    const char *rest = at + letters + (at[letters] == '-' || at[letters] == ' ');
    size_t digits = 0;
    while (is_digit(rest[digits])) {
        digits++;
    }
    if (letters < 2 || letters > 4 || digits < 1 || digits > 2) {
        return false;
    }
    size_t end = digits + (is_upper(rest[digits]) && !is_upper(rest[digits + 1]));
    if (strlen(rest + end) > 40 || is_digit(rest[end]) || is_upper(rest[end])) {
        return false;
    }
    (void)snprintf(ret, 33, "%.*s-%.*s", (int)letters, at, (int)end, rest);
    return true;
}

static bool starts_letter(const char *text) {
    static const char *const starts[] = {"Dear ",           "Sub:", "Subject:", "Sub :",         "Yours faithfully",
                                         "Yours sincerely", "Ref:", "To,",      "Respected Sir", NULL};
    for (int i = 0; starts[i]; i++) {
        if (strncasecmp(text, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

void form_kind_look(struct reading *reading, const struct page_text *page) {
    reading->text_pages += page->lines_count > 0;
    reading->image_pages += page->image_percent >= 50;
    int letter_signs = 0;
    for (uint32_t i = 0; i < page->lines_count; i++) {
        const char *text = page->lines[i].text;
        if (!reading->form[0] && page->number == 1 && i < 40) {
            (void)form_number(text, reading->form);
        }
        if (strstr(text, "_SRN_FORM_")) {
            reading->version = WIRE_V3;
        }
        letter_signs += page->number == 1 && starts_letter(text);
    }
    if (reading->version == WIRE_UNKNOWN && !reading->form[0] && letter_signs) {
        reading->version = WIRE_LETTER;
    }
}

bool form_kind_is_form(const struct reading *reading) {
    return reading->form[0] || reading->version == WIRE_V3;
}

bool form_kind_is_flattened(const struct reading *reading) {
    return !reading->has_xfa && !reading->has_acroform && form_kind_is_form(reading);
}

static enum wire_form_version decide(const struct reading *reading) {
    if (reading->has_xfa && reading->has_acroform) {
        return WIRE_V2;
    }
    if (reading->text_pages == 0) {
        return reading->image_pages > 0 ? WIRE_SCAN : WIRE_UNKNOWN;
    }
    if (reading->version == WIRE_UNKNOWN && reading->form[0]) {
        return reading->has_acroform ? WIRE_V2 : WIRE_V3;
    }
    return reading->version;
}

void form_kind_send(struct reading *reading) {
    struct wire_writer *out = emit_begin(reading->emit, WIRE_FORM);
    if (out) {
        wire_put_u32(out, decide(reading));
        wire_put_text(out, wire_text_of(reading->form), 32);
        emit_end(reading->emit);
    }
}
