/* The XML of Azure Blob Storage: leaves have a path and text within their bounds, whatever comes. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "blobs/azure_xml.h"

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static bool check_leaf(void *context, const char *path, const char *text) {
    int *leaves = context;
    size_t depth = 0;
    must(path[0] == '/' && strlen(path) < AZURE_XML_PATH_MAX && strlen(text) <= AZURE_XML_TEXT_MAX);
    for (const char *at = path; *at; at++) {
        depth += *at == '/';
        must(!strchr(" <>&\"'\t\r\n", *at));
    }
    must(depth <= AZURE_XML_DEPTH_MAX);
    return ++*leaves < 1000;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    int leaves = 0;
    bool good = azure_xml_read((const char *)data, size, check_leaf, &leaves);
    must(!good || leaves > 0);
    return 0;
}
