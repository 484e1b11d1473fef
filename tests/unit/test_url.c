#include "base/url.h"

#include <string.h>

#include "support/test.h"

static void parses(void **state) {
    (void)state;
    static const struct {
        const char *text, *scheme, *host, *path;
        int port;
    } rows[] = {
        {"http://127.0.0.1:5080", "http", "127.0.0.1", "", 5080},
        {"https://Example.ORG", "https", "example.org", "", 443},
        {"HTTP://example.org/", "http", "example.org", "", 80},
        {"http://[::1]:8080/a/b/", "http", "::1", "/a/b", 8080},
        {"http://[fe80::1]/x", "http", "fe80::1", "/x", 80},
        {"http://127.0.0.1:10000/devstoreaccount1//", "http", "127.0.0.1", "/devstoreaccount1", 10000},
        {"http://a_b-c.d/%2Fx~;,@:", "http", "a_b-c.d", "/%2Fx~;,@:", 80},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct url url;
        struct error err = {0};
        if (url_parse(rows[i].text, &url, &err) != OK)
            fail_msg("%s: %s", rows[i].text, err.message);
        assert_string_equal(url.scheme, rows[i].scheme);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.path, rows[i].path);
        assert_int_equal(url.port, rows[i].port);
    }
}

static void refuses(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "example.org",
                                      "ftp://example.org",
                                      "http:/example.org",
                                      "http://",
                                      "http:///x",
                                      "http://:80",
                                      "http://user@example.org",
                                      "http://user:pw@example.org/",
                                      "http://example.org:0",
                                      "http://example.org:65536",
                                      "http://example.org:",
                                      "http://example.org:8x",
                                      "http://example.org:-1",
                                      "http://example.org:000080",
                                      "http://example.org?x=1",
                                      "http://example.org/a?x",
                                      "http://example.org/#x",
                                      "http://exa mple.org",
                                      "http://example.org/a b",
                                      "http://example.org/\xc3\xa9",
                                      "http://[::1",
                                      "http://[::1]x",
                                      "http://[]",
                                      "http://[example]",
                                      "http://::1",
                                      "http://a:b:1",
                                      "http://999.1.1.1",
                                      "http://1.2.3",
                                      "http://-a",
                                      "http://ex%41mple",
                                      "http://example.org/%",
                                      "http://example.org/%4",
                                      "http://example.org/%zz",
                                      "http://example.org/\\x",
                                      "http://example.org\r\nHost:x",
                                      "http://example.org/a\n",
                                      " http://example.org"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct url url = {.port = 7};
        struct error err = {0};
        if (url_parse(bad[i], &url, &err) != INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_string_equal(err.code, "bad_url");
        assert_null(strstr(err.message, "pw"));
        assert_int_equal(url.port, 7);
    }
    struct url url;
    assert_int_equal(url_parse(NULL, &url, NULL), INVALID);
}

static void reasons_are_named(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"ftp://example.org", "it must start with http:// or https://"},
        {"http://user:pw@example.org", "a user name or password must not stand in a URL"},
        {"http://exa mple", "its host is malformed"},
        {"http://example.org:0", "its port must be a number from 1 to 65535"},
        {"http://example.org?x", "it must not have a query or a fragment"},
        {"http://example.org/#x", "it must not have a query or a fragment"},
        {"http://example.org/a b", "its path is malformed or too long"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct url url;
        struct error err = {0};
        assert_int_equal(url_parse(rows[i][0], &url, &err), INVALID);
        assert_string_equal(err.message, rows[i][1]);
    }
}

static void lengths_are_bounded(void **state) {
    (void)state;
    struct url url;
    for (size_t length = 255; length <= 256; length++) {
        AUTO_BUF struct buf text = BUF_INIT(4000);
        assert_true(buf_append_str(&text, "http://"));
        for (size_t i = 0; i < length; i++)
            assert_true(buf_append_char(&text, 'a'));
        assert_int_equal(url_parse(buf_str(&text), &url, NULL), length == 255 ? OK : INVALID);
    }
    for (size_t length = 1023; length <= 1024; length++) {
        AUTO_BUF struct buf text = BUF_INIT(4000);
        assert_true(buf_append_str(&text, "http://a/"));
        for (size_t i = 1; i < length; i++)
            assert_true(buf_append_char(&text, 'a'));
        assert_int_equal(url_parse(buf_str(&text), &url, NULL), length == 1023 ? OK : INVALID);
    }
}

static void escapes(void **state) {
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(64);
    assert_true(url_escape(&out, "aZ09-._~ /?%&+\xc3\xa9"));
    assert_string_equal(buf_str(&out), "aZ09-._~%20%2F%3F%25%26%2B%C3%A9");
    AUTO_BUF struct buf small = BUF_INIT(2);
    assert_false(url_escape(&small, " "));
}

static void unescapes(void **state) {
    (void)state;
    char good[] = "a%20b%2fc+%C3%a9";
    assert_true(url_unescape(good));
    assert_string_equal(good, "a b/c+\xc3\xa9");
    static const char *const bad[] = {"%", "a%2", "%zz", "%2g", "a%00b", "%%41"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_FREE char *text = x_strdup(bad[i]);
        assert_false(url_unescape(text));
    }
}

static void addresses(void **state) {
    (void)state;
    char host[64] = "old";
    int port = -1;
    assert_true(address_parse("127.0.0.1:5001", host, &port));
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 5001);
    assert_true(address_parse("[::1]:0", host, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 0);
    assert_true(address_parse("localhost:65535", host, &port));
    static const char *const bad[] = {"",       "5001",  "127.0.0.1", ":5001",   "127.0.0.1:",     "127.0.0.1:65536",
                                      "::1:80", "[::1]", "[::1]80",   "[::1:80", "[127.0.0.1]:80", "127.0.0.256:80",
                                      "a b:80", "a:80 ", "a:+80",     "a/b:80",  "http://a:80",    "[::1%lo]:80"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (address_parse(bad[i], host, &port))
            fail_msg("accepted: %s", bad[i]);
    }
    assert_false(address_parse(NULL, host, &port));
    assert_string_equal(host, "localhost");
    assert_int_equal(port, 65535);
    char longer[100];
    memset(longer, 'a', sizeof(longer));
    memcpy(longer + 64, ":80", 4);
    assert_false(address_parse(longer, host, &port));
    assert_true(address_parse(longer + 1, host, &port));
}

static void loopback(void **state) {
    (void)state;
    static const char *const inside[] = {"127.0.0.1", "127.255.0.9", "::1",
                                         "localhost", "LOCALHOST",   "::ffff:127.0.0.1"};
    static const char *const outside[] = {"0.0.0.0",
                                          "::",
                                          "10.0.0.1",
                                          "128.0.0.1",
                                          "example.org",
                                          "localhost.example.org",
                                          "::ffff:10.0.0.1",
                                          "127.0.0.1.example.org",
                                          ""};
    for (size_t i = 0; i < COUNT_OF(inside); i++)
        assert_true(address_is_loopback(inside[i]));
    for (size_t i = 0; i < COUNT_OF(outside); i++)
        assert_false(address_is_loopback(outside[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(refuses),
        cmocka_unit_test(reasons_are_named),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(escapes),
        cmocka_unit_test(unescapes),
        cmocka_unit_test(addresses),
        cmocka_unit_test(loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
