/* The datasets packet, from an array of packets or from one stream with all of them. */
#include "pdf/child/xfa.h"

#include <string.h>

#include "pdf/child/facts.h"
#include "pdf/child/xml_walk.h"

#define XFA_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct sender {
    struct reading *reading;
    int cut;
};

static void send_leaf(void *argument, const struct xml_leaf *leaf) {
    struct sender *sender = argument;
    struct wire_where where = {.xfa = wire_text_of(leaf->path)};
    struct wire_text text = {leaf->text, leaf->text_bytes};
    struct wire_writer *out = emit_begin(sender->reading->emit, WIRE_FIELD);
    sender->cut += leaf->cut || text.size_bytes > WIRE_TEXT_MAX;
    if (out) {
        wire_put_u32(out, WIRE_FIELD_TEXT);
        wire_put_u32(out, 99);
        wire_put_text(out, wire_text_of(""), 0);
        wire_put_text(out, wire_text_of(leaf->name), WIRE_NAME_MAX);
        wire_put_text(out, text, WIRE_TEXT_MAX);
        wire_put_text(out, wire_text_of(""), 0);
        wire_put_where(out, &where);
        emit_end(sender->reading->emit);
    }
    facts_from_field(sender->reading, leaf->name, leaf->text, leaf->text_bytes, &where);
}

static pdf_obj *find_datasets(struct reading *reading, pdf_obj *xfa) {
    fz_context *ctx = reading->ctx;
    if (!pdf_is_array(ctx, xfa)) {
        return xfa; /* one stream holds all packets */
    }
    int length = pdf_array_len(ctx, xfa);
    for (int i = 0; i + 1 < length && i < 64; i += 2) {
        if (strcmp(pdf_to_text_string(ctx, pdf_array_get(ctx, xfa, i)), "datasets") == 0) {
            return pdf_array_get(ctx, xfa, i + 1);
        }
    }
    return NULL;
}

static void walk(struct reading *reading, pdf_obj *stream) {
    fz_context *ctx = reading->ctx;
    bool cut = false;
    fz_buffer *buffer = reading_load_stream(reading, stream, XFA_BYTES_MAX, &cut);
    fz_try(ctx) {
        unsigned char *bytes = NULL;
        size_t size = fz_buffer_storage(ctx, buffer, &bytes);
        struct sender sender = {.reading = reading};
        enum xml_result result = xml_walk_datasets((const char *)bytes, size, send_leaf, &sender);
        if (result != XML_DONE || cut) {
            emit_warning(reading->emit, "xfa_cut", "the XFA data are %s; what came before was read",
                         result == XML_LIMITED || cut ? "larger than is read" : "not well-formed");
        }
        if (sender.cut) {
            emit_warning(reading->emit, "value_cut", "%d values of the XFA data were cut", sender.cut);
        }
    }
    fz_always(ctx) {
        fz_drop_buffer(ctx, buffer);
    }
    fz_catch(ctx) {
        fz_rethrow(ctx);
    }
}

void xfa_send(struct reading *reading) {
    fz_context *ctx = reading->ctx;
    fz_try(ctx) {
        pdf_obj *root = pdf_dict_get(ctx, pdf_trailer(ctx, reading->document), PDF_NAME(Root));
        pdf_obj *form = pdf_dict_get(ctx, root, PDF_NAME(AcroForm));
        pdf_obj *datasets = find_datasets(reading, pdf_dict_get(ctx, form, PDF_NAME(XFA)));
        if (pdf_is_stream(ctx, datasets)) {
            walk(reading, datasets);
        }
    }
    fz_catch(ctx) {
        if (fz_caught(ctx) == FZ_ERROR_MEMORY) {
            fz_rethrow(ctx);
        }
        emit_warning(reading->emit, "xfa_unreadable", "the XFA data cannot be read");
    }
}
