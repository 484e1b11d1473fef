/* Listing a container; see azure_list.h. */
#include "blobs/azure_list.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "blobs/azure_xml.h"

enum { PAGE_MAX = 5000, BODY_MAX = 16 * 1024 * 1024, BOOKMARK_MS = 60 * 1000 };

struct azure_bookmark {
    pthread_mutex_t lock;
    char *prefix;
    char *after;
    char *marker;
    int64_t until_ms;
};

struct azure_bookmark *azure_bookmark_create(void) {
    struct azure_bookmark *bookmark = x_alloc(sizeof(*bookmark));
    (void)pthread_mutex_init(&bookmark->lock, NULL);
    return bookmark;
}

void azure_bookmark_destroy(struct azure_bookmark *bookmark) {
    if (bookmark) {
        free(bookmark->prefix);
        free(bookmark->after);
        free(bookmark->marker);
        (void)pthread_mutex_destroy(&bookmark->lock);
        free(bookmark);
    }
}

static void bookmark_set(struct azure_bookmark *bookmark, const char *prefix, const char *after, const char *marker,
                         int64_t now_ms) {
    (void)pthread_mutex_lock(&bookmark->lock);
    free(bookmark->prefix);
    free(bookmark->after);
    free(bookmark->marker);
    bookmark->prefix = x_strdup(prefix);
    bookmark->after = x_strdup(after);
    bookmark->marker = x_strdup(marker);
    bookmark->until_ms = now_ms + BOOKMARK_MS;
    (void)pthread_mutex_unlock(&bookmark->lock);
}

/* The marker to go on with, which is the caller's; NULL: none. */
static char *bookmark_take(struct azure_bookmark *bookmark, const char *prefix, const char *after, int64_t now_ms) {
    char *marker = NULL;
    (void)pthread_mutex_lock(&bookmark->lock);
    if (bookmark->marker && str_eq(bookmark->prefix, prefix) && str_eq(bookmark->after, after) &&
        now_ms < bookmark->until_ms) {
        marker = take_ptr(bookmark->marker);
    }
    (void)pthread_mutex_unlock(&bookmark->lock);
    return marker;
}

/* ---- one page ---- */

struct page {
    const char *after;
    int limit;
    struct blob_names *out;
    char *marker; /* of the next page; NULL: this is the last one */
    bool behind;  /* a name behind `after` has come */
    bool more;    /* and one behind the limit */
    bool disordered;
};

static bool take_leaf(void *context, const char *path, const char *text) {
    struct page *page = context;
    if (str_eq(path, "/EnumerationResults/NextMarker") && *text) {
        free(page->marker);
        page->marker = x_strdup(text);
    }
    if (!str_eq(path, "/EnumerationResults/Blobs/Blob/Name") || strcmp(text, page->after) <= 0) {
        return true;
    }
    page->behind = true;
    if (!blob_name_parse(text, NULL, NULL, NULL, NULL)) {
        return true;
    }
    struct blob_names *out = page->out;
    if (out->count == page->limit) {
        page->more = true;
        return true;
    }
    page->disordered = out->count > 0 && strcmp(out->items[out->count - 1], text) >= 0;
    if (!page->disordered) {
        blob_names_add(out, text);
    }
    return !page->disordered;
}

static bool take_body(void *context, const void *bytes, size_t size_bytes) {
    return buf_append(context, bytes, size_bytes);
}

static void restart_body(void *context) {
    buf_clear(context);
}

static enum outcome ask(struct azure_client *client, const char *prefix, const char *marker, int count,
                        int64_t deadline_ms, struct page *page, struct error *err) {
    AUTO_BUF struct buf body = BUF_INIT(BODY_MAX);
    char count_text[16];
    struct azure_call call = {.operation = "list",
                              .expected = 200,
                              .message = {.method = "GET"},
                              .deadline_ms = deadline_ms,
                              .take = take_body,
                              .restart = restart_body,
                              .context = &body};
    struct azure_answer answer;
    (void)str_format(count_text, sizeof(count_text), "%d", count);
    azure_add_query(&call.message, "restype", "container");
    azure_add_query(&call.message, "comp", "list");
    azure_add_query(&call.message, "maxresults", count_text);
    if (*prefix) {
        azure_add_query(&call.message, "prefix", prefix);
    }
    if (marker) {
        azure_add_query(&call.message, "marker", marker);
    }
    enum outcome outcome = azure_request(client, &call, &answer, err);
    if (outcome != OK) {
        return outcome;
    }
    if (answer.enough || !azure_xml_read(buf_str(&body), body.size_bytes, take_leaf, page) || page->disordered) {
        return error_set(err, RETRY, "blobs_answer", "blob store: cannot list the container: its list is malformed");
    }
    return OK;
}

enum outcome azure_list(struct azure_client *client, const struct azure_world *world, struct azure_bookmark *bookmark,
                        const char *prefix, const char *after, int limit, int64_t deadline_ms, struct blob_names *out,
                        struct error *err) {
    char *marker AUTO_FREE = bookmark_take(bookmark, prefix, after, azure_now_ms(world));
    bool marked = marker != NULL;
    bool skipping = *after && !marker;
    while (out->count < limit) {
        struct page page = {.after = after, .limit = limit, .out = out};
        int count = skipping || limit - out->count > PAGE_MAX ? PAGE_MAX : limit - out->count;
        enum outcome outcome = ask(client, prefix, marker, count, deadline_ms, &page, err);
        free(marker);
        marker = page.marker;
        if (outcome == INVALID && marked) { /* the bookmark is no good any more */
            marked = false;
            skipping = *after;
            continue;
        }
        if (outcome != OK) {
            return outcome;
        }
        marked = false;
        skipping = skipping && !page.behind;
        if (!marker || page.more) {
            return OK;
        }
    }
    if (limit > 0 && marker) {
        bookmark_set(bookmark, prefix, out->items[out->count - 1], marker, azure_now_ms(world));
    }
    return OK;
}
