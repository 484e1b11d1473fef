/* The grammar of `.env` files, apart from the table: settings.c and the fuzz target use it.
 *   file  = *(line "\n")         line = blank | "#" anything | ["export "] NAME "=" value
 *   value = bytes without blanks at the ends | 'bytes' | "bytes"      no escapes; CRLF is accepted
 * A bare value that holds " #" or starts with "#" is refused: some readers would take it for a
 * comment, some would not. */
#pragma once

#include "base/error.h"

/* Called for each assignment; name and value live as long as the text. An outcome other than OK
 * ends the reading. */
typedef enum outcome env_pair_function(void *context, int line, const char *name, const char *value, struct error *err);

/* Changes `text` (size_bytes and a NUL) while reading. INVALID "bad_setting" with "file:line: …" on
 * a malformed line. */
MUST_USE enum outcome env_file_parse(char *text, size_t size_bytes, const char *file, env_pair_function *on_pair,
                                     void *context, struct error *err);
