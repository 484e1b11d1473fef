/* A small workbook: see workbook.h. */
#include "portalsim/workbook.h"

#include <string.h>

#include "base/str.h"

enum { PARTS_MAX = 8, PART_BYTES = 4096 };

struct part {
    const char *name;
    uint32_t crc;
    uint32_t size_bytes;
    uint32_t offset;
};

static uint32_t crc32_of(const char *bytes, size_t size_bytes) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
    }
    return ~crc;
}

static void put(struct buf *out, uint32_t value, int bytes) { /* least significant first */
    for (int i = 0; i < bytes; i++) {
        buf_append_char(out, (char)(value >> (8 * i)));
    }
}

static void put_common(struct buf *out, const struct part *part) {
    put(out, 20, 2);   /* version needed */
    put(out, 0, 2);    /* flags */
    put(out, 0, 2);    /* stored */
    put(out, 0, 2);    /* time: midnight */
    put(out, 0x21, 2); /* date: 1980-01-01 */
    put(out, part->crc, 4);
    put(out, part->size_bytes, 4);
    put(out, part->size_bytes, 4);
    put(out, (uint32_t)strlen(part->name), 2);
    put(out, 0, 2); /* extra field */
}

static void add_part(struct buf *out, struct part *part, const char *name, const char *text) {
    size_t length = strlen(text);
    *part = (struct part){name, crc32_of(text, length), (uint32_t)length, (uint32_t)out->size_bytes};
    buf_append_str(out, "PK\x03\x04");
    put_common(out, part);
    buf_append_str(out, name);
    buf_append(out, text, length);
}

static void put_directory(struct buf *out, const struct part *parts, int count) {
    uint32_t begin = (uint32_t)out->size_bytes;
    for (int i = 0; i < count; i++) {
        buf_append_str(out, "PK\x01\x02");
        put(out, 20, 2); /* made by */
        put_common(out, &parts[i]);
        put(out, 0, 2); /* comment */
        put(out, 0, 2); /* disk */
        put(out, 0, 2);
        put(out, 0, 4);
        put(out, parts[i].offset, 4);
        buf_append_str(out, parts[i].name);
    }
    uint32_t end = (uint32_t)out->size_bytes;
    buf_append_str(out, "PK\x05\x06");
    put(out, 0, 4);
    put(out, (uint32_t)count, 2);
    put(out, (uint32_t)count, 2);
    put(out, end - begin, 4);
    put(out, begin, 4);
    put(out, 0, 2);
}

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define OOXML "http://schemas.openxmlformats.org/"

static const char types[] =
    XML "<Types xmlns=\"" OOXML "package/2006/content-types\">"
        "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
        "<Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.ms-excel.sheet.macroEnabled.main+xml\"/>"
        "<Override PartName=\"/xl/worksheets/sheet1.xml\" "
        "ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/></Types>";
static const char root[] =
    XML "<Relationships xmlns=\"" OOXML "package/2006/relationships\"><Relationship Id=\"r1\" Type=\"" OOXML
        "officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
static const char book[] = XML "<workbook xmlns=\"" OOXML "spreadsheetml/2006/main\" xmlns:r=\"" OOXML
                               "officeDocument/2006/relationships\"><sheets><sheet name=\"Sheet1\" sheetId=\"1\" "
                               "r:id=\"r1\"/></sheets></workbook>";
static const char links[] =
    XML "<Relationships xmlns=\"" OOXML "package/2006/relationships\"><Relationship Id=\"r1\" Type=\"" OOXML
        "officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>";

void workbook_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out) {
    struct part parts[PARTS_MAX];
    char sheet[PART_BYTES];
    struct rng rng = sim_filing_rng(filing, 'W');
    str_format(sheet, sizeof sheet,
               XML "<worksheet xmlns=\"" OOXML "spreadsheetml/2006/main\"><sheetData><row r=\"1\">"
                   "<c r=\"A1\" t=\"inlineStr\"><is><t>%s</t></is></c><c r=\"B1\"><v>%d</v></c>"
                   "</row></sheetData></worksheet>",
               company->cin, rng_between(&rng, 1000, 999999));
    add_part(out, &parts[0], "[Content_Types].xml", types);
    add_part(out, &parts[1], "_rels/.rels", root);
    add_part(out, &parts[2], "xl/workbook.xml", book);
    add_part(out, &parts[3], "xl/_rels/workbook.xml.rels", links);
    add_part(out, &parts[4], "xl/worksheets/sheet1.xml", sheet);
    put_directory(out, parts, 5);
}
