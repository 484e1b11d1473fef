/* Request bodies, checked. */
#include "api/bodies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "jobs/jobs.h"

#define NOT_BETWEEN "num_jobs must be between 1 and 10"
#define NOT_INTEGER "num_jobs must be a valid integer"

/* ---- /create-job ---- */

/* Text of an integer of any length, blanks around it allowed: its value, or one that is out of range as it is. */
static bool read_integer_text(const char *text, int64_t *ret) {
    text += strspn(text, " \t\r\n");
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits + strspn(text + digits, " \t\r\n")] != '\0') {
        return false;
    }
    int64_t value = 0;
    for (size_t i = 0; i < digits && value < 1000000; i++) {
        value = value * 10 + (text[i] - '0');
    }
    *ret = negative ? -value : value;
    return true;
}

static enum outcome read_num_jobs(const json_t *member, int *ret, struct error *err) {
    int64_t value = 0;
    bool integer = true;
    if (json_is_integer(member)) {
        value = (int64_t)json_integer_value(member);
    } else if (json_is_real(member)) {
        double real = json_real_value(member);
        integer = trunc(real) == real;
        value = fabs(real) < 1000000 ? (int64_t)real : 1000000;
    } else {
        integer = json_is_string(member) && read_integer_text(json_string_value(member), &value);
    }
    if (!integer) {
        return error_set(err, INVALID, "bad_num_jobs", NOT_INTEGER);
    }
    if (value < SAMPLES_MIN || value > SAMPLES_MAX) {
        return error_set(err, INVALID, "bad_num_jobs", NOT_BETWEEN);
    }
    *ret = (int)value;
    return OK;
}

/* The parser refuses integers of more than 64 bits. For num_jobs that is no malformed JSON, it is out of range. */
static bool num_jobs_overflows(const char *bytes, size_t size_bytes) {
    static const char name[] = "\"num_jobs\"";
    const char *end = bytes + size_bytes;
    const char *at = memmem(bytes, size_bytes, name, sizeof(name) - 1);
    if (!at) {
        return false;
    }
    at += sizeof(name) - 1;
    while (at < end && strchr(" \t\r\n:-", *at) && *at) {
        at++;
    }
    int digits = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        digits++;
    }
    return digits >= 19;
}

enum outcome create_body_read(const char *bytes, size_t size_bytes, struct create_body *ret, struct error *err) {
    AUTO_JSON json_t *body = NULL;
    if (json_parse(bytes, size_bytes, &body, err) != OK) {
        if (bytes && num_jobs_overflows(bytes, size_bytes)) {
            return error_set(err, INVALID, "bad_num_jobs", NOT_BETWEEN);
        }
        return error_prefix(err, "the body is not valid JSON");
    }
    if (!json_is_object(body)) {
        return error_set(err, INVALID, "bad_json", "the body must be a JSON object");
    }
    const json_t *num_jobs = json_object_get(body, "num_jobs"), *cin = json_object_get(body, "cin");
    struct create_body result = {.num_jobs = 1, .has_cin = cin != NULL};
    if (num_jobs && cin) {
        return error_set(err, INVALID, "bad_body", "give cin or num_jobs, not both");
    }
    if (num_jobs && read_num_jobs(num_jobs, &result.num_jobs, err) != OK) {
        return err->outcome;
    }
    if (cin) {
        if (!json_is_string(cin)) {
            return error_set(err, INVALID, "bad_cin", "cin must be a string");
        }
        if (cin_check(json_string_value(cin), err) != OK) {
            return error_prefix(err, "cin");
        }
        (void)str_copy(result.company.cin, sizeof(result.company.cin), json_string_value(cin));
        (void)str_copy(result.company.name, sizeof(result.company.name), result.company.cin);
    }
    *ret = result;
    return OK;
}

/* ---- /api/v1/jobs ---- */

struct problems {
    json_t *list;
    struct error *err; /* gets the first */
};

static void add_problem(struct problems *problems, const char *pointer, const char *detail) {
    if (json_array_size(problems->list) == 0) {
        (void)error_set(problems->err, INVALID, "bad_order", "%s: %s", pointer, detail);
    }
    if (json_array_size(problems->list) < BODY_ERRORS_MAX) {
        json_array_append_new(problems->list, json_pack("{s:s, s:s}", "pointer", pointer, "detail", detail));
    }
}

/* A name somebody sent, short enough to be shown. */
static void add_unknown(struct problems *problems, const char *where, const char *name) {
    char pointer[128];
    (void)str_format(pointer, sizeof(pointer), "%s%s%.*s", where, *where ? "." : "", (int)utf8_cut(name, 60), name);
    add_problem(problems, pointer, "no such field");
}

