/* What every blob store must do: the same cases against each implementation in the fixture table. */
#include "support/test.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/hash.h"
#include "base/str.h"
#include "blobs/blobs.h"
#include "support/blobs_fixture.h"

#define JOB_A "65a000000000000000000001"
#define JOB_B "65a000000000000000000002"

static void damage_file(struct fixture *fixture, const char *name, const char *bytes) {
    char path[PATH_MAX];
    struct error err = {0};
    blob_path(fixture, name, path);
    assert_int_equal(file_replace(path, bytes, strlen(bytes), 0600, &err), OK);
}

static struct fixture fixtures[] = {
    {.name = "dir", .damage = damage_file},
};

static int open_store(void **state) {
    blobs_fixture_open(*state);
    return 0;
}

static int close_store(void **state) {
    blobs_fixture_close(*state);
    return 0;
}

static void stores_and_reads_back(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    char part[8] = "";
    struct error err = {0};
    size_t got = 0;
    int64_t size = 0;
    name_of(JOB_A, 1, BLOB_TEXT, "hello, world", name);
    assert_absent(fixture, name);
    assert_true(put(fixture, name, "hello, world"));
    assert_bytes(fixture, name, "hello, world");
    assert_int_equal(blobs_size(fixture->blobs, name, &size, &err), OK);
    assert_int_equal(size, 12);
    assert_int_equal(blobs_read(fixture->blobs, name, 7, part, 3, &got, &err), OK);
    assert_int_equal(got, 3);
    assert_memory_equal(part, "wor", 3);
    assert_int_equal(blobs_read(fixture->blobs, name, 10, part, sizeof(part), &got, &err), OK);
    assert_int_equal(got, 2);
    assert_int_equal(blobs_read(fixture->blobs, name, 12, part, sizeof(part), &got, &err), OK);
    assert_int_equal(got, 0);
    assert_int_equal(blobs_read(fixture->blobs, name, -1, part, sizeof(part), &got, &err), INVALID);
    AUTO_BUF struct buf small = BUF_INIT(11);
    assert_int_equal(blobs_get(fixture->blobs, name, &small, &err), INVALID);
    assert_string_equal(err.code, "too_large");
}

static void stores_an_empty_blob(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    name_of(JOB_A, 2, BLOB_TEXT, "", name);
    assert_true(put(fixture, name, ""));
    assert_false(put(fixture, name, ""));
    assert_bytes(fixture, name, "");
}

static void never_replaces_what_is_right(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    char path[PATH_MAX];
    struct stat before = {0};
    struct stat after = {0};
    name_of(JOB_A, 1, BLOB_ORIGINAL, "%PDF-1.4 one", name);
    assert_true(put(fixture, name, "%PDF-1.4 one"));
    blob_path(fixture, name, path);
    assert_int_equal(stat(path, &before), 0);
    assert_false(put(fixture, name, "%PDF-1.4 one"));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(after.st_nlink, 1);
}

static void replaces_what_is_damaged(void **state) {
    struct fixture *fixture = *state;
    static const char *const damaged[] = {"", "one", "one two threE", "one two three and more"};
    char name[BLOB_NAME_MAX];
    name_of(JOB_A, 3, BLOB_FIELDS, "one two three", name);
    assert_true(put(fixture, name, "one two three"));
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        fixture->damage(fixture, name, damaged[i]);
        assert_bytes(fixture, name, damaged[i]);
        assert_true(put(fixture, name, "one two three"));
        assert_bytes(fixture, name, "one two three");
    }
}

static void removes(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    name_of(JOB_B, 1, BLOB_TEXT, "gone soon", name);
    assert_true(put(fixture, name, "gone soon"));
    assert_int_equal(blobs_remove(fixture->blobs, name, &err), OK);
    assert_absent(fixture, name);
    assert_int_equal(blobs_remove(fixture->blobs, name, &err), OK);
    assert_true(put(fixture, name, "gone soon")); /* the job's folder was removed too: made again */
    assert_bytes(fixture, name, "gone soon");
}

