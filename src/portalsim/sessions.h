/* Sessions of clients, and how many documents each is fetching. A fixed table: when it is full, the oldest session
 * ends. Thread-safe; time is passed in. */
#pragma once

#include "base/macros.h"

enum { SESSION_ID_MAX = 33, SESSIONS_MAX = 1024 };
#define SESSION_COOKIE "portal_session"

struct sessions;
struct sessions *sessions_create(int64_t life_ms);
void sessions_destroy(struct sessions *sessions);
void sessions_open(struct sessions *sessions, int64_t now_ms, char ret_id[SESSION_ID_MAX]);
/* Finds the session in a Cookie header (NULL: none sent). False: none, or expired. */
bool sessions_find(struct sessions *sessions, const char *cookies, int64_t now_ms, char ret_id[SESSION_ID_MAX]);
void sessions_end(struct sessions *sessions, const char *id);
/* Counts one document under way; false: the session has `most` already (0: no limit). */
bool sessions_begin_document(struct sessions *sessions, const char *id, int most);
void sessions_end_document(struct sessions *sessions, const char *id);
