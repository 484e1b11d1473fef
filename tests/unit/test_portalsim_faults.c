/* Fault documents and the decisions that follow from them; sessions; the command line. */
#include "portalsim/faults.h"

#include <string.h>

#include "base/str.h"
#include "portalsim/options.h"
#include "portalsim/sessions.h"
#include "support/test.h"

static const char cin[] = "U72200MH2015PTC123456";

static enum outcome set(struct faults *faults, const char *text, struct error *err) {
    json_t *document AUTO_JSON = NULL;
    assert_int_equal(json_parse(text, strlen(text), &document, err), OK);
    return faults_set(faults, document, err);
}

static struct faults *create(const char *text) {
    struct faults *faults = faults_create();
    struct error err = {0};
    enum outcome outcome = set(faults, text, &err);
    if (outcome != OK) {
        fail_msg("%s: %s", text, err.message);
    }
    return faults;
}

static enum fault_kind ask(struct faults *faults, enum fault_route route, const char *target) {
    struct fault fault;
    faults_of_request(faults, route, target, cin, &fault);
    return fault.kind;
}

static void bad_documents_are_named(void **state) {
    (void)state;
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"[]", "an object"},
        {"{}", "rules:"},
        {"{\"rules\":{}}", "rules:"},
        {"{\"rules\":[],\"sead\":1}", "sead: unknown"},
        {"{\"rules\":[],\"seed\":-1}", "seed:"},
        {"{\"rules\":[],\"seed\":1.5}", "seed:"},
        {"{\"rules\":[1]}", "rules[0]: an object"},
        {"{\"rules\":[{}]}", "rules[0].fault:"},
        {"{\"rules\":[{\"fault\":\"503\"},{\"fault\":\"504\"}]}", "rules[1].fault:"},
        {"{\"rules\":[{\"fault\":503}]}", "rules[0].fault:"},
        {"{\"rules\":[{\"fault\":\"503\",\"route\":\"documents\"}]}", "rules[0].route:"},
        {"{\"rules\":[{\"fault\":\"503\",\"share\":1.01}]}", "rules[0].share:"},
        {"{\"rules\":[{\"fault\":\"503\",\"share\":-0.1}]}", "rules[0].share:"},
        {"{\"rules\":[{\"fault\":\"503\",\"share\":\"1\"}]}", "rules[0].share:"},
        {"{\"rules\":[{\"fault\":\"503\",\"nth\":0}]}", "rules[0].nth:"},
        {"{\"rules\":[{\"fault\":\"503\",\"nth\":[]}]}", "rules[0].nth:"},
        {"{\"rules\":[{\"fault\":\"503\",\"nth\":[1,\"2\"]}]}", "rules[0].nth:"},
        {"{\"rules\":[{\"fault\":\"503\",\"nth\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}]}", "rules[0].nth:"},
        {"{\"rules\":[{\"fault\":\"503\",\"srn\":\"a/b\"}]}", "rules[0].srn:"},
        {"{\"rules\":[{\"fault\":\"503\",\"cin\":\"U1\"}]}", "rules[0].cin:"},
        {"{\"rules\":[{\"fault\":\"503\",\"retryAfter\":1}]}", "rules[0].retryAfter: unknown"},
        {"{\"rules\":[{\"fault\":\"503\",\"retryAfterSeconds\":-1}]}", "rules[0].retryAfterSeconds:"},
        {"{\"rules\":[{\"fault\":\"hang\",\"hangMs\":3600001}]}", "rules[0].hangMs:"},
        {"{\"rules\":[{\"fault\":\"truncate\",\"afterBytes\":-5}]}", "rules[0].afterBytes:"},
        {"{\"rules\":[{\"fault\":\"drip\",\"bytesPerSecond\":0}]}", "rules[0].bytesPerSecond:"},
        {"{\"rules\":[{\"fault\":\"damaged\",\"nth\":1}]}", "rules[0].nth: this fault belongs"},
        {"{\"rules\":[{\"fault\":\"damaged\",\"route\":\"any\"}]}", "rules[0].route:"},
        {"{\"rules\":[{\"fault\":\"etag\",\"route\":\"company\"}]}", "rules[0].route:"},
        {"{\"rules\":[{\"fault\":\"503\",\"route\":\"company\",\"srn\":\"A1\"}]}", "rules[0].srn:"},
        {"{\"rules\":[{\"fault\":\"503\",\"route\":\"session\",\"cin\":\"U72200MH2015PTC123456\"}]}", "rules[0].cin:"},
    };
    struct faults *faults = create("{\"rules\":[{\"fault\":\"503\"}]}");
    uint64_t version = faults_version(faults);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        assert_int_equal(set(faults, cases[i].text, &err), INVALID);
        assert_string_equal(err.code, "bad_faults");
        if (!strstr(err.message, cases[i].named)) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
    assert_true(faults_version(faults) == version); /* nothing has changed */
    assert_int_equal(ask(faults, ROUTE_DOCUMENT, "A"), FAULT_STATUS);
    faults_destroy(faults);
}

