/* A scripted portal and a client of it, for the tests of src/portal. */
#pragma once

#include "support/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/str.h"
#include "portal/portal.h"
#include "support/fake_http.h"
#include "support/raw_http.h"

#define CIN "U12345MH2001PTC123456"
enum { PDF_SIZE = 5000, HALF = 2000, SEEN_MAX = 64 };

struct seen {
    char target[200];
    char range[64];
    char if_range[64];
    char cookie[64];
    char user_agent[64];
    int64_t at_ms;
};

struct fixture;
/* What the portal answers to the n-th request that is not POST /session (from 1). False: as a portal should. */
typedef bool portal_play(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply);

struct fixture {
    struct portal *portal;
    struct fake_http *fake;
    portal_play *play;
    pthread_mutex_t lock;
    int sessions, asked;
    struct seen seen[SEEN_MAX];
    char pdf[PDF_SIZE];
    struct filing filing;
};

static inline void serve_document(struct fixture *fixture, const char *range, struct fake_reply *reply) {
    int first = 0;
    char headers[256];
    if (str_starts_with(range, "bytes="))
        first = (int)strtol(range + 6, NULL, 10);
    if (first == 0) {
        fake_answer(reply, 200, "Content-Type: application/pdf\r\nETag: \"v1\"\r\n", fixture->pdf, PDF_SIZE);
        return;
    }
    (void)str_format(headers, sizeof(headers),
                     "Content-Type: application/pdf\r\nETag: \"v1\"\r\nContent-Range: bytes %d-%d/%d\r\n", first,
                     PDF_SIZE - 1, PDF_SIZE);
    fake_answer(reply, 206, headers, fixture->pdf + first, (size_t)(PDF_SIZE - first));
}

static inline void serve(struct fixture *fixture, const struct fake_request *request, const struct seen *seen,
                         struct fake_reply *reply) {
    static const char company[] = "{\"cin\":\"" CIN "\",\"name\":\"Sample Ltd\",\"status\":\"Active\"}";
    if (strstr(request->target, "/document"))
        serve_document(fixture, seen->range, reply);
    else if (strstr(request->target, "/filings"))
        fake_answer_text(reply, 200, "Content-Type: application/json\r\n", "{\"filings\":[]}");
    else
        fake_answer_text(reply, 200, "Content-Type: application/json; charset=utf-8\r\n", company);
}

static inline void script(void *context, const struct fake_request *request, struct fake_reply *reply) {
    struct fixture *fixture = context;
    struct seen seen = {.at_ms = clock_monotonic_ms()};
    (void)str_copy(seen.target, sizeof(seen.target), request->target);
    (void)fake_header(request, "Range", seen.range, sizeof(seen.range));
    (void)fake_header(request, "If-Range", seen.if_range, sizeof(seen.if_range));
    (void)fake_header(request, "Cookie", seen.cookie, sizeof(seen.cookie));
    (void)fake_header(request, "User-Agent", seen.user_agent, sizeof(seen.user_agent));
    pthread_mutex_lock(&fixture->lock);
    bool is_session = strcmp(request->method, "POST") == 0;
    int n = is_session ? ++fixture->sessions : ++fixture->asked;
    if (!is_session && n <= SEEN_MAX)
        fixture->seen[n - 1] = seen;
    portal_play *play = fixture->play;
    pthread_mutex_unlock(&fixture->lock);
    if (is_session) {
        char headers[64];
        (void)str_format(headers, sizeof(headers), "Set-Cookie: session=%d; HttpOnly\r\n", n);
        fake_answer_text(reply, 201, headers, "{}");
    } else if (play == NULL || !play(fixture, n, request, reply)) {
        serve(fixture, request, &seen, reply);
    }
}

/* What the script's threads share with the test is read and written under the lock. */
static inline void set_play(struct fixture *fixture, portal_play *play) {
    pthread_mutex_lock(&fixture->lock);
    fixture->play = play;
    fixture->asked = 0;
    pthread_mutex_unlock(&fixture->lock);
}

static inline int count(struct fixture *fixture, const int *number) {
    pthread_mutex_lock(&fixture->lock);
    int value = *number;
    pthread_mutex_unlock(&fixture->lock);
    return value;
}

static inline void open_portal(struct fixture *fixture, int parallel, int retry_for_ms) {
    const struct portal_config config = {.url = fake_url(fixture->fake),
                                         .parallel = parallel,
                                         .request_timeout_ms = 20000,
                                         .retry_for_ms = retry_for_ms};
    struct error err;
    portal_close(fixture->portal);
    assert_int_equal(portal_open(&config, &fixture->portal, &err), OK);
}

static inline int start(void **state) {
    struct fixture *fixture = x_alloc(sizeof(*fixture));
    char md5[HASH_HEX_MAX];
    pthread_mutex_init(&fixture->lock, NULL);
    for (int i = 0; i < PDF_SIZE; i++)
        fixture->pdf[i] = (char)(i * 7 + i / 256);
    memcpy(fixture->pdf, "%PDF-1.7\n", 9);
    hash_hex(HASH_MD5, fixture->pdf, PDF_SIZE, md5);
    fixture->filing = (struct filing){.number = 1, .srn = "S1", .form = "AOC-4", .size_bytes = PDF_SIZE};
    (void)str_copy(fixture->filing.md5, sizeof(fixture->filing.md5), md5);
    fixture->fake = fake_start(script, fixture);
    open_portal(fixture, 4, 20000);
    *state = fixture;
    return 0;
}

static inline int stop(void **state) {
    struct fixture *fixture = *state;
    fake_stop(fixture->fake);
    portal_close(fixture->portal);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

static inline enum outcome download(struct fixture *fixture, struct error *err) {
    struct buf out = BUF_INIT((size_t)FILING_BYTES_MAX);
    *err = (struct error){0};
    enum outcome outcome = portal_download(fixture->portal, &fixture->filing, &out, err);
    if (outcome == OK) {
        assert_int_equal(out.size_bytes, PDF_SIZE);
        assert_memory_equal(out.data, fixture->pdf, PDF_SIZE);
    } else {
        assert_int_equal(out.size_bytes, 0);
        assert_null(strstr(err->message, "127.0.0.1"));
    }
    buf_finish(&out);
    return outcome;
}

static inline void expect_ok(struct fixture *fixture, portal_play *play, int asked) {
    struct error err;
    set_play(fixture, play);
    if (download(fixture, &err) != OK)
        fail_msg("%s: %s", err.code, err.message);
    assert_int_equal(count(fixture, &fixture->asked), asked);
}

static inline void expect_failure(struct fixture *fixture, portal_play *play, enum outcome outcome, const char *code,
                                  int asked) {
    struct error err;
    set_play(fixture, play);
    enum outcome got = download(fixture, &err);
    if (got != outcome || !str_eq(err.code, code))
        fail_msg("%s %s: %s", outcome_name(got), err.code, err.message);
    if (asked > 0)
        assert_int_equal(count(fixture, &fixture->asked), asked);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
