/* Signed requests with retries; see azure_request.h. */
#include "blobs/azure_request.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cond.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/str.h"
#include "blobs/azure_xml.h"
#include "build_info.h"
#include "net/http_client.h"

enum {
    CONNECTIONS_MAX = 32,
    URL_MAX = 16 * 1024,
    SIGNED_MAX = 32 * 1024,
    LINES_MAX = 32 * 1024,
    REQUEST_ID_DIGITS = 32,
    REFUSALS_MAX = 2, /* tries that another time, connection string or token may add */
};

struct azure_client {
    struct azure_access *access;
    const struct azure_world *world;
    const char *container;
    azure_on_request *on_request;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_client *idle[CONNECTIONS_MAX];
    int idle_count;
    int made;
};

/* ---- connections ---- */

struct azure_client *azure_client_create(struct azure_access *access, const struct azure_world *world,
                                         const char *container, azure_on_request *on_request, void *arg) {
    struct azure_client *client = x_alloc(sizeof(*client));
    *client = (struct azure_client){
        .access = access, .world = world, .container = container, .on_request = on_request, .arg = arg};
    (void)pthread_mutex_init(&client->lock, NULL);
    cond_init_monotonic(&client->changed);
    return client;
}

void azure_client_destroy(struct azure_client *client) {
    if (client) {
        while (client->idle_count > 0) {
            http_client_destroy(client->idle[--client->idle_count]);
        }
        (void)pthread_cond_destroy(&client->changed);
        (void)pthread_mutex_destroy(&client->lock);
        free(client);
    }
}

/* One that is idle, a new one, or the next that becomes idle; NULL in *ret when none did until the deadline. */
static enum outcome take_connection(struct azure_client *client, int64_t deadline_ms, struct http_client **ret,
                                    struct error *err) {
    bool make = false;
    *ret = NULL;
    (void)pthread_mutex_lock(&client->lock);
    while (client->idle_count == 0 && client->made == CONNECTIONS_MAX && azure_now_ms(client->world) < deadline_ms) {
        azure_wait(&client->changed, &client->lock);
    }
    if (client->idle_count > 0) {
        *ret = client->idle[--client->idle_count];
    } else if (client->made < CONNECTIONS_MAX) {
        make = true;
        client->made++;
    }
    (void)pthread_mutex_unlock(&client->lock);
    enum outcome outcome = make ? http_client_create("filesure/" FILESURE_VERSION, ret, err) : OK;
    if (outcome != OK) {
        (void)pthread_mutex_lock(&client->lock);
        client->made--;
        (void)pthread_mutex_unlock(&client->lock);
    }
    return outcome;
}

static void give_back(struct azure_client *client, struct http_client *connection) {
    (void)pthread_mutex_lock(&client->lock);
    client->idle[client->idle_count++] = connection;
    (void)pthread_cond_signal(&client->changed);
    (void)pthread_mutex_unlock(&client->lock);
}

/* ---- what goes out ---- */

struct outgoing {
    struct azure_message message;
    struct buf url;   /* with the SAS */
    struct buf path;  /* as it is signed */
    struct buf lines; /* headers, each ended by a NUL */
    const char *headers[AZURE_PAIRS_MAX + 2];
    char date[AZURE_DATE_MAX];
};

static void outgoing_finish(struct outgoing *out) {
    azure_wipe(&out->url);
    azure_wipe(&out->lines);
    buf_finish(&out->path);
}

static enum outcome too_large(struct error *err) {
    return error_set(err, INVALID, "too_large", "a request to the blob storage is too large");
}

static enum outcome make_url(const struct azure_client *client, const struct azure_call *call,
                             const struct azure_conn *conn, struct outgoing *out, struct error *err) {
    bool fits = azure_append_path(&out->url, conn->base, client->container, call->blob) &&
                azure_append_path(&out->path, conn->endpoint.path, client->container, call->blob) &&
                azure_append_query(&out->url, &out->message);
    if (conn->auth == AZURE_SAS) {
        fits = fits && buf_append_char(&out->url, out->message.query_count == 0 ? '?' : '&') &&
               buf_append_str(&out->url, conn->sas);
    }
    return fits ? OK : too_large(err);
}

