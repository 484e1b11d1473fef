/* Embedded files: listed, typed, hashed; never kept. */
#include "pdf/child/attachments.h"

#include <string.h>

#include "pdf/child/magic.h"

#define EXPANDED_BYTES_MAX ((uint64_t)256 * 1024 * 1024) /* of all attachments of a document */
enum { FILES_MAX = 500 };

struct files {
    struct reading *reading;
    uint64_t expanded_bytes;
    int numbers[FILES_MAX]; /* object numbers of streams already listed */
    int count;
};

struct content {
    uint64_t size_bytes;
    unsigned char sha256[32];
    const char *type;
    bool unreadable;
};

static void read_content(struct files *files, pdf_obj *stream, struct content *ret) {
    static struct magic magic;
    static unsigned char piece[64 * 1024];
    fz_context *ctx = files->reading->ctx;
    fz_stream *in = NULL;
    fz_var(in);
    fz_sha256 digest;
    memset(&magic, 0, sizeof(magic));
    fz_sha256_init(&digest);
    fz_try(ctx) {
        in = pdf_open_stream(ctx, stream);
        for (size_t got; (got = fz_read(ctx, in, piece, sizeof(piece))) > 0;) {
            files->expanded_bytes += got;
            if (files->expanded_bytes > EXPANDED_BYTES_MAX) {
                fz_throw(ctx, FZ_ERROR_GENERIC, "too large");
            }
            fz_sha256_update(&digest, piece, got);
            magic_add(&magic, piece, got);
            ret->size_bytes += got;
        }
        fz_sha256_final(&digest, ret->sha256);
        ret->type = magic_type(&magic);
    }
    fz_always(ctx) {
        fz_drop_stream(ctx, in);
    }
    fz_catch(ctx) {
        if (fz_caught(ctx) == FZ_ERROR_MEMORY) {
            fz_rethrow(ctx);
        }
        ret->unreadable = true;
    }
}

static const char *first_text(fz_context *ctx, pdf_obj *dict, pdf_obj *one, pdf_obj *other) {
    const char *text = pdf_dict_get_text_string(ctx, dict, one);
    return *text ? text : pdf_dict_get_text_string(ctx, dict, other);
}

static void send_file(struct files *files, const char *key, pdf_obj *spec) {
    fz_context *ctx = files->reading->ctx;
    pdf_obj *embedded = pdf_dict_get(ctx, spec, PDF_NAME(EF));
    pdf_obj *stream = pdf_dict_get(ctx, embedded, PDF_NAME(UF));
    stream = stream ? stream : pdf_dict_get(ctx, embedded, PDF_NAME(F));
    if (!pdf_is_dict(ctx, spec) || files->count == FILES_MAX) {
        return;
    }
    files->numbers[files->count++] = pdf_to_num(ctx, stream);
    struct content content = {.type = "unknown", .unreadable = !pdf_is_stream(ctx, stream)};
    const char *name = first_text(ctx, spec, PDF_NAME(UF), PDF_NAME(F));
    const char *declared = pdf_to_name(ctx, pdf_dict_get(ctx, stream, PDF_NAME(Subtype)));
    if (!content.unreadable) {
        read_content(files, stream, &content);
    }
    if (content.unreadable) {
        emit_warning(files->reading->emit, "attachment_unreadable", "the attachment \"%.100s\" %s", name,
                     files->expanded_bytes > EXPANDED_BYTES_MAX ? "is larger than is read" : "cannot be read");
    }
    struct wire_writer *out = emit_begin(files->reading->emit, WIRE_ATTACHMENT);
    if (out) {
        wire_put_text(out, wire_text_of(key), WIRE_NAME_MAX);
        wire_put_text(out, wire_text_of(name), WIRE_NAME_MAX);
        wire_put_text(out, wire_text_of(declared), WIRE_NAME_MAX);
        wire_put_text(out, wire_text_of(content.unreadable ? "unknown" : content.type), 100);
        wire_put_u32(out, content.unreadable ? WIRE_ATTACHMENT_UNREADABLE : 0);
        wire_put_u64(out, content.unreadable ? 0 : content.size_bytes);
        wire_put_bytes(out, content.sha256, sizeof(content.sha256));
        emit_end(files->reading->emit);
    }
}

