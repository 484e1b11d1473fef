/* The signature field of a V2 form: see signature.h. */
#include "portalsim/signature.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "portalsim/day.h"

enum { CONTENT_BYTES = 512 };

/* CMS (RFC 5652): ContentInfo { signedData, SignedData { version 1, no digests, data, no signers } } */
static const unsigned char cms[] = {
    0x30, 0x23, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x16, 0x30, 0x14, 0x02, 0x01,
    0x01, 0x31, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0x31, 0x00,
};

void signature_write(struct pdf_frame *frame, int field, int page, int day, struct signature *ret) {
    struct pdf_writer *pdf = &frame->pdf;
    int value = pdf_reserve(pdf), year, month, of_month;
    day_split(day, &year, &month, &of_month);
    pdf_object(
        pdf, field,
        "<< /FT /Sig /T (Signature1) /Type /Annot /Subtype /Widget /F 132 /P %d 0 R /Rect [0 0 0 0] /V %d 0 R >>", page,
        value);
    pdf_object_open(pdf, value);
    buf_printf(pdf->out,
               "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /Name (DIRECTOR 1) "
               "/M (D:%04d%02d%02d100000+05'30') /ByteRange [0 ",
               year, month, of_month);
    ret->range_at = pdf->out->size_bytes;
    buf_append_str(pdf->out, "0000000000 0000000000 0000000000] /Contents ");
    ret->hex_from = pdf->out->size_bytes;
    char hex[2 * CONTENT_BYTES + 1];
    memset(hex, '0', sizeof hex - 1);
    str_hex(hex, cms, sizeof cms);
    hex[2 * sizeof cms] = '0'; /* padding goes on where str_hex ended the text */
    hex[sizeof hex - 1] = '\0';
    buf_printf(pdf->out, "<%s>", hex);
    ret->hex_to = pdf->out->size_bytes;
    buf_append_str(pdf->out, " >>");
    pdf_object_close(pdf);
}

void signature_end(const struct signature *signature, struct buf *file) {
    char range[40];
    str_format(range, sizeof range, "%010zu %010zu %010zu", signature->hex_from, signature->hex_to,
               file->size_bytes - signature->hex_to);
    assert(signature->range_at + strlen(range) < file->size_bytes);
    memcpy(file->data + signature->range_at, range, strlen(range));
}
