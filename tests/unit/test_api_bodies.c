/* Request bodies of the API: /create-job's numbers and texts, positions in orders, bodies that must be empty. */
#include <stdlib.h>
#include <string.h>

#include "api/bodies.h"
#include "base/str.h"
#include "support/test.h"

#define CIN_A "L17110MH1973PLC019786"

static void refused(const char *body, const char *text) {
    struct create_body read;
    struct error err = {0};
    assert_int_equal(create_body_read(body, strlen(body), &read, &err), INVALID);
    if (text) {
        assert_string_equal(err.message, text);
    }
}

static void num_jobs_is(const char *body, int expected) {
    struct create_body read;
    struct error err = {0};
    assert_int_equal(create_body_read(body, strlen(body), &read, &err), OK);
    assert_int_equal(read.num_jobs, expected);
    assert_false(read.has_cin);
}

static void create_takes_integers(void **state) {
    (void)state;
    num_jobs_is("{}", 1);
    num_jobs_is("{\"num_jobs\":1}", 1);
    num_jobs_is("{\"num_jobs\":10}", 10);
    num_jobs_is("{\"num_jobs\":\"3\"}", 3);
    num_jobs_is("{\"num_jobs\":\" +3 \"}", 3);
    num_jobs_is("{\"num_jobs\":3.0}", 3);
    num_jobs_is("{\"num_jobs\":1e1}", 10);
    num_jobs_is("{\"num_jobs\":2,\"who\":\"me\",\"nested\":[1]}", 2);
}

static void create_refuses_what_is_no_integer(void **state) {
    (void)state;
    static const char *const values[] = {"\"three\"", "\"\"", "\"3.0\"", "\"3 4\"", "\"-\"",   "3.5",   "null",  "true",
                                         "[]",        "{}",   "[3]",     "\"0x3\"", "\"1_0\"", "0.999", "\"３\""};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char body[64];
        (void)str_format(body, sizeof(body), "{\"num_jobs\":%s}", values[i]);
        refused(body, "num_jobs must be a valid integer");
    }
}

static void create_refuses_what_is_out_of_range(void **state) {
    (void)state;
    static const char *const values[] = {"0",
                                         "11",
                                         "-1",
                                         "\"0\"",
                                         "1e9",
                                         "\"11\"",
                                         "-0.0",
                                         "1e300",
                                         "9223372036854775807",
                                         "\"-1\"",
                                         "99999999999999999999999",
                                         "\"99999999999999999999999\"",
                                         "-99999999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char body[64];
        (void)str_format(body, sizeof(body), "{\"num_jobs\":%s}", values[i]);
        refused(body, "num_jobs must be between 1 and 10");
    }
}

static void create_refuses_other_bodies(void **state) {
    (void)state;
    refused("null", "the body must be a JSON object");
    refused("[]", "the body must be a JSON object");
    refused("3", "the body must be a JSON object");
    refused("", NULL);
    refused("{", NULL);
    refused("{\"num_jobs\":3} x", NULL);
    refused("{\"num_jobs\":3,\"num_jobs\":4}", NULL);
    refused("{\"num_jobs\":\"\xff\"}", NULL);
    refused("{\"num_jobs\":3,\"cin\":\"" CIN_A "\"}", "give cin or num_jobs, not both");
    refused("{\"cin\":7}", "cin must be a string");
    refused("{\"cin\":null}", "cin must be a string");
    refused("{\"cin\":\"l17110MH1973PLC019786\"}", NULL);
}

static void create_takes_a_cin(void **state) {
    (void)state;
    static const char body[] = "{\"cin\":\"" CIN_A "\"}";
    struct create_body read;
    struct error err = {0};
    assert_int_equal(create_body_read(body, strlen(body), &read, &err), OK);
    assert_true(read.has_cin);
    assert_int_equal(read.num_jobs, 1);
    assert_string_equal(read.company.cin, CIN_A);
    assert_string_equal(read.company.name, CIN_A);
}

static json_t *order_errors(const char *body, const char *code) {
    struct order_body read;
    json_t *errors = NULL;
    struct error err = {0};
    assert_int_equal(order_body_read(body, strlen(body), &read, &errors, &err), INVALID);
    assert_string_equal(err.code, code);
    return errors;
}

