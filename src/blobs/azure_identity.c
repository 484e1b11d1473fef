/* Workload and managed identity; see azure_identity.h. */
#include "blobs/azure_identity.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cond.h"
#include "base/fdio.h"
#include "base/json.h"
#include "base/num.h"
#include "base/str.h"
#include "base/url.h"
#include "build_info.h"
#include "net/http_client.h"

#define AUTHORITY "https://login.microsoftonline.com"
#define METADATA "http://169.254.169.254"
#define SCOPE "https://storage.azure.com/.default"
#define RESOURCE "https://storage.azure.com/"
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

enum {
    TOKEN_MAX = 16 * 1024,
    ANSWER_MAX = 64 * 1024,
    REFRESH_BEFORE_MS = 5 * 60 * 1000,
    REFRESH_TIMEOUT_MS = 60 * 1000,
    REFRESH_PAUSE_MS = 30 * 1000, /* after a refresh that failed */
    REQUEST_TIMEOUT_MS = 15 * 1000,
};

struct azure_identity {
    const struct azure_world *world;
    char *client_id;
    char *tenant_id;            /* NULL: managed */
    char *token_file;           /* NULL: managed */
    char *base;                 /* of the authority or the metadata service, without a '/' at its end */
    struct http_client *client; /* of whoever is fetching */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool fetching;
    bool stopped;
    char *token; /* NULL: none */
    int64_t expires_ms;
    int64_t refresh_ms;
    pthread_t refresher;
    bool has_refresher; /* to be joined */
};

static void wipe(char **secret) {
    if (*secret) {
        explicit_bzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
    }
}

/* ---- one fetch ---- */

static enum outcome identity_error(struct error *err, enum outcome outcome, const char *what) {
    const char *code = outcome == RETRY ? "identity_down" : outcome == DENIED ? "identity_refused" : "bad_identity";
    return error_set(err, outcome, code, "the identity for blob storage: %s", what);
}

/* Base64url and dots, as tokens are: nothing that could end a header's line. */
static bool is_token(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
    size_t length = strlen(text);
    return length > 0 && length <= TOKEN_MAX && strspn(text, letters) == length;
}

static bool append_pair(struct buf *out, const char *name, const char *value) {
    return buf_append_str(out, name) && url_escape(out, value);
}

/* The form of a workload's request; the file is read each time, since Kubernetes replaces the token in it. */
static enum outcome make_form(const struct azure_identity *identity, struct buf *form, struct error *err) {
    AUTO_WIPE struct buf file = BUF_INIT(TOKEN_MAX);
    if (file_read(identity->token_file, &file, NULL) != OK) {
        return identity_error(err, RETRY, "the file of AZURE_FEDERATED_TOKEN_FILE cannot be read");
    }
    char *assertion = file.data ? str_trim(file.data) : NULL;
    if (!assertion || !is_token(assertion)) {
        return identity_error(err, RETRY, "the file of AZURE_FEDERATED_TOKEN_FILE holds no token");
    }
    bool fits = append_pair(form, "grant_type=", "client_credentials") &&
                append_pair(form, "&client_id=", identity->client_id) && append_pair(form, "&scope=", SCOPE) &&
                append_pair(form, "&client_assertion_type=", ASSERTION_TYPE) &&
                append_pair(form, "&client_assertion=", assertion);
    return fits ? OK : identity_error(err, INVALID, "the request for a token is too large");
}

static enum outcome send_workload(struct azure_identity *identity, int timeout_ms, struct http_response *ret,
                                  struct error *err) {
    AUTO_WIPE struct buf form = BUF_INIT(4 * (size_t)TOKEN_MAX);
    AUTO_BUF struct buf url = BUF_INIT(2048);
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json",
                                          NULL};
    enum outcome outcome = make_form(identity, &form, err);
    if (outcome != OK) {
        return outcome;
    }
    (void)buf_printf(&url, "%s/%s/oauth2/v2.0/token", identity->base, identity->tenant_id);
    const struct http_request request = {.method = "POST",
                                         .url = buf_str(&url),
                                         .headers = headers,
                                         .body = form.data,
                                         .body_size = form.size_bytes,
                                         .max_body_bytes = ANSWER_MAX,
                                         .timeout_ms = timeout_ms,
                                         .connect_ms = AZURE_CONNECT_MS};
    return http_client_send(identity->client, &request, ret, err);
}

