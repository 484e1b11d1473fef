/* Documents: missing, cut and resumed, checked. */
#include "portal/portal.h"

#include "unit/portal_fixture.h"

static bool missing(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)request;
    fake_answer_text(reply, n % 2 ? 404 : 410, "", "gone");
    return true;
}

static void missing_after_three(void **state) {
    struct fixture *fixture = *state;
    expect_failure(fixture, missing, GONE, "filing_missing", 3);
    expect_failure(fixture, missing, GONE, "filing_missing", 1); /* it is remembered */
    open_portal(fixture, 1, 1);
    expect_failure(fixture, missing, RETRY, "filing_missing", 1);
    expect_failure(fixture, missing, RETRY, "filing_missing", 1);
    expect_failure(fixture, missing, GONE, "filing_missing", 1); /* counted over several calls */
}

static bool cut_twice(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)request;
    if (n == 1) {
        fake_answer_claiming(reply, 200, "Content-Type: application/pdf\r\nETag: \"v1\"\r\n", fixture->pdf, HALF,
                             PDF_SIZE);
        reply->then = FAKE_CLOSE;
    } else if (n == 2) {
        fake_answer_claiming(reply, 206,
                             "Content-Type: application/pdf\r\nETag: \"v1\"\r\nContent-Range: bytes 2000-4999/5000\r\n",
                             fixture->pdf + HALF, 500, PDF_SIZE - HALF);
        reply->then = FAKE_CLOSE;
    }
    return n <= 2;
}

static void resumes(void **state) {
    struct fixture *fixture = *state;
    expect_ok(fixture, cut_twice, 3);
    assert_string_equal(fixture->seen[0].range, "");
    assert_string_equal(fixture->seen[1].range, "bytes=2000-");
    assert_string_equal(fixture->seen[1].if_range, "\"v1\"");
    assert_string_equal(fixture->seen[2].range, "bytes=2500-");
}

static bool cut_with(struct fixture *fixture, const char *headers, struct fake_reply *reply) {
    fake_answer_claiming(reply, 200, headers, fixture->pdf, HALF, PDF_SIZE);
    reply->then = FAKE_CLOSE;
    return true;
}

static bool weak_etag(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)request;
    return n == 1 && cut_with(fixture, "Content-Type: application/pdf\r\nETag: W/\"v1\"\r\n", reply);
}

static bool whole_in_place_of_rest(struct fixture *fixture, int n, const struct fake_request *request,
                                   struct fake_reply *reply) {
    (void)request;
    if (n == 2)
        fake_answer(reply, 200, "Content-Type: application/pdf\r\nETag: \"v2\"\r\n", fixture->pdf, PDF_SIZE);
    return n == 2 || (n == 1 && cut_with(fixture, "Content-Type: application/pdf\r\nETag: \"v1\"\r\n", reply));
}

static bool rest_of_another(struct fixture *fixture, int n, const struct fake_request *request,
                            struct fake_reply *reply) {
    (void)request;
    if (n == 2)
        fake_answer(reply, 206,
                    "Content-Type: application/pdf\r\nETag: \"v2\"\r\nContent-Range: bytes 2000-4999/5000\r\n",
                    fixture->pdf + HALF, PDF_SIZE - HALF);
    return n == 2 || (n == 1 && cut_with(fixture, "Content-Type: application/pdf\r\nETag: \"v1\"\r\n", reply));
}

static bool another_rest(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)request;
    if (n == 2)
        fake_answer(reply, 206,
                    "Content-Type: application/pdf\r\nETag: \"v1\"\r\nContent-Range: bytes 1999-4998/5000\r\n",
                    fixture->pdf + HALF - 1, PDF_SIZE - HALF);
    return n == 2 || (n == 1 && cut_with(fixture, "Content-Type: application/pdf\r\nETag: \"v1\"\r\n", reply));
}

static bool refused_rest(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)request;
    if (n == 2)
        fake_answer_text(reply, 416, "Content-Range: bytes */5000\r\n", "");
    return n == 2 || (n == 1 && cut_with(fixture, "Content-Type: application/pdf\r\nETag: \"v1\"\r\n", reply));
}

