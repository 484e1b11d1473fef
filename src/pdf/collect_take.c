/* One function per type of frame: checks the payload and appends to text and sections. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "pdf/collect_state.h"
#include "pdf/grammar.h"
#include "pdf/json_out.h"

enum { OWN_SRN = 95 }; /* percent: an SRN surely of this filing, see child/identify.h */

/* A copy that is a C string; false when it does not fit. */
static bool copy_text(char *out, size_t out_size, struct wire_text text) {
    if (text.size_bytes >= out_size) {
        return false;
    }
    memcpy(out, text.data, text.size_bytes);
    out[text.size_bytes] = '\0';
    return true;
}

static void out_confidence(struct buf *out, uint32_t percent) {
    json_out_key(out, "confidence");
    json_out_hundredths(out, percent);
}

static bool take_document(struct collect *collect, struct wire_cursor *in) {
    collect->pages_claimed = wire_get_below(in, WIRE_PAGES_CLAIMED_MAX);
    uint32_t flags = wire_get_below(in, WIRE_DOCUMENT_FLAGS + 1);
    struct wire_text title = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text producer = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text version = wire_get_text(in, 16);
    struct buf *out = &collect->document;
    json_out_key_text(out, "version", version);
    json_out_key_text(out, "title", title);
    json_out_key_text(out, "producer", producer);
    json_out_key_bool(out, "encrypted", flags & WIRE_ENCRYPTED);
    json_out_key_bool(out, "repaired", flags & WIRE_REPAIRED);
    json_out_key_bool(out, "acroform", flags & WIRE_ACROFORM);
    json_out_key_bool(out, "xfa", flags & WIRE_XFA);
    return wire_at_end(in);
}

static void take_line(struct collect *collect, struct wire_cursor *in, struct buf *out, bool first) {
    struct wire_box box = wire_get_box(in);
    struct wire_text text = wire_get_text(in, WIRE_TEXT_MAX);
    if (!first) {
        buf_append_char(&collect->text, '\n');
    }
    buf_append(&collect->text, text.data, text.size_bytes);
    json_out_comma(out);
    buf_append_str(out, "{\"box\":");
    json_out_box(out, box);
    json_out_key_text(out, "text", text);
    buf_append_char(out, '}');
}

static bool take_page(struct collect *collect, struct wire_cursor *in) {
    struct buf *out = &collect->sections[WIRE_PAGE];
    uint32_t number = wire_get_u32(in);
    int32_t width = (int32_t)wire_get_below(in, WIRE_COORDINATE_MAX);
    int32_t height = (int32_t)wire_get_below(in, WIRE_COORDINATE_MAX);
    uint32_t image_percent = wire_get_below(in, 101);
    uint32_t flags = wire_get_below(in, WIRE_PAGE_FLAGS + 1);
    uint32_t lines = wire_get_u32(in);
    if (in->bad || number != collect->pages_read + 1) {
        return false;
    }
    if (collect->pages_read++ > 0) {
        buf_append_char(&collect->text, '\f');
    }
    json_out_comma(out);
    buf_append_char(out, '{');
    json_out_key_number(out, "page", number);
    json_out_key(out, "width");
    json_out_hundredths(out, width);
    json_out_key(out, "height");
    json_out_hundredths(out, height);
    json_out_key_number(out, "imagePercent", image_percent);
    json_out_key_bool(out, "unreadable", flags & WIRE_PAGE_UNREADABLE);
    json_out_key_bool(out, "cut", flags & WIRE_PAGE_CUT);
    json_out_key(out, "lines");
    buf_append_char(out, '[');
    for (uint32_t i = 0; i < lines && !in->bad; i++) {
        take_line(collect, in, out, i == 0);
    }
    buf_append_str(out, "]}");
    return wire_at_end(in);
}

