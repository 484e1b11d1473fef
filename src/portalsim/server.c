/* The portal as an HTTP server: see server.h. */
#include "portalsim/server.h"

#include <stdlib.h>

#include "base/fdio.h"
#include "base/str.h"
#include "portalsim/faults_rules.h"
#include "portalsim/routes.h"

enum { THREADS = 4, CONNECTIONS_MAX = 512 };

/* The fault document that --faults names or holds. */
static enum outcome load_faults(struct faults *faults, const char *given, struct error *err) {
    AUTO_BUF struct buf text = BUF_INIT(FAULTS_DOCUMENT_MAX);
    json_t *document AUTO_JSON = NULL;
    enum outcome outcome = OK;
    if (given[0] == '{') {
        buf_append_str(&text, given);
    } else {
        outcome = file_read(given, &text, err);
    }
    if (outcome == OK) {
        outcome = json_parse(buf_str(&text), text.size_bytes, &document, err);
    }
    if (outcome == OK) {
        outcome = faults_set(faults, document, err);
    }
    return outcome == OK ? OK : error_prefix(err, "--faults");
}

enum outcome portal_server_start(const struct options *options, const char *listen, struct portal_server **ret,
                                 struct error *err) {
    struct portal_server *server = x_alloc(sizeof *server);
    server->options = *options;
    server->sessions = sessions_create(options->session_ms);
    server->faults = faults_create();
    server->catalog = catalog_create(server->faults);
    enum outcome outcome = options->faults ? load_faults(server->faults, options->faults, err) : OK;
    if (outcome == OK) {
        struct httpd_config config = {
            .listen = listen,
            .routes = portal_routes,
            .routes_count = portal_routes_count,
            .context = server,
            .threads = THREADS,
            .max_connections = CONNECTIONS_MAX,
            .idle_timeout_s = 30,
            .server_name = "filesure-portal",
        };
        outcome = httpd_start(&config, &server->httpd, err);
    }
    if (outcome != OK) {
        portal_server_stop(server);
        return outcome;
    }
    *ret = server;
    return OK;
}

const char *portal_server_address(const struct portal_server *server) {
    return httpd_address(server->httpd);
}

void portal_server_stop(struct portal_server *server) {
    if (server) {
        httpd_stop(server->httpd);
        catalog_destroy(server->catalog);
        faults_destroy(server->faults);
        sessions_destroy(server->sessions);
        free(server);
    }
}
