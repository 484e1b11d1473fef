/* Lists of filings: checked, ordered, numbered. */
#include "core/filing.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

void filing_list_finish(struct filing_list *list) {
    if (list) {
        free(list->items);
        *list = (struct filing_list){0};
    }
}

bool srn_valid(const char *srn) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = srn ? strlen(srn) : 0;
    return length >= 1 && length < SRN_MAX && strspn(srn, letters) == length;
}

static bool text_valid(const char *text, size_t max) {
    size_t length = strnlen(text, max);
    if (length >= max || !utf8_valid(text, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static const char *malformed_field(const struct filing *filing) {
    if (!srn_valid(filing->srn)) {
        return "srn";
    }
    if (!*filing->form || !text_valid(filing->form, sizeof(filing->form))) {
        return "form";
    }
    if (!text_valid(filing->title, sizeof(filing->title))) {
        return "title";
    }
    if (!date_valid(filing->filed_on)) {
        return "filing date";
    }
    if (filing->size_bytes < 0) {
        return "size";
    }
    return str_is_hex(filing->md5, MD5_HEX_MAX - 1) ? NULL : "md5";
}

static int by_srn(const void *a, const void *b) {
    return strcmp(((const struct filing *)a)->srn, ((const struct filing *)b)->srn);
}

static int by_date_and_srn(const void *a, const void *b) {
    int order = strcmp(((const struct filing *)a)->filed_on, ((const struct filing *)b)->filed_on);
    return order ? order : by_srn(a, b);
}

enum outcome filing_list_order(struct filing_list *list, struct error *err) {
    if (list->count > FILINGS_MAX) {
        return error_set(err, INVALID, "bad_filings", "%d filings: more than %d", list->count, (int)FILINGS_MAX);
    }
    for (int i = 0; i < list->count; i++) {
        const char *field = malformed_field(&list->items[i]);
        if (field) {
            return error_set(err, INVALID, "bad_filings", "filing %d of the list: malformed %s", i + 1, field);
        }
    }
    if (list->count > 0) {
        qsort(list->items, (size_t)list->count, sizeof(*list->items), by_srn);
    }
    for (int i = 1; i < list->count; i++) {
        if (by_srn(&list->items[i - 1], &list->items[i]) == 0) {
            return error_set(err, INVALID, "bad_filings", "the filing %s stands in the list twice", list->items[i].srn);
        }
    }
    if (list->count > 0) {
        qsort(list->items, (size_t)list->count, sizeof(*list->items), by_date_and_srn);
    }
    for (int i = 0; i < list->count; i++) {
        list->items[i].number = i + 1;
    }
    return OK;
}
