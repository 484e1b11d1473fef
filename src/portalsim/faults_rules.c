/* Reads a fault document: see faults_rules.h. Every refusal names the rule and the member. */
#include "portalsim/faults_rules.h"

#include "base/str.h"

static const struct {
    const char *word;
    enum fault_kind kind;
    int status;
} kinds[] = {
    {"404", FAULT_STATUS, 404},      {"410", FAULT_STATUS, 410},      {"429", FAULT_STATUS, 429},
    {"500", FAULT_STATUS, 500},      {"503", FAULT_STATUS, 503},      {"reset", FAULT_RESET, 0},
    {"hang", FAULT_HANG, 0},         {"truncate", FAULT_TRUNCATE, 0}, {"contentType", FAULT_CONTENT_TYPE, 0},
    {"html", FAULT_HTML, 0},         {"session", FAULT_SESSION, 0},   {"etag", FAULT_ETAG, 0},
    {"drip", FAULT_DRIP, 0},         {"md5", FAULT_MD5, 0},           {"damaged", FAULT_DAMAGED, 0},
    {"password", FAULT_PASSWORD, 0}, {"bomb", FAULT_BOMB, 0},         {"pages", FAULT_PAGES, 0},
};
static const char *const routes[] = {"session", "search", "company", "filings", "document", "any"};

bool fault_of_document(enum fault_kind kind) {
    return kind >= FAULT_DAMAGED;
}

struct reading {
    const json_t *rule;
    size_t index;
    struct error *err;
};

static enum outcome refuse(const struct reading *reading, const char *member, const char *expected) {
    return error_set(reading->err, INVALID, "bad_faults", "rules[%zu].%s: %s", reading->index, member, expected);
}

static enum outcome read_kind(const struct reading *reading, struct fault_rule *rule) {
    const char *word = json_member_string(reading->rule, "fault");
    for (size_t i = 0; word && i < COUNT_OF(kinds); i++) {
        if (str_eq(kinds[i].word, word)) {
            rule->fault.kind = kinds[i].kind;
            rule->fault.status = kinds[i].status;
            return OK;
        }
    }
    return refuse(reading, "fault",
                  "one of 404, 410, 429, 500, 503, reset, hang, truncate, contentType, html, session, "
                  "etag, drip, md5, damaged, password, bomb, pages is expected");
}

static enum outcome read_route(const struct reading *reading, struct fault_rule *rule) {
    const json_t *value = json_object_get(reading->rule, "route");
    rule->route = ROUTE_DOCUMENT;
    if (!value) {
        return OK;
    }
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (str_eq(json_string_value(value), routes[i])) {
            rule->route = (enum fault_route)i;
            return OK;
        }
    }
    return refuse(reading, "route", "one of session, search, company, filings, document, any is expected");
}

static enum outcome read_share(const struct reading *reading, struct fault_rule *rule) {
    const json_t *value = json_object_get(reading->rule, "share");
    rule->share = 1;
    if (value) {
        rule->share = json_number_value(value);
        if (!json_is_number(value) || !(rule->share >= 0 && rule->share <= 1)) {
            return refuse(reading, "share", "a number from 0 to 1 is expected");
        }
    }
    return OK;
}

static bool add_nth(const json_t *value, int *out) {
    json_int_t number = json_integer_value(value);
    *out = (int)number;
    return json_is_integer(value) && number >= 1 && number <= 1000000;
}

static enum outcome read_nth(const struct reading *reading, struct fault_rule *rule) {
    static const char expected[] = "a number from 1, or a list of at most 15 of them, is expected";
    const json_t *value = json_object_get(reading->rule, "nth");
    if (!value) {
        return OK;
    }
    if (!json_is_array(value)) {
        return add_nth(value, &rule->nth[0]) ? OK : refuse(reading, "nth", expected);
    }
    size_t count = json_array_size(value);
    if (count < 1 || count >= FAULT_NTH_MAX) {
        return refuse(reading, "nth", expected);
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_nth(json_array_get(value, i), &rule->nth[i])) {
            return refuse(reading, "nth", expected);
        }
    }
    return OK;
}

static enum outcome read_targets(const struct reading *reading, struct fault_rule *rule) {
    if (json_object_get(reading->rule, "srn") &&
        (!json_member_copy(reading->rule, "srn", rule->srn, sizeof rule->srn) || !srn_valid(rule->srn))) {
        return refuse(reading, "srn", "an SRN is expected");
    }
    if (json_object_get(reading->rule, "cin") &&
        (!json_member_copy(reading->rule, "cin", rule->cin, sizeof rule->cin) || !cin_valid(rule->cin))) {
        return refuse(reading, "cin", "a CIN is expected");
    }
    return OK;
}

