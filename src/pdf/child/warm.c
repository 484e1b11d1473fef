/* Warming up: the built-in sample uses the fourteen standard fonts, so that
 * what MuPDF makes on first use is made before children are forked. */
#include "pdf/child/warm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdf/child/document.h"
#include "pdf/child/emit.h"
#include "pdf/child/memory.h"

enum { SAMPLE_MAX = 8192, OBJECTS = 20, FIRST_FONT = 5 };

struct sample {
    char bytes[SAMPLE_MAX];
    size_t size_bytes;
    size_t offsets[OBJECTS];
};

static struct sample sample;

static const char *const fonts[] = {
    "Helvetica",   "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique",
    "Times-Roman", "Times-Bold",     "Times-Italic",      "Times-BoldItalic",
    "Courier",     "Courier-Bold",   "Courier-Oblique",   "Courier-BoldOblique",
    "Symbol",      "ZapfDingbats",
};

static void PRINTF_LIKE(1, 2) add(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sample.bytes + sample.size_bytes, SAMPLE_MAX - sample.size_bytes, format, arguments);
    va_end(arguments);
    sample.size_bytes += length > 0 ? (size_t)length : 0;
}

static void begin(size_t number) {
    sample.offsets[number] = sample.size_bytes;
    add("%zu 0 obj\n", number);
}

static void make_sample(void) {
    add("%%PDF-1.7\n");
    begin(1);
    add("<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
    begin(2);
    add("<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n");
    begin(3);
    add("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<<");
    for (size_t i = 0; i < COUNT_OF(fonts); i++) {
        add("/F%zu %zu 0 R", i, FIRST_FONT + i);
    }
    add(">>>>>>\nendobj\n");
    char content[2048];
    int length = snprintf(content, sizeof(content), "40 40 20 20 re S BT 72 800 Td ");
    for (size_t i = 0; i < COUNT_OF(fonts); i++) {
        length += snprintf(content + length, sizeof(content) - (size_t)length,
                           "/F%zu 11 Tf (Form No. AOC-4 SRN 12/03/2024) Tj 0 -20 Td ", i);
    }
    length += snprintf(content + length, sizeof(content) - (size_t)length, "ET");
    begin(4);
    add("<</Length %d>>\nstream\n%s\nendstream\nendobj\n", length, content);
    for (size_t i = 0; i < COUNT_OF(fonts); i++) {
        begin(FIRST_FONT + i);
        add("<</Type/Font/Subtype/Type1/BaseFont/%s%s>>\nendobj\n", fonts[i],
            i < 12 ? "/Encoding/WinAnsiEncoding" : "");
    }
    size_t last = FIRST_FONT + COUNT_OF(fonts);
    size_t table = sample.size_bytes;
    add("xref\n0 %zu\n0000000000 65535 f \n", last);
    for (size_t i = 1; i < last; i++) {
        add("%010zu 00000 n \n", sample.offsets[i]);
    }
    add("trailer\n<</Size %zu/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", last, table);
}

static int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* glibc's qsort asks the kernel for the size of memory once, which a confined child may not. */
static void warm_sort(void) {
    int numbers[2000];
    for (int i = 0; i < 2000; i++) {
        numbers[i] = i * 7 % 2000;
    }
    qsort(numbers, COUNT_OF(numbers), sizeof(numbers[0]), compare);
}

static fz_font *standard_fonts[COUNT_OF(fonts)];

/* MuPDF parses a standard font anew for every document that names it: a third of the time of a short one. A font with
 * a descriptor of its own (exact == 0) is left to MuPDF, which adapts it to the document. */
static fz_font *standard_font(fz_context *ctx, const char *name, int bold, int italic, int exact) {
    (void)bold, (void)italic;
    for (size_t i = 0; exact && i < COUNT_OF(fonts); i++) {
        if (strcmp(name, fonts[i]) == 0) {
            return fz_keep_font(ctx, standard_fonts[i]);
        }
    }
    return NULL;
}

static bool load_standard_fonts(fz_context *ctx) {
    volatile bool loaded = false;
    fz_try(ctx) {
        for (size_t i = 0; i < COUNT_OF(fonts); i++) {
            int length = 0;
            const unsigned char *bytes = fz_lookup_base14_font(ctx, fonts[i], &length);
            if (!bytes) {
                fz_throw(ctx, FZ_ERROR_GENERIC, "no font");
            }
            standard_fonts[i] = fz_new_font_from_memory(ctx, fonts[i], bytes, length, 0, 1);
            fz_font_flags(standard_fonts[i])->is_serif = strncmp(fonts[i], "Times", 5) == 0;
        }
        fz_install_load_system_font_funcs(ctx, standard_font, NULL, NULL);
        loaded = true;
    }
    fz_catch(ctx) {
        loaded = false;
    }
    return loaded;
}

static void say_nothing(void *user, const char *message) {
    (void)user, (void)message;
}

fz_context *warm_create(void) {
    fz_context *ctx = fz_new_context(&memory_allocator, NULL, 64 << 20);
    if (!ctx) {
        return NULL;
    }
    fz_set_warning_callback(ctx, say_nothing, NULL);
    fz_set_error_callback(ctx, say_nothing, NULL);
    make_sample();
    warm_sort();
    return load_standard_fonts(ctx) && warm_try(ctx) ? ctx : NULL;
}

bool warm_try(void *context) {
    struct emit *emit = emit_open(-1);
    return document_read(context, emit, (const unsigned char *)sample.bytes, sample.size_bytes) == WIRE_END_OK;
}

void warm_read(fz_context *ctx, int out_fd, const unsigned char *bytes, size_t size_bytes) {
    (void)document_read(ctx, emit_open(out_fd), bytes, size_bytes);
}
