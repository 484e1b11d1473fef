/* The questions and answers of a flattened (V3) form: no fields are left in it, only labels in a left column, boxes
 * with text, circles with dots and squares with ticks. Everything is paired by where it stands.
 *
 * A text field's value is what stands in a box; a choice's value is the option whose circle holds a dot ("" when none
 * does); a check's value is "Yes" or "No" and its export value what the box says. Where there is no box on the page,
 * text right of a label counts as its value, with less confidence. */
#pragma once

#include "pdf/child/layout.h"
#include "pdf/child/reading.h"

void labelled_send(struct reading *reading, struct layout *layout);
