/* Frames on their way out: counted against the limits of wire.h, so that the host never has to end a well-behaved
 * child. */
#pragma once

#include "pdf/wire.h"

struct emit; /* one per process, in static memory: a child out of memory can still say so */

struct emit *emit_open(int fd); /* -1: nothing is written */
/* A payload to fill with wire_put_…; NULL when there are enough of this type or no room is left (noted once as a
 * warning). A payload that was begun and not ended, because something was thrown, is forgotten. */
struct wire_writer *emit_begin(struct emit *emit, enum wire_type type);
void emit_end(struct emit *emit); /* sends; a payload that did not fit is dropped with a warning */
void emit_warning(struct emit *emit, const char *code, const char *format, ...) PRINTF_LIKE(3, 4);
/* The last frame. Nothing may be sent after it. */
void emit_finish(struct emit *emit, enum wire_end outcome, const char *detail);
