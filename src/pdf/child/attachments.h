/* Files inside the file: the EmbeddedFiles name tree, then files pinned to pages. Their names are labels, their
 * declared types claims; what they are is told by their first bytes. */
#pragma once

#include "pdf/child/reading.h"

void attachments_send(struct reading *reading);
