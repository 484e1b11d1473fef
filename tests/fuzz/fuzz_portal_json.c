/* The portal's answers. The first byte says which: 'c' a company, 'f' a page of filings, 'l' a Link header, 'r' a
 * Content-Range. What is accepted keeps the promises that the rest of the program builds on. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "portal/portal_parse.h"

#define CIN "U12345MH2001PTC123456"

static void must(bool condition) {
    if (!condition)
        abort();
}

static void check_filings(const char *bytes, size_t size) {
    struct filing_list list CLEANUP(filing_list_finish) = {0};
    if (portal_parse_filings(bytes, size, &list, NULL) != OK) {
        must(list.count == 0);
        return;
    }
    must(list.count <= FILINGS_MAX);
    for (int i = 0; i < list.count; i++) {
        must(srn_valid(list.items[i].srn) && strlen(list.items[i].md5) == MD5_HEX_MAX - 1);
        must(list.items[i].size_bytes >= 1 && list.items[i].size_bytes <= FILING_BYTES_MAX);
    }
    enum outcome outcome = filing_list_order(&list, NULL);
    must(outcome == OK || outcome == INVALID);
}

static void check_link(const char *text) {
    struct url base;
    int next = -1;
    must(url_parse("http://127.0.0.1:5080", &base, NULL) == OK);
    if (portal_parse_next(text, &base, CIN, 3, &next, NULL) == OK)
        must(next == 0 || (next > 3 && next <= PORTAL_PAGES_MAX));
}

static void check_range(const char *text) {
    int64_t first = -1;
    int64_t last = -1;
    int64_t total = -1;
    if (portal_parse_content_range(text, &first, &last, &total))
        must(first >= 0 && first <= last && last < total);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (size == 0)
        return 0;
    char kind = (char)data[0];
    char *text AUTO_FREE = x_strndup((const char *)data + 1, size - 1);
    char *bytes AUTO_FREE = x_alloc(size); /* an allocation of its own, so that reading past it is seen */
    struct portal_company company;
    memcpy(bytes, data + 1, size - 1);
    if (kind == 'c' && portal_parse_company(bytes, size - 1, CIN, &company, NULL) == OK)
        must(str_eq(company.cin, CIN) && company.name[0] && strlen(company.status) < sizeof(company.status));
    else if (kind == 'f')
        check_filings(bytes, size - 1);
    else if (kind == 'l')
        check_link(text);
    else if (kind == 'r')
        check_range(text);
    return 0;
}
