/* Sessions of clients: see sessions.h. */
#include "portalsim/sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"

struct session {
    char id[SESSION_ID_MAX]; /* "": free */
    int64_t until_ms;
    int documents;
};

struct sessions {
    pthread_mutex_t lock;
    int64_t life_ms;
    struct session items[SESSIONS_MAX];
};

struct sessions *sessions_create(int64_t life_ms) {
    struct sessions *sessions = x_alloc(sizeof *sessions);
    pthread_mutex_init(&sessions->lock, NULL);
    sessions->life_ms = life_ms;
    return sessions;
}

void sessions_destroy(struct sessions *sessions) {
    if (sessions) {
        pthread_mutex_destroy(&sessions->lock);
        free(sessions);
    }
}

void sessions_open(struct sessions *sessions, int64_t now_ms, char ret_id[SESSION_ID_MAX]) {
    random_hex(ret_id, SESSION_ID_MAX - 1);
    pthread_mutex_lock(&sessions->lock);
    struct session *oldest = &sessions->items[0];
    for (int i = 1; i < SESSIONS_MAX; i++) {
        if (sessions->items[i].until_ms < oldest->until_ms) {
            oldest = &sessions->items[i];
        }
    }
    *oldest = (struct session){.until_ms = now_ms + sessions->life_ms};
    memcpy(oldest->id, ret_id, SESSION_ID_MAX);
    pthread_mutex_unlock(&sessions->lock);
}

static struct session *find_locked(struct sessions *sessions, const char *id) {
    for (int i = 0; i < SESSIONS_MAX; i++) {
        if (sessions->items[i].id[0] && str_eq(sessions->items[i].id, id)) {
            return &sessions->items[i];
        }
    }
    return NULL;
}

/* The value of our cookie in "a=1; portal_session=…; b=2". */
static bool cookie_id(const char *cookies, char ret_id[SESSION_ID_MAX]) {
    static const char name[] = SESSION_COOKIE "=";
    for (const char *at = cookies; at && *at;) {
        at += strspn(at, " ;");
        size_t length = strcspn(at, ";");
        if (str_starts_with(at, name) && length == strlen(name) + SESSION_ID_MAX - 1) {
            str_format(ret_id, SESSION_ID_MAX, "%s", at + strlen(name));
            return true;
        }
        at += length;
    }
    return false;
}

bool sessions_find(struct sessions *sessions, const char *cookies, int64_t now_ms, char ret_id[SESSION_ID_MAX]) {
    char id[SESSION_ID_MAX];
    if (!cookie_id(cookies, id)) {
        return false;
    }
    pthread_mutex_lock(&sessions->lock);
    const struct session *session = find_locked(sessions, id);
    bool live = session && session->until_ms > now_ms;
    pthread_mutex_unlock(&sessions->lock);
    if (live) {
        memcpy(ret_id, id, SESSION_ID_MAX);
    }
    return live;
}

void sessions_end(struct sessions *sessions, const char *id) {
    pthread_mutex_lock(&sessions->lock);
    struct session *session = find_locked(sessions, id);
    if (session) {
        session->until_ms = 0; /* kept until its place is needed, so that its documents can be counted down */
    }
    pthread_mutex_unlock(&sessions->lock);
}

bool sessions_begin_document(struct sessions *sessions, const char *id, int most) {
    pthread_mutex_lock(&sessions->lock);
    struct session *session = find_locked(sessions, id);
    bool allowed = !session || most == 0 || session->documents < most;
    if (session && allowed) {
        session->documents++;
    }
    pthread_mutex_unlock(&sessions->lock);
    return allowed;
}

void sessions_end_document(struct sessions *sessions, const char *id) {
    pthread_mutex_lock(&sessions->lock);
    struct session *session = find_locked(sessions, id);
    if (session) {
        session->documents--;
    }
    pthread_mutex_unlock(&sessions->lock);
}
