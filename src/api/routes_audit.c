/* GET /api/v1/audit: who changed what, when. */
#include "api/api.h"
#include "base/str.h"
#include "base/url.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 500, LINK_MAX_BYTES = 512 };

/* RFC 8288: the same query with the next cursor. */
static void add_link(struct http_exchange *exchange, int64_t limit, const char *next) {
    AUTO_BUF struct buf link = BUF_INIT(LINK_MAX_BYTES);
    (void)buf_printf(&link, "</api/v1/audit?limit=%lld&cursor=", (long long)limit);
    (void)url_escape(&link, next);
    if (buf_append_str(&link, ">; rel=\"next\"")) {
        http_add_header(exchange, "Link", buf_str(&link));
    }
}

void route_list_audit(struct http_exchange *exchange, void *context) {
    struct api *api = context;
    static const char *const allowed[] = {"limit", "cursor", NULL};
    int64_t limit;
    struct error err = {0};
    struct store_call call;
    struct audit_list list = {0};
    if (!http_query_only(exchange, allowed) || !query_int(exchange, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit) ||
        !begin_store(api, exchange, STORE_READ, "list_audit", &call) ||
        !end_store(exchange, &call, jobs_list_audit(call.jobs, (int)limit, http_query(exchange, "cursor"), &list, &err),
                   &err)) {
        return;
    }
    AUTO_JSON json_t *entries = json_array();
    for (int i = 0; i < list.count; i++) {
        json_array_append_new(entries, audit_entry_json(&list.items[i]));
    }
    AUTO_JSON json_t *answer =
        json_pack("{s:O, s:o}", "entries", entries, "next", *list.next ? json_string(list.next) : json_null());
    if (*list.next) {
        add_link(exchange, limit, list.next);
    }
    audit_list_finish(&list);
    reply_json_fresh(exchange, 200, answer);
}
