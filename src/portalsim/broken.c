/* Documents that a reader must survive: see broken.h. */
#include "portalsim/broken.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "portalsim/cipher.h"
#include "portalsim/deflate.h"
#include "portalsim/paper.h"

static void end_file(struct pdf_frame *frame, const struct sim_filing *filing, const char *title) {
    frame_about(frame, &(struct pdf_about){title, "fault", filing->filed_day});
    struct rng rng = sim_filing_rng(filing, 'I');
    frame_end(frame, "", rng_next(&rng));
}

/* The first third stays, the rest becomes noise: catalog and table are lost, so that nothing can be repaired. */
static void make_damaged(const struct sim_filing *filing, struct buf *bytes) {
    struct rng rng = sim_filing_rng(filing, 'X');
    for (size_t i = bytes->size_bytes / 3; i < bytes->size_bytes; i++) {
        bytes->data[i] = (char)rng_next(&rng);
    }
}

static void make_bomb(const struct sim_filing *filing, struct buf *bytes) {
    AUTO_BUF struct buf inner = BUF_INIT(PDF_FILE_MAX);
    AUTO_BUF struct buf outer = BUF_INIT(PDF_FILE_MAX);
    deflate_run(&inner, ' ', BROKEN_BOMB_REPEATS);
    deflate_zeros(&outer, (const unsigned char *)inner.data, inner.size_bytes);
    struct pdf_frame frame;
    frame_start(&frame, bytes, 1);
    frame_tree(&frame, 1);
    frame_fonts(&frame);
    int content = pdf_reserve(&frame.pdf);
    pdf_object_open(&frame.pdf, frame.page[0]);
    buf_printf(bytes, "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Resources << >> /Contents [",
               frame.pages);
    for (int i = 0; i < BROKEN_BOMB_TIMES; i++) {
        buf_printf(bytes, "%d 0 R ", content);
    }
    buf_append_str(bytes, "] >>");
    pdf_object_close(&frame.pdf);
    pdf_stream(&frame.pdf, content, "/Filter [/FlateDecode /FlateDecode]", outer.data, outer.size_bytes);
    end_file(&frame, filing, "A page of 33 gigabytes");
}

/* Nine levels of ten times the same child: a thousand million pages in a few objects. */
static void make_pages(const struct sim_filing *filing, struct buf *bytes) {
    enum { LEVELS = 9 };
    struct pdf_frame frame;
    frame_start(&frame, bytes, 1);
    frame_fonts(&frame);
    int parent = 0, node = frame.pages, count = BROKEN_PAGES;
    for (int level = 0; level < LEVELS; level++) {
        int child = level == LEVELS - 1 ? frame.page[0] : pdf_reserve(&frame.pdf);
        pdf_object_open(&frame.pdf, node);
        buf_append_str(bytes, "<< /Type /Pages /Kids [");
        for (int i = 0; i < 10; i++) {
            buf_printf(bytes, "%d 0 R ", child);
        }
        buf_printf(bytes, "] /Count %d ", count);
        if (parent) {
            buf_printf(bytes, "/Parent %d 0 R ", parent);
        }
        buf_append_str(bytes, ">>");
        pdf_object_close(&frame.pdf);
        parent = node;
        node = child;
        count /= 10;
    }
    pdf_object(&frame.pdf, frame.page[0], "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Resources << >> >>",
               parent);
    end_file(&frame, filing, "A thousand million pages");
}

static void put_hex(struct buf *out, const unsigned char *bytes, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; i++) {
        buf_printf(out, "%02x", bytes[i]);
    }
}

/* Standard security handler, revision 2 (ISO 32000-1, 7.6.3). The only encrypted part is the page's content: there are
 * no other strings or streams. */
static void make_password(const struct sim_filing *filing, struct buf *bytes) {
    unsigned char id[16], owner[32], user[32], key[5];
    struct rng rng = sim_filing_rng(filing, 'I');
    for (size_t i = 0; i < sizeof id; i++) {
        id[i] = (unsigned char)rng_next(&rng);
    }
    cipher_setup(BROKEN_PASSWORD, id, owner, user, key);
    char text[] = "BT /F1 12 Tf 50 700 Td (This filing is encrypted.) Tj ET\n";
    size_t length = strlen(text);
    struct pdf_writer pdf;
    pdf_start(&pdf, bytes);
    int catalog = pdf_reserve(&pdf), pages = pdf_reserve(&pdf), page = pdf_reserve(&pdf);
    int font = pdf_reserve(&pdf), content = pdf_reserve(&pdf), info = pdf_reserve(&pdf);
    int encrypt = pdf_reserve(&pdf);
    pdf_object(&pdf, catalog, "<< /Type /Catalog /Pages %d 0 R >>", pages);
    pdf_object(&pdf, pages, "<< /Type /Pages /Kids [%d 0 R] /Count 1 >>", page);
    pdf_object(&pdf, page,
               "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 %d 0 R >> >> "
               "/Contents %d 0 R >>",
               pages, font, content);
    pdf_object(&pdf, font, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    cipher_object(key, content, text, length);
    pdf_stream(&pdf, content, "", text, length);
    pdf_object(&pdf, info, "<< /Trapped /False >>");
    pdf_object_open(&pdf, encrypt);
    buf_printf(bytes, "<< /Filter /Standard /V 1 /R 2 /Length 40 /P %d /O <", CIPHER_PERMISSIONS);
    put_hex(bytes, owner, sizeof owner);
    buf_append_str(bytes, "> /U <");
    put_hex(bytes, user, sizeof user);
    buf_append_str(bytes, "> >>");
    pdf_object_close(&pdf);
    char trailer[40];
    char id_hex[33];
    str_hex(id_hex, id, sizeof id);
    str_format(trailer, sizeof trailer, " /Encrypt %d 0 R", encrypt);
    pdf_end(&pdf, catalog, info, id_hex, trailer);
}

void broken_make(enum fault_kind kind, const struct sim_filing *filing, struct buf *bytes) {
    switch (kind) {
    case FAULT_DAMAGED:
        make_damaged(filing, bytes);
        break;
    case FAULT_PASSWORD:
        make_password(filing, bytes);
        break;
    case FAULT_BOMB:
        make_bomb(filing, bytes);
        break;
    case FAULT_PAGES:
        make_pages(filing, bytes);
        break;
    default:
        assert(false);
    }
}
