/* Connection strings of Azure Storage; see azure_conn.h.
 *
 * Every name that may stand in one has a row in `names`; what is in no row is refused, since a misspelled AccountKey
 * would else quietly mean "identity". */
#include "blobs/azure_conn.h"

#include <string.h>

#include "base/hash.h"
#include "base/str.h"

/* Of the emulator, which has no secrets (Microsoft: "Use the Azurite emulator"). */
#define EMULATOR_ACCOUNT "devstoreaccount1"
#define EMULATOR_KEY "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#define EMULATOR_ENDPOINT "http://127.0.0.1:10000/" EMULATOR_ACCOUNT

enum { TEXT_MAX = 16 * 1024 };

enum name { PROTOCOL, ACCOUNT, KEY, SUFFIX, ENDPOINT, SIGNATURE, EMULATOR, OTHER_SERVICE };

static const struct {
    const char *text;
    enum name name;
} names[] = {
    {"DefaultEndpointsProtocol", PROTOCOL},
    {"AccountName", ACCOUNT},
    {"AccountKey", KEY},
    {"EndpointSuffix", SUFFIX},
    {"BlobEndpoint", ENDPOINT},
    {"SharedAccessSignature", SIGNATURE},
    {"UseDevelopmentStorage", EMULATOR},
    {"BlobSecondaryEndpoint", OTHER_SERVICE},
    {"QueueEndpoint", OTHER_SERVICE},
    {"QueueSecondaryEndpoint", OTHER_SERVICE},
    {"TableEndpoint", OTHER_SERVICE},
    {"TableSecondaryEndpoint", OTHER_SERVICE},
    {"FileEndpoint", OTHER_SERVICE},
    {"FileSecondaryEndpoint", OTHER_SERVICE},
    {"DfsEndpoint", OTHER_SERVICE},
    {"WebEndpoint", OTHER_SERVICE},
};

/* A segment that has been read: its value (owned by the copy of the text) and where it stood. */
struct found {
    const char *value;
    int position;
};

static enum outcome bad_segment(struct error *err, int position, const char *what) {
    return error_set(err, INVALID, "bad_connection_string", "the storage connection string: segment %d: %s", position,
                     what);
}

static enum outcome bad_whole(struct error *err, const char *what) {
    return error_set(err, INVALID, "bad_connection_string", "the storage connection string: %s", what);
}

/* ---- segments ---- */

static enum outcome take_segment(char *segment, int position, struct found found[], struct error *err) {
    char *equals = strchr(segment, '=');
    if (!equals) {
        return bad_segment(err, position, "it is not name=value");
    }
    *equals = '\0';
    const char *name = str_trim(segment);
    const char *value = str_trim(equals + 1);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcasecmp(name, names[i].text) != 0) {
            continue;
        }
        if (!*value) {
            return bad_segment(err, position, "its value is empty");
        }
        struct found *place = &found[names[i].name];
        if (place->value && names[i].name != OTHER_SERVICE) {
            return bad_segment(err, position, "its name was there before");
        }
        *place = (struct found){.value = value, .position = position};
        return OK;
    }
    return bad_segment(err, position, "no such name in a connection string of Azure Storage");
}

static enum outcome read_segments(char *text, struct found found[], struct error *err) {
    int position = 0;
    for (char *rest = text; rest;) {
        char *segment = str_trim(strsep(&rest, ";"));
        position++;
        if (!*segment && (!rest || !*str_trim(rest))) { /* behind the last ';' */
            break;
        }
        enum outcome outcome = take_segment(segment, position, found, err);
        if (outcome != OK) {
            return outcome;
        }
    }
    return OK;
}

/* ---- what they mean ---- */

static bool is_account(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t length = strlen(text);
    return length > 0 && length < AZURE_ACCOUNT_MAX && strspn(text, letters) == length;
}

