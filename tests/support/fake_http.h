/* A scripted HTTP server in the test's own process: on loopback, port 0, one thread for each connection. For each
 * request the script says which bytes go out and what happens to the connection then. "Expect: 100-continue" is
 * answered before the script is asked. */
#pragma once

#include "base/buf.h"

struct fake_http;

struct fake_request {
    int number;     /* from 1, in order of arrival */
    int connection; /* from 1 */
    char method[16];
    char target[4096];
    const char *head; /* all of it */
    const char *body;
    size_t body_size;
};

enum fake_then { FAKE_KEEP, FAKE_CLOSE, FAKE_RESET, FAKE_HANG };

struct fake_reply {
    struct buf bytes;
    enum fake_then then;
    int drip_ms; /* > 0: one byte at a time, with so much between them */
};

typedef void fake_script(void *context, const struct fake_request *request, struct fake_reply *reply);

struct fake_http *fake_start(fake_script *script, void *context);
void fake_stop(struct fake_http *fake); /* ends hangs and drips */
const char *fake_url(const struct fake_http *fake);
int fake_requests(struct fake_http *fake);
int fake_connections(struct fake_http *fake);
void fake_wait_requests(struct fake_http *fake, int count); /* until so many have come */
int fake_most_at_once(struct fake_http *fake);              /* requests being answered at the same time */

/* A whole reply with Content-Length. headers: "Name: value\r\n"… or "". */
void fake_answer(struct fake_reply *reply, int status, const char *headers, const void *body, size_t body_size);
void fake_answer_text(struct fake_reply *reply, int status, const char *headers, const char *body);
/* The same, but says claimed bytes; for cut bodies. */
void fake_answer_claiming(struct fake_reply *reply, int status, const char *headers, const void *body, size_t body_size,
                          size_t claimed);
bool fake_header(const struct fake_request *request, const char *name, char *out, size_t out_size);