static void every_fault_can_be_set(void **state) {
    (void)state;
    static const char *const words[] = {"404",      "410",         "429",  "500",     "503",  "reset", "hang",
                                        "truncate", "contentType", "html", "session", "etag", "drip",  "md5"};
    static const char *const documents[] = {"damaged", "password", "bomb", "pages"};
    char text[256];
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct fault fault;
        (void)str_format(text, sizeof text,
                         "{\"rules\":[{\"fault\":\"%s\",\"retryAfterSeconds\":7,\"hangMs\":8,\"afterBytes\":9,"
                         "\"bytesPerSecond\":10}]}",
                         words[i]);
        struct faults *faults = create(text);
        faults_of_request(faults, ROUTE_DOCUMENT, "A1", cin, &fault);
        assert_int_not_equal(fault.kind, FAULT_NONE);
        assert_int_equal(fault.retry_after_s, 7);
        assert_int_equal(fault.hang_ms, 8);
        assert_int_equal(fault.after_bytes, 9);
        assert_int_equal(fault.bytes_per_second, 10);
        assert_int_equal(faults_of_filing(faults, "A1", cin), FAULT_NONE);
        faults_destroy(faults);
    }
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        (void)str_format(text, sizeof text, "{\"rules\":[{\"fault\":\"%s\"}]}", documents[i]);
        struct faults *faults = create(text);
        assert_int_equal(faults_of_filing(faults, "A1", cin), FAULT_DAMAGED + (int)i);
        assert_int_equal(ask(faults, ROUTE_DOCUMENT, "A1"), FAULT_NONE);
        faults_destroy(faults);
    }
}

static void scripts_count_per_target(void **state) {
    (void)state;
    struct faults *faults = create("{\"rules\":[{\"fault\":\"reset\",\"srn\":\"A1\",\"nth\":3},"
                                   "{\"fault\":\"500\",\"route\":\"filings\",\"nth\":[1,4]},"
                                   "{\"fault\":\"html\",\"route\":\"any\",\"nth\":6}]}");
    static const enum fault_kind a1[] = {FAULT_NONE, FAULT_NONE, FAULT_RESET, FAULT_NONE, FAULT_NONE, FAULT_HTML};
    static const enum fault_kind list[] = {FAULT_STATUS, FAULT_NONE, FAULT_NONE, FAULT_STATUS, FAULT_NONE, FAULT_HTML};
    for (size_t i = 0; i < COUNT_OF(a1); i++) { /* the two targets are counted apart */
        assert_int_equal(ask(faults, ROUTE_DOCUMENT, "A1"), a1[i]);
        assert_int_equal(ask(faults, ROUTE_FILINGS, cin), list[i]);
        assert_int_equal(ask(faults, ROUTE_DOCUMENT, "A2"), i == 5 ? FAULT_HTML : FAULT_NONE);
    }
    struct error err;
    assert_int_equal(set(faults, "{\"rules\":[{\"fault\":\"reset\",\"nth\":1}]}", &err), OK);
    assert_int_equal(ask(faults, ROUTE_DOCUMENT, "A1"), FAULT_RESET); /* counting began again */
    assert_int_equal(ask(faults, ROUTE_DOCUMENT, "A1"), FAULT_NONE);
    faults_destroy(faults);
}

static void rules_about_one_company(void **state) {
    (void)state;
    struct faults *faults =
        create("{\"rules\":[{\"fault\":\"500\",\"route\":\"any\",\"cin\":\"U72200MH2015PTC123456\"},"
               "{\"fault\":\"damaged\",\"cin\":\"U72200MH2015PTC123456\"}]}");
    struct fault fault;
    faults_of_request(faults, ROUTE_COMPANY, cin, cin, &fault);
    assert_int_equal(fault.status, 500);
    faults_of_request(faults, ROUTE_DOCUMENT, "A1", "U72200MH2015PTC123457", &fault);
    assert_int_equal(fault.kind, FAULT_NONE);
    faults_of_request(faults, ROUTE_SESSION, "127.0.0.1", NULL, &fault);
    assert_int_equal(fault.kind, FAULT_NONE);
    assert_int_equal(faults_of_filing(faults, "A1", cin), FAULT_DAMAGED);
    assert_int_equal(faults_of_filing(faults, "A1", "U72200MH2015PTC123457"), FAULT_NONE);
    faults_destroy(faults);
}

