/* Parses the portal's answers; see portal_parse.h. */
#include "portal/portal_parse.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "base/str.h"

static enum outcome bad(struct error *err, const char *what) {
    return error_set(err, INVALID, "portal_answer", "the portal's answer is not usable: %s", what);
}

static bool is_text(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool copy_text(const json_t *object, const char *key, char *out, size_t out_size) {
    return json_member_copy(object, key, out, out_size) && out[0] != '\0' && is_text(out);
}

static enum outcome parse(const char *bytes, size_t size_bytes, json_t **ret, struct error *err) {
    enum outcome outcome = json_parse(bytes, size_bytes, ret, err);
    return outcome == INVALID ? bad(err, "malformed JSON") : outcome;
}

enum outcome portal_parse_company(const char *bytes, size_t size_bytes, const char *cin, struct portal_company *ret,
                                  struct error *err) {
    json_t *root AUTO_JSON = NULL;
    struct portal_company company = {0};
    enum outcome outcome = parse(bytes, size_bytes, &root, err);
    if (outcome != OK) {
        return outcome;
    }
    if (!copy_text(root, "cin", company.cin, sizeof(company.cin)) || strcmp(company.cin, cin) != 0) {
        return bad(err, "it is about another company");
    }
    if (!copy_text(root, "name", company.name, sizeof(company.name))) {
        return bad(err, "the company has no usable name");
    }
    if (!copy_text(root, "status", company.status, sizeof(company.status))) {
        return bad(err, "the company has no usable status");
    }
    *ret = company;
    return OK;
}

static const char *parse_filing(const json_t *object, struct filing *ret) {
    const json_t *size = json_object_get(object, "bytes");
    if (!json_is_object(object)) {
        return "a filing is not an object";
    }
    if (!json_member_copy(object, "srn", ret->srn, sizeof(ret->srn)) || !srn_valid(ret->srn)) {
        return "a filing's srn is malformed";
    }
    if (!copy_text(object, "form", ret->form, sizeof(ret->form))) {
        return "a filing's form is malformed";
    }
    if (!json_member_copy(object, "title", ret->title, sizeof(ret->title)) || !is_text(ret->title)) {
        return "a filing's title is malformed";
    }
    if (!json_member_copy(object, "filedOn", ret->filed_on, sizeof(ret->filed_on)) || !date_valid(ret->filed_on)) {
        return "a filing's date is malformed";
    }
    if (!json_is_integer(size) || json_integer_value(size) < 1 || json_integer_value(size) > FILING_BYTES_MAX) {
        return "a filing's size is missing or out of bounds";
    }
    ret->size_bytes = json_integer_value(size);
    if (!json_member_copy(object, "md5", ret->md5, sizeof(ret->md5)) || !str_is_hex(ret->md5, MD5_HEX_MAX - 1)) {
        return "a filing's md5 is malformed";
    }
    return NULL;
}

enum outcome portal_parse_filings(const char *bytes, size_t size_bytes, struct filing_list *list, struct error *err) {
    json_t *root AUTO_JSON = NULL;
    enum outcome outcome = parse(bytes, size_bytes, &root, err);
    if (outcome != OK) {
        return outcome;
    }
    const json_t *page = json_is_object(root) ? json_object_get(root, "filings") : root;
    if (!json_is_array(page)) {
        return bad(err, "there is no list of filings");
    }
    size_t count = json_array_size(page);
    if (count > FILINGS_MAX || list->count + (int)count > FILINGS_MAX) {
        return bad(err, "it lists too many filings");
    }
    if (count == 0) {
        return OK;
    }
    list->items = x_realloc(list->items, (size_t)list->count + count, sizeof(*list->items));
    for (size_t i = 0; i < count; i++) {
        struct filing filing = {0};
        const char *fault = parse_filing(json_array_get(page, i), &filing);
        if (fault) {
            return bad(err, fault);
        }
        list->items[list->count + (int)i] = filing;
    }
    list->count += (int)count;
    return OK;
}

/* The target of the link whose rel is "next", cut out of the header in place (RFC 8288). NULL: there is none. */
static char *next_target(char *link) {
    for (char *at = strchr(link, '<'); at; at = strchr(at, '<')) {
        char *end = strchr(at, '>');
        if (end == NULL) {
            return NULL;
        }
        *end = '\0';
        char *parameters = end + 1;
        char *following = strchr(parameters, '<');
        char *rel = strstr(parameters, "rel=");
        if (rel && (following == NULL || rel < following)) {
            rel += strlen("rel=");
            rel += *rel == '"';
            if (strncasecmp(rel, "next", 4) == 0 && strchr("\" ;,", rel[4]) != NULL) {
                return at + 1;
            }
        }
        at = parameters;
    }
    return NULL;
}

static bool same_origin(const char *target, const struct url *base, const char **ret_path) {
    char origin[300];
    bool six = strchr(base->host, ':') != NULL;
    if (target[0] == '/' && target[1] != '/') {
        *ret_path = target;
        return true;
    }
    for (int with_port = 0; with_port < 2; with_port++) {
        bool default_port = base->port == (strcmp(base->scheme, "https") == 0 ? 443 : 80);
        (void)str_format(origin, sizeof(origin), "%s://%s%s%s", base->scheme, six ? "[" : "", base->host,
                         six ? "]" : "");
        if (with_port) {
            size_t used = strlen(origin);
            (void)str_format(origin + used, sizeof(origin) - used, ":%d", base->port);
        } else if (!default_port) {
            continue;
        }
        if (strncasecmp(target, origin, strlen(origin)) == 0 && target[strlen(origin)] == '/') {
            *ret_path = target + strlen(origin);
            return true;
        }
    }
    return false;
}

enum outcome portal_parse_next(const char *link, const struct url *base, const char *cin, int page, int *ret_next,
                               struct error *err) {
    char *copy AUTO_FREE = x_strdup(link);
    char wanted[1200];
    const char *path = NULL;
    int64_t next = 0;
    const char *target = next_target(copy);
    if (target == NULL) {
        *ret_next = 0;
        return OK;
    }
    bool fits = str_format(wanted, sizeof(wanted), "%s/companies/%s/filings?page=", base->path, cin);
    if (!fits || !same_origin(target, base, &path) || !str_starts_with(path, wanted)) {
        return bad(err, "its next page leads somewhere else");
    }
    if (!num_parse(path + strlen(wanted), page + 1, PORTAL_PAGES_MAX, &next)) {
        return bad(err, "the number of its next page is out of bounds");
    }
    *ret_next = (int)next;
    return OK;
}

static bool number_until(const char **text, char end, int64_t *ret) {
    char digits[20];
    const char *stop = strchr(*text, end);
    if (stop == NULL || stop == *text || (size_t)(stop - *text) >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, *text, (size_t)(stop - *text));
    digits[stop - *text] = '\0';
    *text = stop + (end != '\0');
    return num_parse(digits, 0, INT64_MAX, ret);
}

bool portal_parse_content_range(const char *text, int64_t *ret_first, int64_t *ret_last, int64_t *ret_total) {
    if (!str_starts_with(text, "bytes ")) {
        return false;
    }
    text += strlen("bytes ");
    return number_until(&text, '-', ret_first) && number_until(&text, '/', ret_last) &&
           number_until(&text, '\0', ret_total) && *ret_first <= *ret_last && *ret_last < *ret_total;
}
