/* Identifiers and dates in a piece of text. Pure. A kind whose shape is common (DIN: eight digits) is taken only where
 * a label names it: before it in the same text, or in `label`, the text beside or above. */
#pragma once

#include "base/macros.h"
#include "pdf/wire.h"

enum { FOUND_VALUE_MAX = 256 };
struct found {
    size_t from, to;     /* bytes of the text */
    uint32_t kind;       /* enum wire_identifier_kind; not used for dates */
    uint32_t confidence; /* percent */
    char value[FOUND_VALUE_MAX];
};

/* The next identifier at or after *at; moves *at behind it. False: none left.
 *   CIN    [LU] 5 digits 2 letters 4 digits 3 letters 6 digits (Companies Act registration)
 *   SRN    2 letters and 7 digits (V3; the simulated registry: up to 24) or 1 letter and 8 digits (V2): followed by
 *          _SRN_FORM_ (99 %), or labelled; at least 95 % when it is the filing's own, 70 % when it may be another's
 *   PAN    5 letters 4 digits 1 letter, the fourth one of ABCFGHJKLPT; masked: at least four of the ten are *
 *   DIN    8 digits, labelled
 *   FRN    6 digits and a letter, W100018 and both with / between, labelled
 *   e-mail as usual, * allowed where the portal masks */
bool identify_next(const char *text, size_t size_bytes, const char *label, size_t *at, struct found *ret);

/* The next date; value is YYYY-MM-DD and exists in the calendar. Day before month where both are possible. */
bool date_next(const char *text, size_t size_bytes, size_t *at, struct found *ret);
