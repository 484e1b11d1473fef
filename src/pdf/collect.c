/* Frames → text and JSON. Each section of the JSON is a buffer of its own; collect_finish joins them in a fixed order.
 */
#include "pdf/collect.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "pdf/collect_state.h"
#include "pdf/json_out.h"

struct collect *collect_create(void) {
    struct collect *collect = x_alloc(sizeof(*collect));
    collect->text = BUF_INIT(WIRE_TOTAL_BYTES_MAX);
    collect->document = BUF_INIT(64 * 1024);
    for (int i = 0; i < WIRE_TYPE_COUNT; i++) {
        collect->sections[i] = BUF_INIT(COLLECT_JSON_BYTES_MAX);
    }
    return collect;
}

void collect_destroy(struct collect *collect) {
    if (!collect) {
        return;
    }
    buf_finish(&collect->text);
    buf_finish(&collect->document);
    for (int i = 0; i < WIRE_TYPE_COUNT; i++) {
        buf_finish(&collect->sections[i]);
    }
    free(collect);
}

bool collect_frame(struct collect *collect, uint32_t type, const unsigned char *payload, size_t size_bytes,
                   const char **ret_problem) {
    *ret_problem = "the reader broke the protocol";
    if (collect->ended || type >= WIRE_TYPE_COUNT || !collect_takers[type] || size_bytes > wire_bytes_max(type)) {
        return false;
    }
    collect->total_bytes += WIRE_HEADER_BYTES + size_bytes;
    if (++collect->counts[type] > wire_count_max(type) || collect->total_bytes > WIRE_TOTAL_BYTES_MAX) {
        *ret_problem = "the reader gave more than is kept";
        return false;
    }
    struct wire_cursor in = {payload, payload + size_bytes, false};
    bool ok = collect_takers[type](collect, &in) && !in.bad;
    return ok && !collect->text.full && !collect->document.full && !collect->sections[type].full;
}

bool collect_ended(const struct collect *collect, enum wire_end *ret_end, const char **ret_detail) {
    if (collect->ended) {
        *ret_end = collect->end;
        *ret_detail = collect->end_detail;
    }
    return collect->ended;
}

static void out_head(struct buf *out, const struct collect_source *source, enum pdf_outcome outcome,
                     const char *detail) {
    buf_append_char(out, '{');
    json_out_key_number(out, "schema", 1);
    json_out_key_text(out, "outcome", wire_text_of(pdf_outcome_name(outcome)));
    if (outcome != PDF_OK) {
        json_out_key_text(out, "detail", wire_text_of(detail));
    }
    json_out_key(out, "source");
    buf_append_char(out, '{');
    json_out_key_text(out, "sha256", wire_text_of(source->sha256));
    json_out_key_number(out, "bytes", source->size_bytes);
    buf_append_char(out, '}');
    json_out_key_text(out, "parser", wire_text_of(source->parser));
}

static void out_section(struct buf *out, const char *key, const struct buf *section) {
    json_out_key(out, key);
    buf_append_char(out, '[');
    buf_append(out, buf_str(section), section->size_bytes);
    buf_append_char(out, ']');
}

static const char *form_word(const struct collect *collect) {
    if (collect->form[0]) {
        return collect->form;
    }
    return collect->version == WIRE_LETTER ? "letter" : collect->version == WIRE_SCAN ? "scan" : "unknown";
}

static void out_body(const struct collect *collect, struct buf *out) {
    static const char *const versions[WIRE_FORM_VERSIONS] = {"unknown", "V2", "V3", "letter", "scan"};
    json_out_key(out, "form");
    buf_append_char(out, '{');
    json_out_key_text(out, "number", wire_text_of(form_word(collect)));
    json_out_key_text(out, "version", wire_text_of(versions[collect->version]));
    buf_append_char(out, '}');
    json_out_key(out, "pdf");
    buf_append_char(out, '{');
    buf_append(out, buf_str(&collect->document), collect->document.size_bytes);
    buf_append_char(out, '}');
    json_out_key_number(out, "pageCount", collect->pages_claimed);
    out_section(out, "identifiers", &collect->sections[WIRE_IDENTIFIER]);
    out_section(out, "dates", &collect->sections[WIRE_DATE]);
    out_section(out, "fields", &collect->sections[WIRE_FIELD]);
    out_section(out, "attachments", &collect->sections[WIRE_ATTACHMENT]);
    out_section(out, "signatures", &collect->sections[WIRE_SIGNATURE]);
    out_section(out, "warnings", &collect->sections[WIRE_WARNING]);
    out_section(out, "pages", &collect->sections[WIRE_PAGE]);
}

void collect_finish(struct collect *collect, const struct collect_source *source, enum pdf_outcome outcome,
                    const char *detail, struct pdf_reading *ret) {
    *ret = (struct pdf_reading){.outcome = outcome, .text = BUF_INIT(WIRE_TOTAL_BYTES_MAX)};
    ret->fields = BUF_INIT(COLLECT_JSON_BYTES_MAX);
    (void)str_copy(ret->detail, sizeof(ret->detail), outcome == PDF_OK ? "" : detail);
    (void)str_copy(ret->form, sizeof(ret->form), "unknown");
    out_head(&ret->fields, source, outcome, ret->detail);
    if (outcome == PDF_OK) {
        out_body(collect, &ret->fields);
        ret->pages = (int)collect->pages_claimed;
        (void)str_copy(ret->form, sizeof(ret->form), form_word(collect));
        (void)str_copy(ret->srn, sizeof(ret->srn), collect->srn);
        (void)str_copy(ret->cin, sizeof(ret->cin), collect->cin);
        ret->text = collect->text;
        collect->text = BUF_INIT(0);
    }
    buf_append_char(&ret->fields, '}');
    if (ret->fields.full) { /* only texts that are all escapes come here */
        pdf_reading_finish(ret);
        collect_finish(collect, source, PDF_OUTPUT, "the reader gave more than is kept", ret);
    }
}
