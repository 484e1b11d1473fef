/* The table of settings and the rules between them. */
#include "core/settings.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "base/url.h"

#define STORES "Stores"
#define WORKER "Worker"
#define PORTAL "Registry portal"
#define API "API and web page"
#define SCALER "Local scaler (filesure up)"
#define LOGS "Logs"

/* clang-format off */
const struct setting settings_table[] = {
    {.group = STORES, .name = "FILESURE_DATA", .type = SETTING_TEXT, .fallback = "./data", .max = 1024,
     .help = "Folder of the embedded job store and blob store."},
    {.group = STORES, .name = "FILESURE_EMBEDDED", .type = SETTING_CHOICE, .choices = "yes|no", .fallback = "yes",
     .help = "yes: what MONGO_URI or AZURE_BLOB_CONN leaves open is kept under FILESURE_DATA. no: both must be set, else the start fails."},
    {.group = STORES, .name = "MONGO_URI", .type = SETTING_TEXT, .secret = true,
     .help = "MongoDB connection string of the job store; the database is always `filesure`. Not set: the embedded job store. This build has the embedded one only."},
    {.group = STORES, .name = "AZURE_BLOB_CONN", .type = SETTING_TEXT, .secret = true,
     .help = "Connection string of Azure Blob Storage. Not set: a folder. This build has the folder only."},
    {.group = STORES, .name = "AZURE_CONTAINER", .type = SETTING_TEXT, .fallback = "documents", .max = 63,
     .help = "Container (or folder) the blobs are kept in: 3 to 63 lower-case letters, digits and single hyphens."},
    {.group = STORES, .name = "AZURE_CREATE_CONTAINER", .type = SETTING_CHOICE, .choices = "yes|no", .fallback = "yes",
     .help = "Make the container when it is missing."},

    {.group = WORKER, .name = "JOB_ID", .type = SETTING_TEXT, .max = 128, .empty_allowed = true,
     .help = "The job this worker runs. Empty: there is nothing to do (a claim found nothing)."},
    {.group = WORKER, .name = "LEASE_TOKEN", .type = SETTING_TEXT, .max = 128, .empty_allowed = true, .secret = true,
     .help = "The lease that `filesure-worker claim` took on JOB_ID. Empty or not set: the worker claims the job itself."},
    {.group = WORKER, .name = "LEASE_OWNER", .type = SETTING_TEXT, .max = 128,
     .help = "Who holds the lease; on Kubernetes the pod's uid. Not set: host:pid:start of the process."},
    {.group = WORKER, .name = "LEASE_SECONDS", .type = SETTING_INT, .fallback = "60", .min = 2, .max = 3600,
     .help = "How long a worker may be silent before its job is given to another one."},
    {.group = WORKER, .name = "RUN_SECONDS", .type = SETTING_INT, .fallback = "1800", .min = 1, .max = 86400,
     .help = "How long one run of a job may take before it loses its lease."},
    {.group = WORKER, .name = "BATCH_PERCENT", .type = SETTING_INT, .fallback = "35", .min = 1, .max = 100,
     .help = "Share of a company's filings that one run takes, rounded up."},
    {.group = WORKER, .name = "MAX_ATTEMPTS", .type = SETTING_INT, .fallback = "5", .min = 1, .max = 1000,
     .help = "Runs in a row without a new document after which a job is failed."},
    {.group = WORKER, .name = "DOWNLOAD_PARALLEL", .type = SETTING_INT, .fallback = "4", .min = 1, .max = 16,
     .help = "Filings that one worker downloads at the same time."},
    {.group = WORKER, .name = "WORKER_METRICS_LISTEN", .type = SETTING_ADDRESS, .fallback = "0.0.0.0:9100",
     .help = "Where a worker serves /metrics while it runs."},
    {.group = WORKER, .name = "METRICS_LINGER_SECONDS", .type = SETTING_INT, .fallback = "0", .min = 0, .max = 300,
     .help = "How long a worker goes on serving /metrics after its run, so that the last numbers are scraped."},

    {.group = PORTAL, .name = "PORTAL_URL", .type = SETTING_URL, .fallback = "http://127.0.0.1:5080",
     .help = "Base URL of the registry portal."},
    {.group = PORTAL, .name = "PORTAL_TIMEOUT_SECONDS", .type = SETTING_INT, .fallback = "240", .min = 1, .max = 600,
     .help = "How long one request to the portal may take in all; one that stalls is cut after 15 seconds anyway."},
    {.group = PORTAL, .name = "PORTAL_LISTEN", .type = SETTING_ADDRESS, .fallback = "127.0.0.1:5080",
     .help = "Where the simulated portal (filesure-portal) listens; port 0 takes a free one."},

    {.group = API, .name = "API_LISTEN", .type = SETTING_ADDRESS, .fallback = "127.0.0.1:5001",
     .help = "Where the API and the web page listen; port 0 takes a free one. Anything but loopback needs API_TOKENS_FILE or API_OPEN=yes."},
    {.group = API, .name = "API_OPEN", .type = SETTING_CHOICE, .choices = "yes|no", .fallback = "no",
     .help = "yes: everybody who can reach API_LISTEN may do everything."},
    {.group = API, .name = "API_TOKENS_FILE", .type = SETTING_TEXT, .max = 1024,
     .help = "File with a line `role:name:token` for each person or program that may use the API. This build has no access control yet and refuses it."},
    {.group = API, .name = "METRICS_TOKEN_FILE", .type = SETTING_TEXT, .max = 1024,
     .help = "File with the token that /metrics asks for. This build has no access control yet and refuses it."},
    {.group = API, .name = "API_PUBLIC_URL", .type = SETTING_URL,
     .help = "The URL people use to reach the API, when it is not the one it listens on."},
    {.group = API, .name = "TRUSTED_PROXIES", .type = SETTING_TEXT, .max = 1024,
     .help = "Addresses of proxies whose forwarding headers are believed. This build believes none."},
    {.group = API, .name = "RETENTION_DAYS", .type = SETTING_INT, .min = 1, .max = 36500,
     .help = "Finished jobs are removed with their documents so many days after their end; the totals stay. Not set: never."},

    {.group = SCALER, .name = "MAX_WORKERS", .type = SETTING_INT, .min = 1, .max = 200,
     .help = "Workers that run at the same time. Not set: twice the number of cores."},

    {.group = LOGS, .name = "LOG_LEVEL", .type = SETTING_CHOICE, .choices = "debug|info|warn|error", .fallback = "info",
     .help = "The least important events that are logged."},
    {.group = LOGS, .name = "LOG_FORMAT", .type = SETTING_CHOICE, .choices = "json|text",
     .help = "One JSON object or one line of text an event. Not set: text on a terminal, else JSON."},
};
/* clang-format on */
const size_t settings_table_count = COUNT_OF(settings_table);