/* More than a page of them, another job's between, and again when nothing is left. */
static void removes_a_jobs_blobs(void **state) {
    struct fixture *fixture = *state;
    enum { MANY = 502 };
    char name[BLOB_NAME_MAX], other[BLOB_NAME_MAX];
    struct error err = {0};
    int64_t removed = -1;
    name_of(JOB_B, 1, BLOB_TEXT, "stays", other);
    assert_true(put(fixture, other, "stays"));
    for (int i = 1; i <= MANY; i++) {
        name_of(JOB_A, i, BLOB_TEXT, "goes", name);
        assert_true(put(fixture, name, "goes"));
    }
    bool any = false;
    assert_int_equal(blobs_any_under(fixture->blobs, "jobs/" JOB_A "/", &any, &err), OK);
    assert_true(any);
    assert_int_equal(blobs_remove_under(fixture->blobs, "jobs/" JOB_A "/document_7.", &removed, &err), OK);
    assert_int_equal(removed, 1);
    assert_int_equal(blobs_remove_under(fixture->blobs, "jobs/" JOB_A "/", &removed, &err), OK);
    assert_int_equal(removed, MANY - 1);
    assert_absent(fixture, name);
    assert_int_equal(blobs_any_under(fixture->blobs, "jobs/" JOB_A "/", &any, &err), OK);
    assert_false(any);
    assert_int_equal(blobs_sync(fixture->blobs, &err), OK);
    assert_int_equal(blobs_remove_under(fixture->blobs, "jobs/" JOB_A "/", NULL, &err), OK);
    assert_bytes(fixture, other, "stays");
}

static void removes_nothing_but_one_jobs(void **state) {
    struct fixture *fixture = *state;
    char name[BLOB_NAME_MAX];
    name_of(JOB_A, 1, BLOB_TEXT, "stays", name);
    assert_true(put(fixture, name, "stays"));
    static const char *const bad[] = {"", "jobs/", "jobs/" JOB_A, "jobs/65a00000000000000000000x/", "jobz/" JOB_A "/",
                                      "/"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {0};
        assert_int_equal(blobs_remove_under(fixture->blobs, bad[i], NULL, &err), INVALID);
        assert_string_equal(err.code, "bad_prefix");
    }
    assert_bytes(fixture, name, "stays");
}

static void lists_in_order(void **state) {
    struct fixture *fixture = *state;
    char names[6][BLOB_NAME_MAX];
    char sha256[HASH_HEX_MAX];
    struct error err = {0};
    name_of(JOB_A, 1, BLOB_ORIGINAL, "a", names[0]);
    name_of(JOB_A, 10, BLOB_TEXT, "b", names[1]);
    name_of(JOB_A, 2, BLOB_TEXT, "c", names[2]);
    hash_hex(HASH_SHA256, "m", 1, sha256);
    blob_name_manifest(JOB_A, sha256, names[3]);
    name_of(JOB_B, 1, BLOB_FIELDS, "d", names[4]);
    name_of(JOB_B, 1, BLOB_TEXT, "e", names[5]);
    static const char *const bytes[] = {"a", "b", "c", "m", "d", "e"};
    for (size_t i = COUNT_OF(bytes); i-- > 0;) {
        assert_true(put(fixture, names[i], bytes[i]));
    }
    for (int limit = 1; limit <= 7; limit++) { /* the whole by pages of any size */
        char after[BLOB_NAME_MAX] = "";
        int seen = 0;
        for (;;) {
            CLEANUP(blob_names_finish) struct blob_names page = {0};
            assert_int_equal(blobs_list(fixture->blobs, "jobs/", after, limit, &page, &err), OK);
            assert_true(page.count <= limit);
            for (int i = 0; i < page.count; i++) {
                assert_string_equal(page.items[i], names[seen++]);
                (void)str_copy(after, sizeof(after), page.items[i]);
            }
            if (page.count < limit) {
                break;
            }
        }
        assert_int_equal(seen, 6);
    }
    static const struct {
        const char *prefix;
        int count;
    } prefixes[] = {{"", 6},
                    {"jobs/" JOB_A "/", 4},
                    {"jobs/" JOB_B "/document_1.", 2},
                    {"jobs/" JOB_A "/manifest.", 1},
                    {"jobs/65a000000000000000000003/", 0},
                    {"jobs/65a0", 6},
                    {"../", 0},
                    {"jobs/../../../../../../etc/../etc/", 0}};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        CLEANUP(blob_names_finish) struct blob_names page = {0};
        assert_int_equal(blobs_list(fixture->blobs, prefixes[i].prefix, NULL, 100, &page, &err), OK);
        assert_int_equal(page.count, prefixes[i].count);
    }
}

