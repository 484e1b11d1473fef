/* What filesure and its helper filesure-pdf say to each other: the only header both sides include.
 *
 * Control socket (SOCK_SEQPACKET, descriptor 3 of the helper): the helper says wire_hello once; the host then sends
 * one wire_request per document with WIRE_REQUEST_FDS descriptors (SCM_RIGHTS, in this order): sealed memfd with the
 * document, write end of the output pipe, status socket (SOCK_STREAM).
 * Status socket: when the document's child has been reaped the helper writes one wire_ended and closes. The host
 * shutting its side down means: kill that child. EOF without wire_ended: the helper died.
 * Output pipe: frames, written by the document's child: u32 type, u32 payload bytes, payload. Numbers little-endian.
 * The host trusts none of it. A frame that is too long, too many of a type, or not what is written here ends the
 * reading with outcome "output".
 *
 * Text: u32 bytes, then UTF-8 without control characters but LF and tab. Box: four i32 x0 y0 x1 y1 in 1/100 point,
 * origin at the top left of the page. Where: u32 page (1.., 0 = none), box, text AcroForm name or "", text XFA path or
 * "".
 *
 * DOCUMENT   u32 pages, u32 flags (wire_document_flag), text title, text producer, text PDF version ("1.7")
 * PAGE       u32 number (ascending), i32 width, i32 height, u32 percent covered by images, u32 flags, u32 lines,
 *            lines x (box, text)
 * IDENTIFIER u32 kind, u32 confidence, text value, where
 * DATE       u32 confidence, text YYYY-MM-DD, text label or "", where
 * FIELD      u32 kind, u32 confidence, text section or "", text name, text value, text export value or "", where
 * ATTACHMENT text key, text name, text declared type, text real type, u32 flags, u64 bytes, 32 bytes SHA-256
 * SIGNATURE  text field, text sub-filter, text name claimed, text time claimed (as in the file), u32 flags,
 *            u64 x 4 ByteRange, u32 page, box
 * FORM       u32 version, text form number or ""
 * WARNING    text code (a-z_), text detail
 * END        u32 outcome (0 ok, 1 damaged, 2 password, 3 memory, 4 refused), text detail; nothing after it */
#pragma once

#include "base/macros.h"

#define WIRE_MAGIC 0x31504653u /* "SFP1" */
enum {
    WIRE_VERSION = 1,
    WIRE_CONTROL_FD = 3,
    WIRE_REQUEST_FDS = 3,
    WIRE_HEADER_BYTES = 8,
    WIRE_PARSER_MAX = 32,
    WIRE_PROBLEM_MAX = 160,
    WIRE_PARALLEL_MAX = 16,
};

/* A document larger than this is refused before a child is started. */
#define WIRE_DOCUMENT_BYTES_MAX ((size_t)50 * 1024 * 1024)
/* All frames of one document together. */
#define WIRE_TOTAL_BYTES_MAX ((size_t)32 * 1024 * 1024)
enum {
    WIRE_FRAME_BYTES_MAX = 2 * 1024 * 1024, /* the largest of all types */
    WIRE_PAGES_TEXT_MAX = 500,              /* pages whose text is read */
    WIRE_PAGES_CLAIMED_MAX = 2000000000,
    WIRE_TEXT_MAX = 16 * 1024, /* one text, bytes */
    WIRE_NAME_MAX = 1024,      /* names, labels, paths */
    WIRE_COORDINATE_MAX = 100000000,
};

enum wire_type {
    WIRE_DOCUMENT = 1,
    WIRE_PAGE,
    WIRE_IDENTIFIER,
    WIRE_DATE,
    WIRE_FIELD,
    WIRE_ATTACHMENT,
    WIRE_SIGNATURE,
    WIRE_FORM,
    WIRE_WARNING,
    WIRE_END,
    WIRE_TYPE_COUNT
};
/* Most frames of a type in one document, and most bytes of one; 0 for an unknown type. */
uint32_t wire_count_max(uint32_t type);
uint32_t wire_bytes_max(uint32_t type);