static enum outcome append_authorization(struct outgoing *out, const struct azure_pass *pass, struct error *err) {
    const struct azure_conn *conn = pass->conn;
    bool fits = true;
    if (conn->auth == AZURE_SHARED_KEY) {
        AUTO_BUF struct buf text = BUF_INIT(SIGNED_MAX);
        char signature[AZURE_SIGNATURE_MAX];
        enum outcome outcome = azure_string_to_sign(&out->message, conn->account, &text, err);
        if (outcome != OK) {
            return outcome;
        }
        azure_signature(conn->key, conn->key_size, buf_str(&text), signature);
        fits = buf_printf(&out->lines, "Authorization: SharedKey %s:%s", conn->account, signature) &&
               buf_append_char(&out->lines, '\0');
    } else if (conn->auth == AZURE_IDENTITY) {
        fits = buf_printf(&out->lines, "Authorization: Bearer %s", buf_str(&pass->token)) &&
               buf_append_char(&out->lines, '\0');
    }
    return fits ? OK : too_large(err);
}

/* Signs exactly what is sent. */
static enum outcome make_outgoing(const struct azure_client *client, const struct azure_call *call,
                                  const struct azure_pass *pass, const char *request_id, struct outgoing *out,
                                  struct error *err) {
    *out = (struct outgoing){
        .message = call->message, .url = BUF_INIT(URL_MAX), .path = BUF_INIT(URL_MAX), .lines = BUF_INIT(LINES_MAX)};
    enum outcome outcome = make_url(client, call, pass->conn, out, err);
    if (outcome != OK) {
        return outcome;
    }
    azure_date_format(azure_real_ms(client->world) + pass->offset_ms, out->date);
    azure_add_header(&out->message, "x-ms-version", AZURE_VERSION);
    azure_add_header(&out->message, "x-ms-date", out->date);
    azure_add_header(&out->message, "x-ms-client-request-id", request_id);
    out->message.path = buf_str(&out->path);
    out->message.content_length = call->body_size;
    bool fits = true;
    for (size_t i = 0; i < out->message.header_count; i++) {
        const struct azure_pair *pair = &out->message.headers[i];
        fits = fits && buf_printf(&out->lines, "%s: %s", pair->name, pair->value) && buf_append_char(&out->lines, '\0');
    }
    outcome = fits ? append_authorization(out, pass, err) : too_large(err);
    size_t count = 0;
    for (const char *line = out->lines.data; outcome == OK && line < out->lines.data + out->lines.size_bytes;) {
        out->headers[count++] = line;
        line += strlen(line) + 1;
    }
    return outcome;
}

/* ---- what comes in ---- */

struct incoming {
    const struct azure_call *call;
    struct buf error_body;
    bool enough;
};

static bool is_success(int status) {
    return status >= 200 && status < 300;
}

static bool take_body(void *context, int status, const void *bytes, size_t size_bytes) {
    struct incoming *in = context;
    const struct azure_call *call = in->call;
    if (!is_success(status)) {
        size_t room = AZURE_ERROR_BODY_MAX - in->error_body.size_bytes;
        (void)buf_append(&in->error_body, bytes, size_bytes < room ? size_bytes : room);
        return in->error_body.size_bytes < AZURE_ERROR_BODY_MAX;
    }
    if (status == call->expected && call->take) {
        in->enough = !call->take(call->context, bytes, size_bytes);
    }
    return !in->enough;
}

static bool find_code(void *context, const char *path, const char *text) {
    if (str_eq(path, "/Error/Code")) {
        (void)str_copy(context, AZURE_CODE_MAX, text);
        return false;
    }
    return true;
}

/* Letters, digits and hyphens only: it goes into messages. */
static void keep_word(char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    if (text[strspn(text, letters)]) {
        text[0] = '\0';
    }
}

static void read_answer(struct azure_client *client, const struct http_response *response, const struct incoming *in,
                        struct azure_answer *ret) {
    char date[64];
    ret->status = response->status;
    ret->content_length = response->content_length;
    ret->enough = in->enough;
    (void)str_copy(ret->etag, sizeof(ret->etag), response->etag);
    (void)str_copy(ret->content_range, sizeof(ret->content_range), response->content_range);
    (void)http_response_header(response, "Content-MD5", ret->content_md5, sizeof(ret->content_md5));
    (void)http_response_header(response, "x-ms-request-id", ret->request_id, sizeof(ret->request_id));
    keep_word(ret->request_id);
    if (!is_success(ret->status)) {
        if (!http_response_header(response, "x-ms-error-code", ret->code, sizeof(ret->code))) {
            (void)azure_xml_read(buf_str(&in->error_body), in->error_body.size_bytes, find_code, ret->code);
        }
        keep_word(ret->code);
    }
    if (ret->request_id[0] && http_response_header(response, "Date", date, sizeof(date))) {
        azure_access_note_date(client->access, date);
    }
}

