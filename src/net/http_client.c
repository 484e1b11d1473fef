/* HTTP client on a libcurl multi handle driven by the calling thread, so that http_client_stop can end it at any time.
 */
#include "net/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/str.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    CONNECTION_AGE_S = 60,
    EXPECT_BYTES = 4 * 1024 * 1024,
    STALL_BYTES = 1024,
    STALL_S = 15,
    POLL_MS = 100,
    EARLY_MS = 20, /* libcurl's clock may run out a little before ours */
    HEADERS_MAX = 64 * 1024,
    CONNECTIONS_KEPT = 4,
    RECEIVE_BYTES = 64 * 1024,
    RETRY_AFTER_MAX_S = 3600,
};

struct http_client {
    CURLM *multi;
    CURL *easy;
    char *user_agent;
    atomic_bool stopped;
};

/* One exchange, as libcurl's callbacks see it. */
struct exchange {
    const struct http_request *request;
    struct http_response *response;
    CURL *easy;
    size_t header_bytes;
    size_t body_bytes;
    bool head_ended;
    bool too_large;
    bool ended_by_caller;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum outcome http_client_create(const char *user_agent, struct http_client **ret, struct error *err) {
    pthread_once(&curl_once, curl_start);
    struct http_client *client = x_alloc(sizeof(*client));
    client->multi = curl_multi_init();
    client->easy = curl_easy_init();
    client->user_agent = x_strdup(user_agent);
    if (client->multi == NULL || client->easy == NULL) {
        http_client_destroy(client);
        return error_set(err, FATAL, "http_client", "the HTTP client library cannot be started");
    }
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    *ret = client;
    return OK;
}

void http_client_destroy(struct http_client *client) {
    if (client) {
        curl_easy_cleanup(client->easy);
        curl_multi_cleanup(client->multi);
        free(client->user_agent);
        free(client);
    }
}

void http_client_stop(struct http_client *client) {
    atomic_store(&client->stopped, true);
    curl_multi_wakeup(client->multi);
}

void http_response_finish(struct http_response *response) {
    buf_finish(&response->body);
    buf_finish(&response->head);
}

/* ---- what comes in ---- */

static void response_start(struct http_response *response, size_t max_body_bytes) {
    http_response_finish(response);
    *response =
        (struct http_response){.body = BUF_INIT(max_body_bytes), .head = BUF_INIT(HEADERS_MAX), .content_length = -1};
}

/* Copies a header's value when the line has this name; a value too long for its place counts as missing. */
static bool take_header(const char *line, size_t size_bytes, const char *name, char *out, size_t out_size) {
    size_t name_size = strlen(name);
    if (size_bytes <= name_size || strncasecmp(line, name, name_size) != 0 || line[name_size] != ':') {
        return false;
    }
    char *value AUTO_FREE = x_strndup(line + name_size + 1, size_bytes - name_size - 1);
    if (!str_copy(out, out_size, str_trim(value))) {
        out[0] = '\0';
    }
    return true;
}

bool http_response_header(const struct http_response *response, const char *name, char *out, size_t out_size) {
    const char *line = buf_str(&response->head);
    out[0] = '\0';
    for (const char *end = strchr(line, '\n'); end; line = end + 1, end = strchr(line, '\n')) {
        if (take_header(line, (size_t)(end - line), name, out, out_size)) {
            return out[0] != '\0';
        }
    }
    return false;
}

static void take_cookie(struct http_response *response, const char *line, size_t size_bytes) {
    char cookie[sizeof(response->cookie)] = "";
    if (response->cookie[0] == '\0') {
        size_t size = 0;
        while (size < size_bytes && line[size] != ';') {
            size++;
        }
        (void)take_header(line, size, "Set-Cookie", cookie, sizeof(cookie));
        (void)str_copy(response->cookie, sizeof(response->cookie), cookie);
    }
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
    struct exchange *exchange = context;
    struct http_response *response = exchange->response;
    size_t size_bytes = size * count;
    exchange->header_bytes += size_bytes;
    if (exchange->header_bytes > HEADERS_MAX) {
        exchange->too_large = true;
        return 0;
    }
    if (size_bytes > 5 && strncmp(line, "HTTP/", 5) == 0) { /* a further head follows 100 Continue */
        response_start(response, exchange->request->max_body_bytes);
        exchange->head_ended = false;
        return size_bytes;
    }
    (void)buf_append(&response->head, line, size_bytes);
    exchange->head_ended = exchange->head_ended || line[0] == '\r' || line[0] == '\n';
    (void)take_header(line, size_bytes, "Content-Type", response->content_type, sizeof(response->content_type));
    (void)take_header(line, size_bytes, "ETag", response->etag, sizeof(response->etag));
    (void)take_header(line, size_bytes, "Location", response->location, sizeof(response->location));
    (void)take_header(line, size_bytes, "Link", response->link, sizeof(response->link));
    (void)take_header(line, size_bytes, "Content-Range", response->content_range, sizeof(response->content_range));
    take_cookie(response, line, size_bytes);
    return size_bytes;
}

static void take_numbers(struct exchange *exchange) {
    long status = 0;
    curl_off_t number = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    exchange->response->status = (int)status;
    if (curl_easy_getinfo(exchange->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &number) == CURLE_OK) {
        exchange->response->content_length = number;
    }
    if (curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &number) == CURLE_OK && number > 0) {
        number = number < RETRY_AFTER_MAX_S ? number : RETRY_AFTER_MAX_S;
        exchange->response->retry_after_ms = (int)number * 1000;
    }
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    struct exchange *exchange = context;
    const struct http_request *request = exchange->request;
    size_t size_bytes = size * count;
    if (exchange->body_bytes == 0) {
        take_numbers(exchange);
    }
    exchange->too_large = size_bytes > request->max_body_bytes - exchange->body_bytes;
    if (exchange->too_large) {
        return 0;
    }
    exchange->body_bytes += size_bytes;
    if (request->on_body == NULL) {
        exchange->too_large = !buf_append(&exchange->response->body, bytes, size_bytes);
        return exchange->too_large ? 0 : size_bytes;
    }
    exchange->ended_by_caller = !request->on_body(request->context, exchange->response->status, bytes, size_bytes);
    return exchange->ended_by_caller ? 0 : size_bytes;
}

