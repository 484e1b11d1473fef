/* filesure-api: settings, job store, blobs, server, keeper, in this order; on SIGTERM backwards within two seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/api.h"
#include "api/keeper.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "base/url.h"
#include "build_info.h"
#include "core/settings.h"

enum {
    THREADS = 32,
    CONNECTIONS_MAX = 1024,
    CONNECTIONS_MIN = 16,
    FILES_MAX = 65536,
    FILES_KEPT = 128, /* for the job store, blobs and streams: connections must not use them up */
    IDLE_TIMEOUT_S = 30,
    LISTENERS_MAX = 100,
    EVENTS_KEPT = 256,
    STOP_MS = 1900,
    OPEN_WAIT_MS = 1000,
    JOIN_MS = 100
};

static const char help[] = "Usage: filesure-api [--listen ADDRESS] [--help] [--version]\n"
                           "\n"
                           "Serves the web page, the HTTP API and /metrics, and keeps the job store in order.\n"
                           "\n"
                           "  --listen ADDRESS  where to listen (default: API_LISTEN); port 0 takes a free one\n"
                           "  --help            this text\n"
                           "  --version         version and commit\n"
                           "\n"
                           "Settings come from the environment, then from .env in the working directory:\n";

static void print_help(void) {
    AUTO_BUF struct buf text = BUF_INIT(64 * 1024);
    settings_print_docs(settings_table, settings_table_count, &text);
    printf("%s\n%s", help, buf_str(&text));
}

/* True: go on. False: *ret_exit is the program's answer. */
static bool read_arguments(int argc, char **argv, const char **ret_listen, int *ret_exit) {
    for (int i = 1; i < argc; i++) {
        if (str_eq(argv[i], "--help") || str_eq(argv[i], "--version")) {
            if (str_eq(argv[i], "--help")) {
                print_help();
            } else {
                printf("filesure-api %s (%s)\n", FILESURE_VERSION, FILESURE_COMMIT);
            }
            *ret_exit = 0;
            return false;
        }
        if (str_eq(argv[i], "--listen") && i + 1 < argc) {
            *ret_listen = argv[++i];
        } else if (str_starts_with(argv[i], "--listen=")) {
            *ret_listen = argv[i] + strlen("--listen=");
        } else {
            (void)fprintf(stderr, "filesure-api: unknown argument \"%s\" (--help lists them)\n", argv[i]);
            *ret_exit = 2;
            return false;
        }
    }
    return true;
}

static enum outcome load_settings(const char *listen, struct settings_values **ret, struct error *err) {
    struct settings_values *values = NULL;
    enum outcome outcome = core_settings_load(&values, err);
    if (outcome == OK && listen) {
        outcome = settings_override(values, "API_LISTEN", listen, err);
        if (outcome != OK) {
            error_prefix(err, "--listen");
        }
    }
    if (outcome == OK) {
        outcome = core_settings_check_api(values, err);
    }
    if (outcome == OK) {
        *ret = values;
    } else {
        settings_destroy(values);
    }
    return outcome;
}

static void on_reply(void *context, const char *route, const char *method, int status, double seconds) {
    const struct api *api = context;
    api_metrics_reply(api->metrics, route, method, status, seconds);
}

/* scheme://host[:port] of API_PUBLIC_URL, as a browser writes it in Origin. */
static void set_origins(struct api *api, const struct settings_values *settings) {
    char host[64];
    int port = 0;
    api->loopback = address_parse(settings_text(settings, "API_LISTEN"), host, &port) && address_is_loopback(host);
    struct url url;
    struct error err;
    const char *text = settings_text(settings, "API_PUBLIC_URL");
    if (text && url_parse(text, &url, &err) == OK) {
        bool usual = url.port == (str_eq(url.scheme, "https") ? 443 : 80);
        char port_text[16] = "";
        if (!usual) {
            (void)str_format(port_text, sizeof(port_text), ":%d", url.port);
        }
        bool six = strchr(url.host, ':') != NULL;
        (void)str_format(api->public_origin, sizeof(api->public_origin), "%s://%s%s%s%s", url.scheme, six ? "[" : "",
                         url.host, six ? "]" : "", port_text);
    }
}

