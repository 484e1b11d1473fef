/* The walk. One pass; a stack of open elements with the hash of each one's path, and a table that counts children of
 * the same name so that the second <ROW> becomes ROW[1]. */
#include "pdf/child/xml_walk.h"

#include <stdio.h>
#include <string.h>

enum { COUNTS = 1 << 15, NAME_MAX_BYTES = 256 };

struct element {
    size_t path_bytes; /* of the path up to and with this element */
    uint64_t hash;     /* of that path, to count its children under */
    const char *name;  /* in the input */
    size_t name_bytes;
    bool has_child;
};

struct walk {
    const char *at, *end;
    void (*leaf)(void *, const struct xml_leaf *);
    void *argument;
    struct element open[XML_DEPTH_MAX];
    int depth;
    int data_depth; /* of the <data> element; 0: not inside */
    char path[XML_PATH_MAX];
    char text[XML_TEXT_MAX + 8];
    size_t text_bytes;
    bool text_cut;
    uint64_t keys[COUNTS];
    uint32_t counts[COUNTS];
    int used;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool ends_name(char c) {
    return is_blank(c) || c == '>' || c == '/' || c == '=' || c == '<';
}

/* Moves behind `mark`; false when it does not come. */
static bool skip_past(struct walk *walk, const char *mark) {
    const char *found = memmem(walk->at, (size_t)(walk->end - walk->at), mark, strlen(mark));
    if (!found) {
        return false;
    }
    walk->at = found + strlen(mark);
    return true;
}

static bool at_text(const struct walk *walk, const char *text) {
    size_t length = strlen(text);
    return (size_t)(walk->end - walk->at) >= length && memcmp(walk->at, text, length) == 0;
}

/* How many earlier siblings have this name: a hash table that stops counting when it is full. */
static uint32_t sibling(struct walk *walk, uint64_t parent, const char *name, size_t name_bytes) {
    uint64_t hash = parent ^ 14695981039346656037u;
    for (size_t i = 0; i < name_bytes; i++) {
        hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
    }
    hash += hash == 0;
    for (size_t probe = 0; probe < 64; probe++) {
        size_t slot = (hash + probe) & (COUNTS - 1);
        if (walk->keys[slot] == 0 && walk->used < COUNTS / 2) {
            walk->keys[slot] = hash;
            walk->used++;
        }
        if (walk->keys[slot] == hash) {
            return walk->counts[slot]++;
        }
    }
    return 0;
}

static void add_char(struct walk *walk, uint32_t code) {
    unsigned char out[4];
    size_t length = 0;
    if (code < 0x80) {
        out[length++] = (unsigned char)code;
    } else if (code < 0x800) {
        out[length++] = (unsigned char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        out[length++] = (unsigned char)(0xe0 | code >> 12);
        out[length++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    } else {
        out[length++] = (unsigned char)(0xf0 | code >> 18);
        out[length++] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
        out[length++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
    }
    if (code >= 0x80) {
        out[length++] = (unsigned char)(0x80 | (code & 0x3f));
    }
    if (walk->text_bytes + length > XML_TEXT_MAX) {
        walk->text_cut = true;
        return;
    }
    memcpy(walk->text + walk->text_bytes, out, length);
    walk->text_bytes += length;
}

static void add_text(struct walk *walk, const char *text, size_t size_bytes) {
    size_t room = XML_TEXT_MAX - walk->text_bytes;
    walk->text_cut |= size_bytes > room;
    size_bytes = size_bytes < room ? size_bytes : room;
    memcpy(walk->text + walk->text_bytes, text, size_bytes);
    walk->text_bytes += size_bytes;
}

/* &amp; &#65; &#x41; — anything else stays as it is written. */
static void add_entity(struct walk *walk) {
    static const struct {
        const char *name;
        char c;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (at_text(walk, known[i].name)) {
            add_char(walk, (unsigned char)known[i].c);
            walk->at += strlen(known[i].name);
            return;
        }
    }
    const char *at = walk->at + 1;
    uint32_t code = 0;
    bool number = at < walk->end && *at++ == '#';
    uint32_t base = number && at < walk->end && (*at == 'x' || *at == 'X') ? 16 : 10;
    at += base == 16;
    for (; number && at < walk->end && *at != ';' && code < 0x110000; at++) {
        const char *digits = "0123456789abcdef";
        const char *digit = *at ? strchr(digits, *at >= 'A' && *at <= 'F' ? *at + 32 : *at) : NULL;
        number = digit && (uint32_t)(digit - digits) < base;
        code = number ? code * base + (uint32_t)(digit - digits) : 0;
    }
    if (number && at < walk->end && *at == ';' && code > 0 && code < 0x110000 && !(code >= 0xd800 && code < 0xe000)) {
        add_char(walk, code);
        walk->at = at + 1;
    } else {
        add_char(walk, '&');
        walk->at++;
    }
}

static const char *local_name(const char *name, size_t *size_bytes) {
    const char *colon = memchr(name, ':', *size_bytes);
    if (!colon) {
        return name;
    }
    *size_bytes -= (size_t)(colon + 1 - name);
    return colon + 1;
}

static bool is_named(const struct element *element, const char *name) {
    return element->name_bytes == strlen(name) && memcmp(element->name, name, element->name_bytes) == 0;
}

static bool push(struct walk *walk, const char *name, size_t name_bytes) {
    const char *local = local_name(name, &name_bytes);
    if (walk->depth == XML_DEPTH_MAX || name_bytes == 0 || name_bytes > NAME_MAX_BYTES ||
        memchr(local, '\0', name_bytes)) {
        return false;
    }
    struct element *parent = walk->depth ? &walk->open[walk->depth - 1] : NULL;
    struct element *element = &walk->open[walk->depth++];
    *element = (struct element){.name = local, .name_bytes = name_bytes};
    if (parent) {
        parent->has_child = true;
    }
    if (walk->data_depth) {
        size_t before = parent->path_bytes;
        uint32_t index = sibling(walk, parent->hash, element->name, element->name_bytes);
        int wrote = snprintf(walk->path + before, XML_PATH_MAX - before, "%s%.*s[%u]", before ? "." : "",
                             (int)element->name_bytes, element->name, index);
        if (wrote < 0 || (size_t)wrote >= XML_PATH_MAX - before) {
            return false;
        }
        element->path_bytes = before + (size_t)wrote;
        element->hash = parent->hash * 31 + index + 1;
        for (size_t i = 0; i < element->name_bytes; i++) {
            element->hash = (element->hash ^ (unsigned char)element->name[i]) * 1099511628211u;
        }
    } else if (parent && is_named(parent, "datasets") && is_named(element, "data")) {
        walk->data_depth = walk->depth;
    }
    walk->text_bytes = 0;
    walk->text_cut = false;
    return true;
}

static void tell_leaf(struct walk *walk, const struct element *element) {
    char name[NAME_MAX_BYTES + 1];
    size_t from = 0;
    while (from < walk->text_bytes && is_blank(walk->text[from])) {
        from++;
    }
    while (walk->text_bytes > from && is_blank(walk->text[walk->text_bytes - 1])) {
        walk->text_bytes--;
    }
    memcpy(name, element->name, element->name_bytes);
    name[element->name_bytes] = '\0';
    walk->text[walk->text_bytes] = '\0';
    walk->path[element->path_bytes] = '\0';
    const struct xml_leaf leaf = {.name = name,
                                  .path = walk->path,
                                  .text = walk->text + from,
                                  .text_bytes = walk->text_bytes - from,
                                  .cut = walk->text_cut};
    walk->leaf(walk->argument, &leaf);
}

static void pop(struct walk *walk) {
    const struct element *element = &walk->open[walk->depth - 1];
    if (walk->data_depth && walk->depth > walk->data_depth && !element->has_child) {
        tell_leaf(walk, element);
    }
    walk->data_depth = walk->depth == walk->data_depth ? 0 : walk->data_depth;
    walk->depth--;
    walk->text_bytes = 0;
}

/* At '<' of a start tag. */
static bool start_tag(struct walk *walk) {
    const char *name = ++walk->at;
    while (walk->at < walk->end && !ends_name(*walk->at)) {
        walk->at++;
    }
    if (!push(walk, name, (size_t)(walk->at - name))) {
        return false;
    }
    while (walk->at < walk->end && *walk->at != '>') { /* attributes hold no values in datasets */
        char quote = *walk->at++;
        if (quote == '"' || quote == '\'') {
            const char *close = memchr(walk->at, quote, (size_t)(walk->end - walk->at));
            if (!close) {
                return false;
            }
            walk->at = close + 1;
        }
    }
    if (walk->at >= walk->end) {
        return false;
    }
    bool empty = walk->at[-1] == '/';
    walk->at++;
    if (empty) {
        pop(walk);
    }
    return true;
}

static bool end_tag(struct walk *walk) {
    if (walk->depth == 0 || !skip_past(walk, ">")) {
        return false;
    }
    pop(walk);
    return true;
}

static bool cdata(struct walk *walk) {
    const char *from = walk->at + 9;
    if (!skip_past(walk, "]]>")) {
        return false;
    }
    add_text(walk, from, (size_t)(walk->at - 3 - from));
    return true;
}

static bool one_step(struct walk *walk) {
    if (*walk->at == '&') {
        add_entity(walk);
        return true;
    }
    if (*walk->at != '<') {
        const char *from = walk->at;
        while (walk->at < walk->end && *walk->at != '<' && *walk->at != '&') {
            walk->at++;
        }
        add_text(walk, from, (size_t)(walk->at - from));
        return true;
    }
    if (at_text(walk, "<!--")) {
        return skip_past(walk, "-->");
    }
    if (at_text(walk, "<![CDATA[")) {
        return cdata(walk);
    }
    if (at_text(walk, "<?")) {
        return skip_past(walk, "?>");
    }
    if (at_text(walk, "<!")) {
        return false; /* a DTD: nothing good comes of it */
    }
    return at_text(walk, "</") ? end_tag(walk) : start_tag(walk);
}

enum xml_result xml_walk_datasets(const char *bytes, size_t size_bytes,
                                  void (*leaf)(void *argument, const struct xml_leaf *leaf), void *argument) {
    static struct walk walk;
    memset(&walk, 0, sizeof(walk));
    walk.at = bytes;
    walk.end = bytes + size_bytes;
    walk.leaf = leaf;
    walk.argument = argument;
    for (int steps = 0; walk.at < walk.end; steps++) {
        if (steps > XML_STEPS_MAX) {
            return XML_LIMITED;
        }
        if (!one_step(&walk)) {
            return XML_BROKEN;
        }
    }
    return walk.depth == 0 ? XML_DONE : XML_BROKEN;
}
