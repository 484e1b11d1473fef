/* A small XML walk: no entities but the five and numbers, no DTD, no recursion, bounded in depth and size. What it
 * cannot make sense of ends the walk. Pure. */
#pragma once

#include "base/macros.h"

enum { XML_DEPTH_MAX = 64, XML_PATH_MAX = 1024, XML_TEXT_MAX = 64 * 1024, XML_STEPS_MAX = 500000 };

struct xml_leaf {
    const char *name; /* local name */
    const char *path; /* from the element below `under` on: form1[0].Page1[0].CIN_C[0], as XFA names it */
    const char *text; /* without blanks at the ends; "" when empty */
    size_t text_bytes;
    bool cut;
};
enum xml_result { XML_DONE, XML_BROKEN, XML_LIMITED };
/* Calls `leaf` for every element that holds no element, below <datasets><data>, wherever these stand. */
enum xml_result xml_walk_datasets(const char *bytes, size_t size_bytes,
                                  void (*leaf)(void *argument, const struct xml_leaf *leaf), void *argument);
