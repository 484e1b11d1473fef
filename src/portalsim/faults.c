/* Decides which requests and which filings meet a fault: see faults.h. */
#include "portalsim/faults.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "portalsim/faults_rules.h"
#include "portalsim/rng.h"

/* Requests are counted per target in a table of hashes; when it is three quarters full, counting begins again. */
enum { COUNTERS = 65536 };

struct counter {
    uint64_t target; /* 0: free */
    uint64_t requests;
};

struct faults {
    pthread_mutex_t lock;
    uint64_t version;
    json_t *document;
    struct fault_rules rules;
    struct counter *counters; /* NULL while there are no rules */
    int counters_used;
};

struct faults *faults_create(void) {
    struct faults *faults = x_alloc(sizeof *faults);
    pthread_mutex_init(&faults->lock, NULL);
    faults->version = 1;
    faults->document = json_pack("{s:i, s:[]}", "seed", 0, "rules");
    return faults;
}

void faults_destroy(struct faults *faults) {
    if (faults) {
        json_decref(faults->document);
        free(faults->counters);
        pthread_mutex_destroy(&faults->lock);
        free(faults);
    }
}

enum outcome faults_set(struct faults *faults, const json_t *document, struct error *err) {
    struct fault_rules *rules AUTO_FREE = x_alloc(sizeof *rules);
    enum outcome outcome = fault_rules_read(document, rules, err);
    if (outcome != OK) {
        return outcome;
    }
    pthread_mutex_lock(&faults->lock);
    json_decref(faults->document);
    faults->document = json_deep_copy(document);
    faults->rules = *rules;
    faults->version++;
    free(faults->counters);
    faults->counters = rules->count ? x_alloc(COUNTERS * sizeof *faults->counters) : NULL;
    faults->counters_used = 0;
    pthread_mutex_unlock(&faults->lock);
    return OK;
}

json_t *faults_get(struct faults *faults) {
    pthread_mutex_lock(&faults->lock);
    json_t *copy = json_deep_copy(faults->document);
    pthread_mutex_unlock(&faults->lock);
    return copy;
}

uint64_t faults_version(struct faults *faults) {
    pthread_mutex_lock(&faults->lock);
    uint64_t version = faults->version;
    pthread_mutex_unlock(&faults->lock);
    return version;
}

static uint64_t count_request(struct faults *faults, uint64_t target) {
    if (faults->counters_used >= COUNTERS / 4 * 3) {
        memset(faults->counters, 0, COUNTERS * sizeof *faults->counters);
        faults->counters_used = 0;
    }
    size_t at = target % COUNTERS;
    while (faults->counters[at].target != 0 && faults->counters[at].target != target) {
        at = (at + 1) % COUNTERS;
    }
    if (faults->counters[at].target == 0) {
        faults->counters[at].target = target;
        faults->counters_used++;
    }
    return ++faults->counters[at].requests;
}

static bool drawn(const struct fault_rules *rules, int index, uint64_t target, uint64_t request) {
    uint64_t mixed = rng_mix(rng_mix(rng_mix(rules->seed, (uint64_t)index), target), request);
    return (double)(mixed >> 11) * 0x1p-53 < rules->items[index].share;
}

static bool among_nth(const struct fault_rule *rule, uint64_t request) {
    bool among = rule->nth[0] == 0;
    for (int i = 0; rule->nth[i]; i++) {
        among = among || (uint64_t)rule->nth[i] == request;
    }
    return among;
}

static bool about(const struct fault_rule *rule, const char *srn, const char *cin) {
    return (!rule->srn[0] || str_eq(rule->srn, srn)) && (!rule->cin[0] || str_eq(rule->cin, cin));
}

void faults_of_request(struct faults *faults, enum fault_route route, const char *target, const char *cin,
                       struct fault *ret) {
    *ret = (struct fault){.kind = FAULT_NONE};
    pthread_mutex_lock(&faults->lock);
    if (faults->rules.count) {
        struct rng rng = rng_from_text(target, (uint64_t)route);
        uint64_t hash = rng_next(&rng) | 1;
        uint64_t request = count_request(faults, hash);
        for (int i = 0; i < faults->rules.count && ret->kind == FAULT_NONE; i++) {
            const struct fault_rule *rule = &faults->rules.items[i];
            if (!fault_of_document(rule->fault.kind) && (rule->route == ROUTE_ANY || rule->route == route) &&
                about(rule, route == ROUTE_DOCUMENT ? target : NULL, cin) && among_nth(rule, request) &&
                drawn(&faults->rules, i, hash, request)) {
                *ret = rule->fault;
                ret->request = request;
            }
        }
    }
    pthread_mutex_unlock(&faults->lock);
}

enum fault_kind faults_of_filing(struct faults *faults, const char *srn, const char *cin) {
    enum fault_kind kind = FAULT_NONE;
    pthread_mutex_lock(&faults->lock);
    struct rng rng = rng_from_text(srn, ROUTES);
    uint64_t hash = rng_next(&rng);
    for (int i = 0; i < faults->rules.count && kind == FAULT_NONE; i++) {
        const struct fault_rule *rule = &faults->rules.items[i];
        if (fault_of_document(rule->fault.kind) && about(rule, srn, cin) && drawn(&faults->rules, i, hash, 0)) {
            kind = rule->fault.kind;
        }
    }
    pthread_mutex_unlock(&faults->lock);
    return kind;
}