/* The share is met, the same seed gives the same faults in whatever order targets are asked, another seed gives others.
 */
static void shares_are_seeded(void **state) {
    (void)state;
    static const char one[] = "{\"seed\":1,\"rules\":[{\"fault\":\"503\",\"share\":0.05}]}";
    static const char two[] = "{\"seed\":2,\"rules\":[{\"fault\":\"503\",\"share\":0.05}]}";
    struct faults *forward = create(one), *backward = create(one), *other = create(two);
    enum { TARGETS = 4000 };
    static enum fault_kind first[TARGETS][5];
    int hits = 0, differing = 0;
    char target[16];
    for (int i = 0; i < TARGETS; i++) {
        (void)str_format(target, sizeof target, "T%d", i);
        for (int k = 0; k < 5; k++) {
            first[i][k] = ask(forward, ROUTE_DOCUMENT, target);
            hits += first[i][k] != FAULT_NONE;
            differing += first[i][k] != ask(other, ROUTE_DOCUMENT, target);
        }
    }
    for (int k = 0; k < 5; k++) {
        for (int i = TARGETS - 1; i >= 0; i--) {
            (void)str_format(target, sizeof target, "T%d", i);
            assert_int_equal(ask(backward, ROUTE_DOCUMENT, target), first[i][k]);
        }
    }
    assert_in_range(hits, 850, 1150); /* 1000 expected */
    assert_true(differing > 1500);
    faults_destroy(forward);
    faults_destroy(backward);
    faults_destroy(other);
}

static void shares_of_filings(void **state) {
    (void)state;
    struct faults *faults =
        create("{\"rules\":[{\"fault\":\"damaged\",\"share\":0.1},{\"fault\":\"bomb\",\"share\":0.1}]}");
    int damaged = 0, bombs = 0;
    char srn[16];
    for (int i = 0; i < 10000; i++) {
        (void)str_format(srn, sizeof srn, "S%d", i);
        enum fault_kind kind = faults_of_filing(faults, srn, cin);
        assert_int_equal(faults_of_filing(faults, srn, cin), kind); /* it stays */
        damaged += kind == FAULT_DAMAGED;
        bombs += kind == FAULT_BOMB;
    }
    assert_in_range(damaged, 900, 1100);
    assert_in_range(bombs, 800, 1000); /* the first rule that fits wins */
    faults_destroy(faults);
}

static void counting_is_bounded(void **state) {
    (void)state;
    struct faults *faults = create("{\"rules\":[{\"fault\":\"503\",\"nth\":1}]}");
    char target[16];
    for (int i = 0; i < 200000; i++) { /* far more targets than counters */
        (void)str_format(target, sizeof target, "T%d", i);
        assert_int_equal(ask(faults, ROUTE_DOCUMENT, target), FAULT_STATUS);
    }
    faults_destroy(faults);
}

static void sessions_live_and_end(void **state) {
    (void)state;
    struct sessions *sessions = sessions_create(1000);
    char id[SESSION_ID_MAX], found[SESSION_ID_MAX], cookie[128];
    sessions_open(sessions, 5000, id);
    assert_true(str_is_hex(id, 32));
    (void)str_format(cookie, sizeof cookie, "a=b; portal_session=%s; c=d", id);
    assert_true(sessions_find(sessions, cookie, 5999, found));
    assert_string_equal(found, id);
    assert_false(sessions_find(sessions, cookie, 6000, found)); /* expired */
    assert_false(sessions_find(sessions, NULL, 5000, found));
    assert_false(sessions_find(sessions, "", 5000, found));
    assert_false(sessions_find(sessions, "portal_session=0123456789abcdef0123456789abcdef", 5000, found));
    (void)str_format(cookie, sizeof cookie, "xportal_session=%s", id);
    assert_false(sessions_find(sessions, cookie, 5000, found));
    (void)str_format(cookie, sizeof cookie, "portal_session=%sx", id);
    assert_false(sessions_find(sessions, cookie, 5000, found));
    (void)str_format(cookie, sizeof cookie, "portal_session=%s", id);
    assert_true(sessions_find(sessions, cookie, 5000, found));
    sessions_end(sessions, id);
    assert_false(sessions_find(sessions, cookie, 5000, found));
    sessions_destroy(sessions);
}

