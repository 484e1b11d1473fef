/* Reading, listing and removing blobs of Azure. */
#include "blobs/blobs_azure.h"
#include "unit/azure_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define BYTES "0123456789"

static void put_ten(struct azure_test *test, char name[BLOB_NAME_MAX]) {
    assert_true(test_put(test, BYTES, OK, NULL));
    test_name(BYTES, 10, name);
    fake_azure_forget(test->fake);
}

static void the_whole(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    AUTO_BUF struct buf got = BUF_INIT(12);
    put_ten(test, name);
    assert_true(buf_append_str(&got, "> "));
    expect(test->backend->get(test->self, name, &got, &err), &err, OK, NULL);
    assert_string_equal(buf_str(&got), "> " BYTES);
    assert_string_equal(fake_azure_seen(test->fake, 0)->range, "");
    AUTO_BUF struct buf small = BUF_INIT(11);
    assert_true(buf_append_str(&small, "> "));
    expect(test->backend->get(test->self, name, &small, &err), &err, INVALID, "too_large");
    assert_string_equal(buf_str(&small), "> "); /* nothing of it */
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
    SCRIPT({.status = 403, .code = "AuthorizationFailure", .body = "<Error><Code>x</Code></Error>"});
    expect(test->backend->get(test->self, name, &got, &err), &err, DENIED, "blobs_denied");
    assert_string_equal(buf_str(&got), "> " BYTES); /* an error's body is no blob's */
}

static void the_size(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    int64_t size = -1;
    put_ten(test, name);
    expect(test->backend->size(test->self, name, &size, &err), &err, OK, NULL);
    assert_int_equal(size, 10);
    assert_string_equal(fake_azure_seen(test->fake, 0)->method, "HEAD");
    assert_string_equal(test->operation, "size");
    SCRIPT({.status = 200, .no_length = true});
    expect(test->backend->size(test->self, name, &size, &err), &err, RETRY, "blobs_answer");
    assert_int_equal(size, 10);
}

static void what_is_not_there(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    AUTO_BUF struct buf got = BUF_INIT(100);
    char byte = 0;
    size_t read = 0;
    int64_t size = -1;
    test_name("nothing", 7, name);
    expect(test->backend->get(test->self, name, &got, &err), &err, GONE, "no_blob");
    expect(test->backend->size(test->self, name, &size, &err), &err, GONE, "no_blob");
    expect(test->backend->read(test->self, name, 0, &byte, 1, &read, &err), &err, GONE, "no_blob");
    expect(test->backend->read(test->self, name, 0, &byte, 0, &read, &err), &err, GONE, "no_blob");
    expect(test->backend->remove(test->self, name, &err), &err, OK, NULL);
    fake_azure_set_container(test->fake, false);
    expect(test->backend->get(test->self, name, &got, &err), &err, GONE, "no_container");
    expect(test->backend->size(test->self, name, &size, &err), &err, GONE, "no_container");
    expect(test->backend->remove(test->self, name, &err), &err, OK, NULL);
    SCRIPT({.status = 409, .code = "ContainerBeingDeleted"});
    expect(test->backend->get(test->self, name, &got, &err), &err, GONE, "no_container");
    assert_int_equal(test->sleep_count, 0);
    assert_int_equal(size, -1);
}

static void parts(void **state) {
    struct azure_test *test = *state;
    static const struct {
        int64_t offset;
        size_t size;
        const char *wanted;
        const char *range;
    } parts[] = {
        {0, 4, "0123", "bytes=0-3"},
        {4, 3, "456", "bytes=4-6"},
        {7, 3, "789", "bytes=7-9"},
        {7, 8, "789", "bytes=7-14"},
        {0, 99, BYTES, "bytes=0-98"},
        {10, 5, "", "bytes=10-14"},
        {INT64_MAX - 1, 5, "", "bytes=9223372036854775802-9223372036854775806"},
    };
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    put_ten(test, name);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        char out[100] = "";
        size_t read = 99;
        fake_azure_forget(test->fake);
        expect(test->backend->read(test->self, name, parts[i].offset, out, parts[i].size, &read, &err), &err, OK, NULL);
        assert_int_equal(read, strlen(parts[i].wanted));
        assert_memory_equal(out, parts[i].wanted, read);
        assert_string_equal(fake_azure_seen(test->fake, 0)->range, parts[i].range);
    }
}

