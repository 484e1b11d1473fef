/* filesure-portal: the simulated registry portal. */
#include <stdio.h>

#include "base/log.h"
#include "base/stop.h"
#include "build_info.h"
#include "core/settings.h"
#include "portalsim/options.h"
#include "portalsim/server.h"
#include "portalsim/write.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int complain(const struct error *err, int status) {
    fprintf(stderr, "filesure-portal: %s\n", err->message);
    return status;
}

/* Only the log and the address: what the stores need is not this program's business. */
static enum outcome load_settings(const struct options *options, struct settings_values **ret, struct error *err) {
    struct settings_values *settings = NULL;
    enum outcome outcome = settings_load(settings_table, settings_table_count, ".env", &settings, err);
    if (outcome == OK && options->listen && settings_override(settings, "PORTAL_LISTEN", options->listen, err) != OK) {
        settings_destroy(settings);
        return error_prefix(err, "--listen");
    }
    if (outcome == OK) {
        *ret = settings;
    }
    return outcome;
}

static int serve(const struct options *options) {
    struct settings_values *settings = NULL;
    struct portal_server *server = NULL;
    struct error err;
    if (load_settings(options, &settings, &err) != OK) {
        return complain(&err, EXIT_USAGE);
    }
    core_settings_start_log(settings, "filesure-portal");
    stop_install();
    enum outcome outcome = portal_server_start(options, settings_text(settings, "PORTAL_LISTEN"), &server, &err);
    if (outcome == OK) {
        log_info("listening", log_str("address", portal_server_address(server)));
        while (!stop_wait_ms(60000)) {
        }
        portal_server_stop(server);
        log_info("stopped");
    } else {
        log_error("cannot start", log_str("code", err.code), log_str("error", err.message));
    }
    settings_destroy(settings);
    return outcome == OK ? EXIT_OK : outcome == INVALID ? EXIT_USAGE : EXIT_FAILED;
}

int main(int argc, char **argv) {
    struct options options;
    struct error err;
    if (options_read(argc, argv, &options, &err) != OK) {
        return complain(&err, EXIT_USAGE);
    }
    switch (options.action) {
    case OPTIONS_HELP:
        fputs(options_help, stdout);
        return EXIT_OK;
    case OPTIONS_VERSION:
        printf("filesure-portal %s (%s)\n", FILESURE_VERSION, FILESURE_COMMIT);
        return EXIT_OK;
    case OPTIONS_WRITE:
        return write_company(options.write_cin, options.write_to, &err) == OK
                   ? EXIT_OK
                   : complain(&err, err.outcome == INVALID ? EXIT_USAGE : EXIT_FAILED);
    default:
        return serve(&options);
    }
}
