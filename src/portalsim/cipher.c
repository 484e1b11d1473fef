/* RC4 encryption of PDF files: see cipher.h. */
#include "portalsim/cipher.h"

#include <string.h>

#include "base/hash.h"

static const unsigned char padding[32] = {
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08,
    0x2e, 0x2e, 0x00, 0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
};

static void rc4(const unsigned char *key, size_t key_bytes, unsigned char *bytes, size_t size_bytes) {
    unsigned char state[256];
    for (int i = 0; i < 256; i++) {
        state[i] = (unsigned char)i;
    }
    unsigned char j = 0;
    for (size_t i = 0; i < 256; i++) {
        j = (unsigned char)(j + state[i] + key[i % key_bytes]);
        unsigned char swap = state[i];
        state[i] = state[j];
        state[j] = swap;
    }
    unsigned char x = 0, y = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        x = (unsigned char)(x + 1);
        y = (unsigned char)(y + state[x]);
        unsigned char swap = state[x];
        state[x] = state[y];
        state[y] = swap;
        bytes[i] ^= state[(unsigned char)(state[x] + state[y])];
    }
}

static unsigned char nibble(char digit) {
    return (unsigned char)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void md5(const void *bytes, size_t size_bytes, unsigned char out[16]) {
    char hex[HASH_HEX_MAX];
    hash_hex(HASH_MD5, bytes, size_bytes, hex);
    for (size_t i = 0; i < 16; i++) {
        out[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    }
}

static void pad(const char *password, unsigned char out[32]) {
    size_t length = strlen(password);
    length = length > 32 ? 32 : length;
    memcpy(out, password, length);
    memcpy(out + length, padding, 32 - length);
}

void cipher_setup(const char *password, const unsigned char id[16], unsigned char ret_owner[32],
                  unsigned char ret_user[32], unsigned char ret_key[5]) {
    unsigned char padded[32], digest[16], input[32 + 32 + 4 + 16];
    pad(password, padded);
    md5(padded, sizeof padded, digest); /* algorithm 3 */
    memcpy(ret_owner, padded, 32);
    rc4(digest, 5, ret_owner, 32);
    memcpy(input, padded, 32); /* algorithm 2 */
    memcpy(input + 32, ret_owner, 32);
    uint32_t permissions = (uint32_t)CIPHER_PERMISSIONS;
    for (int i = 0; i < 4; i++) {
        input[64 + i] = (unsigned char)(permissions >> (8 * i));
    }
    memcpy(input + 68, id, 16);
    md5(input, sizeof input, digest);
    memcpy(ret_key, digest, 5);
    memcpy(ret_user, padding, 32); /* algorithm 4 */
    rc4(ret_key, 5, ret_user, 32);
}

void cipher_object(const unsigned char key[5], int object, void *bytes, size_t size_bytes) {
    unsigned char input[10] = {0}, digest[16]; /* algorithm 1: key, number (3 bytes), generation (2 bytes) */
    memcpy(input, key, 5);
    for (int i = 0; i < 3; i++) {
        input[5 + i] = (unsigned char)((unsigned int)object >> (8 * i));
    }
    md5(input, sizeof input, digest);
    rc4(digest, 10, bytes, size_bytes);
}
