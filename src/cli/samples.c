#include "cli/samples.h"

#include "base/hash.h"

enum { SAMPLE_TRIES_MAX = 50 };

enum outcome samples_place(struct jobs *jobs, int count, int priority, const char *actor, struct jobs_placed *ret,
                           struct error *err) {
    ret->items = x_alloc(sizeof(*ret->items) * (size_t)count);
    for (int tries = 0; ret->count < count; tries++) {
        struct company company;
        uint64_t seed;
        random_bytes(&seed, sizeof(seed));
        company_sample(seed, &company);
        const struct jobs_order order = {.companies = &company, .count = 1, .priority = priority, .actor = actor};
        struct jobs_placed placed = {0};
        enum outcome outcome = jobs_place(jobs, &order, &placed, err);
        if (outcome != OK)
            return outcome;
        bool drawn_free = placed.items[0].created;
        if (drawn_free)
            ret->items[ret->count++] = placed.items[0];
        jobs_placed_finish(&placed);
        if (!drawn_free && tries > SAMPLE_TRIES_MAX)
            return error_set(err, RETRY, "no_free_company", "no company without an open job was drawn in %d tries",
                             tries);
    }
    return OK;
}
