/* The field tree: own walk, because MuPDF's has no budget. */
#include "pdf/child/acroform.h"

#include <stdio.h>
#include <string.h>

#include "pdf/child/facts.h"

enum { FIELD_RADIO = 1 << 15, FIELD_PUSHBUTTON = 1 << 16, VALUE_BYTES_MAX = WIRE_TEXT_MAX };

struct field {
    pdf_obj *object;
    pdf_obj *type, *value, *options; /* own or inherited */
    int flags;
    char name[WIRE_NAME_MAX + 1];
};

static void add_name(struct field *field, const char *partial) {
    size_t used = strlen(field->name);
    if (*partial) {
        (void)snprintf(field->name + used, sizeof(field->name) - used, "%s%s", used ? "." : "", partial);
    }
}

/* ---- values ---- */

/* A string, a name, a number, or a stream (rich or long text). `scratch` holds what is not kept by the object. */
static struct wire_text text_of(struct reading *reading, pdf_obj *value, char scratch[VALUE_BYTES_MAX]) {
    fz_context *ctx = reading->ctx;
    if (pdf_is_name(ctx, value)) {
        return wire_text_of(pdf_to_name(ctx, value));
    }
    if (pdf_is_stream(ctx, value)) {
        bool cut = false;
        fz_buffer *buffer = reading_load_stream(reading, value, VALUE_BYTES_MAX, &cut);
        unsigned char *bytes = NULL;
        size_t size = fz_buffer_storage(ctx, buffer, &bytes);
        memcpy(scratch, bytes, size);
        fz_drop_buffer(ctx, buffer);
        return (struct wire_text){scratch, size};
    }
    if (pdf_is_int(ctx, value)) {
        (void)snprintf(scratch, 32, "%d", pdf_to_int(ctx, value));
        return wire_text_of(scratch);
    }
    return wire_text_of(pdf_to_text_string(ctx, value));
}

/* Choice: /Opt pairs an export value with what is shown. *ret_export "" when they are the same. */
static struct wire_text choice_text(struct reading *reading, const struct field *field, pdf_obj *value,
                                    struct wire_text *ret_export) {
    static char scratch[VALUE_BYTES_MAX];
    fz_context *ctx = reading->ctx;
    struct wire_text text = text_of(reading, value, scratch);
    int length = pdf_array_len(ctx, field->options);
    for (int i = 0; i < length && reading->steps_left > 0; i++) {
        reading->steps_left--;
        pdf_obj *option = pdf_array_get(ctx, field->options, i);
        if (pdf_array_len(ctx, option) == 2) {
            const char *exported = pdf_to_text_string(ctx, pdf_array_get(ctx, option, 0));
            if (strlen(exported) == text.size_bytes && memcmp(exported, text.data, text.size_bytes) == 0) {
                *ret_export = wire_text_of(exported);
                return wire_text_of(pdf_to_text_string(ctx, pdf_array_get(ctx, option, 1)));
            }
        }
    }
    return text;
}

/* Several chosen: one a line. */
static struct wire_text choices_text(struct reading *reading, const struct field *field, struct wire_text *ret_export) {
    static char joined[VALUE_BYTES_MAX];
    fz_context *ctx = reading->ctx;
    if (!pdf_is_array(ctx, field->value)) {
        return choice_text(reading, field, field->value, ret_export);
    }
    size_t used = 0;
    int length = pdf_array_len(ctx, field->value);
    for (int i = 0; i < length && reading->steps_left > 0; i++) {
        struct wire_text ignored = {"", 0};
        struct wire_text text = choice_text(reading, field, pdf_array_get(ctx, field->value, i), &ignored);
        if (used + text.size_bytes + 1 > sizeof(joined)) {
            break;
        }
        memcpy(joined + used, "\n", used > 0);
        used += used > 0;
        memcpy(joined + used, text.data, text.size_bytes);
        used += text.size_bytes;
    }
    return (struct wire_text){joined, used};
}

/* Button: the value is the state's name; where /Opt lists export values, the name is an index into it. */
static struct wire_text button_text(struct reading *reading, const struct field *field, struct wire_text *ret_export) {
    fz_context *ctx = reading->ctx;
    pdf_obj *state = field->value ? field->value : pdf_dict_get(ctx, field->object, PDF_NAME(AS));
    const char *name = pdf_is_name(ctx, state) ? pdf_to_name(ctx, state) : "Off";
    bool number = *name && strspn(name, "0123456789") == strlen(name) && strlen(name) < 5;
    int index = 0;
    for (const char *digit = name; number && *digit; digit++) {
        index = index * 10 + (*digit - '0');
    }
    pdf_obj *exported = number ? pdf_array_get(ctx, field->options, index) : NULL;
    if (strcmp(name, "Off") != 0) {
        *ret_export = wire_text_of(exported ? pdf_to_text_string(ctx, exported) : name);
    }
    return wire_text_of(name);
}

