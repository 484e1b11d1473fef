#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "support/test.h"

/* RFC 1321 A.5 and FIPS 180-2 B.1 */
static void known_digests(void **state) {
    (void)state;
    char hex[HASH_HEX_MAX];
    hash_hex(HASH_MD5, NULL, 0, hex);
    assert_string_equal(hex, "d41d8cd98f00b204e9800998ecf8427e");
    hash_hex(HASH_MD5, "abc", 3, hex);
    assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
    hash_hex(HASH_SHA256, "abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_hex(HASH_SHA256, "", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void stream_equals_whole(void **state) {
    (void)state;
    for (int kind = HASH_MD5; kind <= HASH_SHA256; kind++) {
        struct hash_stream *stream = hash_stream_create((enum hash_kind)kind);
        hash_stream_add(stream, "fil", 3);
        hash_stream_add(stream, NULL, 0);
        hash_stream_add(stream, "esure", 5);
        char pieces[HASH_HEX_MAX];
        char whole[HASH_HEX_MAX];
        hash_stream_end(stream, pieces);
        hash_stream_destroy(stream);
        hash_hex((enum hash_kind)kind, "filesure", 8, whole);
        assert_string_equal(pieces, whole);
    }
    hash_stream_destroy(NULL);
}

static void random_hex_has_its_length(void **state) {
    (void)state;
    char one[133];
    char two[133];
    for (size_t digits = 0; digits <= 132; digits += 2) {
        random_hex(one, digits);
        assert_int_equal(strlen(one), digits);
        assert_true(str_is_hex(one, digits));
    }
    random_hex(two, 132);
    assert_string_not_equal(one, two);
}

static void random_below_covers_its_range(void **state) {
    (void)state;
    int seen[3] = {0};
    for (int i = 0; i < 3000; i++) {
        uint64_t value = random_below(3);
        assert_true(value < 3);
        seen[value]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(seen[i], 700, 1300); /* ±300 is 11 standard deviations */
    assert_int_equal(random_below(1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(random_below((UINT64_MAX >> 1) + 2) <= (UINT64_MAX >> 1) + 1);
}

static void object_ids_are_well_formed(void **state) {
    (void)state;
    char id[OBJECT_ID_MAX];
    int64_t before = clock_real_ms() / 1000;
    object_id_make(id);
    int64_t after = clock_real_ms() / 1000;
    assert_true(object_id_valid(id));
    char seconds[9];
    (void)str_copy(seconds, sizeof(seconds), id);
    int64_t made = strtoll(seconds, NULL, 16);
    assert_true(made >= before && made <= after);
    assert_false(object_id_valid(NULL));
    assert_false(object_id_valid(""));
    assert_false(object_id_valid("65a1b2c3d4e5f6a7b8c9d0e"));
    assert_false(object_id_valid("65a1b2c3d4e5f6a7b8c9d0e11"));
    assert_false(object_id_valid("65a1b2c3d4e5f6a7b8c9d0eF"));
}

enum { THREADS = 4, IDS = 5000 };
static char ids[THREADS * IDS][OBJECT_ID_MAX];

static void *make_ids(void *first) {
    char(*out)[OBJECT_ID_MAX] = first;
    for (int i = 0; i < IDS; i++)
        object_id_make(out[i]);
    return NULL;
}

static int by_text(const void *a, const void *b) {
    return memcmp(a, b, OBJECT_ID_MAX);
}

static void object_ids_of_threads_differ(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids[i * IDS]), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    qsort(ids, COUNT_OF(ids), sizeof(ids[0]), by_text);
    for (size_t i = 1; i < COUNT_OF(ids); i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

static void object_ids_after_a_fork_differ(void **state) {
    (void)state;
    char first[OBJECT_ID_MAX];
    char ours[OBJECT_ID_MAX];
    char theirs[OBJECT_ID_MAX] = "";
    object_id_make(first);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        object_id_make(theirs);
        _exit(write(ends[1], theirs, sizeof(theirs)) == sizeof(theirs) ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
    close(ends[1]);
    object_id_make(ours);
    assert_memory_equal(first + 8, ours + 8, 10); /* same process, same middle */
    assert_memory_not_equal(first + 8, theirs + 8, 10);
}

/* RFC 4231: cases 1, 2, 6 (a key longer than a block) */
static void known_hmacs(void **state) {
    (void)state;
    unsigned char raw[HASH_RAW_MAX];
    char hex[HASH_HEX_MAX];
    unsigned char key[131];
    memset(key, 0x0b, 20);
    hmac_sha256(key, 20, "Hi There", 8, raw);
    str_hex(hex, raw, sizeof(raw));
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, raw);
    str_hex(hex, raw, sizeof(raw));
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, raw);
    str_hex(hex, raw, sizeof(raw));
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void raw_digests(void **state) {
    (void)state;
    unsigned char raw[HASH_RAW_MAX];
    char hex[HASH_HEX_MAX];
    assert_int_equal(hash_raw(HASH_MD5, "abc", 3, raw), 16);
    str_hex(hex, raw, 16);
    assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
    assert_int_equal(hash_raw(HASH_SHA256, NULL, 0, raw), 32);
}

/* RFC 4648, section 10 */
static void base64_both_ways(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        char text[BASE64_SIZE(6)];
        char bytes[6];
        size_t size = 99;
        base64_encode(text, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(text, pairs[i][1]);
        assert_true(base64_decode(text, bytes, strlen(pairs[i][0]), &size));
        assert_int_equal(size, strlen(pairs[i][0]));
        assert_memory_equal(bytes, pairs[i][0], size);
    }
    static const char *const bad[] = {"Z",        "Zg",    "Zg=",        "Zg===",    "Z===",       "=",
                                      "====",     "Zh==",  "Zm9=",       "Zm 9",     "Zm9v\nZg==", "Zm-v",
                                      "Zg==Zg==", "Zm9v=", "Zm9vYmFy==", "Zm9v\xc3", "=Zg="};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char bytes[16];
        size_t size = 0;
        if (base64_decode(bad[i], bytes, sizeof(bytes), &size)) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    char small[5];
    size_t size = 0;
    assert_false(base64_decode("Zm9vYmFy", small, sizeof(small), &size));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hmacs),
        cmocka_unit_test(raw_digests),
        cmocka_unit_test(base64_both_ways),
        cmocka_unit_test(known_digests),
        cmocka_unit_test(stream_equals_whole),
        cmocka_unit_test(random_hex_has_its_length),
        cmocka_unit_test(random_below_covers_its_range),
        cmocka_unit_test(object_ids_are_well_formed),
        cmocka_unit_test(object_ids_of_threads_differ),
        cmocka_unit_test(object_ids_after_a_fork_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