/* ---- what goes out ---- */

static bool has_header(const struct http_request *request, const char *name) {
    size_t size = strlen(name);
    for (const char *const *line = request->headers; line && *line; line++) {
        if (strncasecmp(*line, name, size) == 0 && (*line)[size] == ':') {
            return true;
        }
    }
    return false;
}

static bool sends_body(const struct http_request *request) {
    return request->body || strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0;
}

static enum outcome make_headers(const struct http_request *request, struct curl_slist **ret, struct error *err) {
    bool large = request->body && request->body_size >= EXPECT_BYTES; /* an empty value: libcurl leaves it out */
    struct curl_slist *list = curl_slist_append(NULL, large ? "Expect: 100-continue" : "Expect:");
    if (sends_body(request) && !has_header(request, "Content-Type")) { /* libcurl would say it is a form */
        list = curl_slist_append(list, "Content-Type:");
    }
    for (const char *const *line = request->headers; line && *line; line++) {
        if (strpbrk(*line, "\r\n") != NULL) {
            curl_slist_free_all(list);
            return error_set(err, INVALID, "bad_header", "a header holds a line break");
        }
        list = curl_slist_append(list, *line);
    }
    *ret = list;
    return OK;
}

static void set_method(CURL *easy, const struct http_request *request) {
    if (sends_body(request)) { /* not READFUNCTION: what lies in memory libcurl can send again by itself */
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_size : 0));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_guards(CURL *easy, const struct http_request *request) {
    int stall_s = request->stall_s > 0 ? request->stall_s : STALL_S;
    int connect_ms = request->connect_ms > 0 ? request->connect_ms : CONNECT_TIMEOUT_MS;
    connect_ms = request->timeout_ms < connect_ms ? request->timeout_ms : connect_ms;
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_S);
    assert(request->timeout_ms > 0);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)(STALL_BYTES / stall_s + 1));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)stall_s);
}

static void set_exchange(struct http_client *client, struct exchange *exchange, struct curl_slist *headers) {
    CURL *easy = client->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, exchange->request->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    set_method(easy, exchange->request);
    set_guards(easy, exchange->request);
}