static void fault_at(const char *body, const char *pointer) {
    AUTO_JSON json_t *errors = order_errors(body, "bad_order");
    assert_int_equal(json_array_size(errors), 1);
    assert_string_equal(json_member_string(json_array_get(errors, 0), "pointer"), pointer);
}

static void order_names_the_place(void **state) {
    (void)state;
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\"},{\"cin\":\"" CIN_A "\"},{\"cin\":\"" CIN_A
             "\"},{\"cin\":\"X\"}]}",
             "companies[3].cin");
    fault_at("{\"companies\":[{}]}", "companies[0].cin");
    fault_at("{\"companies\":[{\"cin\":5}]}", "companies[0].cin");
    fault_at("{\"companies\":[\"" CIN_A "\"]}", "companies[0]");
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\",\"companyName\":\"\"}]}", "companies[0].companyName");
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\",\"companyName\":7}]}", "companies[0].companyName");
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\",\"name\":\"x\"}]}", "companies[0].name");
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\"}],\"who\":1}", "who");
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\"}],\"priority\":101}", "priority");
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\"}],\"priority\":\"1\"}", "priority");
    fault_at("{\"companies\":[{\"cin\":\"" CIN_A "\"}],\"force\":1}", "force");
    fault_at("{\"companies\":[]}", "companies");
    fault_at("{\"companies\":{}}", "companies");
    fault_at("{}", "companies");
    assert_null(order_errors("[]", "bad_json"));
    assert_null(order_errors("{\"companies\":", "bad_json"));
}

static void order_counts_and_bounds_faults(void **state) {
    (void)state;
    AUTO_BUF struct buf body = BUF_INIT(1024 * 1024);
    (void)buf_append_str(&body, "{\"companies\":[");
    for (int i = 0; i < 100; i++) {
        (void)buf_printf(&body, "%s{\"cin\":\"bad\"}", i ? "," : "");
    }
    (void)buf_append_str(&body, "]}");
    AUTO_JSON json_t *errors = order_errors(buf_str(&body), "bad_order");
    assert_int_equal(json_array_size(errors), BODY_ERRORS_MAX);
}

static void order_of(int count, enum outcome expected) {
    AUTO_BUF struct buf body = BUF_INIT(4 * 1024 * 1024);
    (void)buf_append_str(&body, "{\"companies\":[");
    for (int i = 0; i < count; i++) {
        (void)buf_printf(&body, "%s{\"cin\":\"L17110MH1973PLC%06d\"}", i ? "," : "", i);
    }
    (void)buf_append_str(&body, "],\"priority\":-5,\"force\":true}");
    struct order_body read = {0};
    AUTO_JSON json_t *errors = NULL;
    struct error err = {0};
    assert_int_equal(order_body_read(body.data, body.size_bytes, &read, &errors, &err), expected);
    if (expected == OK) {
        assert_int_equal(read.count, count);
        assert_int_equal(read.priority, -5);
        assert_true(read.force);
        assert_string_equal(read.companies[count - 1].name, read.companies[count - 1].cin);
    }
    order_body_finish(&read);
}

static void order_takes_ten_thousand(void **state) {
    (void)state;
    order_of(1, OK);
    order_of(10000, OK);
    order_of(10001, INVALID);
}

static void empty_means_empty(void **state) {
    (void)state;
    struct error err = {0};
    assert_int_equal(empty_body_read("", 0, &err), OK);
    assert_int_equal(empty_body_read("{}", 2, &err), OK);
    assert_int_equal(empty_body_read("{\"a\":1}", 7, &err), INVALID);
    assert_string_equal(err.code, "unknown_field");
    assert_int_equal(empty_body_read("[]", 2, &err), INVALID);
    assert_int_equal(empty_body_read("x", 1, &err), INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_takes_integers),
        cmocka_unit_test(create_refuses_what_is_no_integer),
        cmocka_unit_test(create_refuses_what_is_out_of_range),
        cmocka_unit_test(create_refuses_other_bodies),
        cmocka_unit_test(create_takes_a_cin),
        cmocka_unit_test(order_names_the_place),
        cmocka_unit_test(order_counts_and_bounds_faults),
        cmocka_unit_test(order_takes_ten_thousand),
        cmocka_unit_test(empty_means_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
