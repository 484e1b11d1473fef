/* The portal's routes (docs/portal.md). */
#include "portalsim/routes.h"

#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "core/company.h"
#include "portalsim/day.h"
#include "portalsim/faults_rules.h"
#include "portalsim/search.h"

enum { PAGE_FILINGS = 20, SESSION_BODY_MAX = 1024, SEARCH_DEFAULT = 20 };

static void handle_session(struct http_exchange *exchange, void *context) {
    struct portal_server *server = context;
    struct call call;
    if (!call_begin(&call, server, exchange, ROUTE_SESSION, http_client_address(exchange), NULL)) {
        return;
    }
    char id[SESSION_ID_MAX], cookie[160];
    int64_t seconds = server->options.session_ms / 1000;
    sessions_open(server->sessions, clock_boot_ms(), id);
    str_format(cookie, sizeof cookie, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict", SESSION_COOKIE, id,
               (long long)seconds);
    http_add_header(exchange, "Set-Cookie", cookie);
    http_add_header(exchange, "Cache-Control", "no-store");
    call_reply_json(&call, 201, json_pack("{s:I}", "expiresInSeconds", (json_int_t)seconds));
}

static json_t *company_json(const struct sim_company *company) {
    char registered[DATE_MAX];
    day_iso(company->registered_day, registered);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "cin", company->cin, "name", company->name, "status", company->status,
                     "registeredOn", registered, "state", company->state);
}

static void handle_search(struct http_exchange *exchange, void *context) {
    struct portal_server *server = context;
    struct call call;
    const char *q = http_query(exchange, "q"), *limit_text = http_query(exchange, "limit");
    if (!call_begin(&call, server, exchange, ROUTE_SEARCH, q ? q : "", NULL) ||
        !http_query_only(exchange, (const char *const[]){"q", "limit", NULL})) {
        return;
    }
    int64_t limit = SEARCH_DEFAULT;
    if (limit_text && !num_parse(limit_text, 1, SEARCH_MAX, &limit)) {
        call_reply_error(&call, INVALID, "limit: a number from 1 to 100 is expected");
        return;
    }
    struct sim_company found[SEARCH_MAX];
    int count = search_companies(q ? q : "", (int)limit, found);
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(list, company_json(&found[i]));
    }
    call_reply_json(&call, 200, json_pack("{s:o}", "companies", list));
}

static void handle_company(struct http_exchange *exchange, void *context) {
    struct portal_server *server = context;
    struct call call;
    struct sim_company company;
    struct error err;
    const char *cin = http_param(exchange, "cin");
    if (!call_begin(&call, server, exchange, ROUTE_COMPANY, cin, cin)) {
        return;
    }
    enum outcome outcome = sim_company_make(cin, &company, &err);
    if (outcome != OK) {
        call_reply_error(&call, outcome, err.message);
        return;
    }
    call_reply_json(&call, 200, company_json(&company));
}

static void reply_page(struct call *call, const struct catalog_listing *listing, int page) {
    int pages = (listing->count + PAGE_FILINGS - 1) / PAGE_FILINGS;
    json_t *list = json_array();
    for (int i = (page - 1) * PAGE_FILINGS; page <= pages && i < listing->count && i < page * PAGE_FILINGS; i++) {
        json_array_append_new(list, catalog_entry_json(&listing->entries[i]));
    }
    if (page < pages) {
        char link[128];
        str_format(link, sizeof link, "</companies/%s/filings?page=%d>; rel=\"next\"", listing->company.cin, page + 1);
        http_add_header(call->exchange, "Link", link);
    }
    call_reply_json(call, 200,
                    json_pack("{s:s, s:i, s:i, s:i, s:o}", "cin", listing->company.cin, "page", page, "pages", pages,
                              "total", listing->count, "filings", list));
}

