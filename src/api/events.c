/* GET /api/v1/events: the stream that the snapshot thread feeds with "job" and "stats". */
#include "api/api.h"

void route_events(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    if (!http_query_only(exchange, (const char *const[]){NULL})) {
        return;
    }
    http_add_header(exchange, "Cache-Control", "no-store");
    http_add_header(exchange, "X-Accel-Buffering", "no"); /* a proxy in between must not hold events back */
    sse_reply(api->events, exchange);
}
