#include "base/log.h"

#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/json.h"
#include "base/str.h"
#include "support/test.h"

static int kept_stderr;
static int pipe_out;

static void capture_start(void) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    kept_stderr = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    pipe_out = ends[0];
}

static void capture_end(struct buf *out) {
    assert_int_equal(dup2(kept_stderr, STDERR_FILENO), STDERR_FILENO);
    close(kept_stderr);
    assert_int_equal(fd_read_to_end(pipe_out, out, NULL), OK);
    close(pipe_out);
}

static json_t *parse(const struct buf *text) {
    json_t *value = NULL;
    struct error err = {0};
    if (json_parse(text->data, text->size_bytes, &value, &err) != OK)
        fail_msg("%s in %s", err.message, text->data);
    return value;
}

static void json_line(void **state) {
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(65536);
    log_start("filesure-test", LOG_LEVEL_INFO, true);
    capture_start();
    log_debug("not shown");
    log_info("job \"claimed\"", log_str("job", "a\nb"), log_int("run", -2), log_str("none", NULL));
    capture_end(&out);
    assert_int_equal(strcspn(out.data, "\n"), out.size_bytes - 1);
    AUTO_JSON json_t *line = parse(&out);
    assert_string_equal(json_member_string(line, "level"), "info");
    assert_string_equal(json_member_string(line, "program"), "filesure-test");
    assert_string_equal(json_member_string(line, "message"), "job \"claimed\"");
    assert_string_equal(json_member_string(line, "job"), "a\nb");
    assert_string_equal(json_member_string(line, "none"), "");
    assert_int_equal(json_member_int(line, "run", 0), -2);
    assert_true(str_ends_with(json_member_string(line, "time"), "Z"));
}

static void text_line(void **state) {
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(65536);
    log_start("filesure-test", LOG_LEVEL_WARN, false);
    capture_start();
    log_info("not shown");
    log_warn("slow", log_str("job", "abc"), log_str("why", "two\nlines"), log_int("ms", 5));
    log_error("end");
    capture_end(&out);
    assert_non_null(strstr(out.data, "Z warn  filesure-test: slow job=abc why=\"two\\nlines\" ms=5\n"));
    assert_true(str_ends_with(out.data, "Z error filesure-test: end\n"));
    assert_null(strstr(out.data, "not shown"));
}

static void huge_fields_leave_a_valid_line(void **state) {
    (void)state;
    static char huge[100000];
    memset(huge, '\x01', sizeof(huge) - 1);
    AUTO_BUF struct buf out = BUF_INIT(65536);
    log_start("filesure-test", LOG_LEVEL_INFO, true);
    capture_start();
    log_info("m", log_str("a", huge), log_str("b", huge), log_str("c", "small"));
    capture_end(&out);
    AUTO_JSON json_t *line = parse(&out);
    assert_non_null(json_member_string(line, "a"));
    assert_null(json_member_string(line, "b")); /* left out whole: no room */
    assert_string_equal(json_member_string(line, "c"), "small");
}

static void bad_utf8_leaves_a_valid_line(void **state) {
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(65536);
    capture_start();
    log_info("m", log_str("a", "x\xff\xc3y"));
    capture_end(&out);
    AUTO_JSON json_t *line = parse(&out);
    assert_string_equal(json_member_string(line, "a"), "x\xef\xbf\xbd\xef\xbf\xbdy");
}

static void level_names(void **state) {
    (void)state;
    enum log_level level = LOG_LEVEL_DEBUG;
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("Info", &level));
    assert_false(log_level_parse(NULL, &level));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_line),
        cmocka_unit_test(text_line),
        cmocka_unit_test(huge_fields_leave_a_valid_line),
        cmocka_unit_test(bad_utf8_leaves_a_valid_line),
        cmocka_unit_test(level_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
