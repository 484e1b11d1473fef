/* The Azure store against the fake service, in a world whose sleeping takes no time and is written down. */
#pragma once

#include "support/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/str.h"
#include "blobs/azure_request.h"
#include "blobs/blobs_azure.h"
#include "support/fake_azure.h"

#define JOB "65a000000000000000000001"
/* Each secret holds this word; no message may. */
#define SECRET "S3cretS3cret"
#define TEST_KEY "S3cretS3cretS3cretS3cretS3cretS3cretS3cretS3cret"
#define TEST_SAS "sv=2020-12-06&ss=b&sig=S3cretS3cret%3D"
#define SCRIPT(...)                                                                                                    \
    static const struct fake_step steps[] = {__VA_ARGS__};                                                             \
    fake_azure_script(test->fake, steps, COUNT_OF(steps))

enum { SLEEPS_MAX = 256 };

struct azure_test {
    struct fake_azure *fake;
    struct azure_world world;
    struct blobs_config config;
    const struct blobs_backend *backend;
    void *self;
    pthread_mutex_t lock;
    int64_t slept_ms; /* of all sleeps: how far its clocks are ahead */
    int64_t sleeps_ms[SLEEPS_MAX];
    int sleep_count;
    char conn[1024];
    /* what on_request was told last */
    char operation[32];
    int status;
    int tries;
};

static inline int64_t test_monotonic_ms(void *context) {
    struct azure_test *test = context;
    pthread_mutex_lock(&test->lock);
    int64_t slept_ms = test->slept_ms;
    pthread_mutex_unlock(&test->lock);
    return clock_boot_ms() + slept_ms;
}

static inline int64_t test_real_ms(void *context) {
    struct azure_test *test = context;
    pthread_mutex_lock(&test->lock);
    int64_t slept_ms = test->slept_ms;
    pthread_mutex_unlock(&test->lock);
    return clock_real_ms() + slept_ms;
}

static inline void test_sleep_ms(void *context, int64_t duration_ms) {
    struct azure_test *test = context;
    pthread_mutex_lock(&test->lock);
    assert_true(duration_ms >= 0 && test->sleep_count < SLEEPS_MAX);
    test->sleeps_ms[test->sleep_count++] = duration_ms;
    test->slept_ms += duration_ms;
    pthread_mutex_unlock(&test->lock);
}

static inline void test_on_request(void *arg, const char *operation, int64_t micros, int status, int tries) {
    struct azure_test *test = arg;
    assert_true(micros >= 0);
    pthread_mutex_lock(&test->lock);
    (void)str_copy(test->operation, sizeof(test->operation), operation);
    test->status = status;
    test->tries = tries;
    pthread_mutex_unlock(&test->lock);
}

static inline void azure_test_start(struct azure_test *test) {
    *test = (struct azure_test){0};
    pthread_mutex_init(&test->lock, NULL);
    test->fake = fake_azure_start();
    test->world = (struct azure_world){.monotonic_ms = test_monotonic_ms,
                                       .real_ms = test_real_ms,
                                       .sleep_ms = test_sleep_ms,
                                       .context = test,
                                       .plain_http = true};
    (void)str_format(test->conn, sizeof(test->conn), "AccountName=account;AccountKey=" TEST_KEY ";BlobEndpoint=%s",
                     fake_azure_url(test->fake));
    test->config = (struct blobs_config){.container = "documents",
                                         .create = true,
                                         .azure_conn = test->conn,
                                         .on_request = test_on_request,
                                         .on_request_arg = test};
}

static inline enum outcome azure_test_try_open(struct azure_test *test, struct error *err) {
    return blobs_azure_open_in(&test->world, &test->config, &test->backend, &test->self, err);
}

static inline void azure_test_open(struct azure_test *test) {
    struct error err = {0};
    if (azure_test_try_open(test, &err) != OK) {
        fail_msg("%s", err.message);
    }
    fake_azure_forget(test->fake);
    test->sleep_count = 0;
}

static inline int azure_test_setup(void **state) {
    struct azure_test *test = x_alloc(sizeof(*test));
    azure_test_start(test);
    azure_test_open(test);
    *state = test;
    return 0;
}

static inline void azure_test_close(struct azure_test *test) {
    if (test->self) {
        test->backend->close(test->self);
        test->self = NULL;
    }
}

static inline int azure_test_teardown(void **state) {
    struct azure_test *test = *state;
    azure_test_close(test);
    fake_azure_stop(test->fake);
    pthread_mutex_destroy(&test->lock);
    free(test);
    return 0;
}

static inline void assert_no_secret(const char *text) {
    static const char *const secret[] = {SECRET, "127.0.0.1", "sig=", "sv=", "comp=", "Bearer", "SharedKey", "http://"};
    for (size_t i = 0; i < COUNT_OF(secret); i++) {
        if (strstr(text, secret[i])) {
            fail_msg("\"%s\" holds %s", text, secret[i]);
        }
    }
}

static inline void expect(enum outcome got, const struct error *err, enum outcome outcome, const char *code) {
    if (got != outcome || (outcome != OK && !str_eq(err->code, code))) {
        fail_msg("%s %s (%s), wanted %s %s", outcome_name(got), err->code, err->message, outcome_name(outcome),
                 code ? code : "");
    }
    assert_no_secret(err->message);
}

static inline void test_name(const char *bytes, size_t size_bytes, char out[BLOB_NAME_MAX]) {
    char sha256[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, bytes, size_bytes, sha256);
    blob_name_document(JOB, 1, BLOB_TEXT, sha256, out);
}

/* Puts the text under its name; what came of it. code NULL: it must succeed. */
static inline bool test_put(struct azure_test *test, const char *bytes, enum outcome outcome, const char *code) {
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    bool created = false;
    test_name(bytes, strlen(bytes), name);
    expect(test->backend->put(test->self, name, bytes, strlen(bytes), &created, &err), &err, outcome, code);
    return created;
}

/* How often the text was written to the store; -1: it is not there. */
static inline int test_writes(struct azure_test *test, const char *bytes) {
    char name[BLOB_NAME_MAX];
    int writes = -1;
    test_name(bytes, strlen(bytes), name);
    const char *there = fake_azure_blob(test->fake, name, &writes);
    assert_true(!there || str_eq(there, bytes));
    return writes;
}

#define AZURE_CASE(function) cmocka_unit_test_setup_teardown(function, azure_test_setup, azure_test_teardown)