enum wire_document_flag {
    WIRE_ENCRYPTED = 1,
    WIRE_REPAIRED = 2,
    WIRE_ACROFORM = 4,
    WIRE_XFA = 8,
    WIRE_PAGES_LIMITED = 16,
    WIRE_DOCUMENT_FLAGS = 31
};
enum wire_page_flag { WIRE_PAGE_UNREADABLE = 1, WIRE_PAGE_CUT = 2, WIRE_PAGE_FLAGS = 3 };
enum wire_identifier_kind { WIRE_CIN, WIRE_SRN, WIRE_PAN, WIRE_DIN, WIRE_FRN, WIRE_EMAIL, WIRE_IDENTIFIER_KINDS };
enum wire_field_kind { WIRE_FIELD_TEXT, WIRE_FIELD_CHOICE, WIRE_FIELD_BUTTON, WIRE_FIELD_KINDS };
enum wire_attachment_flag { WIRE_ATTACHMENT_UNREADABLE = 1, WIRE_ATTACHMENT_FLAGS = 1 };
enum wire_signature_flag { WIRE_SIGNED = 1, WIRE_COVERS_FILE = 2, WIRE_SIGNATURE_FLAGS = 3 };
enum wire_form_version { WIRE_UNKNOWN, WIRE_V2, WIRE_V3, WIRE_LETTER, WIRE_SCAN, WIRE_FORM_VERSIONS };
enum wire_end { WIRE_END_OK, WIRE_END_DAMAGED, WIRE_END_PASSWORD, WIRE_END_MEMORY, WIRE_END_REFUSED, WIRE_END_COUNT };

struct wire_hello {
    uint32_t magic;
    uint32_t version;
    uint32_t ready;                 /* 1: the sandbox was tried and holds; 0: refused, see problem */
    uint32_t landlock;              /* ABI in force, 0 = the kernel has none */
    char parser[WIRE_PARSER_MAX];   /* version that goes into the JSON */
    char problem[WIRE_PROBLEM_MAX]; /* one line when not ready */
};
struct wire_request {
    uint32_t magic;
    uint32_t version;
};
struct wire_ended {
    uint32_t magic;
    int32_t wait_status; /* of waitpid; -1: the child could not be started */
    uint64_t cpu_ms;
    uint64_t peak_bytes;
};

struct wire_box {
    int32_t x0, y0, x1, y1;
};
struct wire_text {
    const char *data; /* not terminated */
    size_t size_bytes;
};
struct wire_where {
    uint32_t page;
    struct wire_box box;
    struct wire_text acroform, xfa;
};

/* Builds a payload in memory the caller gives; what does not fit sets `full`. */
struct wire_writer {
    unsigned char *data;
    size_t size_bytes, capacity_bytes;
    bool full;
};
void wire_put_u32(struct wire_writer *writer, uint32_t number);
void wire_put_u64(struct wire_writer *writer, uint64_t number);
void wire_put_bytes(struct wire_writer *writer, const void *bytes, size_t size_bytes);
/* Cut at a character to at most max_bytes; bytes that are no UTF-8 become U+FFFD,
 * CR and CR LF become LF, other control characters a blank. */
void wire_put_text(struct wire_writer *writer, struct wire_text text, size_t max_bytes);
void wire_put_box(struct wire_writer *writer, struct wire_box box);
void wire_put_where(struct wire_writer *writer, const struct wire_where *where);
static inline struct wire_text wire_text_of(const char *text) {
    return (struct wire_text){text ? text : "", text ? __builtin_strlen(text) : 0};
}

/* Takes a payload apart; anything missing or out of bounds sets `bad` and reads as zero. */
struct wire_cursor {
    const unsigned char *at, *end;
    bool bad;
};
uint32_t wire_get_u32(struct wire_cursor *cursor);
uint32_t wire_get_below(struct wire_cursor *cursor, uint32_t bound); /* bad when >= bound */
uint64_t wire_get_u64(struct wire_cursor *cursor);
const unsigned char *wire_get_bytes(struct wire_cursor *cursor, size_t size_bytes); /* NULL when bad */
/* bad when over max_bytes, not UTF-8, or with a control character */
struct wire_text wire_get_text(struct wire_cursor *cursor, size_t max_bytes);
struct wire_box wire_get_box(struct wire_cursor *cursor);
struct wire_where wire_get_where(struct wire_cursor *cursor);
bool wire_at_end(const struct wire_cursor *cursor); /* nothing left and not bad */

void wire_put_header(unsigned char out[WIRE_HEADER_BYTES], uint32_t type, uint32_t payload_bytes);
void wire_get_header(const unsigned char in[WIRE_HEADER_BYTES], uint32_t *ret_type, uint32_t *ret_payload_bytes);