static void handle_filings(struct http_exchange *exchange, void *context) {
    struct portal_server *server = context;
    struct call call;
    const char *cin = http_param(exchange, "cin"), *page_text = http_query(exchange, "page");
    if (!call_begin(&call, server, exchange, ROUTE_FILINGS, cin, cin) ||
        !http_query_only(exchange, (const char *const[]){"page", NULL})) {
        return;
    }
    int64_t page = 1;
    if (page_text && !num_parse(page_text, 1, 1000000, &page)) {
        call_reply_error(&call, INVALID, "page: a number from 1 is expected");
        return;
    }
    struct catalog_listing listing;
    struct error err;
    enum outcome outcome = catalog_get(server->catalog, cin, &listing, &err);
    if (outcome != OK) {
        call_reply_error(&call, outcome, err.message);
        return;
    }
    reply_page(&call, &listing, (int)page);
}

static void handle_document(struct http_exchange *exchange, void *context) {
    struct portal_server *server = context;
    struct call call;
    struct sim_company company;
    struct sim_filing filing;
    struct error err;
    const char *srn = http_param(exchange, "srn");
    enum outcome outcome = sim_srn_find(srn, &company, &filing, &err);
    if (!call_begin(&call, server, exchange, ROUTE_DOCUMENT, srn, outcome == OK ? company.cin : NULL)) {
        return;
    }
    if (outcome != OK) {
        call_reply_error(&call, outcome, err.message);
        return;
    }
    if (filing.withdrawn) {
        call_reply_json(&call, 410, json_pack("{s:s}", "error", "this filing was withdrawn"));
        return;
    }
    if (!sessions_begin_document(server->sessions, call.session, server->options.max_parallel)) {
        http_add_header(exchange, "Retry-After", "1");
        http_reply_error(exchange, 429, "too many documents at once in this session");
        return;
    }
    AUTO_BUF struct buf bytes = BUF_INIT((size_t)FILING_BYTES_MAX);
    char md5[HASH_HEX_MAX];
    catalog_document(server->catalog, &company, &filing, &bytes);
    hash_hex(HASH_MD5, buf_str(&bytes), bytes.size_bytes, md5);
    call_reply_document(&call, &bytes, md5);
}

static bool faults_allowed(struct portal_server *server, struct http_exchange *exchange) {
    if (!server->options.allow_faults) {
        http_reply_error(exchange, 404, "not found (faults need --allow-faults)");
    }
    return server->options.allow_faults;
}

static void handle_get_faults(struct http_exchange *exchange, void *context) {
    struct portal_server *server = context;
    if (faults_allowed(server, exchange)) {
        json_t *document AUTO_JSON = faults_get(server->faults);
        http_reply_json(exchange, 200, document);
    }
}

static void handle_put_faults(struct http_exchange *exchange, void *context) {
    struct portal_server *server = context;
    const char *bytes;
    size_t size;
    json_t *document AUTO_JSON = NULL;
    struct error err;
    if (!faults_allowed(server, exchange)) {
        return;
    }
    http_body(exchange, &bytes, &size);
    enum outcome outcome = json_parse(bytes, size, &document, &err);
    if (outcome == OK) {
        outcome = faults_set(server->faults, document, &err);
    }
    if (outcome != OK) {
        http_reply_error(exchange, 400, err.message);
        return;
    }
    http_reply_json(exchange, 200, document);
}

static void handle_health(struct http_exchange *exchange, void *context) {
    (void)context;
    static const char ok[] = "{\"status\":\"ok\"}";
    http_reply_static(exchange, 200, "application/json", ok, strlen(ok));
}

const struct http_route portal_routes[] = {
    {"POST", "/session", handle_session, SESSION_BODY_MAX, NULL, "error"},
    {"GET", "/companies", handle_search, 0, NULL, "error"},
    {"GET", "/companies/{cin}", handle_company, 0, NULL, "error"},
    {"GET", "/companies/{cin}/filings", handle_filings, 0, NULL, "error"},
    {"GET", "/filings/{srn}/document", handle_document, 0, NULL, "error"},
    {"GET", "/_faults", handle_get_faults, 0, NULL, "error"},
    {"PUT", "/_faults", handle_put_faults, FAULTS_DOCUMENT_MAX, "application/json", "error"},
    {"GET", "/healthz", handle_health, 0, NULL, "error"},
};
const size_t portal_routes_count = COUNT_OF(portal_routes);
