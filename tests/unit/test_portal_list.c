/* Companies and lists of filings. */
#include "portal/portal.h"

#include "unit/portal_fixture.h"

static void page_of(struct buf *out, int from, int count) {
    (void)buf_append_str(out, "{\"filings\":[");
    for (int i = 0; i < count; i++)
        (void)buf_printf(
            out,
            "%s{\"srn\":\"S%03d\",\"form\":\"AOC-4\",\"title\":\"T\",\"filedOn\":\"20%02d-01-31\",\"period\":\"x\","
            "\"bytes\":10,\"md5\":\"0123456789abcdef0123456789abcdef\"}",
            i ? "," : "", from + i, 99 - (from + i) % 100);
    (void)buf_append_str(out, "]}");
}

static const char *last_link; /* of page 2 */

static bool three_pages(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    struct buf body = BUF_INIT(65536);
    char headers[512];
    int page = (int)strtol(strstr(request->target, "page=") + 5, NULL, 10);
    (void)fixture;
    (void)n;
    const char *link = page == 1 ? "</companies/" CIN "/filings?page=2>; rel=\"next\"" : page == 2 ? last_link : NULL;
    (void)str_format(headers, sizeof(headers), "Content-Type: application/json\r\n%s%s%s", link ? "Link: " : "",
                     link ? link : "", link ? "\r\n" : "");
    page_of(&body, (page - 1) * 20, page < 3 ? 20 : 5);
    fake_answer(reply, 200, headers, body.data, body.size_bytes);
    buf_finish(&body);
    return true;
}

static void lists_follow_pages(void **state) {
    struct fixture *fixture = *state;
    struct filing_list list = {0};
    struct error err;
    last_link = "</companies/" CIN "/filings?page=3>; rel=\"next\"";
    set_play(fixture, three_pages);
    assert_int_equal(portal_list(fixture->portal, CIN, &list, &err), OK);
    assert_int_equal(list.count, 45);
    assert_string_equal(list.items[0].srn, "S044"); /* ordered by date and numbered */
    assert_int_equal(list.items[0].number, 1);
    assert_int_equal(list.items[44].number, 45);
    filing_list_finish(&list);
    assert_int_equal(count(fixture, &fixture->asked), 3);
    assert_string_equal(fixture->seen[2].target, "/companies/" CIN "/filings?page=3");
}

static void list_goes_nowhere_else(void **state) {
    static const char *const links[] = {
        "<http://127.0.0.1:1/companies/" CIN "/filings?page=3>; rel=\"next\"",
        "</companies/U12345MH2001PTC123457/filings?page=3>; rel=\"next\"",
        "</companies/" CIN "/filings?page=1>; rel=\"next\"", /* for ever */
        "</companies/" CIN "/filings?page=100000>; rel=\"next\"",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        struct filing_list list = {0};
        struct error err;
        last_link = links[i];
        set_play(fixture, three_pages);
        assert_int_equal(portal_list(fixture->portal, CIN, &list, &err), INVALID);
        assert_string_equal(err.code, "portal_answer");
        assert_null(list.items);
    }
}

static bool doubled(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    struct buf body = BUF_INIT(65536);
    bool second = strstr(request->target, "page=2") != NULL;
    (void)fixture;
    (void)n;
    page_of(&body, 0, 3);
    fake_answer(reply, 200,
                second ? "Content-Type: application/json\r\n"
                       : "Content-Type: application/json\r\nLink: </companies/" CIN
                         "/filings?page=2>; rel=\"next\"\r\n",
                body.data, body.size_bytes);
    buf_finish(&body);
    return true;
}

static bool html_twice(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)request;
    if (n <= 2)
        fake_answer_text(reply, 200, n == 1 ? "Content-Type: text/html\r\n" : "Content-Type: application/json\r\n",
                         "<html>");
    return n <= 2;
}

static bool not_found(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    fake_answer_text(reply, 404, "", "");
    return true;
}

static void list_verdicts(void **state) {
    struct fixture *fixture = *state;
    struct filing_list list = {0};
    struct portal_company company;
    struct error err;
    set_play(fixture, doubled);
    assert_int_equal(portal_list(fixture->portal, CIN, &list, &err), INVALID);
    assert_string_equal(err.code, "portal_answer");
    set_play(fixture, not_found);
    assert_int_equal(portal_list(fixture->portal, CIN, &list, &err), GONE);
    assert_string_equal(err.code, "unknown_company");
    assert_int_equal(portal_get_company(fixture->portal, CIN, &company, &err), GONE);
    int asked = count(fixture, &fixture->asked);
    assert_int_equal(portal_list(fixture->portal, "nonsense", &list, &err), INVALID);
    assert_string_equal(err.code, "bad_cin");
    assert_int_equal(count(fixture, &fixture->asked), asked);
    set_play(fixture, html_twice);
    assert_int_equal(portal_get_company(fixture->portal, CIN, &company, &err), OK);
    assert_int_equal(count(fixture, &fixture->asked), 3);
}

static void bad_configs(void **state) {
    struct fixture *fixture = *state;
    struct portal *portal = NULL;
    struct error err;
    struct portal_config config = {.url = "ftp://x", .parallel = 1};
    assert_int_equal(portal_open(&config, &portal, &err), INVALID);
    config = (struct portal_config){.url = fake_url(fixture->fake), .parallel = 17};
    assert_int_equal(portal_open(&config, &portal, &err), INVALID);
    portal_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lists_follow_pages),
        TEST(list_goes_nowhere_else),
        TEST(list_verdicts),
        TEST(bad_configs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