#define PART(text, range)                                                                                              \
    { .status = 206, .body = text, .headers = "Content-Range: " range "\r\n" }

/* A part that is not the one that was asked for is no part. */
static void other_parts_are_refused(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    put_ten(test, name);
    static const struct fake_step wrong[] = {
        PART("0123", "bytes 0-3/10"),    PART("234", "bytes 2-4/10"), PART("2345", "bytes 1-4/10"),
        PART("2345", "2-5/10"),          PART("2345", "bytes 2-5/*"), PART("2345", "bytes */10"),
        PART("23", "bytes 2-3/x"),       PART("2345", "bytes 2-5/1"), {.status = 206, .body = "2345"},
        {.status = 200, .body = "2345"},
    };
    fake_azure_script(test->fake, wrong, COUNT_OF(wrong));
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char out[4];
        size_t read = 99;
        expect(test->backend->read(test->self, name, 2, out, 4, &read, &err), &err, RETRY, "blobs_answer");
        assert_int_equal(read, 99);
    }
    static const struct fake_step longer = PART("2345 and much more", "bytes 2-9/10");
    char out[5] = "....";
    size_t read = 0;
    fake_azure_script(test->fake, &longer, 1);
    expect(test->backend->read(test->self, name, 2, out, 4, &read, &err), &err, OK, NULL); /* never past `out` */
    assert_string_equal(out, "2345");
}

static void a_part_cut_in_the_middle(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    char out[11] = "";
    size_t read = 0;
    struct error err = {0};
    put_ten(test, name);
    SCRIPT({.cut = true});
    expect(test->backend->read(test->self, name, 0, out, 10, &read, &err), &err, OK, NULL);
    assert_int_equal(read, 10);
    assert_string_equal(out, BYTES);
    assert_int_equal(test->tries, 2);
}

/* Most memory since the last forget_memory. */
static long most_memory_kib(void) {
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        if (str_starts_with(line, "VmHWM:")) {
            kib = strtol(line + strlen("VmHWM:"), NULL, 10);
        }
    }
    (void)fclose(file);
    return kib;
}

static void forget_memory(void) {
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "5", 1), 1);
    (void)close(fd);
}

/* Reading a blob of 12 MiB by 64 KiB takes nothing like 12 MiB. The service, in this process too, has it once. */
static void streaming_holds_a_piece(void **state) {
    struct azure_test *test = *state;
    enum { SIZE = 12 * 1024 * 1024, PIECE = 64 * 1024 };
    char *bytes = x_alloc(SIZE + 1);
    char *piece = x_alloc(PIECE);
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    int64_t total = 0;
    memset(bytes, 'x', SIZE);
    test_name(bytes, SIZE, name);
    fake_azure_set_blob(test->fake, name, bytes, NULL);
    free(bytes);
    forget_memory();
    long before_kib = most_memory_kib();
    for (size_t read = PIECE; read == PIECE; total += (int64_t)read) {
        fake_azure_forget(test->fake);
        expect(test->backend->read(test->self, name, total, piece, PIECE, &read, &err), &err, OK, NULL);
    }
    assert_int_equal(total, SIZE);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which keep what was freed */
    assert_true(most_memory_kib() - before_kib < 3 * 1024);
#else
    (void)before_kib;
#endif
    free(piece);
}