enum outcome core_settings_load(struct settings_values **ret, struct error *err) {
    struct settings_values *values = NULL;
    enum outcome outcome = settings_load(settings_table, settings_table_count, ".env", &values, err);
    if (outcome != OK) {
        return outcome;
    }
    outcome = core_settings_check(values, err);
    if (outcome != OK) {
        settings_destroy(values);
        return outcome;
    }
    *ret = values;
    return OK;
}

static bool container_valid(const char *name) {
    size_t length = strlen(name);
    return length >= 3 && length <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
           name[0] != '-' && name[length - 1] != '-' && !strstr(name, "--");
}

enum outcome core_settings_check(const struct settings_values *values, struct error *err) {
    static const char *const stores[] = {"MONGO_URI", "AZURE_BLOB_CONN"};
    for (size_t i = 0; i < COUNT_OF(stores); i++) {
        if (!settings_is_set(values, stores[i]) && !core_settings_yes(values, "FILESURE_EMBEDDED")) {
            return error_set(err, INVALID, "bad_setting", "FILESURE_EMBEDDED=no needs %s, which is not set", stores[i]);
        }
    }
    for (size_t i = 0; i < COUNT_OF(stores); i++) {
        if (settings_is_set(values, stores[i])) {
            return error_set(err, INVALID, "bad_setting",
                             "%s is set, but this build has the embedded stores only (FILESURE_DATA): unset it",
                             stores[i]);
        }
    }
    if (!container_valid(settings_text(values, "AZURE_CONTAINER"))) {
        return error_set(err, INVALID, "bad_setting",
                         "AZURE_CONTAINER: \"%s\" is not 3 to 63 lower-case letters, digits and single hyphens",
                         settings_text(values, "AZURE_CONTAINER"));
    }
    return OK;
}

enum outcome core_settings_check_api(const struct settings_values *values, struct error *err) {
    static const char *const tokens[] = {"API_TOKENS_FILE", "METRICS_TOKEN_FILE"};
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        if (settings_is_set(values, tokens[i])) {
            return error_set(err, INVALID, "bad_setting",
                             "%s is set, but this build has no access control yet and would ignore it: unset it",
                             tokens[i]);
        }
    }
    const char *listen = settings_text(values, "API_LISTEN");
    char host[64];
    int port = 0;
    bool loopback = address_parse(listen, host, &port) && address_is_loopback(host);
    if (!loopback && !core_settings_yes(values, "API_OPEN")) {
        return error_set(err, INVALID, "bad_setting",
                         "API_LISTEN=%s can be reached from other machines: set API_TOKENS_FILE, "
                         "or API_OPEN=yes to let "
                         "everybody in",
                         listen);
    }
    return OK;
}

bool core_settings_yes(const struct settings_values *values, const char *name) {
    return str_eq(settings_text(values, name), "yes");
}

int core_settings_max_workers(const struct settings_values *values) {
    if (settings_is_set(values, "MAX_WORKERS")) {
        return (int)settings_int(values, "MAX_WORKERS");
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 2 : cores > 100 ? 200 : (int)cores * 2;
}

void core_settings_start_log(const struct settings_values *values, const char *program) {
    enum log_level level = LOG_LEVEL_INFO;
    (void)log_level_parse(settings_text(values, "LOG_LEVEL"), &level);
    const char *format = settings_text(values, "LOG_FORMAT");
    log_start(program, level, format ? str_eq(format, "json") : !isatty(STDERR_FILENO));
}