/* ---- sending ---- */

static void send_field(struct reading *reading, const struct field *field, uint32_t kind, struct wire_text text,
                       struct wire_text exported) {
    struct wire_where where = page_tree_place(reading, field->object);
    where.acroform = wire_text_of(field->name);
    const char *last = strrchr(field->name, '.');
    struct wire_writer *out = emit_begin(reading->emit, WIRE_FIELD);
    if (out) {
        wire_put_u32(out, kind);
        wire_put_u32(out, 95);
        wire_put_text(out, wire_text_of(""), 0);
        wire_put_text(out, where.acroform, WIRE_NAME_MAX);
        wire_put_text(out, text, WIRE_TEXT_MAX);
        wire_put_text(out, exported, WIRE_NAME_MAX);
        wire_put_where(out, &where);
        emit_end(reading->emit);
    }
    if (text.size_bytes > WIRE_TEXT_MAX) {
        emit_warning(reading->emit, "value_cut", "the value of %.100s was cut", field->name);
    }
    facts_from_field(reading, last ? last + 1 : field->name, text.data, text.size_bytes, &where);
}

/* /ByteRange: the two stretches that are signed; the hole between them is the signature. */
static uint32_t byte_range(struct reading *reading, pdf_obj *value, uint64_t range[4]) {
    fz_context *ctx = reading->ctx;
    pdf_obj *array = pdf_dict_get(ctx, value, PDF_NAME(ByteRange));
    for (int i = 0; i < 4; i++) {
        int64_t number = pdf_to_int64(ctx, pdf_array_get(ctx, array, i));
        if (number < 0 || (uint64_t)number > reading->size_bytes) {
            memset(range, 0, 4 * sizeof(*range));
            emit_warning(reading->emit, "byte_range", "a signature's ByteRange lies outside of the file");
            return 0;
        }
        range[i] = (uint64_t)number;
    }
    bool covers = pdf_array_len(ctx, array) == 4 && range[0] == 0 && range[1] <= range[2] &&
                  range[2] + range[3] == reading->size_bytes;
    return covers ? WIRE_COVERS_FILE : 0;
}

static void send_signature(struct reading *reading, const struct field *field) {
    fz_context *ctx = reading->ctx;
    uint64_t range[4] = {0};
    bool is_signed = pdf_is_dict(ctx, field->value) && pdf_dict_get(ctx, field->value, PDF_NAME(Contents));
    uint32_t flags = is_signed ? WIRE_SIGNED | byte_range(reading, field->value, range) : 0;
    struct wire_where where = page_tree_place(reading, field->object);
    const char *filter = pdf_to_name(ctx, pdf_dict_get(ctx, field->value, PDF_NAME(SubFilter)));
    const char *name = pdf_dict_get_text_string(ctx, field->value, PDF_NAME(Name));
    const char *time = pdf_dict_get_text_string(ctx, field->value, PDF_NAME(M));
    struct wire_writer *out = emit_begin(reading->emit, WIRE_SIGNATURE);
    if (!out) {
        return;
    }
    wire_put_text(out, wire_text_of(field->name), WIRE_NAME_MAX);
    wire_put_text(out, wire_text_of(filter), 128);
    wire_put_text(out, wire_text_of(name), WIRE_NAME_MAX);
    wire_put_text(out, wire_text_of(time), 64);
    wire_put_u32(out, flags);
    for (int i = 0; i < 4; i++) {
        wire_put_u64(out, range[i]);
    }
    wire_put_u32(out, where.page);
    wire_put_box(out, where.box);
    emit_end(reading->emit);
}

static void send_terminal(struct reading *reading, const struct field *field) {
    static char scratch[VALUE_BYTES_MAX];
    fz_context *ctx = reading->ctx;
    struct wire_text exported = {"", 0};
    if (pdf_name_eq(ctx, field->type, PDF_NAME(Sig))) {
        send_signature(reading, field);
    } else if (pdf_name_eq(ctx, field->type, PDF_NAME(Btn))) {
        if (!(field->flags & FIELD_PUSHBUTTON)) {
            struct wire_text text = button_text(reading, field, &exported);
            send_field(reading, field, WIRE_FIELD_BUTTON, text, exported);
        }
    } else if (pdf_name_eq(ctx, field->type, PDF_NAME(Ch))) {
        struct wire_text text = choices_text(reading, field, &exported);
        send_field(reading, field, WIRE_FIELD_CHOICE, text, exported);
    } else if (pdf_name_eq(ctx, field->type, PDF_NAME(Tx))) {
        send_field(reading, field, WIRE_FIELD_TEXT, text_of(reading, field->value, scratch), exported);
    }
}

