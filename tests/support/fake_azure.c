#include "support/fake_azure.h"

#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/str.h"
#include "base/url.h"

struct blob {
    char name[256];
    char *bytes; /* NUL-terminated */
    size_t size_bytes;
    char md5[64];
    int version;
    int writes;
};

struct fake_azure {
    struct fake_http *http;
    char url[128];
    pthread_mutex_t lock;
    const struct fake_step *steps;
    size_t step_count;
    bool container;
    struct blob blobs[FAKE_BLOBS_MAX]; /* sorted by name; "" at the end */
    int blob_count;
    int versions;
    int64_t ahead_ms;
    struct fake_seen seen[FAKE_SEEN_MAX];
    int seen_count;
    int requests;
};

/* What the service answers to one request. */
struct service_answer {
    int status;
    const char *code;
    char headers[512];
    const char *body;
    size_t body_size;
    struct buf made; /* a body made for it */
};

/* ---- blobs ---- */

static struct blob *find(struct fake_azure *fake, const char *name) {
    for (int i = 0; i < fake->blob_count; i++) {
        if (str_eq(fake->blobs[i].name, name)) {
            return &fake->blobs[i];
        }
    }
    return NULL;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct blob *)a)->name, ((const struct blob *)b)->name);
}

static void store(struct fake_azure *fake, const char *name, const void *bytes, size_t size_bytes, const char *md5) {
    struct blob *blob = find(fake, name);
    if (!blob) {
        assert_true(fake->blob_count < FAKE_BLOBS_MAX);
        blob = &fake->blobs[fake->blob_count++];
        *blob = (struct blob){0};
        (void)str_copy(blob->name, sizeof(blob->name), name);
    }
    free(blob->bytes);
    blob->bytes = x_alloc(size_bytes + 1);
    memcpy(blob->bytes, bytes, size_bytes);
    blob->size_bytes = size_bytes;
    (void)str_copy(blob->md5, sizeof(blob->md5), md5);
    blob->version = ++fake->versions;
    blob->writes++;
    qsort(fake->blobs, (size_t)fake->blob_count, sizeof(*blob), by_name);
}

static void erase(struct fake_azure *fake, struct blob *blob) {
    free(blob->bytes);
    *blob = fake->blobs[--fake->blob_count];
    qsort(fake->blobs, (size_t)fake->blob_count, sizeof(*blob), by_name);
}

static void md5_of(const void *bytes, size_t size_bytes, char out[64]) {
    unsigned char raw[HASH_RAW_MAX];
    base64_encode(out, raw, hash_raw(HASH_MD5, bytes, size_bytes, raw));
}

/* ---- the service ---- */

static void describe(const struct blob *blob, struct service_answer *answer) {
    (void)str_format(answer->headers, sizeof(answer->headers), "ETag: \"%d\"\r\n%s%s%s", blob->version,
                     *blob->md5 ? "Content-MD5: " : "", blob->md5, *blob->md5 ? "\r\n" : "");
}

static void serve_put(struct fake_azure *fake, const struct fake_request *request, const char *name,
                      struct service_answer *answer) {
    char if_none_match[64] = "";
    char if_match[64] = "";
    char said_md5[64] = "";
    char md5[64];
    char etag[32] = "";
    struct blob *there = find(fake, name);
    (void)fake_header(request, "If-None-Match", if_none_match, sizeof(if_none_match));
    (void)fake_header(request, "If-Match", if_match, sizeof(if_match));
    md5_of(request->body, request->body_size, md5);
    if (there) {
        (void)str_format(etag, sizeof(etag), "\"%d\"", there->version);
    }
    if (fake_header(request, "Content-MD5", said_md5, sizeof(said_md5)) && !str_eq(said_md5, md5)) {
        answer->status = 400, answer->code = "Md5Mismatch";
    } else if (*if_none_match && there) {
        answer->status = 409, answer->code = "BlobAlreadyExists";
    } else if (*if_match && !str_eq(if_match, etag)) {
        answer->status = 412, answer->code = "ConditionNotMet";
    } else {
        store(fake, name, request->body, request->body_size, md5);
        describe(find(fake, name), answer);
        answer->status = 201;
    }
}