static bool take_identifier(struct collect *collect, struct wire_cursor *in) {
    static const char *const kinds[WIRE_IDENTIFIER_KINDS] = {"cin", "srn", "pan", "din", "frn", "email"};
    struct buf *out = &collect->sections[WIRE_IDENTIFIER];
    uint32_t kind = wire_get_below(in, WIRE_IDENTIFIER_KINDS);
    uint32_t confidence = wire_get_below(in, 101);
    struct wire_text text = wire_get_text(in, 255);
    struct wire_where where = wire_get_where(in);
    char value[256];
    if (!wire_at_end(in) || !copy_text(value, sizeof(value), text) || !grammar_identifier(kind, value)) {
        return false;
    }
    if (kind == WIRE_CIN && !collect->cin[0]) {
        (void)str_copy(collect->cin, sizeof(collect->cin), value);
    }
    if (kind == WIRE_SRN && confidence >= OWN_SRN && confidence > collect->srn_confidence) {
        (void)str_copy(collect->srn, sizeof(collect->srn), value);
        collect->srn_confidence = confidence;
    }
    json_out_comma(out);
    buf_append_char(out, '{');
    json_out_key_text(out, "kind", wire_text_of(kinds[kind]));
    json_out_key_text(out, "value", text);
    out_confidence(out, confidence);
    json_out_where(out, &where);
    buf_append_char(out, '}');
    return true;
}

static bool take_date(struct collect *collect, struct wire_cursor *in) {
    struct buf *out = &collect->sections[WIRE_DATE];
    uint32_t confidence = wire_get_below(in, 101);
    struct wire_text text = wire_get_text(in, 10);
    struct wire_text label = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_where where = wire_get_where(in);
    char value[11];
    if (!wire_at_end(in) || !copy_text(value, sizeof(value), text) || !date_valid(value)) {
        return false;
    }
    json_out_comma(out);
    buf_append_char(out, '{');
    json_out_key_text(out, "value", text);
    json_out_key_text(out, "label", label);
    out_confidence(out, confidence);
    json_out_where(out, &where);
    buf_append_char(out, '}');
    return true;
}

static bool take_field(struct collect *collect, struct wire_cursor *in) {
    static const char *const kinds[WIRE_FIELD_KINDS] = {"text", "choice", "button"};
    struct buf *out = &collect->sections[WIRE_FIELD];
    uint32_t kind = wire_get_below(in, WIRE_FIELD_KINDS);
    uint32_t confidence = wire_get_below(in, 101);
    struct wire_text section = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text name = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text value = wire_get_text(in, WIRE_TEXT_MAX);
    struct wire_text exported = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_where where = wire_get_where(in);
    json_out_comma(out);
    buf_append_char(out, '{');
    if (section.size_bytes) {
        json_out_key_text(out, "section", section);
    }
    json_out_key_text(out, "name", name);
    json_out_key_text(out, "value", value);
    json_out_key_text(out, "kind", wire_text_of(kinds[kind]));
    if (exported.size_bytes) {
        json_out_key_text(out, "export", exported);
    }
    out_confidence(out, confidence);
    json_out_where(out, &where);
    buf_append_char(out, '}');
    return wire_at_end(in);
}

static bool take_attachment(struct collect *collect, struct wire_cursor *in) {
    struct buf *out = &collect->sections[WIRE_ATTACHMENT];
    struct wire_text key = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text name = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text declared = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text real = wire_get_text(in, 100);
    uint32_t flags = wire_get_below(in, WIRE_ATTACHMENT_FLAGS + 1);
    uint64_t size = wire_get_u64(in);
    const unsigned char *digest = wire_get_bytes(in, 32);
    if (!wire_at_end(in) || size > ((uint64_t)1 << 40)) {
        return false;
    }
    char hex[65];
    str_hex(hex, digest, 32);
    json_out_comma(out);
    buf_append_char(out, '{');
    json_out_key_text(out, "slot", key);
    json_out_key_text(out, "name", name);
    json_out_key_text(out, "declaredType", declared);
    json_out_key_text(out, "type", real);
    json_out_key_bool(out, "unreadable", flags & WIRE_ATTACHMENT_UNREADABLE);
    if (!(flags & WIRE_ATTACHMENT_UNREADABLE)) {
        json_out_key_number(out, "bytes", size);
        json_out_key_text(out, "sha256", wire_text_of(hex));
    }
    buf_append_char(out, '}');
    return true;
}

