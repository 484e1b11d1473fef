/* The table of routes and docs/api/openapi.json say the same. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/str.h"
#include "support/test.h"

/* Files of the page are no part of the interface. */
static bool is_page_file(const char *path) {
    static const char *const endings[] = {".js", ".css", ".html", ".svg"};
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        if (str_ends_with(path, endings[i])) {
            return true;
        }
    }
    return false;
}

static json_t *document(void) {
    size_t size_bytes;
    const char *text = api_openapi(&size_bytes);
    json_t *value = NULL;
    struct error err = {0};
    assert_int_equal(json_parse(text, size_bytes, &value, &err), OK);
    return value;
}

static void every_route_is_documented(void **state) {
    (void)state;
    AUTO_JSON json_t *openapi = document();
    size_t count;
    AUTO_FREE struct http_route *routes = api_all_routes(&count);
    assert_true(count > api_routes_count);
    for (size_t i = 0; i < count; i++) {
        char method[16];
        (void)str_copy(method, sizeof(method), routes[i].method);
        str_lower(method);
        const json_t *path = json_object_get(json_object_get(openapi, "paths"), routes[i].path);
        if (!is_page_file(routes[i].path) && !json_object_get(path, method)) {
            fail_msg("%s %s is not in openapi.json", method, routes[i].path);
        }
    }
}

static void every_documented_call_is_a_route(void **state) {
    (void)state;
    AUTO_JSON json_t *openapi = document();
    size_t count;
    AUTO_FREE struct http_route *routes = api_all_routes(&count);
    const char *path, *method;
    json_t *calls, *call;
    int found = 0;
    json_object_foreach (json_object_get(openapi, "paths"), path, calls) {
        json_object_foreach (calls, method, call) {
            bool known = false;
            for (size_t i = 0; i < count; i++) {
                known = known || (str_eq(routes[i].path, path) && strcasecmp(routes[i].method, method) == 0);
            }
            if (!known) {
                fail_msg("%s %s is in openapi.json, but is no route", method, path);
            }
            found++;
        }
    }
    assert_true(found >= 19);
}

static void bodies_are_bounded(void **state) {
    (void)state;
    size_t count;
    AUTO_FREE struct http_route *routes = api_all_routes(&count);
    for (size_t i = 0; i < count; i++) {
        bool writes = str_eq(routes[i].method, "POST");
        size_t expected = !writes ? 0 : str_eq(routes[i].path, "/api/v1/jobs") ? 4194304 : 1048576;
        assert_int_equal(routes[i].max_body_bytes, expected);
        assert_string_equal(routes[i].problem_style, str_eq(routes[i].path, "/create-job") ? "error" : "problem");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_documented),
        cmocka_unit_test(every_documented_call_is_a_route),
        cmocka_unit_test(bodies_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
