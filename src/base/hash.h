/* Digests (libcrypto), random bytes and ids. */
#pragma once

#include "base/macros.h"

enum hash_kind { HASH_MD5, HASH_SHA256 };
enum { HASH_HEX_MAX = 65 };

/* Lower-case hex of the digest of the bytes: 32 digits for MD5, 64 for SHA-256. */
void hash_hex(enum hash_kind kind, const void *bytes, size_t size_bytes, char out[HASH_HEX_MAX]);

struct hash_stream; /* for bytes that come in pieces */
struct hash_stream *hash_stream_create(enum hash_kind kind);
void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t size_bytes);
void hash_stream_end(struct hash_stream *stream, char out[HASH_HEX_MAX]); /* the stream can be destroyed only */
void hash_stream_destroy(struct hash_stream *stream);

void random_bytes(void *out, size_t size_bytes); /* getrandom; aborts when the kernel has none */
void random_hex(char *out, size_t digits);       /* even number of digits, plus NUL */
uint64_t random_below(uint64_t bound);           /* 0..bound-1, without bias */

enum { OBJECT_ID_MAX = 25 };
/* 24 hex digits as MongoDB's ObjectId: 4 bytes seconds, 5 random of this process, 3 counter.
 * Thread-safe, fork-aware. */
void object_id_make(char out[OBJECT_ID_MAX]);
bool object_id_valid(const char *text);
