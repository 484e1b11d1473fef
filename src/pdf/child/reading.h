/* Reading one document: the parts share this state. Anything MuPDF throws is caught in document_read. */
#pragma once

#include <mupdf/fitz.h>
#include <mupdf/pdf.h>

#include "pdf/child/emit.h"
#include "pdf/child/page_text.h"

enum { SEEN_MAX = 4096, WALK_DEPTH_MAX = 40, WALK_STEPS_MAX = 200000 };

struct reading {
    fz_context *ctx;
    pdf_document *document;
    struct emit *emit;
    const unsigned char *bytes;
    size_t size_bytes;
    int pages;                                  /* counted, see page_tree.c */
    pdf_obj *page_objects[WIRE_PAGES_TEXT_MAX]; /* of the first ones; kept until the process ends */
    bool places_made;                           /* page_tree_place has its table */
    int steps_left; /* for walks through trees of the document: WALK_STEPS_MAX at the start of each */
    /* what the form's kind is decided from */
    char form[33];
    char section[256];              /* heading the V3 form's questions stand under, across pages */
    enum wire_form_version version; /* of the text; WIRE_UNKNOWN: no sign */
    bool has_acroform, has_xfa;
    int text_pages, image_pages;
    uint64_t seen[SEEN_MAX]; /* hashes of identifiers and dates already reported */
    int seen_count;
};

/* page_tree.c: counts leaves with a step budget, whatever /Count claims; *ret_cut when the budget was used up. */
int page_tree_count(struct reading *reading, bool *ret_cut);
/* The page (1..) whose /Annots names this object, and its /Rect on that page; page 0 when there is none. */
struct wire_where page_tree_place(struct reading *reading, pdf_obj *annotation);
/* Reads at most max_bytes of a stream into a new buffer; *ret_cut when there is more. Throws. */
fz_buffer *reading_load_stream(struct reading *reading, pdf_obj *stream, size_t max_bytes, bool *ret_cut);
/* page_facts.c: the page's frame, identifiers, dates and fields. */
void page_facts_send(struct reading *reading, struct page_text *page);
/* form_kind.c: looks at one page's lines; then the decision when all pages were seen. */
void form_kind_look(struct reading *reading, const struct page_text *page);
/* As far as is known yet: a registry's form, drawn row by row whatever the order of its parts in the file; and one
 * whose fields are drawn, too. */
bool form_kind_is_form(const struct reading *reading);
bool form_kind_is_flattened(const struct reading *reading);
void form_kind_send(struct reading *reading);
