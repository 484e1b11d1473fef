/* Media types by magic bytes; for ZIP by the names inside. */
#include "pdf/child/magic.h"

#include <string.h>

#include "base/str.h"

struct mark {
    const char *name;
    const char *type;
};

/* Names and, where they are not compressed, declared types; in a ZIP the first row that was seen decides. */
static const struct mark marks[] = {
    {"xl/vbaProject.bin", "application/vnd.ms-excel.sheet.macroEnabled.12"},
    {"word/vbaProject.bin", "application/vnd.ms-word.document.macroEnabled.12"},
    {"ppt/vbaProject.bin", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"},
    {"vnd.ms-excel.sheet.macroEnabled", "application/vnd.ms-excel.sheet.macroEnabled.12"},
    {"vnd.ms-word.document.macroEnabled", "application/vnd.ms-word.document.macroEnabled.12"},
    {"xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"META-INF/MANIFEST.MF", "application/java-archive"},
};

static void look_for_marks(struct magic *magic, const unsigned char *bytes, size_t size_bytes) {
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (memmem(bytes, size_bytes, marks[i].name, strlen(marks[i].name))) {
            magic->marks |= 1U << i;
        }
    }
}

void magic_add(struct magic *magic, const unsigned char *bytes, size_t size_bytes) {
    size_t room = sizeof(magic->head) - magic->head_bytes;
    size_t take = size_bytes < room ? size_bytes : room;
    memcpy(magic->head + magic->head_bytes, bytes, take);
    magic->head_bytes += take;
    if (magic->head_bytes < 2 || memcmp(magic->head, "PK", 2) != 0) {
        return;
    }
    unsigned char seam[2 * sizeof(magic->tail)];
    size_t begin = size_bytes < sizeof(magic->tail) ? size_bytes : sizeof(magic->tail);
    memcpy(seam, magic->tail, magic->tail_bytes);
    memcpy(seam + magic->tail_bytes, bytes, begin);
    look_for_marks(magic, seam, magic->tail_bytes + begin);
    look_for_marks(magic, bytes, size_bytes);
    if (size_bytes >= sizeof(magic->tail)) {
        memcpy(magic->tail, bytes + size_bytes - sizeof(magic->tail), sizeof(magic->tail));
        magic->tail_bytes = sizeof(magic->tail);
    } else {
        size_t whole = magic->tail_bytes + size_bytes;
        size_t keep = whole < sizeof(magic->tail) ? whole : sizeof(magic->tail);
        memcpy(magic->tail, seam + whole - keep, keep);
        magic->tail_bytes = keep;
    }
}

static const char *zip_type(const struct magic *magic) {
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (magic->marks & 1U << i) {
            return marks[i].type;
        }
    }
    return "application/zip";
}

/* UTF-8 without control characters but blanks; a character cut by the end of the head is no fault. */
static bool is_text(const struct magic *magic) {
    size_t at = 0;
    while (at < magic->head_bytes) {
        size_t length = utf8_char(magic->head + at, magic->head_bytes - at);
        unsigned char byte = magic->head[at];
        if (length == 0 && magic->head_bytes - at < 4 && byte >= 0xc2) {
            return true;
        }
        if (length == 0 || (byte < 0x20 && !strchr("\n\r\t\f", byte)) || byte == 0 || byte == 0x7f) {
            return false;
        }
        at += length;
    }
    return magic->head_bytes > 0;
}

static const char *text_type(const struct magic *magic) {
    size_t at = magic->head_bytes >= 3 && memcmp(magic->head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < magic->head_bytes && strchr(" \n\r\t", magic->head[at])) {
        at++;
    }
    const char *rest = (const char *)magic->head + at;
    size_t left = magic->head_bytes - at;
    if (left >= 5 && memcmp(rest, "<?xml", 5) == 0) {
        return "application/xml";
    }
    if (left >= 5 && (strncasecmp(rest, "<html", 5) == 0 || strncasecmp(rest, "<!doc", 5) == 0)) {
        return "text/html";
    }
    return "text/plain";
}

const char *magic_type(const struct magic *magic) {
    static const struct {
        size_t at, size_bytes;
        const char *bytes, *type;
    } known[] = {
        {0, 8, "\x89PNG\r\n\x1a\n", "image/png"},
        {0, 3, "\xff\xd8\xff", "image/jpeg"},
        {0, 4, "GIF8", "image/gif"},
        {0, 4, "II*\0", "image/tiff"},
        {0, 4, "MM\0*", "image/tiff"},
        {0, 2, "BM", "image/bmp"},
        {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"},
        {0, 5, "{\\rtf", "application/rtf"},
        {0, 6, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
        {0, 6, "Rar!\x1a\x07", "application/vnd.rar"},
        {0, 2, "\x1f\x8b", "application/gzip"},
        {0, 2, "MZ", "application/x-msdownload"},
        {0, 4,
         "\x7f"
         "ELF",
         "application/x-executable"},
        {0, 4, "RIFF", "application/x-riff"},
        {257, 5, "ustar", "application/x-tar"},
    };
    size_t start = magic->head_bytes < 1024 ? magic->head_bytes : 1024;
    if (memmem(magic->head, start, "%PDF-", 5)) {
        return "application/pdf";
    }
    if (magic->head_bytes >= 4 && (memcmp(magic->head, "PK\3\4", 4) == 0 || memcmp(magic->head, "PK\5\6", 4) == 0)) {
        return zip_type(magic);
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (magic->head_bytes >= known[i].at + known[i].size_bytes &&
            memcmp(magic->head + known[i].at, known[i].bytes, known[i].size_bytes) == 0) {
            return known[i].type;
        }
    }
    return is_text(magic) ? text_type(magic) : "application/octet-stream";
}
