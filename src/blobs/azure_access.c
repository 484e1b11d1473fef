/* Connection string, token and clock of the moment; see azure_access.h. */
#include "blobs/azure_access.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "base/hash.h"
#include "base/str.h"
#include "blobs/azure_identity.h"
#include "blobs/azure_sign.h"

enum { FILE_MAX = 16 * 1024, TOKEN_MAX = 16 * 1024, REREAD_MS = 60 * 1000 };
#define OFFSET_APPLIED_MS ((int64_t)60 * 1000)

/* A connection string in use; a try under way keeps the one it began with. */
struct azure_grant {
    struct azure_conn conn;
    int users; /* under the access's lock */
    struct azure_access *access;
};

struct azure_access {
    const struct azure_world *world;
    char *file;
    pthread_mutex_t lock;
    struct azure_grant *grant;
    char text_sha256[HASH_HEX_MAX]; /* of the text the grant was made of */
    int64_t read_ms;
    struct azure_identity *identity; /* made when a grant first needs it */
    _Atomic int64_t offset_ms;
};

static int64_t applied(int64_t offset_ms) {
    return offset_ms > OFFSET_APPLIED_MS || offset_ms < -OFFSET_APPLIED_MS ? offset_ms : 0;
}

/* ---- grants ---- */

static void grant_release(struct azure_grant *grant) {
    if (grant && --grant->users == 0) {
        azure_conn_finish(&grant->conn);
        free(grant);
    }
}

static enum outcome check_identity(struct azure_access *access, const struct azure_conn *conn, struct error *err) {
    if (conn->auth != AZURE_IDENTITY) {
        return OK;
    }
    bool loopback = access->world->plain_http && address_is_loopback(conn->endpoint.host);
    if (!str_eq(conn->endpoint.scheme, "https") && !loopback) {
        return error_set(err, INVALID, "bad_connection_string",
                         "the storage connection string: without a key or SAS it needs https, since a token is sent");
    }
    return access->identity ? OK : azure_identity_create(access->world, &access->identity, err);
}

/* Called with the lock held (or before anybody else knows the access). */
static enum outcome adopt(struct azure_access *access, const char *text, struct error *err) {
    char sha256[HASH_HEX_MAX];
    struct azure_conn conn;
    hash_hex(HASH_SHA256, text, strlen(text), sha256);
    if (str_eq(sha256, access->text_sha256)) {
        return OK;
    }
    enum outcome outcome = azure_conn_parse(text, &conn, err);
    if (outcome != OK) {
        return outcome;
    }
    outcome = check_identity(access, &conn, err);
    if (outcome == OK) {
        struct azure_grant *grant = x_alloc(sizeof(*grant));
        *grant = (struct azure_grant){.conn = conn, .users = 1, .access = access};
        grant_release(access->grant);
        access->grant = grant;
        (void)str_copy(access->text_sha256, sizeof(access->text_sha256), sha256);
    }
    azure_conn_finish(&conn);
    return outcome;
}

/* Called with the lock held. */
static enum outcome reread(struct azure_access *access, struct error *err) {
    AUTO_WIPE struct buf text = BUF_INIT(FILE_MAX);
    access->read_ms = azure_now_ms(access->world);
    enum outcome outcome = file_read(access->file, &text, err);
    if (outcome == OK) {
        outcome = adopt(access, text.data ? str_trim(text.data) : "", err);
    } else {
        outcome = error_set(err, INVALID, "bad_connection_string", "the file of the storage connection string: %s",
                            outcome == GONE ? "there is none" : "it cannot be read");
    }
    return outcome;
}

enum outcome azure_access_create(const char *conn, const char *file, const struct azure_world *world,
                                 struct azure_access **ret, struct error *err) {
    struct azure_access *access = x_alloc(sizeof(*access));
    access->world = world;
    access->file = x_strdup(file);
    access->read_ms = azure_now_ms(world);
    (void)pthread_mutex_init(&access->lock, NULL);
    enum outcome outcome = conn ? adopt(access, conn, err) : reread(access, err);
    if (outcome != OK) {
        azure_access_destroy(access);
        return outcome;
    }
    *ret = access;
    return OK;
}

void azure_access_destroy(struct azure_access *access) {
    if (access) {
        azure_identity_destroy(access->identity);
        grant_release(access->grant);
        (void)pthread_mutex_destroy(&access->lock);
        free(access->file);
        free(access);
    }
}

/* ---- passes ---- */

enum outcome azure_access_enter(struct azure_access *access, int64_t deadline_ms, struct azure_pass *ret,
                                struct error *err) {
    *ret = (struct azure_pass){.token = BUF_INIT(TOKEN_MAX)};
    (void)pthread_mutex_lock(&access->lock);
    if (access->file && azure_now_ms(access->world) - access->read_ms >= REREAD_MS) {
        (void)reread(access, NULL);
    }
    ret->grant = access->grant;
    ret->grant->users++;
    struct azure_identity *identity = access->identity;
    (void)pthread_mutex_unlock(&access->lock);
    ret->conn = &ret->grant->conn;
    ret->offset_ms = applied(atomic_load(&access->offset_ms));
    return ret->conn->auth == AZURE_IDENTITY ? azure_identity_token(identity, deadline_ms, &ret->token, err) : OK;
}

void azure_pass_finish(struct azure_pass *pass) {
    if (pass->grant) {
        struct azure_access *access = pass->grant->access;
        (void)pthread_mutex_lock(&access->lock);
        grant_release(pass->grant);
        (void)pthread_mutex_unlock(&access->lock);
    }
    azure_wipe(&pass->token);
    *pass = (struct azure_pass){0};
}

void azure_access_note_date(struct azure_access *access, const char *date) {
    int64_t date_ms = 0;
    if (azure_date_parse(date, &date_ms)) {
        atomic_store(&access->offset_ms, date_ms - azure_real_ms(access->world));
    }
}

enum azure_auth azure_access_auth(struct azure_access *access) {
    (void)pthread_mutex_lock(&access->lock);
    enum azure_auth auth = access->grant->conn.auth;
    (void)pthread_mutex_unlock(&access->lock);
    return auth;
}

char *azure_access_base(struct azure_access *access) {
    (void)pthread_mutex_lock(&access->lock);
    char *base = x_strdup(access->grant->conn.base);
    (void)pthread_mutex_unlock(&access->lock);
    return base;
}

int64_t azure_access_offset_ms(struct azure_access *access) {
    return atomic_load(&access->offset_ms);
}

bool azure_access_refused(struct azure_access *access, const struct azure_pass *pass, int status) {
    int64_t moved_ms = applied(atomic_load(&access->offset_ms)) - pass->offset_ms;
    if (applied(moved_ms)) {
        return true;
    }
    (void)pthread_mutex_lock(&access->lock);
    if (access->file) {
        (void)reread(access, NULL);
    }
    bool changed = access->grant != pass->grant;
    (void)pthread_mutex_unlock(&access->lock);
    if (!changed && status == 401 && pass->conn->auth == AZURE_IDENTITY) {
        azure_identity_forget(access->identity, buf_str(&pass->token));
        changed = true;
    }
    return changed;
}