static void refuses_other_names(void **state) {
    struct fixture *fixture = *state;
    static const char *const bad[] = {
        "",
        "/etc/passwd",
        "jobs",
        "../documents/x",
        "jobs/" JOB_A,
        "jobs/" JOB_A "/../" JOB_B "/manifest.0123456789abcdef.json",
        "jobs/../document_1.0123456789abcdef.txt",
        "jobs/" JOB_A "/document_1.0123456789abcdef.exe",
        "jobs/" JOB_A "/document_0.0123456789abcdef.txt",
        "jobs/" JOB_A "/document_1.0123456789ABCDEF.txt",
        "jobs/" JOB_A "/.tmp-0123456789abcdef",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_BUF struct buf got = BUF_INIT(100);
        struct error err = {0};
        char url[BLOB_URL_MAX];
        char byte = 0;
        size_t read = 0;
        int64_t size = 0;
        assert_int_equal(blobs_get(fixture->blobs, bad[i], &got, &err), INVALID);
        assert_string_equal(err.code, "bad_blob_name");
        assert_int_equal(blobs_size(fixture->blobs, bad[i], &size, &err), INVALID);
        assert_int_equal(blobs_read(fixture->blobs, bad[i], 0, &byte, 1, &read, &err), INVALID);
        assert_int_equal(blobs_remove(fixture->blobs, bad[i], &err), INVALID);
        assert_int_equal(blobs_url(fixture->blobs, bad[i], url, &err), INVALID);
    }
}

struct putter {
    struct fixture *fixture;
    const char *name;
    enum outcome outcome;
    int created;
    pthread_barrier_t *start;
};

static void *put_same(void *context) {
    struct putter *putter = context;
    struct error err = {0};
    bool created = false;
    (void)pthread_barrier_wait(putter->start);
    putter->outcome = blobs_put(putter->fixture->blobs, putter->name, "raced for", 9, &created, &err);
    putter->created = created;
    return NULL;
}

static void one_of_many_creates(void **state) {
    struct fixture *fixture = *state;
    enum { THREADS = 8 };
    char name[BLOB_NAME_MAX];
    name_of(JOB_A, 7, BLOB_TEXT, "raced for", name);
    for (int round = 0; round < 10; round++) {
        pthread_barrier_t start;
        pthread_t threads[THREADS];
        struct putter putters[THREADS];
        int created = 0;
        assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
        for (int i = 0; i < THREADS; i++) {
            putters[i] = (struct putter){.fixture = fixture, .name = name, .start = &start};
            assert_int_equal(pthread_create(&threads[i], NULL, put_same, &putters[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(putters[i].outcome, OK);
            created += putters[i].created;
        }
        assert_int_equal(created, 1);
        assert_bytes(fixture, name, "raced for");
        struct error err = {0};
        assert_int_equal(blobs_remove(fixture->blobs, name, &err), OK);
        (void)pthread_barrier_destroy(&start);
    }
}

static void opens_only_what_may_be(void **state) {
    struct fixture *fixture = *state;
    static const char *const bad[] = {
        "",    "ab",   "Documents", "a_b", "-ab",
        "ab-", "a--b", "../../etc", "a/b", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij1234"};
    struct blobs *blobs = NULL;
    struct error err = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct blobs_config config = fixture->config;
        config.container = bad[i];
        assert_int_equal(blobs_open(&config, &blobs, &err), INVALID);
        assert_string_equal(err.code, "bad_container");
    }
    struct blobs_config config = fixture->config;
    config.container = "elsewhere";
    config.create = false;
    assert_int_equal(blobs_open(&config, &blobs, &err), GONE);
    assert_string_equal(err.code, "no_container");
    config.create = true;
    assert_int_equal(blobs_open(&config, &blobs, &err), OK);
    blobs_close(blobs);
    config.create = false;
    assert_int_equal(blobs_open(&config, &blobs, &err), OK);
    blobs_close(blobs);
    blobs_close(NULL);
}

#define CASE(function)                                                                                                 \
    { #function, function, open_store, close_store, NULL }

int main(void) {
    int failed = 0;
    for (size_t i = 0; i < COUNT_OF(fixtures); i++) {
        struct CMUnitTest cases[] = {
            CASE(stores_and_reads_back),
            CASE(stores_an_empty_blob),
            CASE(never_replaces_what_is_right),
            CASE(replaces_what_is_damaged),
            CASE(removes),
            CASE(removes_a_jobs_blobs),
            CASE(removes_nothing_but_one_jobs),
            CASE(lists_in_order),
            CASE(refuses_other_names),
            CASE(one_of_many_creates),
            CASE(opens_only_what_may_be),
        };
        for (size_t k = 0; k < COUNT_OF(cases); k++) {
            cases[k].initial_state = &fixtures[i];
        }
        failed += _cmocka_run_group_tests(fixtures[i].name, cases, COUNT_OF(cases), NULL, NULL);
    }
    return failed;
}
