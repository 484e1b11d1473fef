/* What one page says: its lines, identifiers and dates with their places. */
#include "pdf/child/facts.h"
#include "pdf/child/labelled.h"
#include "pdf/child/layout.h"
#include "pdf/child/reading.h"

static void send_page(struct emit *emit, struct page_text *page) {
    struct wire_writer *out = emit_begin(emit, WIRE_PAGE);
    if (!out) {
        return;
    }
    uint32_t lines = 0; /* as many as fit: 20 bytes beside each text */
    size_t bytes = 64;
    while (lines < page->lines_count && bytes + page->lines[lines].size_bytes + 20 <= out->capacity_bytes) {
        bytes += page->lines[lines++].size_bytes + 20;
    }
    bool cut = page->cut || lines < page->lines_count;
    wire_put_u32(out, page->number);
    wire_put_u32(out, (uint32_t)page->width);
    wire_put_u32(out, (uint32_t)page->height);
    wire_put_u32(out, page->image_percent);
    wire_put_u32(out, (page->unreadable ? WIRE_PAGE_UNREADABLE : 0) | (cut ? WIRE_PAGE_CUT : 0));
    wire_put_u32(out, lines);
    for (uint32_t i = 0; i < lines; i++) {
        wire_put_box(out, page->lines[i].box);
        wire_put_text(out, (struct wire_text){page->lines[i].text, page->lines[i].size_bytes}, WIRE_TEXT_MAX);
    }
    emit_end(emit);
}

static bool has_digit_or_at(const struct page_line *line) {
    for (size_t i = 0; i < line->size_bytes; i++) {
        char c = line->text[i];
        if ((c >= '0' && c <= '9') || c == '@' || c == '*') {
            return true;
        }
    }
    return false;
}

void page_facts_send(struct reading *reading, struct page_text *page) {
    if (form_kind_is_form(reading)) {
        page_text_sort(page);
    }
    send_page(reading->emit, page);
    if (page->lines_count == 0) {
        return;
    }
    struct layout layout;
    layout_make(reading->ctx, page, &layout);
    for (int i = 0; i < (int)page->lines_count; i++) {
        const struct page_line *line = &page->lines[i];
        if (!has_digit_or_at(line)) {
            continue;
        }
        facts_from_line(reading, page->number, line, layout_label(reading->ctx, &layout, i));
    }
    if (form_kind_is_flattened(reading)) {
        layout_make(reading->ctx, page, &layout);
        labelled_send(reading, &layout);
    }
}
