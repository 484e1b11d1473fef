/* A client on a bare socket, for tests that must say exactly what goes over the wire. Every wait has a deadline that
 * fails the test. */
#pragma once

#include "base/buf.h"

struct raw_answer {
    int status;       /* 0: the connection ended without one */
    struct buf all;   /* every byte that came */
    const char *body; /* in `all`; NULL without an end of the head */
    bool reset;       /* the connection ended by a reset */
};

int64_t raw_deadline_ms(void); /* from now: 10 s, more in sanitized builds */
int raw_connect(const char *address);
bool raw_send(int fd, const void *bytes, size_t size_bytes); /* false: the other side has closed, which is no failure */
void raw_send_text(int fd, const char *text);
/* All bytes until the other side closes. Closes fd. */
void raw_read_to_end(int fd, struct raw_answer *ret);
/* One reply on a connection that stays open: its head says Content-Length, or there is no body (head_only, 204, 304).
 */
void raw_read_reply(int fd, bool head_only, struct raw_answer *ret);
bool raw_wait_text(int fd, struct buf *all,
                   const char *text); /* reads until text has come; false: the connection ended */
/* Sends and reads to the end; the server must close by itself. */
void raw_ask(const char *address, const void *bytes, size_t size_bytes, struct raw_answer *ret);
void raw_ask_text(const char *address, const char *text, struct raw_answer *ret);
const char *raw_header(const struct raw_answer *answer, const char *name); /* static buffer; NULL: not there */
void raw_finish(struct raw_answer *answer);
