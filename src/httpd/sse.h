/* Server-sent events (WHATWG HTML 9.2): one channel, many listeners, with ids and Last-Event-ID. */
#pragma once

#include "httpd/httpd.h"

struct sse_channel;

struct sse_channel *sse_channel_create(int max_listeners, int keep_events);
void sse_channel_destroy(struct sse_channel *channel); /* ends every listener's stream first */
/* Sends an event to every listener; a listener too far behind is cut and will come back with Last-Event-ID. */
void sse_publish(struct sse_channel *channel, const char *event, const char *data);
/* The reply of GET /events: replays what is kept after Last-Event-ID, then follows. 503 when max_listeners are there.
 */
void sse_reply(struct sse_channel *channel, struct http_exchange *exchange);
