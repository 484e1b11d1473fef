/* What is signed for Azure Blob Storage. The signatures here were made by Microsoft's SDK; tests/e2e/test_azure_sign.py
 * asks it for many more. */
#include "support/test.h"

#include <string.h>
#include <time.h>

#include "base/str.h"
#include "blobs/azure_sign.h"

#define DATE "Wed, 25 Nov 2026 10:00:00 GMT"
#define ID "00112233445566778899aabbccddeeff"
#define COMMON "x-ms-client-request-id:" ID "\nx-ms-date:" DATE "\nx-ms-version:2021-12-02\n"

static void add_common(struct azure_message *message) {
    azure_add_header(message, "x-ms-version", AZURE_VERSION);
    azure_add_header(message, "x-ms-date", DATE);
    azure_add_header(message, "x-ms-client-request-id", ID);
}

static void expect_signed(const struct azure_message *message, const char *account, const char *text,
                          const char *signature) {
    AUTO_BUF struct buf out = BUF_INIT(65536);
    struct error err = {0};
    unsigned char key[64];
    char made[AZURE_SIGNATURE_MAX];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char)i;
    }
    assert_int_equal(azure_string_to_sign(message, account, &out, &err), OK);
    assert_string_equal(buf_str(&out), text);
    if (signature) {
        azure_signature(key, sizeof(key), buf_str(&out), made);
        assert_string_equal(made, signature);
    }
}

static void a_put(void **state) {
    (void)state;
    struct azure_message message = {.method = "PUT", .path = "/documents/jobs/a%2Bb/%C3%BC.txt", .content_length = 9};
    azure_add_header(&message, "Content-Type", "text/plain; charset=utf-8");
    azure_add_header(&message, "Content-MD5", "VS4hzUzZkYZ448Gg30kbww==");
    azure_add_header(&message, "If-None-Match", "*");
    azure_add_header(&message, "x-ms-blob-type", "BlockBlob");
    add_common(&message);
    expect_signed(&message, "acme",
                  "PUT\n\n\n9\nVS4hzUzZkYZ448Gg30kbww==\ntext/plain; charset=utf-8\n\n\n\n*\n\n\n"
                  "x-ms-blob-type:BlockBlob\n" COMMON "/acme/documents/jobs/a%2Bb/%C3%BC.txt",
                  "v+Qd7aXIjyERh7aXyETq4Q8kI7BBhOsgcEg6Wf5G0wM=");
}

static void no_length_without_a_body(void **state) {
    (void)state;
    struct azure_message message = {.method = "PUT", .path = "/documents"};
    azure_add_query(&message, "restype", "container");
    add_common(&message);
    expect_signed(&message, "acme", "PUT\n\n\n\n\n\n\n\n\n\n\n\n" COMMON "/acme/documents\nrestype:container",
                  "yRGvmWKoSyAeM1SdvBCBXfFn6QC2rU07Egxxgja0Ap8=");
}

/* The emulator's account stands in its path too. Parameters are sorted, and not encoded. */
static void the_emulator(void **state) {
    (void)state;
    struct azure_message message = {.method = "GET", .path = "/devstoreaccount1/documents"};
    azure_add_query(&message, "restype", "container");
    azure_add_query(&message, "comp", "list");
    azure_add_query(&message, "maxresults", "7");
    azure_add_query(&message, "prefix", "jobs/ü +");
    azure_add_query(&message, "marker", "2!x=&y");
    add_common(&message);
    expect_signed(&message, "devstoreaccount1",
                  "GET\n\n\n\n\n\n\n\n\n\n\n\n" COMMON "/devstoreaccount1/devstoreaccount1/documents\ncomp:list\n"
                  "marker:2!x=&y\nmaxresults:7\nprefix:jobs/ü +\nrestype:container",
                  "PDuArnwT8j9r+SykPy3hPA4Ixl2AsHJyrIYUrKDKsz4=");
    AUTO_BUF struct buf query = BUF_INIT(1000);
    assert_true(azure_append_query(&query, &message));
    assert_string_equal(buf_str(&query), "?restype=container&comp=list&maxresults=7&prefix=jobs%2F%C3%BC%20%2B&"
                                         "marker=2%21x%3D%26y"); /* as it was added, encoded */
}