static void read_company(json_t *item, int index, struct company *ret, struct problems *problems) {
    char where[40], pointer[64];
    (void)str_format(where, sizeof(where), "companies[%d]", index);
    if (!json_is_object(item)) {
        add_problem(problems, where, "must be an object with cin and, if known, companyName");
        return;
    }
    const char *key;
    json_t *value;
    json_object_foreach (item, key, value) {
        if (!str_eq(key, "cin") && !str_eq(key, "companyName")) {
            add_unknown(problems, where, key);
        }
    }
    struct error err = {0};
    const char *cin = json_member_string(item, "cin");
    (void)str_format(pointer, sizeof(pointer), "%s.cin", where);
    if (!cin) {
        add_problem(problems, pointer, json_object_get(item, "cin") ? "must be a string" : "is missing");
    } else if (cin_check(cin, &err) != OK) {
        add_problem(problems, pointer, err.message);
    } else {
        (void)str_copy(ret->cin, sizeof(ret->cin), cin);
        (void)str_copy(ret->name, sizeof(ret->name), cin);
    }
    const json_t *name = json_object_get(item, "companyName");
    (void)str_format(pointer, sizeof(pointer), "%s.companyName", where);
    if (name && !json_is_string(name)) {
        add_problem(problems, pointer, "must be a string");
    } else if (name && company_name_check(json_string_value(name), &err) != OK) {
        add_problem(problems, pointer, err.message);
    } else if (name) {
        (void)str_copy(ret->name, sizeof(ret->name), json_string_value(name));
    }
}

static void read_companies(json_t *list, struct order_body *ret, struct problems *problems) {
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count < 1 || count > ORDER_ITEMS_MAX) {
        char detail[96];
        (void)str_format(detail, sizeof(detail), "must be a list of 1 to %d companies", ORDER_ITEMS_MAX);
        add_problem(problems, "companies", list ? detail : "is missing");
        return;
    }
    ret->companies = x_alloc(count * sizeof(*ret->companies));
    ret->count = (int)count;
    for (int i = 0; i < ret->count; i++) {
        read_company(json_array_get(list, (size_t)i), i, &ret->companies[i], problems);
    }
}

static void read_options(json_t *body, struct order_body *ret, struct problems *problems) {
    const char *key;
    json_t *value;
    json_object_foreach (body, key, value) {
        if (str_eq(key, "priority")) {
            int64_t priority = json_is_integer(value) ? (int64_t)json_integer_value(value) : INT64_MAX;
            if (priority < -PRIORITY_MAX || priority > PRIORITY_MAX) {
                add_problem(problems, "priority", "must be an integer from -100 to 100");
            } else {
                ret->priority = (int)priority;
            }
        } else if (str_eq(key, "force")) {
            if (!json_is_boolean(value)) {
                add_problem(problems, "force", "must be true or false");
            }
            ret->force = json_is_true(value);
        } else if (!str_eq(key, "companies")) {
            add_unknown(problems, "", key);
        }
    }
}

void order_body_finish(struct order_body *body) {
    free(body->companies);
    *body = (struct order_body){0};
}

enum outcome order_body_read(const char *bytes, size_t size_bytes, struct order_body *ret, json_t **ret_errors,
                             struct error *err) {
    *ret_errors = NULL;
    AUTO_JSON json_t *body = NULL;
    if (json_parse(bytes, size_bytes, &body, err) != OK) {
        return err->outcome;
    }
    if (!json_is_object(body)) {
        return error_set(err, INVALID, "bad_json", "the body must be a JSON object");
    }
    struct order_body result = {0};
    struct problems problems = {.list = json_array(), .err = err};
    read_companies(json_object_get(body, "companies"), &result, &problems);
    read_options(body, &result, &problems);
    if (json_array_size(problems.list) > 0) {
        *ret_errors = problems.list;
        order_body_finish(&result);
        return INVALID;
    }
    json_decref(problems.list);
    *ret = result;
    return OK;
}

enum outcome empty_body_read(const char *bytes, size_t size_bytes, struct error *err) {
    if (size_bytes == 0) {
        return OK;
    }
    AUTO_JSON json_t *body = NULL;
    if (json_parse(bytes, size_bytes, &body, err) != OK) {
        return err->outcome;
    }
    if (!json_is_object(body)) {
        return error_set(err, INVALID, "bad_json", "the body must be empty or a JSON object");
    }
    const char *key = json_object_iter_key(json_object_iter(body));
    return key ? error_set(err, INVALID, "unknown_field", "%.*s: no such field", (int)utf8_cut(key, 60), key) : OK;
}