static int64_t asked_pause_ms(const struct http_response *response) {
    char text[16];
    int64_t asked_ms = 0;
    if (http_response_header(response, "x-ms-retry-after-ms", text, sizeof(text)) &&
        num_parse(text, 0, INT32_MAX, &asked_ms)) {
        return asked_ms;
    }
    return response->retry_after_ms;
}

/* ---- verdicts ---- */

static enum outcome call_error(struct error *err, enum outcome outcome, const char *code, const struct azure_call *call,
                               const char *what) {
    return error_set(err, outcome, code, "blob store: cannot %s %s: %s", call->verb ? call->verb : call->operation,
                     call->blob ? call->blob : "the container", what);
}

static bool is_passing(int status) {
    static const int passing[] = {408, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < COUNT_OF(passing); i++) {
        if (status == passing[i]) {
            return true;
        }
    }
    return false;
}

static bool is_being_deleted(const struct azure_answer *answer) {
    return answer->status == 409 && str_eq(answer->code, "ContainerBeingDeleted");
}

/* The error that an answered status other than the expected one is. */
static enum outcome status_error(const struct azure_call *call, const struct azure_answer *answer, struct error *err) {
    static const struct {
        int status;
        enum outcome outcome;
        const char *code;
    } known[] = {
        {401, DENIED, "blobs_denied"},   {403, DENIED, "blobs_denied"},   {404, GONE, "no_blob"},
        {409, INVALID, "blob_conflict"}, {412, INVALID, "blob_conflict"}, {413, INVALID, "too_large"},
    };
    char what[256];
    (void)str_format(what, sizeof(what), "%d%s%s%s%s%s", answer->status, *answer->code ? " " : "", answer->code,
                     *answer->request_id ? " (request " : "", answer->request_id, *answer->request_id ? ")" : "");
    if (is_passing(answer->status)) {
        return call_error(err, RETRY, "blobs_busy", call, what);
    }
    if (!*answer->request_id || is_success(answer->status)) {
        (void)str_format(what, sizeof(what), "what answers (%d) is no blob storage", answer->status);
        return call_error(err, RETRY, "blobs_answer", call, what);
    }
    if (is_being_deleted(answer)) {
        return call_error(err, call->waits_for_container ? RETRY : GONE,
                          call->waits_for_container ? "blobs_busy" : "no_container", call, what);
    }
    if (str_eq(answer->code, "ContainerNotFound")) {
        return call_error(err, GONE, "no_container", call, what);
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (answer->status == known[i].status) {
            return call_error(err, known[i].outcome, known[i].code, call, what);
        }
    }
    return call_error(err, INVALID, "blobs_refused", call, what);
}

enum next { NEXT_END, NEXT_AGAIN, NEXT_WAIT, NEXT_AT_ONCE };

/* After an exchange that ended with `sent` and, when that is no OK, *err. */
static enum next judge(const struct azure_call *call, const struct azure_answer *answer, enum outcome sent,
                       enum outcome *ret_outcome, struct error *err) {
    /* an answer that take_body had enough of is an answer */
    bool answered = sent == OK || (sent == INVALID && str_eq(err->code, "ended_by_caller"));
    if (!answered && sent == RETRY) {
        *ret_outcome = call_error(err, RETRY, "blobs_down", call, err->message);
        return NEXT_AGAIN;
    }
    if (!answered) {
        bool no_url = str_eq(err->code, "bad_url") || str_eq(err->code, "bad_header");
        *ret_outcome = call_error(err, no_url ? INVALID : RETRY, "blobs_answer", call, err->message);
        return NEXT_END;
    }
    if (answer->status == call->expected && *answer->request_id) {
        *ret_outcome = OK;
        return NEXT_END;
    }
    *ret_outcome = status_error(call, answer, err);
    if (is_passing(answer->status)) {
        return NEXT_AGAIN;
    }
    return is_being_deleted(answer) && call->waits_for_container ? NEXT_WAIT : NEXT_END;
}

/* ---- tries ---- */