static void serve_get(const struct fake_request *request, const struct blob *blob, struct service_answer *answer) {
    char range[64];
    describe(blob, answer);
    answer->status = 200;
    answer->body = blob->bytes;
    answer->body_size = blob->size_bytes;
    if (fake_header(request, "x-ms-range", range, sizeof(range))) {
        char *rest = range + strlen("bytes=");
        size_t first = strtoul(strsep(&rest, "-"), NULL, 10);
        size_t last = strtoul(rest, NULL, 10);
        last = last < blob->size_bytes ? last : blob->size_bytes - 1;
        if (first >= blob->size_bytes) {
            answer->status = 416, answer->code = "InvalidRange";
            return;
        }
        answer->status = 206;
        answer->body += first;
        answer->body_size = last - first + 1;
        size_t length = strlen(answer->headers);
        (void)str_format(answer->headers + length, sizeof(answer->headers) - length,
                         "Content-Range: bytes %zu-%zu/%zu\r\n", first, last, blob->size_bytes);
    }
}

/* The value of a query parameter, decoded; "" when it is not there. */
static void parameter(const char *target, const char *name, char *out, size_t out_size) {
    const char *at = strchr(target, '?');
    size_t size = strlen(name);
    out[0] = '\0';
    for (; at; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, name, size) == 0 && at[1 + size] == '=') {
            (void)str_format(out, out_size, "%.*s", (int)strcspn(at + 2 + size, "&"), at + 2 + size);
            assert_true(url_unescape(out));
            return;
        }
    }
}

static void serve_list(struct fake_azure *fake, const char *target, struct service_answer *answer) {
    char prefix[256];
    char marker[256];
    char text[32];
    int64_t most = 5000;
    int64_t count = 0;
    const char *next = "";
    parameter(target, "prefix", prefix, sizeof(prefix));
    parameter(target, "marker", marker, sizeof(marker));
    parameter(target, "maxresults", text, sizeof(text));
    assert_true(num_parse(text, 1, 5000, &most));
    answer->status = 200;
    answer->made = BUF_INIT(1 << 20);
    (void)buf_append_str(&answer->made, "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>"
                                        "<EnumerationResults ServiceEndpoint=\"x\" ContainerName=\"c\"><Blobs>");
    for (int i = 0; i < fake->blob_count; i++) {
        const struct blob *blob = &fake->blobs[i];
        if (!str_starts_with(blob->name, prefix) || strcmp(blob->name, marker) < 0) {
            continue;
        }
        if (count++ == most) {
            next = blob->name;
            break;
        }
        (void)buf_printf(&answer->made,
                         "<Blob><Name>%s</Name><Properties><Content-MD5 /></Properties><OrMetadata /></Blob>",
                         blob->name);
    }
    (void)buf_printf(&answer->made, "</Blobs><NextMarker>%s</NextMarker></EnumerationResults>", next);
    answer->body = buf_str(&answer->made);
    answer->body_size = answer->made.size_bytes;
}

static void serve_container(struct fake_azure *fake, const struct fake_request *request,
                            struct service_answer *answer) {
    bool make = str_eq(request->method, "PUT");
    if (strstr(request->target, "comp=list")) {
        serve_list(fake, request->target, answer);
    } else if (make) {
        answer->status = fake->container ? 409 : 201;
        answer->code = fake->container ? "ContainerAlreadyExists" : NULL;
        fake->container = true;
    } else {
        answer->status = 200;
    }
}