static enum outcome send_managed(struct azure_identity *identity, int timeout_ms, struct http_response *ret,
                                 struct error *err) {
    AUTO_BUF struct buf url = BUF_INIT(2048);
    static const char *const headers[] = {"Metadata: true", NULL};
    bool fits = buf_printf(&url, "%s/metadata/identity/oauth2/token?api-version=2018-02-01", identity->base) &&
                append_pair(&url, "&resource=", RESOURCE);
    if (fits && identity->client_id) {
        fits = append_pair(&url, "&client_id=", identity->client_id);
    }
    const struct http_request request = {.method = "GET",
                                         .url = buf_str(&url),
                                         .headers = headers,
                                         .max_body_bytes = ANSWER_MAX,
                                         .timeout_ms = timeout_ms,
                                         .connect_ms = AZURE_CONNECT_MS};
    return fits ? http_client_send(identity->client, &request, ret, err)
                : identity_error(err, INVALID, "the request for a token is too large");
}

/* Seconds as a number, or as digits in a string. */
static int64_t json_seconds(const json_t *object, const char *key) {
    const char *text = json_member_string(object, key);
    int64_t seconds = 0;
    return text && num_parse(text, 0, INT32_MAX, &seconds) ? seconds : json_member_int(object, key, 0);
}

static enum outcome read_token(const struct http_response *response, char **ret_token, int64_t *ret_lasts_ms,
                               struct error *err) {
    AUTO_JSON json_t *answer = NULL;
    if (json_parse(buf_str(&response->body), response->body.size_bytes, &answer, NULL) != OK) {
        return identity_error(err, RETRY, "the answer is not JSON");
    }
    const char *token = json_member_string(answer, "access_token");
    int64_t lasts_s = json_seconds(answer, "expires_in");
    if (!token || !is_token(token) || lasts_s <= 0 || lasts_s > INT32_MAX) {
        return identity_error(err, RETRY, "the answer holds no token, or none that lasts");
    }
    *ret_token = x_strdup(token);
    *ret_lasts_ms = lasts_s * 1000;
    return OK;
}

/* A status other than 200. The answer's text says too much (tenants, ids); its word for the fault does not. */
static enum outcome refusal(const struct azure_identity *identity, const struct http_response *response,
                            struct error *err) {
    AUTO_JSON json_t *answer = NULL;
    char word[64] = "";
    char what[160];
    int status = response->status;
    if (json_parse(buf_str(&response->body), response->body.size_bytes, &answer, NULL) == OK) {
        (void)json_member_copy(answer, "error", word, sizeof(word));
    }
    word[strspn(word, "abcdefghijklmnopqrstuvwxyz_")] = '\0';
    (void)str_format(what, sizeof(what), "no token was given: %d %s", status, word);
    /* the metadata service answers 404 and 410 while it is being updated */
    bool passing =
        status == 408 || status == 429 || status >= 500 || (!identity->token_file && (status == 404 || status == 410));
    (void)identity_error(err, passing ? RETRY : DENIED, str_trim(what));
    err->retry_after_ms = response->retry_after_ms;
    return err->outcome;
}

static enum outcome fetch_once(struct azure_identity *identity, int64_t deadline_ms, char **ret_token,
                               int64_t *ret_expires_ms, struct error *err) {
    struct http_response response = {0};
    int64_t begin_ms = azure_now_ms(identity->world);
    int64_t left_ms = deadline_ms - begin_ms;
    int timeout_ms = left_ms < 1 ? 1 : left_ms < REQUEST_TIMEOUT_MS ? (int)left_ms : REQUEST_TIMEOUT_MS;
    int64_t lasts_ms = 0;
    err->retry_after_ms = 0;
    enum outcome outcome = identity->token_file ? send_workload(identity, timeout_ms, &response, err)
                                                : send_managed(identity, timeout_ms, &response, err);
    if (outcome != OK && !str_eq(err->code, "identity_down") && !str_eq(err->code, "bad_identity")) {
        outcome = identity_error(err, RETRY, err->message); /* of the HTTP client */
    } else if (outcome == OK && response.status != 200) {
        outcome = refusal(identity, &response, err);
    } else if (outcome == OK) {
        outcome = read_token(&response, ret_token, &lasts_ms, err);
        *ret_expires_ms = begin_ms + lasts_ms;
    }
    azure_wipe(&response.body);
    http_response_finish(&response);
    return outcome;
}