static enum outcome open_stores(struct api *api, const struct settings_values *settings, struct error *err) {
    const char *data_dir = settings_text(settings, "FILESURE_DATA");
    api->store = store_create(data_dir, api->metrics);
    api->snapshot = snapshot_start(api->store, api->metrics, api->events);
    enum outcome outcome = snapshot_wait_open(api->snapshot, OPEN_WAIT_MS, err);
    if (outcome != OK && outcome != RETRY) { /* away now: requests are answered 503 until it is there */
        return outcome;
    }
    const struct blobs_config config = {.data_dir = data_dir,
                                        .container = settings_text(settings, "AZURE_CONTAINER"),
                                        .create = core_settings_yes(settings, "AZURE_CREATE_CONTAINER")};
    return blobs_open(&config, &api->blobs, err);
}

/* Allows this process the open files it may have, and says how many connections that makes. */
static int connections_for_files(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return CONNECTIONS_MIN;
    }
    struct rlimit raised = {.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX,
                            .rlim_max = files.rlim_max};
    if (raised.rlim_cur > files.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        files = raised;
    }
    if (files.rlim_cur >= CONNECTIONS_MAX + FILES_KEPT) {
        return CONNECTIONS_MAX;
    }
    int left = (int)files.rlim_cur - FILES_KEPT;
    return left < CONNECTIONS_MIN ? CONNECTIONS_MIN : left;
}

static enum outcome serve(struct api *api, const struct settings_values *settings, struct error *err) {
    size_t count = 0;
    AUTO_FREE struct http_route *routes = api_all_routes(&count);
    int connections = connections_for_files();
    const struct httpd_config config = {.listen = settings_text(settings, "API_LISTEN"),
                                        .routes = routes,
                                        .routes_count = count,
                                        .context = api,
                                        .threads = THREADS,
                                        .max_connections = connections,
                                        .max_connections_per_address = connections / 2, /* leaves some to others */
                                        .idle_timeout_s = IDLE_TIMEOUT_S,
                                        .receive_timeout_s = IDLE_TIMEOUT_S,
                                        .server_name = "filesure",
                                        .reply_headers = api_reply_headers,
                                        .on_reply = on_reply,
                                        .before = api_before};
    struct httpd *httpd = NULL;
    enum outcome outcome = httpd_start(&config, &httpd, err);
    if (outcome != OK) {
        return outcome;
    }
    const struct keeper_config keeping = {.store = api->store,
                                          .blobs = api->blobs,
                                          .metrics = api->metrics,
                                          .retention_days = (int)settings_int(settings, "RETENTION_DAYS")};
    struct keeper *keeper = keeper_start(&keeping);
    log_info("listening", log_str("address", httpd_address(httpd)), log_str("version", FILESURE_VERSION));
    while (!stop_wait_ms(60000)) {
    }
    int64_t deadline_ms = clock_monotonic_ms() + STOP_MS;
    api->draining = true;
    log_info("stopping");
    keeper_ask_to_stop(keeper);
    snapshot_ask_to_stop(api->snapshot);
    httpd_stop(httpd);
    int64_t left_ms = deadline_ms - clock_monotonic_ms();
    left_ms = left_ms < JOIN_MS ? JOIN_MS : left_ms;
    bool ended = keeper_stop(keeper, left_ms);
    ended = snapshot_stop(api->snapshot, left_ms) && ended;
    api->snapshot = NULL;
    if (!ended) { /* a call to the store hangs: it may still use everything */
        log_warn("stopped while the job store did not answer");
        _exit(0);
    }
    log_info("stopped");
    return OK;
}

int main(int argc, char **argv) {
    const char *listen = NULL;
    int exit_code = 0;
    if (!read_arguments(argc, argv, &listen, &exit_code)) {
        return exit_code;
    }
    (void)stop_install();
    struct error err = {0};
    struct settings_values *settings = NULL;
    if (load_settings(listen, &settings, &err) != OK) {
        (void)fprintf(stderr, "filesure-api: %s\n", err.message);
        return 1;
    }
    core_settings_start_log(settings, "filesure-api");
    struct api api = {.metrics = api_metrics_create(), .events = sse_channel_create(LISTENERS_MAX, EVENTS_KEPT)};
    set_origins(&api, settings);
    enum outcome outcome = open_stores(&api, settings, &err);
    if (outcome == OK) {
        outcome = serve(&api, settings, &err);
    }
    if (outcome != OK) {
        log_error("cannot start", log_str("code", err.code), log_str("error", err.message));
    }
    if (!snapshot_stop(api.snapshot, STOP_MS)) {
        _exit(1);
    }
    sse_channel_destroy(api.events);
    blobs_close(api.blobs);
    store_destroy(api.store);
    api_metrics_destroy(api.metrics);
    settings_destroy(settings);
    return outcome == OK ? 0 : 1;
}
