/* Digests (libcrypto), base64, random bytes and ids. */
#pragma once

#include "base/macros.h"

enum hash_kind { HASH_MD5, HASH_SHA256 };
enum { HASH_HEX_MAX = 65, HASH_RAW_MAX = 32 };

/* Lower-case hex of the digest of the bytes: 32 digits for MD5, 64 for SHA-256. */
void hash_hex(enum hash_kind kind, const void *bytes, size_t size_bytes, char out[HASH_HEX_MAX]);

/* The digest's own bytes: 16 for MD5, 32 for SHA-256; how many is the answer. */
size_t hash_raw(enum hash_kind kind, const void *bytes, size_t size_bytes, unsigned char out[HASH_RAW_MAX]);
void hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size_bytes,
                 unsigned char out[HASH_RAW_MAX]);

struct hash_stream; /* for bytes that come in pieces */
struct hash_stream *hash_stream_create(enum hash_kind kind);
void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t size_bytes);
void hash_stream_end(struct hash_stream *stream, char out[HASH_HEX_MAX]); /* the stream can be destroyed only */
void hash_stream_destroy(struct hash_stream *stream);

/* RFC 4648, the alphabet with + and /, padded. Writes BASE64_SIZE(size) bytes with the NUL. */
#define BASE64_SIZE(size_bytes) (((size_bytes) + 2) / 3 * 4 + 1)
void base64_encode(char *out, const void *bytes, size_t size_bytes);
/* Strict: padding where it belongs, no blanks, no stray bits. False also when out has not the room. */
bool base64_decode(const char *text, void *out, size_t out_size, size_t *ret_size);

void random_bytes(void *out, size_t size_bytes); /* getrandom; aborts when the kernel has none */
void random_hex(char *out, size_t digits);       /* even number of digits, plus NUL */
uint64_t random_below(uint64_t bound);           /* 0..bound-1, without bias */

enum { OBJECT_ID_MAX = 25 };
/* 24 hex digits as MongoDB's ObjectId: 4 bytes seconds, 5 random of this process, 3 counter.
 * Thread-safe, fork-aware. */
void object_id_make(char out[OBJECT_ID_MAX]);
bool object_id_valid(const char *text);
