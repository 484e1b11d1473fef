/* Identifiers and dates: found in a text, sent once each with the place they were found at first. */
#pragma once

#include "pdf/child/reading.h"

/* In a line of a page; `label`: the text beside or above it. */
void facts_from_line(struct reading *reading, uint32_t page, const struct page_line *line, const char *label);
/* In the value of a form field; its name serves as label (DirectorDin_C counts as "Director Din C"). */
void facts_from_field(struct reading *reading, const char *name, const char *value, size_t size_bytes,
                      const struct wire_where *where);
