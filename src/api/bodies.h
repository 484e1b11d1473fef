/* Request bodies, checked: pure, nothing here knows of HTTP or of a store. */
#pragma once

#include "base/json.h"
#include "core/company.h"

enum { SAMPLES_MIN = 1, SAMPLES_MAX = 10, BODY_ERRORS_MAX = 20, PRIORITY_MAX = 100 };

/* POST /create-job: {"num_jobs": 1..10} (an integer, or a string or a number that is one; 1 when missing) or {"cin":
 * "…"}. Other fields are ignored. INVALID with the very text of the "error" member. */
struct create_body {
    int num_jobs;
    bool has_cin;
    struct company company; /* with has_cin */
};
MUST_USE enum outcome create_body_read(const char *bytes, size_t size_bytes, struct create_body *ret,
                                       struct error *err);

/* POST /api/v1/jobs: {"companies": [{"cin", "companyName"?}…], "priority"?, "force"?}; nothing else. */
struct order_body {
    struct company *companies;
    int count;
    int priority;
    bool force;
};
void order_body_finish(struct order_body *body);
/* INVALID "bad_json", or "bad_order" with the first trouble in the message; *ret_errors (the caller's, NULL for bad
 * JSON) then is a list of up to BODY_ERRORS_MAX {"pointer": "companies[3].cin", "detail": …}. */
MUST_USE enum outcome order_body_read(const char *bytes, size_t size_bytes, struct order_body *ret, json_t **ret_errors,
                                      struct error *err);
/* No body, or {}: INVALID "bad_json" or "unknown_field" else. */
MUST_USE enum outcome empty_body_read(const char *bytes, size_t size_bytes, struct error *err);