static void serve(struct fake_azure *fake, const struct fake_request *request, struct service_answer *answer) {
    char path[512];
    (void)str_format(path, sizeof(path), "%.*s", (int)strcspn(request->target, "?"), request->target);
    assert_true(url_unescape(path));
    const char *start = "/account/documents";
    assert_true(str_starts_with(path, start));
    const char *name = path + strlen(start);
    bool makes_container = !*name && str_eq(request->method, "PUT");
    if (!fake->container && !makes_container) {
        answer->status = 404, answer->code = "ContainerNotFound";
        return;
    }
    if (!*name) {
        serve_container(fake, request, answer);
        return;
    }
    name++;
    struct blob *blob = find(fake, name);
    if (str_eq(request->method, "PUT")) {
        serve_put(fake, request, name, answer);
    } else if (!blob) {
        answer->status = 404, answer->code = "BlobNotFound";
    } else if (str_eq(request->method, "DELETE")) {
        erase(fake, blob);
        answer->status = 202;
    } else {
        serve_get(request, blob, answer);
    }
}

/* ---- answers ---- */

static void answer_with(struct fake_azure *fake, const struct fake_request *request, const struct fake_step *step,
                        struct service_answer *answer, struct fake_reply *reply) {
    struct buf headers = BUF_INIT(65536);
    char date[64];
    char xml[512] = "";
    time_t now = (time_t)((clock_real_ms() + fake->ahead_ms) / 1000);
    struct tm tm;
    (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    if (!step->foreign) {
        (void)buf_printf(&headers, "x-ms-request-id: 5f3c-%d\r\nDate: %s\r\nx-ms-version: 2021-12-02\r\n",
                         fake->requests, date);
    }
    if (answer->code) {
        (void)buf_printf(&headers, "x-ms-error-code: %s\r\n", answer->code);
        (void)str_format(xml, sizeof(xml),
                         "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>No &lt;it&gt; "
                         "cannot.\nTime:now</Message></Error>",
                         answer->code);
        answer->body = xml;
        answer->body_size = strlen(xml);
    }
    (void)buf_printf(&headers, "%s%s", answer->headers, step->headers ? step->headers : "");
    bool head = str_eq(request->method, "HEAD");
    size_t sent = head ? 0 : step->cut || step->stuck ? answer->body_size / 2 : answer->body_size;
    if (step->no_length) {
        (void)buf_printf(&reply->bytes, "HTTP/1.1 %d Scripted\r\n%s\r\n", answer->status, buf_str(&headers));
    } else {
        fake_answer_claiming(reply, answer->status, buf_str(&headers), answer->body, sent, answer->body_size);
    }
    reply->then = step->cut ? FAKE_CLOSE : step->stuck ? FAKE_HANG : FAKE_KEEP;
    buf_finish(&headers);
}

static void note(struct fake_azure *fake, const struct fake_request *request) {
    assert_true(fake->seen_count < FAKE_SEEN_MAX);
    struct fake_seen *seen = &fake->seen[fake->seen_count++];
    *seen = (struct fake_seen){.connection = request->connection};
    (void)str_copy(seen->method, sizeof(seen->method), request->method);
    (void)str_copy(seen->target, sizeof(seen->target), request->target);
    const struct {
        const char *name;
        char *out;
        size_t size;
    } headers[] = {
        {"x-ms-client-request-id", seen->client_request_id, sizeof(seen->client_request_id)},
        {"x-ms-date", seen->date, sizeof(seen->date)},
        {"Authorization", seen->authorization, sizeof(seen->authorization)},
        {"If-None-Match", seen->if_none_match, sizeof(seen->if_none_match)},
        {"If-Match", seen->if_match, sizeof(seen->if_match)},
        {"Content-MD5", seen->content_md5, sizeof(seen->content_md5)},
        {"Content-Type", seen->content_type, sizeof(seen->content_type)},
        {"x-ms-range", seen->range, sizeof(seen->range)},
    };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        (void)fake_header(request, headers[i].name, headers[i].out, headers[i].size);
    }
}

