/* URLs (RFC 3986, http and https only) and percent coding. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct url {
    char scheme[8]; /* "http" or "https" */
    char host[256]; /* without brackets */
    int port;
    char path[1024]; /* starts with '/', no query; a trailing '/' of a base is removed ("/" stays
                        "") */
};

MUST_USE enum outcome url_parse(const char *text, struct url *ret,
                                struct error *err); /* INVALID "bad_url"; user:pw@ refused */
bool url_escape(struct buf *out, const char *text); /* everything but unreserved */
bool url_unescape(char *text);                      /* in place; false on a bad %XX or %00 */
/* "127.0.0.1:5001", "[::1]:0", "localhost:80": false when malformed. Port 0..65535. */
bool address_parse(const char *text, char host[64], int *ret_port);
bool address_is_loopback(const char *host);
