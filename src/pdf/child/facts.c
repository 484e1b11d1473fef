/* Identifiers and dates on their way out. */
#include "pdf/child/facts.h"

#include <string.h>

#include "pdf/child/identify.h"

/* Where a fact comes from, best first: a date that a better source gave is not given again. */
enum source { SOURCE_XFA, SOURCE_ACROFORM, SOURCE_PAGE };
enum { KIND_DATE = 100 }; /* + source; below are kinds of identifiers */

static uint64_t hash_of(uint32_t kind, const char *value) {
    uint64_t hash = 14695981039346656037u ^ kind; /* FNV-1a */
    for (; *value; value++) {
        hash = (hash ^ (unsigned char)*value) * 1099511628211u;
    }
    return hash;
}

static bool is_seen(const struct reading *reading, uint64_t hash) {
    for (int i = 0; i < reading->seen_count; i++) {
        if (reading->seen[i] == hash) {
            return true;
        }
    }
    return false;
}

/* True the first time this kind and value come. */
static bool first_time(struct reading *reading, uint32_t kind, const char *value) {
    uint64_t hash = hash_of(kind, value);
    if (is_seen(reading, hash)) {
        return false;
    }
    if (reading->seen_count < SEEN_MAX) {
        reading->seen[reading->seen_count++] = hash;
    }
    return true;
}

static void send_identifier(struct reading *reading, const struct found *found, const struct wire_where *where) {
    struct wire_writer *out = emit_begin(reading->emit, WIRE_IDENTIFIER);
    if (out) {
        wire_put_u32(out, found->kind);
        wire_put_u32(out, found->confidence);
        wire_put_text(out, wire_text_of(found->value), FOUND_VALUE_MAX);
        wire_put_where(out, where);
        emit_end(reading->emit);
    }
}

static void send_date(struct reading *reading, const struct found *found, enum source source, struct wire_text label,
                      const struct wire_where *where) {
    for (int better = SOURCE_XFA; better < (int)source; better++) {
        if (is_seen(reading, hash_of(KIND_DATE + (uint32_t)better, found->value))) {
            return;
        }
    }
    (void)first_time(reading, KIND_DATE + source, found->value);
    struct wire_writer *out = emit_begin(reading->emit, WIRE_DATE);
    if (out) {
        wire_put_u32(out, found->confidence);
        wire_put_text(out, wire_text_of(found->value), FOUND_VALUE_MAX);
        wire_put_text(out, label, WIRE_NAME_MAX);
        wire_put_where(out, where);
        emit_end(reading->emit);
    }
}

static struct wire_where place(uint32_t page, const struct page_line *line, const struct found *found) {
    return (struct wire_where){.page = page, .box = page_line_box(line, found->from, found->to)};
}

void facts_from_line(struct reading *reading, uint32_t page, const struct page_line *line, const char *label) {
    struct found found;
    for (size_t at = 0; identify_next(line->text, line->size_bytes, label, &at, &found);) {
        if (first_time(reading, found.kind, found.value)) {
            struct wire_where where = place(page, line, &found);
            send_identifier(reading, &found, &where);
        }
    }
    for (size_t at = 0; date_next(line->text, line->size_bytes, &at, &found);) {
        /* its label: what stands before it in the line, else beside or above */
        struct wire_text before = {line->text, found.from};
        while (before.size_bytes && strchr(" :-,", before.data[before.size_bytes - 1])) {
            before.size_bytes--;
        }
        struct wire_where where = place(page, line, &found);
        send_date(reading, &found, SOURCE_PAGE, before.size_bytes ? before : wire_text_of(label), &where);
    }
}

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

/* DirectorDin_C → "Director Din C" */
static void split_words(const char *name, char *out, size_t out_size) {
    size_t at = 0;
    for (size_t i = 0; name[i] && at + 2 < out_size; i++) {
        if (i > 0 && is_upper(name[i]) && is_lower(name[i - 1])) {
            out[at++] = ' ';
        }
        out[at++] = name[i] == '_' ? ' ' : name[i];
    }
    out[at] = '\0';
}

void facts_from_field(struct reading *reading, const char *name, const char *value, size_t size_bytes,
                      const struct wire_where *where) {
    char label[200];
    struct found found;
    if (size_bytes < 5 || size_bytes > 4096) {
        return;
    }
    split_words(name, label, sizeof(label));
    for (size_t at = 0; identify_next(value, size_bytes, label, &at, &found);) {
        if (first_time(reading, found.kind, found.value)) {
            send_identifier(reading, &found, where);
        }
    }
    size_t at = 0;
    if (date_next(value, size_bytes, &at, &found) && found.from == 0 && found.to == size_bytes) {
        enum source source = where->xfa.size_bytes ? SOURCE_XFA : SOURCE_ACROFORM;
        send_date(reading, &found, source, (struct wire_text){name, strcspn(name, "[")}, where);
    }
}