/* Query characters of RFC 3986, so that it cannot end the URL or its line. */
static bool is_query(const char *text) {
    for (; *text; text++) {
        bool letter =
            (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9');
        if (!letter && !strchr("-._~%!$&'()*+,=:@/?", *text)) {
            return false;
        }
    }
    return true;
}

static enum outcome take_auth(const struct found found[], struct azure_conn *conn, struct error *err) {
    conn->auth = AZURE_IDENTITY;
    if (found[ACCOUNT].value) {
        if (!is_account(found[ACCOUNT].value)) {
            return bad_segment(err, found[ACCOUNT].position, "it is not the name of an account");
        }
        (void)str_copy(conn->account, sizeof(conn->account), found[ACCOUNT].value);
    }
    if (found[KEY].value) {
        if (!base64_decode(found[KEY].value, conn->key, sizeof(conn->key), &conn->key_size)) {
            return bad_segment(err, found[KEY].position, "its value is not base64, or too long for a key");
        }
        if (!found[ACCOUNT].value) {
            return bad_segment(err, found[KEY].position, "a key needs AccountName");
        }
        conn->auth = AZURE_SHARED_KEY;
    } else if (found[SIGNATURE].value) {
        const char *sas = found[SIGNATURE].value + (*found[SIGNATURE].value == '?');
        if (!is_query(sas) || !str_copy(conn->sas, sizeof(conn->sas), sas) ||
            !(str_starts_with(sas, "sig=") || strstr(sas, "&sig="))) {
            return bad_segment(err, found[SIGNATURE].position, "it is not a shared access signature");
        }
        conn->auth = AZURE_SAS;
    }
    return OK;
}

/* {https}://{account}.blob.{core.windows.net} */
static enum outcome make_endpoint(const struct found found[], struct azure_conn *conn, struct error *err) {
    const char *protocol = found[PROTOCOL].value ? found[PROTOCOL].value : "https";
    const char *suffix = found[SUFFIX].value ? found[SUFFIX].value : "core.windows.net";
    char text[AZURE_ENDPOINT_MAX];
    if (strcasecmp(protocol, "https") != 0 && strcasecmp(protocol, "http") != 0) {
        return bad_segment(err, found[PROTOCOL].position, "it must be http or https");
    }
    if (!found[ACCOUNT].value) {
        return bad_whole(err, "it has neither BlobEndpoint nor AccountName");
    }
    if (!str_format(text, sizeof(text), "%s://%s.blob.%s", protocol, conn->account, suffix) ||
        url_parse(text, &conn->endpoint, err) != OK || conn->endpoint.path[0]) {
        return found[SUFFIX].value ? bad_segment(err, found[SUFFIX].position, "it is not a host name")
                                   : bad_segment(err, found[ACCOUNT].position, "it is not the name of an account");
    }
    return OK;
}

static enum outcome take_endpoint(const struct found found[], struct azure_conn *conn, struct error *err) {
    enum outcome outcome = OK;
    if (!found[ENDPOINT].value) {
        outcome = make_endpoint(found, conn, err);
    } else if (url_parse(found[ENDPOINT].value, &conn->endpoint, err) != OK) {
        char what[ERROR_MESSAGE_MAX];
        (void)str_copy(what, sizeof(what), err ? err->message : ""); /* of url.c: holds nothing of the URL */
        outcome = bad_segment(err, found[ENDPOINT].position, what);
    }
    if (outcome != OK) {
        return outcome;
    }
    const struct url *url = &conn->endpoint;
    bool six = strchr(url->host, ':') != NULL;
    char port[8] = "";
    if (url->port != (str_eq(url->scheme, "https") ? 443 : 80)) {
        (void)str_format(port, sizeof(port), ":%d", url->port);
    }
    if (!str_format(conn->base, sizeof(conn->base), "%s://%s%s%s%s%s", url->scheme, six ? "[" : "", url->host,
                    six ? "]" : "", port, url->path)) {
        return bad_segment(err, found[ENDPOINT].position, "it is too long");
    }
    return OK;
}

static enum outcome take_emulator(struct found found[], struct error *err) {
    if (strcasecmp(found[EMULATOR].value, "true") != 0) {
        return bad_segment(err, found[EMULATOR].position, "it must be true");
    }
    static const enum name others[] = {PROTOCOL, ACCOUNT, KEY, SUFFIX, SIGNATURE};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (found[others[i]].value) {
            return bad_segment(err, found[others[i]].position, "it does not go with UseDevelopmentStorage");
        }
    }
    int position = found[EMULATOR].position;
    found[ACCOUNT] = (struct found){EMULATOR_ACCOUNT, position};
    found[KEY] = (struct found){EMULATOR_KEY, position};
    if (!found[ENDPOINT].value) {
        found[ENDPOINT] = (struct found){EMULATOR_ENDPOINT, position};
    }
    return OK;
}

enum outcome azure_conn_parse(const char *text, struct azure_conn *ret, struct error *err) {
    struct found found[OTHER_SERVICE + 1] = {0};
    struct azure_conn conn = {0};
    size_t size = strnlen(text ? text : "", TEXT_MAX + 1);
    if (size == 0 || size > TEXT_MAX) {
        return bad_whole(err, size == 0 ? "it is empty" : "it is too long");
    }
    char *copy = x_strdup(text);
    enum outcome outcome = read_segments(copy, found, err);
    if (outcome == OK && found[EMULATOR].value) {
        outcome = take_emulator(found, err);
    }
    if (outcome == OK) {
        outcome = take_auth(found, &conn, err);
    }
    if (outcome == OK) {
        outcome = take_endpoint(found, &conn, err);
    }
    explicit_bzero(copy, size);
    free(copy);
    if (outcome == OK) {
        *ret = conn;
    }
    azure_conn_finish(&conn);
    return outcome;
}

void azure_conn_finish(struct azure_conn *conn) {
    explicit_bzero(conn, sizeof(*conn));
}