static void each_header_in_its_line(void **state) {
    (void)state;
    struct azure_message message = {.method = "PUT", .path = "/c/b", .content_length = 12345678901};
    azure_add_header(&message, "X-Ms-Meta-b", "2");
    azure_add_header(&message, "range", "bytes=1-2");
    azure_add_header(&message, "If-Unmodified-Since", "unmodified");
    azure_add_header(&message, "IF-NONE-MATCH", "none");
    azure_add_header(&message, "If-Match", "match");
    azure_add_header(&message, "If-Modified-Since", "modified");
    azure_add_header(&message, "Date", "date");
    azure_add_header(&message, "Content-Type", "type");
    azure_add_header(&message, "Content-MD5", "md5");
    azure_add_header(&message, "Content-Language", "language");
    azure_add_header(&message, "Content-Encoding", " \t encoding\t ");
    azure_add_header(&message, "x-ms-meta-a1", "  trimmed  ");
    azure_add_header(&message, "x-ms-meta-a", "");
    azure_add_header(&message, "Accept", "never signed");
    azure_add_query(&message, "b", "2");
    azure_add_query(&message, "B", "1");
    azure_add_query(&message, "a", "");
    expect_signed(
        &message, "acme",
        "PUT\nencoding\nlanguage\n12345678901\nmd5\ntype\ndate\nmodified\nmatch\nnone\nunmodified\nbytes=1-2\n"
        "x-ms-meta-a:\nx-ms-meta-a1:trimmed\nx-ms-meta-b:2\n/acme/c/b\na:\nb:1\nb:2",
        NULL);
}

/* The service sorts other characters otherwise. */
static void names_of_metadata(void **state) {
    (void)state;
    static const char *const bad[] = {"x-ms-meta-a-b", "x-ms-meta-",  "x-ms-meta-1a",
                                      "x-ms-meta-a_b", "x-ms-meta-A", "X-MS-META-ab-"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct azure_message message = {.method = "PUT", .path = "/c/b"};
        AUTO_BUF struct buf out = BUF_INIT(1000);
        struct error err = {0};
        azure_add_header(&message, bad[i], "x");
        assert_int_equal(azure_string_to_sign(&message, "acme", &out, &err), INVALID);
        assert_string_equal(err.code, "bad_metadata");
    }
}

static void what_does_not_fit(void **state) {
    (void)state;
    struct azure_message message = {.method = "GET", .path = "/documents"};
    struct error err = {0};
    add_common(&message);
    azure_add_query(&message, "restype", "container");
    AUTO_BUF struct buf whole = BUF_INIT(65536);
    assert_int_equal(azure_string_to_sign(&message, "acme", &whole, &err), OK);
    for (size_t size = 0; size < whole.size_bytes; size++) {
        AUTO_BUF struct buf out = BUF_INIT(size);
        assert_int_equal(azure_string_to_sign(&message, "acme", &out, &err), INVALID);
        assert_string_equal(err.code, "too_large");
    }
}

static void paths(void **state) {
    (void)state;
    static const struct {
        const char *base, *container, *name, *path;
    } rows[] = {
        {"", "c", NULL, "/c"},
        {"", "c", "b", "/c/b"},
        {"/acme", "c", "a/b", "/acme/c/a/b"},
        {"https://h", "c", "a/./../b//", "https://h/c/a/./../b//"},
        {"", "c", "a+b c%20&?#=", "/c/a%2Bb%20c%2520%26%3F%23%3D"},
        {"", "c", "-._~09azAZ", "/c/-._~09azAZ"},
        {"", "c", "größe", "/c/gr%C3%B6%C3%9Fe"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = BUF_INIT(1000);
        assert_true(azure_append_path(&out, rows[i].base, rows[i].container, rows[i].name));
        assert_string_equal(buf_str(&out), rows[i].path);
        AUTO_BUF struct buf small = BUF_INIT(strlen(rows[i].path) - 1);
        assert_false(azure_append_path(&small, rows[i].base, rows[i].container, rows[i].name));
    }
}

static void dates(void **state) {
    (void)state;
    char text[AZURE_DATE_MAX];
    int64_t time_ms = 0;
    azure_date_format(784111777999, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110 */
    assert_true(azure_date_parse(text, &time_ms));
    assert_int_equal(time_ms, 784111777000);
    for (int64_t day = 0; day < 366 * 5; day++) { /* each weekday and month, a leap year */
        struct tm tm;
        char wanted[AZURE_DATE_MAX];
        time_t at = (time_t)(1700000000 + day * 86400 + day);
        (void)strftime(wanted, sizeof(wanted), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
        azure_date_format((int64_t)at * 1000, text);
        assert_string_equal(text, wanted);
        assert_true(azure_date_parse(text, &time_ms));
        assert_int_equal(time_ms, (int64_t)at * 1000);
    }
    static const char *const bad[] = {
        "",
        "now",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:-7 GMT",
        "Sun, 06 Nov 19x4 08:49:37 GMT",
        "Sun; 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (azure_date_parse(bad[i], &time_ms)) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put),
        cmocka_unit_test(no_length_without_a_body),
        cmocka_unit_test(the_emulator),
        cmocka_unit_test(each_header_in_its_line),
        cmocka_unit_test(names_of_metadata),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(paths),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
