/* The scanned letter: a black and white picture of each page at 200 dots an inch, no text layer. The picture is packed
 * by RunLengthDecode (ISO 32000-1, 7.4.5). */
#include <string.h>

#include "base/str.h"
#include "portalsim/glyphs.h"
#include "portalsim/letter.h"
#include "portalsim/paper.h"
#include "portalsim/shapes.h"

enum {
    ROW_BYTES = 207, /* 1656 pixels */
    ROWS = 2339,
    LEFT_BYTES = 20,
    CHARACTERS = (ROW_BYTES - 2 * LEFT_BYTES) / GLYPH_BYTES,
    TOP = 200,
    BOTTOM = 200,
    GAP = 14,       /* rows between lines */
    PARAGRAPH = 20, /* and more between paragraphs */
    PAGES_MAX = 4,
    PICTURE_MAX = 1024 * 1024,
};

struct scan {
    struct buf pictures[PAGES_MAX];
    int pages;
    int row; /* of the last page */
    int run; /* white bytes not written yet */
};

/* A run of one byte, in pieces of at most 128. */
static size_t pack_run(unsigned char *out, int count, unsigned char byte) {
    size_t size = 0;
    while (count > 0) {
        int part = count > 128 ? 128 : count;
        out[size++] = part == 1 ? 0 : (unsigned char)(257 - part); /* 0: one literal byte */
        out[size++] = byte;
        count -= part;
    }
    return size;
}

static struct buf *picture(struct scan *scan) {
    return &scan->pictures[scan->pages - 1];
}

static void put_white(struct scan *scan, int bytes) {
    scan->run += bytes;
}

static void end_white(struct scan *scan) {
    unsigned char packed[2 * ROW_BYTES];
    while (scan->run > 0) {
        int part = scan->run > 128 * ROW_BYTES ? 128 * ROW_BYTES : scan->run;
        buf_append(picture(scan), packed, pack_run(packed, part, 0xff));
        scan->run -= part;
    }
}

static size_t pack_literal(unsigned char *out, const unsigned char *bytes, int count) {
    size_t size = 0;
    while (count > 0) {
        int part = count > 128 ? 128 : count;
        out[size++] = (unsigned char)(part - 1);
        memcpy(out + size, bytes, (size_t)part);
        size += (size_t)part;
        bytes += part;
        count -= part;
    }
    return size;
}

/* Runs of three equal bytes and more become runs, the rest literals. */
static void put_bytes(struct scan *scan, const unsigned char *bytes, int count) {
    unsigned char packed[2 * CHARACTERS * GLYPH_BYTES];
    size_t size = 0;
    int literal = 0;
    end_white(scan);
    for (int at = 0, end; at < count; at = end) {
        for (end = at + 1; end < count && bytes[end] == bytes[at]; end++) {
        }
        if (end - at >= 3) {
            size += pack_literal(packed + size, bytes + literal, at - literal);
            size += pack_run(packed + size, end - at, bytes[at]);
            literal = end;
        }
    }
    size += pack_literal(packed + size, bytes + literal, count - literal);
    buf_append(picture(scan), packed, size);
}

static void put_rows(struct scan *scan, int rows) {
    put_white(scan, rows * ROW_BYTES);
    scan->row += rows;
}

static void end_page(struct scan *scan) {
    put_rows(scan, ROWS - scan->row);
    end_white(scan);
    buf_append_char(picture(scan), (char)128); /* end of data */
}

static void begin_page(struct scan *scan) {
    scan->pictures[scan->pages++] = BUF_INIT(PICTURE_MAX);
    scan->row = 0;
    put_rows(scan, TOP);
}

static void put_line(struct scan *scan, const char *text, int length) {
    if (scan->row + GLYPH_HEIGHT > ROWS - BOTTOM && scan->pages < PAGES_MAX) {
        end_page(scan);
        begin_page(scan);
    }
    const unsigned char *glyphs[CHARACTERS];
    for (int i = 0; i < length; i++) {
        glyphs[i] = glyph_bits(text[i]);
    }
    for (int y = 0; y < GLYPH_HEIGHT; y++) {
        unsigned char row[CHARACTERS * GLYPH_BYTES];
        bool ink = false;
        for (int i = 0; i < length; i++) {
            const unsigned char *bits = glyphs[i] + y * GLYPH_BYTES;
            for (int k = 0; k < GLYPH_BYTES; k++) {
                row[i * GLYPH_BYTES + k] = (unsigned char)~bits[k];
                ink = ink || bits[k];
            }
        }
        put_white(scan, LEFT_BYTES);
        if (ink) {
            put_bytes(scan, row, length * GLYPH_BYTES);
        } else {
            put_white(scan, length * GLYPH_BYTES);
        }
        put_white(scan, ROW_BYTES - LEFT_BYTES - length * GLYPH_BYTES);
    }
    scan->row += GLYPH_HEIGHT;
    put_rows(scan, GAP);
}

static void put_paragraph(struct scan *scan, const char *text) {
    while (*text) {
        int length = (int)strlen(text);
        if (length > CHARACTERS) {
            for (length = CHARACTERS; length > 0 && text[length] != ' '; length--) {
            }
            length = length > 0 ? length : CHARACTERS;
        }
        put_line(scan, text, length);
        text += length;
        text += *text == ' ' ? 1 : 0;
    }
    put_rows(scan, PARAGRAPH);
}

static void put_pages(struct pdf_frame *frame, const struct scan *scan) {
    char dict[256];
    str_format(dict, sizeof dict,
               "/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
               "/BitsPerComponent 1 /Filter /RunLengthDecode",
               ROW_BYTES * 8, ROWS);
    static const char content[] = "q 595 0 0 842 0 0 cm /Im1 Do Q\n";
    for (int i = 0; i < scan->pages; i++) {
        int image = pdf_reserve(&frame->pdf), drawing = pdf_reserve(&frame->pdf);
        pdf_object(&frame->pdf, frame->page[i],
                   "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Resources << /XObject << /Im1 %d 0 R >> >> "
                   "/Contents %d 0 R >>",
                   frame->pages, image, drawing);
        pdf_stream(&frame->pdf, image, dict, buf_str(&scan->pictures[i]), scan->pictures[i].size_bytes);
        pdf_stream(&frame->pdf, drawing, "", content, strlen(content));
    }
}

void shape_scan_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out) {
    struct letter letter;
    struct scan scan = {0};
    letter_make(company, filing, &letter);
    begin_page(&scan);
    for (int i = 0; i < letter.count; i++) {
        if (letter.lines[i][0]) {
            put_paragraph(&scan, letter.lines[i]);
        } else {
            put_rows(&scan, PARAGRAPH);
        }
    }
    end_page(&scan);
    struct pdf_frame frame;
    char title[FILING_TITLE_MAX];
    frame_start(&frame, out, scan.pages);
    frame_tree(&frame, scan.pages);
    frame_fonts(&frame);
    put_pages(&frame, &scan);
    for (int i = 0; i < scan.pages; i++) {
        buf_finish(&scan.pictures[i]);
    }
    sim_filing_title(filing, title);
    frame_about(&frame, &(struct pdf_about){title, "scan", letter.day});
    struct rng rng = sim_filing_rng(filing, 'I');
    frame_end(&frame, "", rng_next(&rng));
}