static void resumes_only_the_same_document(void **state) {
    struct fixture *fixture = *state;
    expect_ok(fixture, weak_etag, 2);
    assert_string_equal(fixture->seen[1].range, "");
    expect_ok(fixture, whole_in_place_of_rest, 2);
    expect_ok(fixture, rest_of_another, 3);
    assert_string_equal(fixture->seen[2].range, "");
    expect_ok(fixture, another_rest, 3);
    assert_string_equal(fixture->seen[2].range, "");
    expect_ok(fixture, refused_rest, 3);
    assert_string_equal(fixture->seen[2].range, "");
}

static bool serve_wrong(struct fixture *fixture, int n, struct fake_reply *reply) {
    char bytes[PDF_SIZE + 100];
    memcpy(bytes, fixture->pdf, PDF_SIZE);
    switch (n) {
    case 1: /* an error page that says 200 */
        fake_answer_text(reply, 200, "Content-Type: text/html\r\n", "<html>sorry</html>");
        return true;
    case 2: /* as many bytes, other content */
        bytes[PDF_SIZE - 1] ^= 1;
        fake_answer(reply, 200, "Content-Type: application/pdf\r\n", bytes, PDF_SIZE);
        return true;
    case 3: /* another length */
        fake_answer(reply, 200, "Content-Type: application/pdf\r\n", bytes, PDF_SIZE - 1);
        return true;
    case 4: /* more than listed, without saying so */
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n");
        (void)buf_append(&reply->bytes, bytes, PDF_SIZE + 1);
        reply->then = FAKE_CLOSE;
        return true;
    case 5: /* less than listed, without saying so */
        (void)buf_append_str(&reply->bytes, "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n");
        (void)buf_append(&reply->bytes, bytes, HALF);
        reply->then = FAKE_CLOSE;
        return true;
    case 6: /* an empty body */
        fake_answer_text(reply, 200, "Content-Type: application/pdf\r\n", "");
        return true;
    default: /* a part nobody asked for */
        fake_answer(reply, 206, "Content-Type: application/pdf\r\nETag: \"v1\"\r\nContent-Range: bytes 0-4999/5000\r\n",
                    bytes, PDF_SIZE);
        return true;
    }
}

static int wrong_kind;

static bool wrong_once(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)request;
    return n == 1 && serve_wrong(fixture, wrong_kind, reply);
}

static bool wrong_always(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)request;
    (void)n;
    return serve_wrong(fixture, wrong_kind, reply);
}

static void wrong_content_is_refused(void **state) {
    struct fixture *fixture = *state;
    for (wrong_kind = 1; wrong_kind <= 7; wrong_kind++) {
        expect_ok(fixture, wrong_once, 2);
        expect_failure(fixture, wrong_always, INVALID, "portal_answer", 3);
    }
}

static void only_pdfs(void **state) {
    struct fixture *fixture = *state;
    char md5[HASH_HEX_MAX];
    fixture->pdf[1] = 'X';
    hash_hex(HASH_MD5, fixture->pdf, PDF_SIZE, md5);
    (void)str_copy(fixture->filing.md5, sizeof(fixture->filing.md5), md5);
    expect_failure(fixture, NULL, INVALID, "portal_answer", 3); /* the MD5 is right */
    fixture->filing.size_bytes = FILING_BYTES_MAX + 1;
    expect_failure(fixture, NULL, INVALID, "portal_answer", 0);
    assert_int_equal(count(fixture, &fixture->asked), 0);
    fixture->filing.size_bytes = PDF_SIZE;
    (void)str_copy(fixture->filing.srn, sizeof(fixture->filing.srn), "../x");
    expect_failure(fixture, NULL, INVALID, "portal_answer", 0);
    assert_int_equal(count(fixture, &fixture->asked), 0);
}

static bool redirect(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    fake_answer_text(reply, 302, "Location: /filings/S1/document\r\n", "");
    return true;
}

static bool forbidden(struct fixture *fixture, int n, const struct fake_request *request, struct fake_reply *reply) {
    (void)fixture;
    (void)n;
    (void)request;
    fake_answer_text(reply, 403, "", "");
    return true;
}

static void other_statuses_are_final(void **state) {
    expect_failure(*state, redirect, INVALID, "portal_answer", 1);
    expect_failure(*state, forbidden, INVALID, "portal_answer", 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(missing_after_three),      TEST(resumes),   TEST(resumes_only_the_same_document),
        TEST(wrong_content_is_refused), TEST(only_pdfs), TEST(other_statuses_are_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