static enum outcome exchange(struct azure_client *client, const struct azure_call *call, const struct outgoing *out,
                             struct incoming *in, struct http_response *response, struct error *err) {
    struct http_client *connection = NULL;
    enum outcome outcome = take_connection(client, call->deadline_ms, &connection, err);
    int64_t left_ms = call->deadline_ms - azure_now_ms(client->world);
    if (outcome == OK && (!connection || left_ms <= 0)) {
        outcome = error_set(err, RETRY, "timeout", "no connection was free in time");
    } else if (outcome == OK) {
        const struct http_request request = {
            .method = call->message.method,
            .url = buf_str(&out->url),
            .headers = out->headers,
            .body = call->body,
            .body_size = call->body_size,
            .max_body_bytes = SIZE_MAX, /* take_body bounds it */
            .timeout_ms = left_ms < INT32_MAX ? (int)left_ms : INT32_MAX,
            .connect_ms = AZURE_CONNECT_MS,
            .stall_s = client->world->stall_s,
            .on_body = take_body,
            .context = in,
        };
        outcome = http_client_send(connection, &request, response, err);
    }
    if (connection) {
        give_back(client, connection);
    }
    return outcome;
}

static enum next try_once(struct azure_client *client, const struct azure_call *call, const char *request_id,
                          struct azure_answer *answer, enum outcome *ret_outcome, struct error *err) {
    CLEANUP(azure_pass_finish) struct azure_pass pass;
    CLEANUP(outgoing_finish) struct outgoing out = {0};
    CLEANUP(http_response_finish) struct http_response response = {.content_length = -1};
    struct incoming in = {.call = call, .error_body = BUF_INIT(AZURE_ERROR_BODY_MAX)};
    *answer = (struct azure_answer){.content_length = -1, .tries = answer->tries + 1};
    *err = (struct error){0};
    *ret_outcome = azure_access_enter(client->access, call->deadline_ms, &pass, err);
    if (*ret_outcome == OK) {
        *ret_outcome = make_outgoing(client, call, &pass, request_id, &out, err);
    }
    if (*ret_outcome != OK) {
        return NEXT_END;
    }
    if (call->restart) {
        call->restart(call->context);
    }
    enum outcome sent = exchange(client, call, &out, &in, &response, err);
    read_answer(client, &response, &in, answer);
    buf_finish(&in.error_body);
    enum next next = judge(call, answer, sent, ret_outcome, err);
    err->retry_after_ms = (int)asked_pause_ms(&response);
    bool refused = *ret_outcome == DENIED && azure_access_refused(client->access, &pass, answer->status);
    return refused ? NEXT_AT_ONCE : next;
}

static enum outcome timeout_error(const struct azure_call *call, const struct error *last, struct error *err) {
    int asked_ms = last->retry_after_ms;
    enum outcome outcome = *last->message
                               ? error_set(err, RETRY, "blobs_timeout", "%s; no time for another try", last->message)
                               : call_error(err, RETRY, "blobs_timeout", call, "no time for it");
    err->retry_after_ms = asked_ms;
    return outcome;
}

static enum outcome try_all(struct azure_client *client, const struct azure_call *call, struct azure_answer *answer,
                            struct error *err) {
    char request_id[REQUEST_ID_DIGITS + 1];
    enum outcome outcome = OK;
    int refusals = 0;
    random_hex(request_id, REQUEST_ID_DIGITS);
    while (azure_now_ms(client->world) < call->deadline_ms) {
        enum next next = try_once(client, call, request_id, answer, &outcome, err);
        if (next == NEXT_AT_ONCE && refusals < REFUSALS_MAX) {
            refusals++;
            continue;
        }
        if (next == NEXT_END || next == NEXT_AT_ONCE || (next == NEXT_AGAIN && answer->tries >= AZURE_TRIES)) {
            return outcome;
        }
        int64_t pause_ms = azure_pause_ms(answer->tries - refusals, err->retry_after_ms);
        if (azure_now_ms(client->world) + pause_ms >= call->deadline_ms) {
            break;
        }
        azure_sleep_ms(client->world, pause_ms);
    }
    const struct error last = *err;
    return timeout_error(call, &last, err);
}

enum outcome azure_request(struct azure_client *client, const struct azure_call *call, struct azure_answer *ret,
                           struct error *err) {
    struct error own = {0};
    struct timespec begin;
    struct timespec end;
    *ret = (struct azure_answer){.content_length = -1};
    (void)clock_gettime(CLOCK_MONOTONIC, &begin);
    enum outcome outcome = try_all(client, call, ret, &own);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    if (client->on_request) {
        int64_t micros = (int64_t)(end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
        client->on_request(client->arg, call->operation, micros, ret->status, ret->tries);
    }
    if (outcome != OK && err) {
        *err = own;
    }
    return outcome;
}
