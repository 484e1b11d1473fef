/* The state of a struct collect, shared by collect.c and collect_take.c only. */
#pragma once

#include "pdf/collect.h"

struct collect {
    uint32_t counts[WIRE_TYPE_COUNT];
    size_t total_bytes;
    uint32_t pages_claimed, pages_read;
    struct buf text;
    struct buf document, sections[WIRE_TYPE_COUNT];
    char form[33], srn[33], cin[22];
    uint32_t srn_confidence;
    enum wire_form_version version;
    bool ended;
    enum wire_end end;
    char end_detail[256];
};

/* Reads one payload of its type; false: not what wire.h says. */
typedef bool collect_take(struct collect *collect, struct wire_cursor *in);
extern collect_take *const collect_takers[WIRE_TYPE_COUNT];
