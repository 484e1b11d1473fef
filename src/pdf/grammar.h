/* What an identifier may look like: the host checks every one the child claims to have found. Pure. */
#pragma once

#include "pdf/wire.h"

bool grammar_identifier(enum wire_identifier_kind kind, const char *value);
bool grammar_form(const char *number); /* "" or AOC-4, MGT-7A */
bool grammar_parser(const char *text); /* 1..31 of [A-Za-z0-9.+-] */
bool grammar_code(const char *text);   /* 1..48 of [a-z_] */