static void removes(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    struct error err = {0};
    put_ten(test, name);
    SCRIPT({.status = 503}, {.lost = true}, {0});
    expect(test->backend->remove(test->self, name, &err), &err, OK, NULL); /* gone by a try whose reply was lost */
    assert_null(fake_azure_blob(test->fake, name, NULL));
    assert_string_equal(fake_azure_seen(test->fake, 0)->method, "DELETE");
    static const struct fake_step denied[] = {{.status = 403, .code = "AuthorizationPermissionMismatch"}};
    fake_azure_script(test->fake, denied, 1);
    expect(test->backend->remove(test->self, name, &err), &err, DENIED, "blobs_denied");
}

static void urls(void **state) {
    struct azure_test *test = *state;
    char name[BLOB_NAME_MAX];
    char url[BLOB_URL_MAX];
    char wanted[BLOB_URL_MAX];
    struct error err = {0};
    test_name(BYTES, 10, name);
    expect(test->backend->url(test->self, name, url, &err), &err, OK, NULL);
    (void)str_format(wanted, sizeof(wanted), "%s/documents/%s", fake_azure_url(test->fake), name);
    assert_string_equal(url, wanted);
    azure_test_close(test);
    (void)str_format(test->conn, sizeof(test->conn), "BlobEndpoint=%s;SharedAccessSignature=?%s",
                     fake_azure_url(test->fake), TEST_SAS);
    azure_test_open(test);
    expect(test->backend->url(test->self, name, url, &err), &err, OK, NULL);
    assert_string_equal(url, wanted); /* without the signature */
}

/* ---- listing ---- */

static void put_many(struct azure_test *test, int count, char names[][BLOB_NAME_MAX]) {
    for (int i = 0; i < count; i++) {
        char sha256[HASH_HEX_MAX];
        hash_hex(HASH_SHA256, "x", 1, sha256);
        blob_name_document(JOB, i + 1, BLOB_TEXT, sha256, names[i]);
        fake_azure_set_blob(test->fake, names[i], "x", NULL);
    }
}

static void expect_page(struct azure_test *test, const char *prefix, const char *after, int limit,
                        char wanted[][BLOB_NAME_MAX], int count) {
    CLEANUP(blob_names_finish) struct blob_names page = {0};
    struct error err = {0};
    expect(test->backend->list(test->self, prefix, after, limit, &page, &err), &err, OK, NULL);
    assert_int_equal(page.count, count);
    for (int i = 0; i < count; i++) {
        assert_string_equal(page.items[i], wanted[i]);
    }
}

static void pages_follow_markers(void **state) {
    struct azure_test *test = *state;
    char names[9][BLOB_NAME_MAX];
    put_many(test, 9, names);
    fake_azure_set_blob(test->fake, "jobs/notes.txt", "somebody's", NULL);
    fake_azure_set_blob(test->fake, "aside", "somebody's", NULL);
    expect_page(test, "jobs/", "", 100, names, 9);
    assert_int_equal(fake_azure_seen_count(test->fake), 1);
    assert_non_null(strstr(fake_azure_seen(test->fake, 0)->target, "prefix=jobs%2F"));
    fake_azure_forget(test->fake);
    expect_page(test, "", "", 4, names, 4); /* "aside" does not count */
    assert_int_equal(fake_azure_seen_count(test->fake), 2);
    fake_azure_forget(test->fake);
    expect_page(test, "", names[3], 4, names + 4, 4);
    assert_int_equal(fake_azure_seen_count(test->fake), 1); /* goes on where the page before ended */
    assert_non_null(strstr(fake_azure_seen(test->fake, 0)->target, "marker="));
    fake_azure_forget(test->fake);
    expect_page(test, "", names[7], 4, names + 8, 1);
    expect_page(test, "", names[8], 4, names, 0);
    expect_page(test, "", names[3], 2, names + 4, 2); /* from the start, when the marker is not known */
    assert_null(strstr(fake_azure_seen(test->fake, fake_azure_seen_count(test->fake) - 1)->target, "marker="));
    expect_page(test, "", "", 0, names, 0);
}