static void script(void *context, const struct fake_request *request, struct fake_reply *reply) {
    struct fake_azure *fake = context;
    static const struct fake_step none;
    const struct fake_step *step = &none;
    struct service_answer answer = {.body = ""};
    pthread_mutex_lock(&fake->lock);
    fake->requests++;
    note(fake, request);
    if (fake->step_count > 0) {
        step = fake->steps++;
        fake->step_count--;
    }
    if (step->status) {
        answer.status = step->status;
        answer.code = step->code;
        answer.body = step->body ? step->body : "";
        answer.body_size = step->body_size ? step->body_size : strlen(answer.body);
    } else if (!step->reset && !step->hang) {
        serve(fake, request, &answer);
    }
    if (step->reset || step->hang || step->lost) {
        reply->then = step->reset ? FAKE_RESET : step->hang ? FAKE_HANG : FAKE_CLOSE;
    } else {
        answer_with(fake, request, step, &answer, reply);
    }
    buf_finish(&answer.made);
    pthread_mutex_unlock(&fake->lock);
}

/* ---- for the test ---- */

struct fake_azure *fake_azure_start(void) {
    struct fake_azure *fake = x_alloc(sizeof(*fake));
    pthread_mutex_init(&fake->lock, NULL);
    fake->container = true;
    fake->http = fake_start(script, fake);
    (void)str_format(fake->url, sizeof(fake->url), "%s/account", fake_url(fake->http));
    return fake;
}

void fake_azure_stop(struct fake_azure *fake) {
    fake_stop(fake->http);
    for (int i = 0; i < fake->blob_count; i++) {
        free(fake->blobs[i].bytes);
    }
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

const char *fake_azure_url(const struct fake_azure *fake) {
    return fake->url;
}

void fake_azure_script(struct fake_azure *fake, const struct fake_step *steps, size_t count) {
    pthread_mutex_lock(&fake->lock);
    fake->steps = steps;
    fake->step_count = count;
    pthread_mutex_unlock(&fake->lock);
}

void fake_azure_set_container(struct fake_azure *fake, bool there) {
    pthread_mutex_lock(&fake->lock);
    fake->container = there;
    pthread_mutex_unlock(&fake->lock);
}

void fake_azure_set_blob(struct fake_azure *fake, const char *name, const char *bytes, const char *md5) {
    pthread_mutex_lock(&fake->lock);
    store(fake, name, bytes, strlen(bytes), md5 ? md5 : "");
    find(fake, name)->writes = 0;
    pthread_mutex_unlock(&fake->lock);
}

const char *fake_azure_blob(struct fake_azure *fake, const char *name, int *ret_writes) {
    pthread_mutex_lock(&fake->lock);
    const struct blob *blob = find(fake, name);
    if (blob && ret_writes) {
        *ret_writes = blob->writes;
    }
    pthread_mutex_unlock(&fake->lock);
    return blob ? blob->bytes : NULL;
}

int fake_azure_blob_count(struct fake_azure *fake) {
    pthread_mutex_lock(&fake->lock);
    int count = fake->blob_count;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

bool fake_azure_container(struct fake_azure *fake) {
    pthread_mutex_lock(&fake->lock);
    bool there = fake->container;
    pthread_mutex_unlock(&fake->lock);
    return there;
}

void fake_azure_shift_clock(struct fake_azure *fake, int64_t ahead_ms) {
    pthread_mutex_lock(&fake->lock);
    fake->ahead_ms = ahead_ms;
    pthread_mutex_unlock(&fake->lock);
}

int fake_azure_seen_count(struct fake_azure *fake) {
    pthread_mutex_lock(&fake->lock);
    int count = fake->seen_count;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

const struct fake_seen *fake_azure_seen(struct fake_azure *fake, int index) {
    assert_in_range(index, 0, fake_azure_seen_count(fake) - 1);
    return &fake->seen[index];
}

void fake_azure_forget(struct fake_azure *fake) {
    pthread_mutex_lock(&fake->lock);
    fake->seen_count = 0;
    pthread_mutex_unlock(&fake->lock);
}
