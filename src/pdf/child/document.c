/* One document from the first byte to the END frame. */
#include "pdf/child/document.h"

#include <string.h>

#include "pdf/child/acroform.h"
#include "pdf/child/attachments.h"
#include "pdf/child/memory.h"
#include "pdf/child/reading.h"
#include "pdf/child/xfa.h"

static const char *text_of_name(const char *name) {
    return name && *name ? name : "";
}

/* A text string of the Info dictionary; "" when there is none. */
static const char *info(struct reading *reading, pdf_obj *key) {
    pdf_obj *dict = pdf_dict_get(reading->ctx, pdf_trailer(reading->ctx, reading->document), PDF_NAME(Info));
    return text_of_name(pdf_to_text_string(reading->ctx, pdf_dict_get(reading->ctx, dict, key)));
}

static void send_document(struct reading *reading, bool limited) {
    fz_context *ctx = reading->ctx;
    pdf_obj *root = pdf_dict_get(ctx, pdf_trailer(ctx, reading->document), PDF_NAME(Root));
    pdf_obj *form = pdf_dict_get(ctx, root, PDF_NAME(AcroForm));
    reading->has_acroform = pdf_array_len(ctx, pdf_dict_get(ctx, form, PDF_NAME(Fields))) > 0;
    reading->has_xfa = pdf_dict_get(ctx, form, PDF_NAME(XFA)) != NULL;
    uint32_t flags = limited ? WIRE_PAGES_LIMITED : 0;
    flags |= pdf_dict_get(ctx, pdf_trailer(ctx, reading->document), PDF_NAME(Encrypt)) ? WIRE_ENCRYPTED : 0;
    flags |= pdf_was_repaired(ctx, reading->document) ? WIRE_REPAIRED : 0;
    flags |= reading->has_acroform ? WIRE_ACROFORM : 0;
    flags |= reading->has_xfa ? WIRE_XFA : 0;
    int version = pdf_version(ctx, reading->document);
    char version_text[16] = "";
    if (version >= 10 && version < 100) {
        (void)fz_snprintf(version_text, sizeof(version_text), "%d.%d", version / 10, version % 10);
    }
    const char *title = info(reading, PDF_NAME(Title));
    const char *producer = info(reading, PDF_NAME(Producer));
    struct wire_writer *out = emit_begin(reading->emit, WIRE_DOCUMENT);
    if (out) {
        wire_put_u32(out, (uint32_t)reading->pages);
        wire_put_u32(out, flags);
        wire_put_text(out, wire_text_of(title), WIRE_NAME_MAX);
        wire_put_text(out, wire_text_of(producer), WIRE_NAME_MAX);
        wire_put_text(out, wire_text_of(version_text), 16);
        emit_end(reading->emit);
    }
}

static void send_page(struct reading *reading, int number) {
    struct page_text page;
    page_text_read(reading->ctx, reading->document, number, &page);
    fz_try(reading->ctx) {
        if (page.unreadable) {
            emit_warning(reading->emit, "page_unreadable", "page %d cannot be read", number);
        }
        form_kind_look(reading, &page);
        page_facts_send(reading, &page);
    }
    fz_always(reading->ctx) {
        page_text_finish(reading->ctx, &page);
    }
    fz_catch(reading->ctx) {
        fz_rethrow(reading->ctx);
    }
}

static void count_pages(struct reading *reading, bool *ret_limited) {
    bool cut = false;
    int claimed = pdf_count_pages(reading->ctx, reading->document);
    reading->pages = page_tree_count(reading, &cut);
    if (claimed != reading->pages) {
        emit_warning(reading->emit, "page_count", "the file claims %d pages and has %s%d", claimed,
                     cut ? "at least " : "", reading->pages);
    }
    *ret_limited = reading->pages > WIRE_PAGES_TEXT_MAX;
    if (*ret_limited) {
        emit_warning(reading->emit, "pages_limited", "only the first %d pages were read", WIRE_PAGES_TEXT_MAX);
    }
}

static enum wire_end read_opened(struct reading *reading) {
    if (pdf_needs_password(reading->ctx, reading->document)) {
        return WIRE_END_PASSWORD;
    }
    bool limited = false;
    count_pages(reading, &limited);
    send_document(reading, limited);
    if (reading->pages == 0) {
        return WIRE_END_DAMAGED;
    }
    xfa_send(reading);
    acroform_send(reading);
    attachments_send(reading);
    for (int number = 1; number <= reading->pages && number <= WIRE_PAGES_TEXT_MAX; number++) {
        send_page(reading, number);
    }
    form_kind_send(reading);
    return WIRE_END_OK;
}

static const char *const details[WIRE_END_COUNT] = {
    [WIRE_END_OK] = "",
    [WIRE_END_DAMAGED] = "the file is damaged: no page can be found in it",
    [WIRE_END_PASSWORD] = "the file needs a password",
    [WIRE_END_MEMORY] = "reading the file takes more memory than is allowed",
    [WIRE_END_REFUSED] = "the file is not a PDF",
};

/* The header stands within the first 1024 bytes (ISO 32000-1, annex H.3, note 13). */
static bool looks_like_pdf(const unsigned char *bytes, size_t size_bytes) {
    size_t head = size_bytes < 1024 ? size_bytes : 1024;
    return memmem(bytes, head, "%PDF-", 5) != NULL;
}

enum wire_end document_read(fz_context *ctx, struct emit *emit, const unsigned char *bytes, size_t size_bytes) {
    static struct reading reading;
    reading = (struct reading){.ctx = ctx, .emit = emit, .bytes = bytes, .size_bytes = size_bytes};
    volatile enum wire_end end = WIRE_END_REFUSED;
    if (looks_like_pdf(bytes, size_bytes)) {
        fz_try(ctx) {
            fz_stream *stream = fz_open_memory(ctx, bytes, size_bytes);
            reading.document = pdf_open_document_with_stream(ctx, stream);
            end = read_opened(&reading);
        }
        fz_catch(ctx) {
            end = fz_caught(ctx) == FZ_ERROR_MEMORY ? WIRE_END_MEMORY : WIRE_END_DAMAGED;
        }
        if (end == WIRE_END_OK && memory_refused()) {
            emit_warning(emit, "memory", "parts were left out: they take more memory than is allowed");
        } else if (end == WIRE_END_DAMAGED && memory_refused()) {
            end = WIRE_END_MEMORY; /* what looks damaged was not loaded */
        }
    }
    emit_finish(emit, end, details[end]);
    return end;
}
