/* PDFs made by hand for tests: objects, a cross-reference table, a trailer. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

struct pdf_sample {
    struct buf bytes;
    size_t offsets[64];
    int count;
};

static inline void pdf_sample_start(struct pdf_sample *sample) {
    *sample = (struct pdf_sample){.bytes = BUF_INIT(64 << 20)};
    buf_append_str(&sample->bytes, "%PDF-1.7\n");
}

/* The next object (1, 2 …); the text is its body. */
static inline void PRINTF_LIKE(2, 3) pdf_sample_object(struct pdf_sample *sample, const char *format, ...) {
    char body[8192];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(body, sizeof(body), format, arguments);
    va_end(arguments);
    sample->offsets[++sample->count] = sample->bytes.size_bytes;
    buf_printf(&sample->bytes, "%d 0 obj\n", sample->count);
    buf_append(&sample->bytes, body, (size_t)length);
    buf_append_str(&sample->bytes, "\nendobj\n");
}

static inline void pdf_sample_stream(struct pdf_sample *sample, const char *dict, const char *bytes) {
    sample->offsets[++sample->count] = sample->bytes.size_bytes;
    buf_printf(&sample->bytes, "%d 0 obj\n<<%s/Length %zu>>\nstream\n%s\nendstream\nendobj\n", sample->count, dict,
               strlen(bytes), bytes);
}

/* Object 1 is the catalogue. */
static inline void pdf_sample_end(struct pdf_sample *sample) {
    size_t table = sample->bytes.size_bytes;
    buf_printf(&sample->bytes, "xref\n0 %d\n0000000000 65535 f \n", sample->count + 1);
    for (int i = 1; i <= sample->count; i++)
        buf_printf(&sample->bytes, "%010zu 00000 n \n", sample->offsets[i]);
    buf_printf(&sample->bytes, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", sample->count + 1, table);
}

/* One page with Helvetica /F1 and this content. */
static inline void pdf_sample_page(struct pdf_sample *sample, const char *content) {
    pdf_sample_start(sample);
    pdf_sample_object(sample, "<</Type/Catalog/Pages 2 0 R>>");
    pdf_sample_object(sample, "<</Type/Pages/Kids[3 0 R]/Count 1>>");
    pdf_sample_object(sample, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
                              "/Resources<</Font<</F1 5 0 R>>>>>>");
    pdf_sample_stream(sample, "", content);
    pdf_sample_object(sample, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>");
    pdf_sample_end(sample);
}

/* Forms that draw forms that draw forms: 10^12 steps in 3 KB. */
static inline void pdf_sample_endless(struct pdf_sample *sample) {
    enum { LEVELS = 12 };
    pdf_sample_start(sample);
    pdf_sample_object(sample, "<</Type/Catalog/Pages 2 0 R>>");
    pdf_sample_object(sample, "<</Type/Pages/Kids[3 0 R]/Count 1>>");
    pdf_sample_object(sample, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
                              "/Resources<</XObject<</X 5 0 R>>>>>>");
    pdf_sample_stream(sample, "", "/X Do");
    for (int i = 0; i < LEVELS; i++) {
        char dict[256];
        snprintf(dict, sizeof(dict), "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>",
                 6 + i);
        pdf_sample_stream(sample, dict,
                          i + 1 < LEVELS ? "/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do"
                                         : "0 0 1 1 re f");
    }
    pdf_sample_object(sample, "null");
    pdf_sample_end(sample);
}
