#include "model/search.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"

#define NONE UINT32_MAX

struct search {
    struct search_model model;
    uint32_t limit, count, capacity;
    uint64_t *states; /* count * words */
    uint32_t *parents, *actions;
    uint32_t *table; /* open addressing; index + 1, 0: free */
    uint32_t table_size;
    uint32_t at; /* the state that is expanded */

    /* With a goal: the states that each state leads to, in the order of the states. */
    uint32_t *edges;
    uint64_t edges_count, edges_capacity;
    uint64_t *edges_begin; /* by state; grows with states */

    uint64_t transitions, cut;
    const char *broken;
    uint32_t broken_from, broken_action;
    uint64_t broken_state[SEARCH_WORDS_MAX];
    bool too_many;
};

struct search *search_create(const struct search_model *model) {
    assert(model->words >= 1 && model->words <= SEARCH_WORDS_MAX);
    struct search *search = x_alloc(sizeof(*search));
    search->model = *model;
    search->table_size = 1 << 12;
    search->table = x_alloc(search->table_size * sizeof(*search->table));
    return search;
}

void search_destroy(struct search *search) {
    if (search) {
        free(search->states);
        free(search->parents);
        free(search->actions);
        free(search->table);
        free(search->edges);
        free(search->edges_begin);
        free(search);
    }
}

/* ---- the set of states ---- */

static const uint64_t *state_at(const struct search *search, uint32_t index) {
    return search->states + (size_t)index * search->model.words;
}

static uint32_t hash_words(const uint64_t *words, size_t count) {
    uint64_t hash = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ words[i]) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    hash *= 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(hash >> 32);
}

/* Where the state is in the table, or the free place where it belongs. */
static uint32_t find_place(const struct search *search, const uint64_t *packed) {
    uint32_t mask = search->table_size - 1;
    uint32_t place = hash_words(packed, search->model.words) & mask;
    size_t bytes = search->model.words * sizeof(*packed);
    while (search->table[place] && memcmp(state_at(search, search->table[place] - 1), packed, bytes) != 0) {
        place = (place + 1) & mask;
    }
    return place;
}

static void grow_table(struct search *search) {
    free(search->table);
    search->table_size *= 2;
    search->table = x_alloc(search->table_size * sizeof(*search->table));
    for (uint32_t i = 0; i < search->count; i++) {
        search->table[find_place(search, state_at(search, i))] = i + 1;
    }
}

static void grow_states(struct search *search) {
    uint32_t capacity = search->capacity ? search->capacity + search->capacity / 2 : 1 << 12;
    size_t words = search->model.words;
    search->states = x_realloc(search->states, capacity * words, sizeof(*search->states));
    search->parents = x_realloc(search->parents, capacity, sizeof(*search->parents));
    search->actions = x_realloc(search->actions, capacity, sizeof(*search->actions));
    if (search->model.goal) {
        search->edges_begin = x_realloc(search->edges_begin, (size_t)capacity + 1, sizeof(*search->edges_begin));
    }
    search->capacity = capacity;
}

static uint32_t insert(struct search *search, uint32_t action, const uint64_t *packed) {
    uint32_t place = find_place(search, packed);
    if (search->table[place]) {
        return search->table[place] - 1;
    }
    if (search->count == search->limit) {
        search->too_many = true;
        return NONE;
    }
    if (search->count == search->capacity) {
        grow_states(search);
    }
    uint32_t index = search->count++;
    memcpy(search->states + (size_t)index * search->model.words, packed, search->model.words * sizeof(*packed));
    search->parents[index] = index ? search->at : NONE;
    search->actions[index] = action;
    search->table[place] = index + 1;
    if (search->count > search->table_size / 8 * 5) {
        grow_table(search);
    }
    return index;
}

static void add_edge(struct search *search, uint32_t to) {
    if (search->edges_count == search->edges_capacity) {
        search->edges_capacity = search->edges_capacity ? search->edges_capacity + search->edges_capacity / 2 : 1 << 14;
        search->edges = x_realloc(search->edges, search->edges_capacity, sizeof(*search->edges));
    }
    search->edges[search->edges_count++] = to;
}

void search_emit(struct search *search, uint32_t action, const uint64_t *packed, const char *broken) {
    if (search->broken || search->too_many) {
        return;
    }
    bool first = search->count == 0;
    search->transitions += !first;
    if (broken) {
        search->broken = broken;
        search->broken_from = first ? NONE : search->at;
        search->broken_action = action;
        memcpy(search->broken_state, packed, search->model.words * sizeof(*packed));
        return;
    }
    uint32_t index = insert(search, action, packed);
    if (search->model.goal && !first && index != NONE && index != search->at) {
        add_edge(search, index);
    }
}

