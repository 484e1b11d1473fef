/* A small strict XML reader; see azure_xml.h. The path doubles as the stack of open elements. */
#include "blobs/azure_xml.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

struct reader {
    const char *at;
    const char *end;
    azure_xml_leaf *leaf;
    void *context;
    char path[AZURE_XML_PATH_MAX];
    int depth;
    bool is_leaf;   /* the element opened last is the one being read */
    bool seen_root; /* and it has ended */
    struct buf text;
};

static bool is_name_start(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool is_name(char byte) {
    return is_name_start(byte) || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == ':';
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void skip_blanks(struct reader *reader) {
    while (reader->at < reader->end && is_blank(*reader->at)) {
        reader->at++;
    }
}

static bool skip_text(struct reader *reader, const char *text) {
    size_t size = strlen(text);
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, text, size) != 0) {
        return false;
    }
    reader->at += size;
    return true;
}

/* ---- text ---- */

static bool append_utf8(struct buf *out, uint32_t code) {
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return false;
    }
    char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes[0] = (char)(first[size] | code);
    return buf_append(out, bytes, size);
}

/* "38" or "x26" of "&#x26;" */
static bool read_number(const char *text, size_t size, uint32_t *ret) {
    bool hex = size > 0 && text[0] == 'x';
    uint32_t base = hex ? 16 : 10;
    uint32_t value = 0;
    size_t i = hex;
    if (i == size) {
        return false;
    }
    for (; i < size; i++) {
        char lower = (char)(text[i] | 0x20);
        uint32_t digit = text[i] >= '0' && text[i] <= '9'      ? (uint32_t)(text[i] - '0')
                         : hex && lower >= 'a' && lower <= 'f' ? (uint32_t)(lower - 'a' + 10)
                                                               : base;
        value = value * base + digit;
        if (digit == base || value > 0x10ffff) {
            return false;
        }
    }
    *ret = value;
    return true;
}

/* At '&'. */
static bool read_entity(struct reader *reader) {
    static const struct {
        const char *name;
        char byte;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < COUNT_OF(named); i++) {
        if (skip_text(reader, named[i].name)) {
            return !reader->is_leaf || buf_append_char(&reader->text, named[i].byte);
        }
    }
    const char *stop = memchr(reader->at, ';', (size_t)(reader->end - reader->at));
    uint32_t code = 0;
    if (!skip_text(reader, "&#") || !stop || !read_number(reader->at, (size_t)(stop - reader->at), &code)) {
        return false;
    }
    reader->at = stop + 1;
    return append_utf8(&reader->text, code) || !reader->is_leaf;
}

static bool read_text(struct reader *reader) {
    while (reader->at < reader->end && *reader->at != '<') {
        if (reader->depth == 0 && !is_blank(*reader->at)) {
            return false;
        }
        if (*reader->at == '&') {
            if (!read_entity(reader)) {
                return false;
            }
            continue;
        }
        if (*reader->at == '\0' || (reader->is_leaf && !buf_append_char(&reader->text, *reader->at))) {
            return false;
        }
        reader->at++;
    }
    return true;
}

/* ---- elements ---- */

static bool close_element(struct reader *reader) {
    bool go_on = true;
    if (reader->is_leaf) {
        go_on = reader->leaf(reader->context, reader->path, buf_str(&reader->text));
    }
    *strrchr(reader->path, '/') = '\0';
    reader->depth--;
    reader->is_leaf = false;
    reader->seen_root = reader->depth == 0;
    return go_on;
}

static bool open_element(struct reader *reader, const char *name, size_t size) {
    size_t length = strlen(reader->path);
    if (reader->depth == AZURE_XML_DEPTH_MAX || reader->seen_root ||
        !str_format(reader->path + length, sizeof(reader->path) - length, "/%.*s", (int)size, name)) {
        return false;
    }
    reader->depth++;
    reader->is_leaf = true;
    buf_clear(&reader->text);
    return true;
}

static size_t read_name(struct reader *reader, const char **ret_name) {
    *ret_name = reader->at;
    if (reader->at < reader->end && is_name_start(*reader->at)) {
        while (reader->at < reader->end && is_name(*reader->at)) {
            reader->at++;
        }
    }
    return (size_t)(reader->at - *ret_name);
}

/* name="value" … up to '>' or '/'; values are of no use here. */
static bool skip_attributes(struct reader *reader) {
    for (;;) {
        const char *before = reader->at;
        skip_blanks(reader);
        if (reader->at == reader->end || *reader->at == '>' || *reader->at == '/') {
            return reader->at < reader->end;
        }
        const char *name = NULL;
        if (reader->at == before || read_name(reader, &name) == 0) {
            return false;
        }
        skip_blanks(reader);
        if (!skip_text(reader, "=")) {
            return false;
        }
        skip_blanks(reader);
        char quote = reader->at < reader->end ? *reader->at : '\0';
        const char *stop = quote == '"' || quote == '\''
                               ? memchr(reader->at + 1, quote, (size_t)(reader->end - reader->at) - 1)
                               : NULL;
        if (!stop || memchr(reader->at, '<', (size_t)(stop - reader->at))) {
            return false;
        }
        reader->at = stop + 1;
    }
}

/* Behind '<' of an element that begins. */
static bool read_start(struct reader *reader) {
    const char *name = NULL;
    size_t size = read_name(reader, &name);
    if (size == 0 || !open_element(reader, name, size) || !skip_attributes(reader)) {
        return false;
    }
    if (skip_text(reader, "/>")) {
        return close_element(reader);
    }
    return skip_text(reader, ">");
}

/* Behind "</". */
static bool read_end(struct reader *reader) {
    const char *name = NULL;
    size_t size = read_name(reader, &name);
    const char *open = reader->depth > 0 ? strrchr(reader->path, '/') + 1 : "";
    skip_blanks(reader);
    return reader->depth > 0 && strlen(open) == size && memcmp(open, name, size) == 0 && skip_text(reader, ">") &&
           close_element(reader);
}

bool azure_xml_read(const char *xml, size_t size_bytes, azure_xml_leaf *leaf, void *context) {
    struct reader reader = {
        .at = xml, .end = xml + size_bytes, .leaf = leaf, .context = context, .text = BUF_INIT(AZURE_XML_TEXT_MAX)};
    if (size_bytes == 0) {
        return false;
    }
    (void)skip_text(&reader, "\xef\xbb\xbf");
    if (skip_text(&reader, "<?xml")) {
        const char *stop = memmem(reader.at, (size_t)(reader.end - reader.at), "?>", 2);
        reader.at = stop ? stop + 2 : reader.end;
    }
    bool good = true;
    while (good && read_text(&reader) && reader.at < reader.end) {
        reader.at++; /* '<' */
        good = skip_text(&reader, "/") ? read_end(&reader) : read_start(&reader);
    }
    good = good && reader.at == reader.end && reader.seen_root;
    buf_finish(&reader.text);
    return good;
}