/* Name tree (ISO 32000-1, 7.9.6): /Names [key value …] in leaves, /Kids above. */
static void walk(struct files *files, pdf_obj *node, int depth) {
    fz_context *ctx = files->reading->ctx;
    if (--files->reading->steps_left <= 0 || depth > WALK_DEPTH_MAX || !pdf_is_dict(ctx, node) ||
        pdf_mark_obj(ctx, node)) {
        return;
    }
    fz_try(ctx) {
        pdf_obj *names = pdf_dict_get(ctx, node, PDF_NAME(Names));
        int length = pdf_array_len(ctx, names);
        for (int i = 0; i + 1 < length && files->reading->steps_left > 0; i += 2) {
            files->reading->steps_left--;
            send_file(files, pdf_to_text_string(ctx, pdf_array_get(ctx, names, i)), pdf_array_get(ctx, names, i + 1));
        }
        pdf_obj *kids = pdf_dict_get(ctx, node, PDF_NAME(Kids));
        length = pdf_array_len(ctx, kids);
        for (int i = 0; i < length && files->reading->steps_left > 0; i++) {
            walk(files, pdf_array_get(ctx, kids, i), depth + 1);
        }
    }
    fz_always(ctx) {
        pdf_unmark_obj(ctx, node);
    }
    fz_catch(ctx) {
        fz_rethrow(ctx);
    }
}

static bool is_listed(const struct files *files, int number) {
    for (int i = 0; i < files->count; i++) {
        if (number != 0 && files->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

/* Files pinned to pages (annotation /FileAttachment) that the tree does not list. */
static void pinned(struct files *files) {
    struct reading *reading = files->reading;
    fz_context *ctx = reading->ctx;
    for (int page = 0; page < reading->pages && page < WIRE_PAGES_TEXT_MAX; page++) {
        pdf_obj *annotations = pdf_dict_get(ctx, reading->page_objects[page], PDF_NAME(Annots));
        int length = pdf_array_len(ctx, annotations);
        for (int i = 0; i < length && reading->steps_left > 0; i++) {
            reading->steps_left--;
            pdf_obj *annotation = pdf_array_get(ctx, annotations, i);
            if (pdf_name_eq(ctx, pdf_dict_get(ctx, annotation, PDF_NAME(Subtype)), PDF_NAME(FileAttachment))) {
                pdf_obj *spec = pdf_dict_get(ctx, annotation, PDF_NAME(FS));
                pdf_obj *stream = pdf_dict_getl(ctx, spec, PDF_NAME(EF), PDF_NAME(F), NULL);
                if (!is_listed(files, pdf_to_num(ctx, stream))) {
                    send_file(files, "", spec);
                }
            }
        }
    }
}

void attachments_send(struct reading *reading) {
    static struct files files;
    fz_context *ctx = reading->ctx;
    memset(&files, 0, sizeof(files));
    files.reading = reading;
    reading->steps_left = WALK_STEPS_MAX;
    fz_try(ctx) {
        pdf_obj *root = pdf_dict_get(ctx, pdf_trailer(ctx, reading->document), PDF_NAME(Root));
        pdf_obj *names = pdf_dict_get(ctx, root, PDF_NAME(Names));
        walk(&files, pdf_dict_get(ctx, names, PDF_NAME(EmbeddedFiles)), 0);
        pinned(&files);
    }
    fz_catch(ctx) {
        if (fz_caught(ctx) == FZ_ERROR_MEMORY) {
            fz_rethrow(ctx);
        }
        emit_warning(reading->emit, "attachments_unreadable", "the attachments cannot all be listed");
    }
    if (reading->steps_left <= 0 || files.count == FILES_MAX) {
        emit_warning(reading->emit, "attachments_cut", "there are more attachments than are listed");
    }
}