static enum outcome read_number(const struct reading *reading, const char *member, json_int_t lowest,
                                json_int_t highest, int64_t *ret) {
    const json_t *value = json_object_get(reading->rule, member);
    if (!value) {
        return OK;
    }
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < lowest || number > highest) {
        char expected[96];
        str_format(expected, sizeof expected, "a whole number from %lld to %lld is expected", (long long)lowest,
                   (long long)highest);
        return refuse(reading, member, expected);
    }
    *ret = number;
    return OK;
}

static enum outcome read_numbers(const struct reading *reading, struct fault_rule *rule) {
    int64_t retry = 1, hang = 120000;
    struct fault *fault = &rule->fault;
    fault->after_bytes = -1;
    fault->bytes_per_second = 200;
    enum outcome outcome = read_number(reading, "retryAfterSeconds", 0, 3600, &retry);
    if (outcome == OK) {
        outcome = read_number(reading, "hangMs", 0, 3600000, &hang);
    }
    if (outcome == OK) {
        outcome = read_number(reading, "afterBytes", 0, FILING_BYTES_MAX, &fault->after_bytes);
    }
    if (outcome == OK) {
        outcome = read_number(reading, "bytesPerSecond", 1, 1000000000, &fault->bytes_per_second);
    }
    fault->retry_after_s = (int)retry;
    fault->hang_ms = (int)hang;
    return outcome;
}

static enum outcome check_members(const struct reading *reading) {
    static const char *const known[] = {
        "fault", "route", "share", "nth", "srn", "cin", "retryAfterSeconds", "hangMs", "afterBytes", "bytesPerSecond"};
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)reading->rule, name, value) {
        bool found = false;
        for (size_t i = 0; i < COUNT_OF(known); i++) {
            found = found || str_eq(known[i], name);
        }
        if (!found) {
            return refuse(reading, name, "unknown member");
        }
    }
    return OK;
}

static enum outcome check_sense(const struct reading *reading, const struct fault_rule *rule) {
    enum fault_kind kind = rule->fault.kind;
    bool document_only = fault_of_document(kind) || kind == FAULT_ETAG || kind == FAULT_MD5;
    if (document_only && rule->route != ROUTE_DOCUMENT) {
        return refuse(reading, "route", "this fault exists on the route document only");
    }
    if (fault_of_document(kind) && rule->nth[0]) {
        return refuse(reading, "nth", "this fault belongs to the filing and not to a request");
    }
    if (rule->srn[0] && rule->route != ROUTE_DOCUMENT && rule->route != ROUTE_ANY) {
        return refuse(reading, "srn", "only requests for documents have an SRN");
    }
    if (rule->cin[0] && (rule->route == ROUTE_SESSION || rule->route == ROUTE_SEARCH)) {
        return refuse(reading, "cin", "requests of this route are about no company");
    }
    return OK;
}

static enum outcome read_rule(const struct reading *reading, struct fault_rule *rule) {
    static enum outcome (*const steps[])(const struct reading *, struct fault_rule *) = {
        read_kind, read_route, read_share, read_nth, read_targets, read_numbers};
    if (!json_is_object(reading->rule)) {
        return error_set(reading->err, INVALID, "bad_faults", "rules[%zu]: an object is expected", reading->index);
    }
    enum outcome outcome = check_members(reading);
    for (size_t i = 0; outcome == OK && i < COUNT_OF(steps); i++) {
        outcome = steps[i](reading, rule);
    }
    return outcome == OK ? check_sense(reading, rule) : outcome;
}

static enum outcome check_document(const json_t *document, struct error *err) {
    if (!json_is_object(document)) {
        return error_set(err, INVALID, "bad_faults", "an object with rules is expected");
    }
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)document, name, value) {
        if (!str_eq(name, "seed") && !str_eq(name, "rules")) {
            return error_set(err, INVALID, "bad_faults", "%s: unknown member", name);
        }
    }
    const json_t *seed = json_object_get(document, "seed");
    if (seed && (!json_is_integer(seed) || json_integer_value(seed) < 0)) {
        return error_set(err, INVALID, "bad_faults", "seed: a whole number from 0 is expected");
    }
    const json_t *rules = json_object_get(document, "rules");
    if (!json_is_array(rules) || json_array_size(rules) > FAULT_RULES_MAX) {
        return error_set(err, INVALID, "bad_faults", "rules: a list of at most %d rules is expected", FAULT_RULES_MAX);
    }
    return OK;
}

enum outcome fault_rules_read(const json_t *document, struct fault_rules *ret, struct error *err) {
    enum outcome outcome = check_document(document, err);
    if (outcome != OK) {
        return outcome;
    }
    const json_t *list = json_object_get(document, "rules");
    *ret = (struct fault_rules){.seed = (uint64_t)json_member_int(document, "seed", 0)};
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct reading reading = {.rule = json_array_get(list, i), .index = i, .err = err};
        outcome = read_rule(&reading, &ret->items[ret->count++]);
        if (outcome != OK) {
            return outcome;
        }
    }
    return OK;
}
