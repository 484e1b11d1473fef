/* The portal as an HTTP server (docs/portal.md). */
#pragma once

#include "base/error.h"
#include "portalsim/options.h"

struct portal_server;
MUST_USE enum outcome portal_server_start(const struct options *options, const char *listen, struct portal_server **ret,
                                          struct error *err);
const char *portal_server_address(const struct portal_server *server);
void portal_server_stop(struct portal_server *server);