static void a_marker_is_used_for_its_listing_alone(void **state) {
    struct azure_test *test = *state;
    char names[6][BLOB_NAME_MAX];
    put_many(test, 6, names);
    expect_page(test, "jobs/", "", 2, names, 2);
    expect_page(test, "", names[1], 2, names + 2, 2); /* another prefix */
    assert_null(strstr(fake_azure_seen(test->fake, 1)->target, "marker="));
    expect_page(test, "jobs/", "", 2, names, 2);
    expect_page(test, "jobs/", names[0], 2, names + 1, 2); /* another name */
    expect_page(test, "jobs/", "", 2, names, 2);
    fake_azure_set_blob(test->fake, names[5], "x", NULL);
    test_sleep_ms(test, 61000); /* another minute */
    fake_azure_forget(test->fake);
    expect_page(test, "jobs/", names[1], 2, names + 2, 2);
    assert_null(strstr(fake_azure_seen(test->fake, 0)->target, "marker="));
    expect_page(test, "jobs/", "", 2, names, 2); /* one that the service does not know any more */
    SCRIPT({.status = 400, .code = "OutOfRangeInput"});
    expect_page(test, "jobs/", names[1], 2, names + 2, 2);
    static const struct fake_step bad[] = {{.status = 400, .code = "InvalidQueryParameterValue"}};
    CLEANUP(blob_names_finish) struct blob_names page = {0};
    struct error err = {0};
    fake_azure_script(test->fake, bad, 1);
    expect(test->backend->list(test->self, "jobs/", "", 2, &page, &err), &err, INVALID, "blobs_refused");
}

#define LIST(text) "<?xml version=\"1.0\"?><EnumerationResults>" text "</EnumerationResults>"
#define NAME(number) "<Blob><Name>jobs/" JOB "/document_" number ".0123456789abcdef.txt</Name></Blob>"

static void lists_that_are_none(void **state) {
    struct azure_test *test = *state;
    static const char *const bad[] = {
        "",
        "<html><body>" NAME("1") "</body></html",
        "<EnumerationResults><Blobs>" NAME("1") "</Blobs>",
        LIST("<Blobs>" NAME("1") "</Blob>"),
        LIST("<Blobs>" NAME("2") NAME("1") "</Blobs>"),
        LIST("<Blobs>" NAME("1") NAME("1") "</Blobs>"),
        "<!DOCTYPE x [<!ENTITY a \"b\">]>" LIST("<Blobs>" NAME("1") "</Blobs>"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CLEANUP(blob_names_finish) struct blob_names page = {0};
        struct error err = {0};
        const struct fake_step step = {.status = 200, .body = bad[i]};
        fake_azure_script(test->fake, &step, 1);
        expect(test->backend->list(test->self, "", "", 100, &page, &err), &err, RETRY, "blobs_answer");
    }
}

/* Azure may answer a page without a name and with a marker. */
static void empty_pages_are_passed(void **state) {
    struct azure_test *test = *state;
    char names[2][BLOB_NAME_MAX];
    put_many(test, 2, names);
    SCRIPT({.status = 200, .body = LIST("<Blobs /><NextMarker>jobs/&#x36;5</NextMarker>")},
           {.status = 200, .body = LIST("<NextMarker>jobs</NextMarker>")}, {.status = 503}, {0});
    expect_page(test, "", "", 10, names, 2);
    assert_int_equal(fake_azure_seen_count(test->fake), 4);
    assert_non_null(strstr(fake_azure_seen(test->fake, 1)->target, "marker=jobs%2F65"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        AZURE_CASE(the_whole),
        AZURE_CASE(the_size),
        AZURE_CASE(what_is_not_there),
        AZURE_CASE(parts),
        AZURE_CASE(other_parts_are_refused),
        AZURE_CASE(a_part_cut_in_the_middle),
        AZURE_CASE(streaming_holds_a_piece),
        AZURE_CASE(removes),
        AZURE_CASE(urls),
        AZURE_CASE(pages_follow_markers),
        AZURE_CASE(a_marker_is_used_for_its_listing_alone),
        AZURE_CASE(lists_that_are_none),
        AZURE_CASE(empty_pages_are_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
