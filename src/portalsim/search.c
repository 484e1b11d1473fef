/* Search: see search.h. */
#include "portalsim/search.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool known(const struct sim_company *found, int count, const char *cin) {
    for (int i = 0; i < count; i++) {
        if (str_eq(found[i].cin, cin)) {
            return true;
        }
    }
    return false;
}

static int add(const char *cin, struct sim_company *found, int count) {
    struct error ignored;
    if (!known(found, count, cin) && sim_company_make(cin, &found[count], &ignored) == OK) {
        count++;
    }
    return count;
}

/* A CIN that begins with the text, completed by the generator; false: none can. */
static bool complete(const char *text, struct rng *rng, char out[CIN_MAX]) {
    static const char *const kinds[] = {"PTC", "PLC", "OPC"};
    char cin[CIN_MAX];
    str_format(cin, sizeof cin, "%c%05dMH%04d%s%06d", rng_chance(rng, 80) ? 'U' : 'L', rng_between(rng, 10000, 99999),
               rng_between(rng, 1990, 2024), kinds[rng_below(rng, COUNT_OF(kinds))],
               rng_between(rng, SIM_WITHDRAWN_BELOW, 999999));
    size_t length = strlen(text);
    if (length >= sizeof cin) {
        return false;
    }
    memcpy(cin, text, length);
    memcpy(out, cin, sizeof cin);
    return cin_valid(cin);
}

static int add_completions(const char *text, int limit, struct sim_company *found, int count) {
    struct rng rng = rng_from_text(text, 'Q');
    for (int tries = 0; tries < 2 * SEARCH_MAX && count < limit; tries++) {
        char cin[CIN_MAX];
        if (!complete(text, &rng, cin)) {
            break;
        }
        count = add(cin, found, count);
    }
    return count;
}

int search_companies(const char *text, int limit, struct sim_company out[SEARCH_MAX]) {
    int count = 0;
    for (uint64_t seed = 1; seed <= SEARCH_DIRECTORY && count < limit; seed++) {
        struct company company;
        company_sample(seed, &company);
        if (strncasecmp(company.cin, text, strlen(text)) == 0 || strcasestr(company.name, text)) {
            count = add(company.cin, out, count);
        }
    }
    if (*text && count < limit) {
        char prefix[64];
        str_copy(prefix, sizeof prefix, text);
        for (char *at = prefix; *at; at++) {
            *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
        }
        count = add_completions(prefix, limit, out, count);
    }
    return count;
}
