/* zlib streams of runs: see deflate.h. A run is one dynamic block (RFC 1951, 3.2.7) with three symbols: the byte (2
 * bits), the end (2 bits) and "copy 258 bytes from one back" (1 bit, and 1 bit for the distance): 1032 bytes in each
 * byte. */
#include "portalsim/deflate.h"

#include <assert.h>
#include <string.h>

enum { COPY = 258, STORED_MAX = 65535, ADLER_BASE = 65521 };

struct bits {
    struct buf *out;
    unsigned int pending;
    int count;
};

static void put(struct bits *bits, unsigned int value, int count) { /* least significant bit first */
    for (int i = 0; i < count; i++) {
        bits->pending |= (value >> i & 1u) << bits->count;
        if (++bits->count == 8) {
            buf_append_char(bits->out, (char)bits->pending);
            bits->pending = 0;
            bits->count = 0;
        }
    }
}

static void put_code(struct bits *bits, unsigned int code, int count) { /* Huffman codes: most significant first */
    for (int i = count - 1; i >= 0; i--) {
        put(bits, code >> i & 1u, 1);
    }
}

static void align(struct bits *bits) {
    while (bits->count) {
        put(bits, 0, 1);
    }
}

/* Code lengths are themselves coded: 0 -> 00, 1 -> 01, 2 -> 10, 18 (a run of 11..138 zeros) -> 11. */
static void put_zero_lengths(struct bits *bits, int count) {
    while (count > 0) {
        int run = count > 138 ? 138 : count;
        if (run >= 11) {
            put_code(bits, 3, 2);
            put(bits, (unsigned int)run - 11, 7);
        } else {
            run = 1;
            put_code(bits, 0, 2);
        }
        count -= run;
    }
}

static void put_run_block(struct bits *bits, unsigned char byte, int64_t repeats, bool last) {
    put(bits, last ? 1 : 0, 1);
    put(bits, 2, 2);         /* dynamic */
    put(bits, 286 - 257, 5); /* literal and length codes */
    put(bits, 1 - 1, 5);     /* distance codes */
    put(bits, 18 - 4, 4);    /* code length codes, in the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 */
    static const unsigned char lengths[18] = {0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        put(bits, lengths[i], 3);
    }
    put_zero_lengths(bits, byte);
    put_code(bits, 2, 2);
    put_zero_lengths(bits, 255 - byte);
    put_code(bits, 2, 2); /* 256: the end */
    put_zero_lengths(bits, 284 - 256);
    put_code(bits, 1, 2); /* 285: copy 258 */
    put_code(bits, 1, 2); /* distance 1 */
    put_code(bits, 2, 2); /* the byte itself */
    int64_t left = repeats;
    for (; left > 0 && bits->count; left--) {
        put(bits, 0, 2);
    }
    char zeros[4096] = {0};
    while (left >= 4) {
        size_t whole = left / 4 < (int64_t)sizeof zeros ? (size_t)(left / 4) : sizeof zeros;
        buf_append(bits->out, zeros, whole);
        left -= (int64_t)whole * 4;
    }
    for (; left > 0; left--) {
        put(bits, 0, 2);
    }
    put_code(bits, 3, 2);
}

static void put_stored(struct bits *bits, const unsigned char *bytes, size_t size_bytes, bool last) {
    do {
        size_t part = size_bytes > STORED_MAX ? STORED_MAX : size_bytes;
        put(bits, last && part == size_bytes ? 1 : 0, 3);
        align(bits);
        put(bits, (unsigned int)part, 16);
        put(bits, ~(unsigned int)part, 16);
        buf_append(bits->out, bytes, part);
        bytes += part;
        size_bytes -= part;
    } while (size_bytes);
}

static void put_adler(struct bits *bits, uint64_t a, uint64_t b) {
    align(bits);
    const unsigned char sum[4] = {(unsigned char)(b >> 8), (unsigned char)b, (unsigned char)(a >> 8), (unsigned char)a};
    buf_append(bits->out, sum, sizeof sum);
}

void deflate_run(struct buf *out, unsigned char byte, int64_t repeats) {
    struct bits bits = {.out = out};
    buf_append(out, "\x78\x01", 2);
    put_run_block(&bits, byte, repeats, true);
    uint64_t n = (uint64_t)repeats * COPY + 1;
    assert(n < (uint64_t)1 << 32);
    uint64_t half =
        (n % 2 ? (n + 1) / 2 % ADLER_BASE * (n % ADLER_BASE) : n / 2 % ADLER_BASE * ((n + 1) % ADLER_BASE)) %
        ADLER_BASE;
    put_adler(&bits, (1 + n % ADLER_BASE * byte) % ADLER_BASE, (n + half * byte) % ADLER_BASE);
}

void deflate_zeros(struct buf *out, const unsigned char *bytes, size_t size_bytes) {
    size_t from = 0, length = 0, at = 0;
    while (at < size_bytes) { /* the longest run */
        size_t begin = at;
        while (at < size_bytes && bytes[at] == 0) {
            at++;
        }
        if (at - begin > length) {
            from = begin;
            length = at - begin;
        }
        at += at == begin ? 1 : 0;
    }
    struct bits bits = {.out = out};
    buf_append(out, "\x78\x01", 2);
    put_stored(&bits, bytes, from, false);
    if (length) {
        put_run_block(&bits, 0, (int64_t)(length - 1) / COPY, false);
        from += (length - 1) / COPY * COPY + 1;
    }
    put_stored(&bits, bytes + from, size_bytes - from, true);
    uint64_t a = 1, b = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        a = (a + bytes[i]) % ADLER_BASE;
        b = (b + a) % ADLER_BASE;
    }
    put_adler(&bits, a, b);
}
