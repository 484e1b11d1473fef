/* The seeded generator behind everything the simulator makes: splitmix64 (public domain, Vigna). Same seed, same
 * numbers, on every machine; no clock, no global state. */
#pragma once

#include "base/macros.h"

struct rng {
    uint64_t state;
};

/* A generator for one purpose of one text: different salts give unrelated numbers. */
struct rng rng_from_text(const char *text, uint64_t salt);
struct rng rng_from_seed(uint64_t seed, uint64_t salt);
uint64_t rng_next(struct rng *rng);
int rng_below(struct rng *rng, int bound);                 /* 0..bound-1; bound >= 1 */
int rng_between(struct rng *rng, int lowest, int highest); /* both included */
bool rng_chance(struct rng *rng, int percent);
/* The same mixing as a function: a number that follows from two. */
uint64_t rng_mix(uint64_t a, uint64_t b);