/* ---- the walk ---- */

static pdf_obj *or_inherited(struct reading *reading, pdf_obj *object, pdf_obj *key, pdf_obj *inherited) {
    pdf_obj *own = pdf_dict_get(reading->ctx, object, key);
    return own ? own : inherited;
}

/* Kids with a name of their own are fields; without one they are only the places where this field is shown. */
static bool has_field_kids(struct reading *reading, pdf_obj *kids) {
    int length = pdf_array_len(reading->ctx, kids);
    for (int i = 0; i < length && reading->steps_left > 0; i++) {
        reading->steps_left--;
        if (pdf_dict_get(reading->ctx, pdf_array_get(reading->ctx, kids, i), PDF_NAME(T))) {
            return true;
        }
    }
    return false;
}

static void walk(struct reading *reading, pdf_obj *object, const struct field *parent, int depth);

static void walk_kids(struct reading *reading, pdf_obj *kids, const struct field *parent, int depth) {
    int length = pdf_array_len(reading->ctx, kids);
    for (int i = 0; i < length && reading->steps_left > 0; i++) {
        walk(reading, pdf_array_get(reading->ctx, kids, i), parent, depth);
    }
}

/* A field with places only: the first of them is where it stands. */
static void send_shown(struct reading *reading, struct field *field, pdf_obj *kids) {
    pdf_obj *first = pdf_array_get(reading->ctx, kids, 0);
    if (first && field->value == NULL && pdf_name_eq(reading->ctx, field->type, PDF_NAME(Btn))) {
        field->value = pdf_dict_get(reading->ctx, first, PDF_NAME(AS));
    }
    field->object = first ? first : field->object;
    send_terminal(reading, field);
}

static void walk(struct reading *reading, pdf_obj *object, const struct field *parent, int depth) {
    fz_context *ctx = reading->ctx;
    if (--reading->steps_left <= 0 || depth > WALK_DEPTH_MAX || !pdf_is_dict(ctx, object) ||
        pdf_mark_obj(ctx, object)) {
        return;
    }
    fz_try(ctx) {
        struct field field = {.object = object};
        memcpy(field.name, parent->name, sizeof(field.name));
        add_name(&field, pdf_dict_get_text_string(ctx, object, PDF_NAME(T)));
        field.type = or_inherited(reading, object, PDF_NAME(FT), parent->type);
        field.value = or_inherited(reading, object, PDF_NAME(V), parent->value);
        field.options = or_inherited(reading, object, PDF_NAME(Opt), parent->options);
        pdf_obj *flags = pdf_dict_get(ctx, object, PDF_NAME(Ff));
        field.flags = flags ? pdf_to_int(ctx, flags) : parent->flags;
        pdf_obj *kids = pdf_dict_get(ctx, object, PDF_NAME(Kids));
        if (has_field_kids(reading, kids)) {
            walk_kids(reading, kids, &field, depth + 1);
        } else {
            send_shown(reading, &field, kids);
        }
    }
    fz_always(ctx) {
        pdf_unmark_obj(ctx, object);
    }
    fz_catch(ctx) {
        fz_rethrow(ctx);
    }
}

void acroform_send(struct reading *reading) {
    fz_context *ctx = reading->ctx;
    reading->steps_left = WALK_STEPS_MAX;
    fz_try(ctx) {
        pdf_obj *root = pdf_dict_get(ctx, pdf_trailer(ctx, reading->document), PDF_NAME(Root));
        pdf_obj *form = pdf_dict_get(ctx, root, PDF_NAME(AcroForm));
        const struct field top = {0};
        walk_kids(reading, pdf_dict_get(ctx, form, PDF_NAME(Fields)), &top, 0);
    }
    fz_catch(ctx) {
        if (fz_caught(ctx) == FZ_ERROR_MEMORY) {
            fz_rethrow(ctx);
        }
        emit_warning(reading->emit, "acroform_unreadable", "the form's fields cannot all be read");
    }
    if (reading->steps_left <= 0) {
        emit_warning(reading->emit, "acroform_cut", "the form has more fields than are read");
    }
}
