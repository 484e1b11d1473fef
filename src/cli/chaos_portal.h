/* Outages of a simulated portal that allows faults: every request fails until the faults from before are put back. */
#pragma once

#include "base/error.h"
#include "base/json.h"

struct chaos_portal {
    char url[256];
    struct http_client *client;
    json_t *before; /* during an outage: the faults to put back */
};

void chaos_portal_finish(struct chaos_portal *portal);
/* DENIED "no_faults": it does not allow them, or does not answer. */
MUST_USE enum outcome chaos_portal_open(struct chaos_portal *portal, const char *url, struct error *err);
MUST_USE enum outcome chaos_portal_break(struct chaos_portal *portal, const char *fault, struct error *err);
MUST_USE enum outcome chaos_portal_mend(struct chaos_portal *portal, struct error *err);
