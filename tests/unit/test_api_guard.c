/* Which browsers may write, and which host names a server on loopback answers to. */
#include "api/api.h"
#include "support/test.h"

static bool may(const char *fetch_site, const char *origin, const char *host) {
    return guard_same_site(fetch_site, origin, host, "");
}

static void only_our_own_pages_write(void **state) {
    (void)state;
    assert_true(may(NULL, NULL, "a:5001")); /* no browser */
    assert_true(may("same-origin", NULL, "a:5001"));
    assert_true(may("none", NULL, "a:5001"));
    assert_true(may(NULL, "http://a:5001", "a:5001"));
    assert_true(may(NULL, "https://A:5001", "a:5001")); /* TLS ends at a proxy; names have no case */
    assert_true(may("same-origin", "http://a:5001", "a:5001"));
    assert_false(may("cross-site", NULL, "a:5001"));
    assert_false(may("same-site", NULL, "a:5001"));
    assert_false(may("", NULL, "a:5001"));
    assert_false(may("cross-site", "http://a:5001", "a:5001"));
    assert_false(may(NULL, "http://b:5001", "a:5001"));
    assert_false(may(NULL, "http://a:5002", "a:5001"));
    assert_false(may(NULL, "http://a:50011", "a:5001"));
    assert_false(may(NULL, "null", "a:5001"));
    assert_false(may(NULL, "", "a:5001"));
    assert_false(may(NULL, "ftp://a:5001", "a:5001"));
    assert_false(may(NULL, "http://a:5001", NULL));
    assert_false(may("same-origin", "http://b", "a:5001"));
}

static void the_public_origin_is_ours(void **state) {
    (void)state;
    assert_true(guard_same_site(NULL, "https://filings.example.org", "10.0.0.7:5001", "https://filings.example.org"));
    assert_false(guard_same_site(NULL, "http://filings.example.org", "10.0.0.7:5001", "https://filings.example.org"));
}

static void loopback_knows_its_names(void **state) {
    (void)state;
    static const char *const known[] = {"localhost",      "localhost:5001", "LOCALHOST:1", "127.0.0.1",
                                        "127.0.0.1:5001", "127.9.9.9:1",    "[::1]",       "[::1]:5001"};
    static const char *const foreign[] = {
        "evil.example", "evil.example:5001", "localhost.evil.example",     "10.0.0.1:5001", "", ":5001", "[::2]:1",
        "localhost:",   "localhost:99999",   "127.0.0.1.evil.example:5001"};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        assert_true(guard_host_known(known[i], ""));
    }
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        assert_false(guard_host_known(foreign[i], ""));
    }
    assert_true(guard_host_known(NULL, ""));
    assert_true(guard_host_known("filings.example.org", "https://filings.example.org"));
    assert_false(guard_host_known("filings.example.org:81", "https://filings.example.org"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_our_own_pages_write),
        cmocka_unit_test(the_public_origin_is_ours),
        cmocka_unit_test(loopback_knows_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