static bool take_signature(struct collect *collect, struct wire_cursor *in) {
    struct buf *out = &collect->sections[WIRE_SIGNATURE];
    struct wire_where where = {0};
    struct wire_text field = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text filter = wire_get_text(in, 128);
    struct wire_text name = wire_get_text(in, WIRE_NAME_MAX);
    struct wire_text time = wire_get_text(in, 64);
    uint32_t flags = wire_get_below(in, WIRE_SIGNATURE_FLAGS + 1);
    uint64_t range[4];
    for (int i = 0; i < 4; i++) {
        range[i] = wire_get_u64(in);
        in->bad |= range[i] > WIRE_DOCUMENT_BYTES_MAX;
    }
    where.page = wire_get_below(in, WIRE_PAGES_TEXT_MAX + 1);
    where.box = wire_get_box(in);
    json_out_comma(out);
    buf_append_char(out, '{');
    json_out_key_text(out, "field", field);
    json_out_key_bool(out, "signed", flags & WIRE_SIGNED);
    if (flags & WIRE_SIGNED) {
        json_out_key_bool(out, "coversFile", flags & WIRE_COVERS_FILE);
        json_out_key(out, "byteRange");
        for (int i = 0; i < 4; i++) {
            buf_append_char(out, i ? ',' : '[');
            buf_printf(out, "%llu", (unsigned long long)range[i]);
        }
        buf_append_char(out, ']');
        json_out_key_text(out, "subFilter", filter);
        json_out_key_text(out, "claimedName", name);
        json_out_key_text(out, "claimedTime", time);
    }
    json_out_where(out, &where);
    buf_append_char(out, '}');
    return wire_at_end(in);
}

static bool take_form(struct collect *collect, struct wire_cursor *in) {
    uint32_t version = wire_get_below(in, WIRE_FORM_VERSIONS);
    struct wire_text number = wire_get_text(in, sizeof(collect->form) - 1);
    collect->version = version;
    return wire_at_end(in) && copy_text(collect->form, sizeof(collect->form), number) && grammar_form(collect->form);
}

static bool take_warning(struct collect *collect, struct wire_cursor *in) {
    struct buf *out = &collect->sections[WIRE_WARNING];
    struct wire_text code = wire_get_text(in, 48);
    struct wire_text detail = wire_get_text(in, 256);
    char word[49];
    if (!wire_at_end(in) || !copy_text(word, sizeof(word), code) || !grammar_code(word)) {
        return false;
    }
    json_out_comma(out);
    buf_append_char(out, '{');
    json_out_key_text(out, "code", code);
    json_out_key_text(out, "detail", detail);
    buf_append_char(out, '}');
    return true;
}

static bool take_end(struct collect *collect, struct wire_cursor *in) {
    uint32_t end = wire_get_below(in, WIRE_END_COUNT);
    struct wire_text detail = wire_get_text(in, sizeof(collect->end_detail) - 1);
    if (!wire_at_end(in) || !copy_text(collect->end_detail, sizeof(collect->end_detail), detail)) {
        return false;
    }
    collect->ended = true;
    collect->end = end;
    return true;
}

collect_take *const collect_takers[WIRE_TYPE_COUNT] = {
    [WIRE_DOCUMENT] = take_document,     [WIRE_PAGE] = take_page,
    [WIRE_IDENTIFIER] = take_identifier, [WIRE_DATE] = take_date,
    [WIRE_FIELD] = take_field,           [WIRE_ATTACHMENT] = take_attachment,
    [WIRE_SIGNATURE] = take_signature,   [WIRE_FORM] = take_form,
    [WIRE_WARNING] = take_warning,       [WIRE_END] = take_end,
};