void search_stay(struct search *search) {
    search->transitions++;
}

void search_cut(struct search *search) {
    search->cut++;
}

/* ---- the search ---- */

static uint32_t explore(struct search *search) {
    uint32_t depth = 0;
    uint32_t level_end = search->count;
    for (search->at = 0; search->at < search->count; search->at++) {
        if (search->at == level_end) {
            depth++;
            level_end = search->count;
        }
        if (search->model.goal) {
            search->edges_begin[search->at] = search->edges_count;
        }
        uint64_t packed[SEARCH_WORDS_MAX]; /* the array may move while successors are added */
        memcpy(packed, state_at(search, search->at), search->model.words * sizeof(*packed));
        search->model.expand(search, search->model.context, packed);
        if (search->broken || search->too_many) {
            return depth + 1;
        }
    }
    return depth;
}

/* Marks what leads to the goal, from the last state to the first, until nothing is new. */
static bool *leads_to_goal(const struct search *search) {
    bool *good = x_alloc(search->count);
    for (uint32_t i = 0; i < search->count; i++) {
        good[i] = search->model.goal(search->model.context, state_at(search, i));
    }
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t i = search->count; i-- > 0;) {
            uint64_t end = i + 1 < search->count ? search->edges_begin[i + 1] : search->edges_count;
            for (uint64_t edge = search->edges_begin[i]; edge < end && !good[i]; edge++) {
                changed |= good[i] = good[search->edges[edge]];
            }
        }
    }
    return good;
}

/* The first state from which the goal cannot be reached any more; its depth. */
static void check_goal(struct search *search, uint32_t *depth) {
    AUTO_FREE bool *good = leads_to_goal(search);
    uint32_t bad = 0;
    while (bad < search->count && good[bad]) {
        bad++;
    }
    if (bad == search->count) {
        return;
    }
    search->broken = "goal_reachable";
    search->broken_from = search->parents[bad];
    search->broken_action = search->actions[bad];
    memcpy(search->broken_state, state_at(search, bad), search->model.words * sizeof(uint64_t));
    *depth = 1;
    for (uint32_t i = search->broken_from; i != NONE && i != 0; i = search->parents[i]) {
        ++*depth;
    }
}

static size_t memory(const struct search *search) {
    size_t per_state = search->model.words * sizeof(uint64_t) + 2 * sizeof(uint32_t);
    size_t bytes = search->capacity * per_state + search->table_size * sizeof(uint32_t);
    if (search->model.goal) {
        bytes += search->edges_capacity * sizeof(uint32_t) + (size_t)search->capacity * sizeof(uint64_t);
    }
    return bytes;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void search_run(struct search *search, const struct search_limits *limits, struct search_result *ret) {
    double began_s = now_s();
    search->limit = limits->states;
    search->model.start(search, search->model.context);
    uint32_t depth = explore(search);
    if (search->model.goal && !search->broken && !search->too_many) {
        check_goal(search, &depth);
    }
    *ret = (struct search_result){
        .broken = search->broken,
        .too_many = search->too_many,
        .states = search->count,
        .transitions = search->transitions,
        .depth = depth,
        .cut = search->cut,
        .bytes = memory(search),
        .seconds = now_s() - began_s,
    };
}

static void print_line(const struct search *search, FILE *out, uint32_t number, uint32_t action,
                       const uint64_t *packed) {
    (void)fprintf(out, "  %2u  ", number);
    search->model.print_step(out, search->model.context, action, packed);
    (void)fputc('\n', out);
}

void search_print_trace(const struct search *search, FILE *out) {
    uint32_t length = 0;
    for (uint32_t i = search->broken_from; i != NONE; i = search->parents[i]) {
        length++;
    }
    AUTO_FREE uint32_t *path = x_alloc((length + 1) * sizeof(*path));
    uint32_t at = length;
    for (uint32_t i = search->broken_from; i != NONE; i = search->parents[i]) {
        path[--at] = i;
    }
    for (uint32_t i = 0; i < length; i++) {
        print_line(search, out, i, search->actions[path[i]], state_at(search, path[i]));
    }
    print_line(search, out, length, search->broken_action, search->broken_state);
}