static void the_oldest_session_makes_room(void **state) {
    (void)state;
    struct sessions *sessions = sessions_create(1000000);
    char first[SESSION_ID_MAX], second[SESSION_ID_MAX], id[SESSION_ID_MAX], cookie[64];
    sessions_open(sessions, 1, first);
    sessions_open(sessions, 2, second);
    for (int i = 2; i <= SESSIONS_MAX; i++) {
        sessions_open(sessions, 3, id);
    }
    (void)str_format(cookie, sizeof cookie, "portal_session=%s", first);
    assert_false(sessions_find(sessions, cookie, 4, id));
    (void)str_format(cookie, sizeof cookie, "portal_session=%s", second);
    assert_true(sessions_find(sessions, cookie, 4, id));
    sessions_destroy(sessions);
}

static void documents_at_once_are_counted(void **state) {
    (void)state;
    struct sessions *sessions = sessions_create(1000);
    char one[SESSION_ID_MAX], two[SESSION_ID_MAX];
    sessions_open(sessions, 0, one);
    sessions_open(sessions, 0, two);
    assert_true(sessions_begin_document(sessions, one, 2));
    assert_true(sessions_begin_document(sessions, one, 2));
    assert_false(sessions_begin_document(sessions, one, 2));
    assert_true(sessions_begin_document(sessions, two, 2));
    sessions_end_document(sessions, one);
    assert_true(sessions_begin_document(sessions, one, 2));
    assert_true(sessions_begin_document(sessions, one, 0)); /* no limit */
    sessions_destroy(sessions);
}

/* The words of a line as argv. */
static enum outcome read_options(const char *line, struct options *ret, struct error *err) {
    static char program[] = "filesure-portal", copy[512];
    char *argv[16] = {program};
    int argc = 1;
    (void)str_copy(copy, sizeof copy, line);
    for (char *at = copy; *at;) {
        char *blank = at + strcspn(at, " ");
        argv[argc++] = at;
        at = *blank ? blank + 1 : blank;
        *blank = '\0';
    }
    return options_read(argc, argv, ret, err);
}

static void command_line(void **state) {
    (void)state;
    struct options options;
    struct error err;
    assert_int_equal(read_options("", &options, &err), OK);
    assert_true(options.action == OPTIONS_SERVE && options.latency_from_ms == 150 && options.latency_to_ms == 600);
    assert_true(!options.listen && !options.allow_faults && options.session_ms == 30 * 60000);
    assert_int_equal(read_options("--listen 1.2.3.4:5 --latency-ms=0-7 --bytes-per-second 9 --max-parallel 3 "
                                  "--session-minutes 2 --allow-faults --faults {}",
                                  &options, &err),
                     OK);
    assert_string_equal(options.listen, "1.2.3.4:5");
    assert_true(options.latency_from_ms == 0 && options.latency_to_ms == 7 && options.bytes_per_second == 9);
    assert_true(options.max_parallel == 3 && options.session_ms == 120000 && options.allow_faults);
    assert_string_equal(options.faults, "{}");
    assert_int_equal(read_options("--write U72200MH2015PTC123456 --to d", &options, &err), OK);
    assert_int_equal(options.action, OPTIONS_WRITE);
    assert_int_equal(read_options("--nonsense --help", &options, &err), INVALID);
    assert_int_equal(read_options("--write --help", &options, &err), INVALID);
    assert_int_equal(read_options("--help --nonsense", &options, &err), OK);
    assert_int_equal(options.action, OPTIONS_HELP);
    static const char *const bad[] = {"x",
                                      "--latency-ms",
                                      "--latency-ms 5",
                                      "--latency-ms 5-4",
                                      "--latency-ms -5-4",
                                      "--latency-ms 1-2-3",
                                      "--max-parallel 0",
                                      "--session-minutes x",
                                      "--bytes-per-second 0",
                                      "--allow-faults=1",
                                      "--write X",
                                      "--to d"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(read_options(bad[i], &options, &err), INVALID);
        assert_string_equal(err.code, "usage");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_documents_are_named),
        cmocka_unit_test(every_fault_can_be_set),
        cmocka_unit_test(scripts_count_per_target),
        cmocka_unit_test(rules_about_one_company),
        cmocka_unit_test(shares_are_seeded),
        cmocka_unit_test(shares_of_filings),
        cmocka_unit_test(counting_is_bounded),
        cmocka_unit_test(sessions_live_and_end),
        cmocka_unit_test(the_oldest_session_makes_room),
        cmocka_unit_test(documents_at_once_are_counted),
        cmocka_unit_test(command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
