/* Words for the states of a document row. */
#include "core/document.h"

#include "base/str.h"

static const char *const names[] = {
    [DOCUMENT_STORED] = "stored",
    [DOCUMENT_UNREADABLE] = "unreadable",
    [DOCUMENT_MISSING] = "missing",
};

const char *document_state_name(enum document_state state) {
    return names[state];
}

bool document_state_parse(const char *text, enum document_state *ret) {
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(text, names[i])) {
            *ret = (enum document_state)i;
            return true;
        }
    return false;
}