/* False: the identity ends. */
static bool pause_for(struct azure_identity *identity, int64_t pause_ms) {
    if (identity->world->sleep_ms) {
        azure_sleep_ms(identity->world, pause_ms);
    }
    int64_t until_ms = azure_now_ms(identity->world) + (identity->world->sleep_ms ? 0 : pause_ms);
    (void)pthread_mutex_lock(&identity->lock);
    while (!identity->stopped && azure_now_ms(identity->world) < until_ms) {
        azure_wait(&identity->changed, &identity->lock);
    }
    bool stopped = identity->stopped;
    (void)pthread_mutex_unlock(&identity->lock);
    return !stopped;
}

static enum outcome fetch(struct azure_identity *identity, int64_t deadline_ms, char **ret_token,
                          int64_t *ret_expires_ms, struct error *err) {
    struct error own = {0};
    enum outcome outcome = OK;
    for (int tries = 1;; tries++) {
        outcome = fetch_once(identity, deadline_ms, ret_token, ret_expires_ms, &own);
        int64_t pause_ms = azure_pause_ms(tries, own.retry_after_ms);
        if (outcome != RETRY || tries == AZURE_TRIES || azure_now_ms(identity->world) + pause_ms >= deadline_ms ||
            !pause_for(identity, pause_ms)) {
            break;
        }
    }
    if (outcome != OK && err) {
        *err = own;
    }
    return outcome;
}

/* ---- the token there is ---- */

/* Called with the lock held. */
static void keep(struct azure_identity *identity, enum outcome outcome, char *token, int64_t expires_ms) {
    int64_t now_ms = azure_now_ms(identity->world);
    if (outcome == OK) {
        int64_t lasts_ms = expires_ms - now_ms;
        wipe(&identity->token);
        identity->token = token;
        identity->expires_ms = expires_ms;
        identity->refresh_ms = expires_ms - (lasts_ms > 2 * REFRESH_BEFORE_MS ? REFRESH_BEFORE_MS : lasts_ms / 2);
    } else {
        identity->refresh_ms = now_ms + REFRESH_PAUSE_MS;
    }
    identity->fetching = false;
    (void)pthread_cond_broadcast(&identity->changed);
}

static void *refresh(void *context) {
    struct azure_identity *identity = context;
    char *token = NULL;
    int64_t expires_ms = 0;
    int64_t deadline_ms = azure_now_ms(identity->world) + REFRESH_TIMEOUT_MS;
    enum outcome outcome = fetch(identity, deadline_ms, &token, &expires_ms, NULL);
    (void)pthread_mutex_lock(&identity->lock);
    keep(identity, outcome, token, expires_ms);
    (void)pthread_mutex_unlock(&identity->lock);
    return NULL;
}

/* Called with the lock held. */
static void refresh_when_due(struct azure_identity *identity, int64_t now_ms) {
    if (now_ms < identity->refresh_ms || identity->fetching || identity->stopped) {
        return;
    }
    if (identity->has_refresher) { /* it has ended, or fetching would be set */
        (void)pthread_join(identity->refresher, NULL);
    }
    identity->has_refresher = pthread_create(&identity->refresher, NULL, refresh, identity) == 0;
    identity->fetching = identity->has_refresher;
}

/* Called with the lock held, which it lets go in between. */
static enum outcome fetch_first(struct azure_identity *identity, int64_t deadline_ms, struct error *err) {
    char *token = NULL;
    int64_t expires_ms = 0;
    identity->fetching = true;
    (void)pthread_mutex_unlock(&identity->lock);
    enum outcome outcome = fetch(identity, deadline_ms, &token, &expires_ms, err);
    (void)pthread_mutex_lock(&identity->lock);
    keep(identity, outcome, token, expires_ms);
    return outcome;
}

