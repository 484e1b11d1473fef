/* The XML that Azure Blob Storage answers with: elements, attributes, text, the five named entities and numbered
 * characters. Anything else (DOCTYPE, CDATA, comments in it) is refused; nothing is ever fetched or expanded. Pure. */
#pragma once

#include "base/macros.h"

enum { AZURE_XML_DEPTH_MAX = 16, AZURE_XML_PATH_MAX = 256, AZURE_XML_TEXT_MAX = 8192 };

/* An element that holds no element: "/EnumerationResults/Blobs/Blob/Name", its text decoded; "" when it has none. Text
 * past AZURE_XML_TEXT_MAX is a failure when it belongs to such an element. False ends the reading. */
typedef bool azure_xml_leaf(void *context, const char *path, const char *text);

/* True when the whole is one well-formed element. What came before a fault has been handed over by then. */
bool azure_xml_read(const char *xml, size_t size_bytes, azure_xml_leaf *leaf, void *context);
