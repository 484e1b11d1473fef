/* Exhaustive breadth-first search over the states of a protocol model: every state that can be reached is visited once,
 * so the first state that breaks an invariant is reached by a shortest trace. Deterministic, one thread.
 *
 * A state is packed into a few 64-bit words by the model; the search knows nothing about what is in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SEARCH_WORDS_MAX = 8 };

struct search;

/* What is searched. `context` is the model's configuration. */
struct search_model {
    size_t words; /* of one state */
    const void *context;
    /* Emits the state the search begins with. */
    void (*start)(struct search *search, const void *context);
    /* Emits every state that one step leads to. */
    void (*expand)(struct search *search, const void *context, const uint64_t *packed);
    /* With liveness: what must stay reachable from every state; NULL: no such check. */
    bool (*goal)(const void *context, const uint64_t *packed);
    void (*print_step)(FILE *out, const void *context, uint32_t action, const uint64_t *packed);
};

struct search_limits {
    uint32_t states; /* more than this: the search gives up, which is a failure */
};

struct search_result {
    const char *broken; /* the invariant; NULL: every one holds */
    bool too_many;
    uint32_t states;
    uint64_t transitions;
    uint32_t depth; /* steps of the longest of all shortest traces; with `broken`: of its trace */
    uint64_t cut;   /* steps left out because a bound of the model was reached */
    size_t bytes;   /* of memory at the end */
    double seconds;
};

struct search *search_create(const struct search_model *model);
void search_destroy(struct search *search);
void search_run(struct search *search, const struct search_limits *limits, struct search_result *ret);
/* The trace to the state that broke the invariant, one line a step. */
void search_print_trace(const struct search *search, FILE *out);

/* ---- for the model, within start and expand ---- */

/* `action` says which step it was, for the trace. `broken`: the invariant that this step or its state breaks, or NULL.
 */
void search_emit(struct search *search, uint32_t action, const uint64_t *packed, const char *broken);
/* A step that changes nothing. */
void search_stay(struct search *search);
/* A step that is left out because a bound of the model is reached. */
void search_cut(struct search *search);
