/* The seeded generator: see rng.h. */
#include "portalsim/rng.h"

#include <assert.h>

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t rng_mix(uint64_t a, uint64_t b) {
    return mix(a + 0x9e3779b97f4a7c15u * (b + 1));
}

struct rng rng_from_text(const char *text, uint64_t salt) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *at = text; *at; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    }
    return rng_from_seed(hash, salt);
}

struct rng rng_from_seed(uint64_t seed, uint64_t salt) {
    return (struct rng){.state = rng_mix(seed, salt)};
}

uint64_t rng_next(struct rng *rng) {
    rng->state += 0x9e3779b97f4a7c15u;
    return mix(rng->state);
}

int rng_below(struct rng *rng, int bound) {
    assert(bound >= 1);
    return (int)((rng_next(rng) >> 32) * (uint64_t)bound >> 32);
}

int rng_between(struct rng *rng, int lowest, int highest) {
    return lowest + rng_below(rng, highest - lowest + 1);
}

bool rng_chance(struct rng *rng, int percent) {
    return rng_below(rng, 100) < percent;
}
