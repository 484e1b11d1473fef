/* Digests (libcrypto), base64, random bytes and ids. */
#include "base/hash.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/str.h"

struct hash_stream {
    EVP_MD_CTX *context;
};

static EVP_MD *digests[2];
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static void fetch_digests(void) {
    digests[HASH_MD5] = EVP_MD_fetch(NULL, "MD5", NULL);
    digests[HASH_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (digests[HASH_MD5] && digests[HASH_SHA256]) {
        return;
    }
    /* A machine set to FIPS hides MD5. Here it is a checksum that the database's format asks for,
     * not security. */
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    must(own && OSSL_PROVIDER_load(own, "default"));
    digests[HASH_MD5] = EVP_MD_fetch(own, "MD5", "provider=default");
    digests[HASH_SHA256] = EVP_MD_fetch(own, "SHA256", "provider=default");
    must(digests[HASH_MD5] && digests[HASH_SHA256]);
}

static const EVP_MD *digest(enum hash_kind kind) {
    (void)pthread_once(&digests_once, fetch_digests);
    return digests[kind];
}

size_t hash_raw(enum hash_kind kind, const void *bytes, size_t size_bytes, unsigned char out[HASH_RAW_MAX]) {
    unsigned int size = 0;
    must(EVP_Digest(size_bytes ? bytes : "", size_bytes, out, &size, digest(kind), NULL) == 1);
    return size;
}

void hash_hex(enum hash_kind kind, const void *bytes, size_t size_bytes, char out[HASH_HEX_MAX]) {
    unsigned char raw[HASH_RAW_MAX];
    str_hex(out, raw, hash_raw(kind, bytes, size_bytes, raw));
}

void hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size_bytes,
                 unsigned char out[HASH_RAW_MAX]) {
    must(key_size <= INT32_MAX && HMAC(digest(HASH_SHA256), key, (int)key_size, bytes, size_bytes, out, NULL));
}

struct hash_stream *hash_stream_create(enum hash_kind kind) {
    struct hash_stream *stream = x_alloc(sizeof(*stream));
    stream->context = EVP_MD_CTX_new();
    must(stream->context && EVP_DigestInit_ex(stream->context, digest(kind), NULL) == 1);
    return stream;
}

void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t size_bytes) {
    must(size_bytes == 0 || EVP_DigestUpdate(stream->context, bytes, size_bytes) == 1);
}

void hash_stream_end(struct hash_stream *stream, char out[HASH_HEX_MAX]) {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    must(EVP_DigestFinal_ex(stream->context, raw, &size) == 1);
    str_hex(out, raw, size);
}

void hash_stream_destroy(struct hash_stream *stream) {
    if (stream) {
        EVP_MD_CTX_free(stream->context);
        free(stream);
    }
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *out, const void *bytes, size_t size_bytes) {
    must(size_bytes <= INT32_MAX && EVP_EncodeBlock((unsigned char *)out, bytes, (int)size_bytes) >= 0);
}

bool base64_decode(const char *text, void *out, size_t out_size, size_t *ret_size) {
    unsigned char *to = out;
    size_t digits = strspn(text, base64_digits);
    size_t padding = strspn(text + digits, "=");
    size_t size = digits / 4 * 3 + (digits % 4 ? digits % 4 - 1 : 0);
    if (text[digits + padding] || (digits + padding) % 4 || padding > 2 || size > out_size) {
        return false;
    }
    uint32_t bits = 0;
    for (size_t i = 0; i < digits; i++) {
        bits = bits << 6 | (uint32_t)(strchr(base64_digits, text[i]) - base64_digits);
        if (i % 4 != 0) {
            *to++ = (unsigned char)(bits >> (6 - i % 4 * 2));
        }
    }
    uint32_t stray = padding == 1 ? 3 : padding == 2 ? 15 : 0;
    if (bits & stray) {
        return false;
    }
    *ret_size = size;
    return true;
}

void random_bytes(void *out, size_t size_bytes) {
    char *at = out;
    while (size_bytes > 0) {
        ssize_t got = getrandom(at, size_bytes, 0);
        if (got < 0) {
            must(errno == EINTR);
            continue;
        }
        at += got;
        size_bytes -= (size_t)got;
    }
}

void random_hex(char *out, size_t digits) {
    assert(digits % 2 == 0);
    while (digits > 0) {
        unsigned char raw[32];
        size_t count = digits / 2 < sizeof(raw) ? digits / 2 : sizeof(raw);
        random_bytes(raw, count);
        str_hex(out, raw, count);
        out += 2 * count;
        digits -= 2 * count;
    }
    *out = '\0';
}

uint64_t random_below(uint64_t bound) {
    assert(bound > 0);
    uint64_t skewed = (UINT64_MAX % bound + 1) % bound; /* so many values at the top would come too often */
    for (;;) {
        uint64_t value = 0;
        random_bytes(&value, sizeof(value));
        if (value <= UINT64_MAX - skewed) {
            return value % bound;
        }
    }
}

static struct {
    pthread_mutex_t lock;
    bool ready; /* false again in a forked child: it must not repeat its parent's ids */
    unsigned char process[5];
    uint32_t counter;
} ids = {.lock = PTHREAD_MUTEX_INITIALIZER};
static pthread_once_t ids_once = PTHREAD_ONCE_INIT;

static void ids_before_fork(void) {
    (void)pthread_mutex_lock(&ids.lock);
}

static void ids_in_parent(void) {
    (void)pthread_mutex_unlock(&ids.lock);
}

static void ids_in_child(void) {
    ids.ready = false;
    (void)pthread_mutex_unlock(&ids.lock);
}

static void ids_start(void) {
    must(pthread_atfork(ids_before_fork, ids_in_parent, ids_in_child) == 0);
}

void object_id_make(char out[OBJECT_ID_MAX]) {
    (void)pthread_once(&ids_once, ids_start);
    (void)pthread_mutex_lock(&ids.lock);
    if (!ids.ready) {
        random_bytes(ids.process, sizeof(ids.process));
        random_bytes(&ids.counter, sizeof(ids.counter));
        ids.ready = true;
    }
    uint32_t counter = ids.counter++;
    unsigned char raw[12];
    memcpy(raw + 4, ids.process, sizeof(ids.process));
    (void)pthread_mutex_unlock(&ids.lock);
    uint32_t seconds = (uint32_t)(clock_real_ms() / 1000);
    for (int i = 0; i < 4; i++) {
        raw[i] = (unsigned char)(seconds >> (24 - 8 * i));
    }
    for (int i = 0; i < 3; i++) {
        raw[9 + i] = (unsigned char)(counter >> (16 - 8 * i));
    }
    str_hex(out, raw, sizeof(raw));
}

bool object_id_valid(const char *text) {
    return text && str_is_hex(text, OBJECT_ID_MAX - 1);
}