enum outcome azure_identity_token(struct azure_identity *identity, int64_t deadline_ms, struct buf *out,
                                  struct error *err) {
    enum outcome outcome = OK;
    (void)pthread_mutex_lock(&identity->lock);
    for (;;) {
        int64_t now_ms = azure_now_ms(identity->world);
        if (identity->token && now_ms < identity->expires_ms) {
            refresh_when_due(identity, now_ms);
            (void)buf_append_str(out, identity->token);
            break;
        }
        if (!identity->fetching) {
            outcome = fetch_first(identity, deadline_ms, err);
            if (outcome != OK) {
                break;
            }
        } else if (now_ms >= deadline_ms) {
            outcome = identity_error(err, RETRY, "no token came in time");
            break;
        } else {
            azure_wait(&identity->changed, &identity->lock);
        }
    }
    (void)pthread_mutex_unlock(&identity->lock);
    return outcome;
}

void azure_identity_forget(struct azure_identity *identity, const char *token) {
    (void)pthread_mutex_lock(&identity->lock);
    if (identity->token && str_eq(identity->token, token)) {
        wipe(&identity->token);
    }
    (void)pthread_mutex_unlock(&identity->lock);
}

/* ---- making one ---- */

static bool is_id(const char *text) {
    size_t length = strlen(text);
    return length > 0 && length <= 128 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == length;
}

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The base URL as text; https only, but for a test's loopback. */
static char *base_of(const struct azure_world *world, const char *text) {
    struct url url;
    char *base = NULL;
    if (url_parse(text, &url, NULL) == OK &&
        (str_eq(url.scheme, "https") || (world->plain_http && address_is_loopback(url.host)))) {
        base = x_strdup(text);
        for (size_t size = strlen(base); size > 0 && base[size - 1] == '/'; size--) {
            base[size - 1] = '\0';
        }
    }
    return base;
}

static enum outcome read_environment(struct azure_identity *identity, struct error *err) {
    const char *client_id = environment("AZURE_CLIENT_ID");
    const char *tenant_id = environment("AZURE_TENANT_ID");
    const char *token_file = environment("AZURE_FEDERATED_TOKEN_FILE");
    const char *authority = environment("AZURE_AUTHORITY_HOST");
    if (client_id && !is_id(client_id)) {
        return identity_error(err, INVALID, "AZURE_CLIENT_ID is malformed");
    }
    identity->client_id = x_strdup(client_id);
    if (!token_file) {
        identity->base = x_strdup(identity->world->metadata_url ? identity->world->metadata_url : METADATA);
        return OK;
    }
    if (!client_id || !tenant_id) {
        return identity_error(err, INVALID,
                              "AZURE_FEDERATED_TOKEN_FILE is set, but not AZURE_CLIENT_ID and AZURE_TENANT_ID");
    }
    if (!is_id(tenant_id)) {
        return identity_error(err, INVALID, "AZURE_TENANT_ID is malformed");
    }
    identity->tenant_id = x_strdup(tenant_id);
    identity->token_file = x_strdup(token_file);
    identity->base = base_of(identity->world, authority ? authority : AUTHORITY);
    return identity->base ? OK : identity_error(err, INVALID, "AZURE_AUTHORITY_HOST is no https:// URL");
}

enum outcome azure_identity_create(const struct azure_world *world, struct azure_identity **ret, struct error *err) {
    struct azure_identity *identity = x_alloc(sizeof(*identity));
    identity->world = world;
    (void)pthread_mutex_init(&identity->lock, NULL);
    cond_init_monotonic(&identity->changed);
    enum outcome outcome = read_environment(identity, err);
    if (outcome == OK) {
        outcome = http_client_create("filesure/" FILESURE_VERSION, &identity->client, err);
    }
    if (outcome != OK) {
        azure_identity_destroy(identity);
        return outcome;
    }
    *ret = identity;
    return OK;
}

void azure_identity_destroy(struct azure_identity *identity) {
    if (!identity) {
        return;
    }
    (void)pthread_mutex_lock(&identity->lock);
    identity->stopped = true;
    (void)pthread_cond_broadcast(&identity->changed);
    (void)pthread_mutex_unlock(&identity->lock);
    if (identity->client) {
        http_client_stop(identity->client);
    }
    if (identity->has_refresher) {
        (void)pthread_join(identity->refresher, NULL);
    }
    wipe(&identity->token);
    http_client_destroy(identity->client);
    (void)pthread_cond_destroy(&identity->changed);
    (void)pthread_mutex_destroy(&identity->lock);
    free(identity->client_id);
    free(identity->tenant_id);
    free(identity->token_file);
    free(identity->base);
    free(identity);
}