/* ---- the exchange ---- */

static enum outcome stopped_error(struct error *err) {
    return error_set(err, RETRY, "stopped", "the exchange was stopped");
}

static bool was_connected(const struct exchange *exchange) {
    curl_off_t after_us = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &after_us);
    return after_us > 0;
}

static enum outcome timeout_error(const struct exchange *exchange, int64_t took_ms, struct error *err) {
    bool early = took_ms + EARLY_MS < exchange->request->timeout_ms;
    if (early && was_connected(exchange)) {
        return error_set(err, RETRY, "stalled", "the transfer stalled");
    }
    if (early) {
        return error_set(err, RETRY, "timeout", "no connection within %lld ms", (long long)took_ms);
    }
    return error_set(err, RETRY, "timeout", "no complete answer within %d ms", exchange->request->timeout_ms);
}

static const char *transport_text(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the host name is not known";
    case CURLE_COULDNT_CONNECT:
        return "the connection was refused";
    case CURLE_GOT_NOTHING:
        return "the connection was closed without an answer";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return "the connection broke";
    default:
        return curl_easy_strerror(code);
    }
}

static enum outcome verdict(const struct exchange *exchange, CURLcode code, int64_t took_ms, struct error *err) {
    if (exchange->too_large) {
        return error_set(err, INVALID, "too_large", "the answer is larger than %zu bytes",
                         exchange->request->max_body_bytes);
    }
    if (exchange->ended_by_caller) {
        return error_set(err, INVALID, "ended_by_caller", "the answer was not wanted");
    }
    if (code == CURLE_OK &&
        !exchange->head_ended) { /* libcurl takes a connection closed within the head for an answer */
        code = CURLE_PARTIAL_FILE;
    }
    switch (code) {
    case CURLE_OK:
        return OK;
    case CURLE_OPERATION_TIMEDOUT:
        return timeout_error(exchange, took_ms, err);
    case CURLE_PARTIAL_FILE:
        return error_set(err, RETRY, "cut_short", "the answer broke off");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        if (was_connected(exchange)) {
            return error_set(err, RETRY, "transport", "the answer is not HTTP");
        }
        return error_set(err, INVALID, "bad_url", "not a usable http or https URL");
    default:
        return error_set(err, RETRY, "transport", "%s", transport_text(code));
    }
}

/* Drives the transfer to its end. False: stopped. */
static bool drive(struct http_client *client, CURLcode *ret_code) {
    int running = 1;
    *ret_code = CURLE_RECV_ERROR;
    while (running > 0) {
        if (atomic_load(&client->stopped)) {
            return false;
        }
        if (curl_multi_perform(client->multi, &running) != CURLM_OK) {
            return true;
        }
        if (running > 0) {
            curl_multi_poll(client->multi, NULL, 0, POLL_MS, NULL);
        }
    }
    int left = 0;
    for (CURLMsg *message = NULL; (message = curl_multi_info_read(client->multi, &left)) != NULL;) {
        if (message->msg == CURLMSG_DONE) {
            *ret_code = message->data.result;
        }
    }
    return true;
}

enum outcome http_client_send(struct http_client *client, const struct http_request *request, struct http_response *ret,
                              struct error *err) {
    struct curl_slist *headers = NULL;
    CURLcode code = CURLE_OK;
    *ret = (struct http_response){
        .body = BUF_INIT(request->max_body_bytes), .head = BUF_INIT(HEADERS_MAX), .content_length = -1};
    if (atomic_load(&client->stopped)) {
        return stopped_error(err);
    }
    enum outcome outcome = make_headers(request, &headers, err);
    if (outcome != OK) {
        return outcome;
    }
    struct exchange exchange = {.request = request, .response = ret, .easy = client->easy};
    int64_t begin_ms = clock_monotonic_ms();
    set_exchange(client, &exchange, headers);
    curl_multi_add_handle(client->multi, client->easy);
    bool ended = drive(client, &code);
    take_numbers(&exchange);
    outcome = ended ? verdict(&exchange, code, clock_monotonic_ms() - begin_ms, err) : stopped_error(err);
    curl_multi_remove_handle(client->multi, client->easy);
    curl_slist_free_all(headers);
    return outcome;
}
