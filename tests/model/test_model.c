/* The protocol model: docs/model.md. Without arguments the configurations that every test run searches, one test each,
 * and one test a guard. --all: every configuration and the trace of every guard, as tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/configs.h"
#include "model/step.h"
#include "support/test.h"

enum { STATES_MAX = 2000000, STATES_MAX_LARGE = 120000000, TEST_NAME_MAX = 96 };

/* The caller destroys the search; until the next one its trace can be printed. */
static struct search *search_case(const struct model_case *at, uint64_t guards_off, bool as_told,
                                  struct search_result *ret) {
    static struct job_run job_run;
    static struct totals_config totals;
    struct search_model model;
    if (at->job) {
        job_model(at->job, guards_off, as_told, &job_run, &model);
    } else {
        totals = *at->totals;
        totals.off = guards_off;
        totals_model(&totals, &model);
    }
    const struct search_limits limits = {.states = at->large ? STATES_MAX_LARGE : STATES_MAX};
    struct search *search = search_create(&model);
    search_run(search, &limits, ret);
    return search;
}

/* ---- the two questions ---- */

static bool holds(const struct model_case *at, struct search_result *ret) {
    struct search *search = search_case(at, 0, false, ret);
    if (ret->broken) {
        (void)printf("# %s: %s is broken: %s\n", case_name(at), ret->broken, invariant_text(ret->broken));
        search_print_trace(search, stdout);
    } else if (ret->too_many) {
        (void)printf("# %s: more than %u states\n", case_name(at), ret->states);
    }
    search_destroy(search);
    return !ret->broken && !ret->too_many;
}

/* True: the search says what the table says. */
static bool guard_shown(const struct guard_case *guard, bool with_trace, struct search_result *ret) {
    struct model_case at = case_find(guard->where);
    struct search *search = search_case(&at, guard->guards, !guard->redundant, ret);
    bool as_said = guard->redundant ? !ret->broken && !ret->too_many : str_eq(ret->broken, guard->breaks);
    if (!as_said) {
        (void)printf("# without %s in %s: %s, not %s\n", guard->name, guard->where,
                     ret->broken     ? ret->broken
                     : ret->too_many ? "too many states"
                                     : "no trace",
                     guard->redundant ? "none" : guard->breaks);
    }
    if (ret->broken && (with_trace || !as_said)) {
        search_print_trace(search, stdout);
    }
    search_destroy(search);
    return as_said;
}

static bool every_guard_is_listed(void) {
    uint64_t listed = 0;
    for (int i = 0; i < guards_count(); i++) {
        listed |= guard_at(i)->guards;
    }
    return listed == ((uint64_t)1 << GUARD_COUNT) - 1;
}

/* ---- as tests ---- */

static void test_holds(void **state) {
    struct search_result result;
    assert_true(holds(*state, &result));
}

static void test_guard(void **state) {
    struct search_result result;
    assert_true(guard_shown(*state, false, &result));
}

static void test_listed(void **state) {
    (void)state;
    assert_true(every_guard_is_listed());
}

static const char *named(char *out, const char *what, const char *name, const char *text) {
    (void)str_format(out, TEST_NAME_MAX, "%s %s%s%s", what, name, *text ? ": " : "", text);
    return out;
}

static int run_all(void) {
    size_t most = (size_t)(cases_count() + guards_count()) + 1;
    AUTO_FREE struct CMUnitTest *tests = x_alloc(most * sizeof(*tests));
    AUTO_FREE struct model_case *cases = x_alloc(most * sizeof(*cases));
    AUTO_FREE char(*names)[TEST_NAME_MAX] = x_alloc(most * sizeof(*names));
    size_t count = 0;
    for (int i = 0; i < cases_count(); i++) {
        cases[count] = case_at(i);
        if (!cases[count].large) {
            const char *name = named(names[count], "invariants hold in", case_name(&cases[count]), "");
            tests[count] = (struct CMUnitTest){name, test_holds, NULL, NULL, &cases[count]};
            count++;
        }
    }
    for (int i = 0; i < guards_count(); i++, count++) {
        const struct guard_case *guard = guard_at(i);
        const char *what = guard->redundant ? "nothing breaks without" : "a trace without";
        tests[count] =
            (struct CMUnitTest){named(names[count], what, guard->name, ""), test_guard, NULL, NULL, (void *)guard};
    }
    tests[count++] = (struct CMUnitTest){"every guard is in the table", test_listed, NULL, NULL, NULL};
    return _cmocka_run_group_tests("model", tests, count, NULL, NULL);
}

/* ---- as tables ---- */

static bool table_of_cases(bool all) {
    bool good = true;
    (void)printf("%-30s %11s %12s %6s %6s %8s  %s\n", "configuration", "states", "transitions", "depth", "MB",
                 "seconds", "invariants");
    for (int i = 0; i < cases_count(); i++) {
        struct model_case at = case_at(i);
        struct search_result result;
        if (at.large && !all) {
            continue;
        }
        bool held = holds(&at, &result);
        good = good && held;
        (void)printf("%-30s %11u %12llu %6u %6zu %8.1f  %s\n", case_name(&at), result.states,
                     (unsigned long long)result.transitions, result.depth, result.bytes >> 20, result.seconds,
                     held ? "hold" : "BROKEN");
        (void)fflush(stdout);
    }
    return good;
}

static int by_depth(const void *a, const void *b) {
    const uint32_t *one = a;
    const uint32_t *other = b;
    return one[0] != other[0] ? (one[0] > other[0]) - (one[0] < other[0]) : (one[1] > other[1]) - (one[1] < other[1]);
}

/* Shortest traces first, those without one last. */
static bool traces_of_guards(void) {
    size_t count = (size_t)guards_count();
    AUTO_FREE uint32_t(*order)[2] = x_alloc(count * sizeof(*order));
    struct search_result result;
    bool good = every_guard_is_listed();
    for (uint32_t i = 0; i < count; i++) {
        good = guard_shown(guard_at((int)i), false, &result) && good;
        order[i][0] = result.broken ? result.depth : UINT32_MAX;
        order[i][1] = i;
    }
    qsort(order, count, sizeof(*order), by_depth);
    for (size_t i = 0; i < count; i++) {
        const struct guard_case *guard = guard_at((int)order[i][1]);
        (void)printf("\nwithout %s (%s), in %s: ", guard->name, guard->text, guard->where);
        if (guard->redundant) {
            (void)printf("nothing breaks: %s\n", guard->redundant);
            continue;
        }
        (void)printf("%s after %u steps: %s\n", guard->breaks, order[i][0], invariant_text(guard->breaks));
        (void)guard_shown(guard, true, &result);
    }
    return good;
}

int main(int count, char **arguments) {
    if (count == 1) {
        return run_all();
    }
    bool all = str_eq(arguments[1], "--all");
    if (!all && !str_eq(arguments[1], "--table")) {
        (void)fprintf(stderr, "test_model [--table | --all]: the tests; as tables; with the large configurations\n");
        return 2;
    }
    bool held = table_of_cases(all);
    bool shown = traces_of_guards();
    (void)printf("\n%s\n", held && shown ? "every invariant holds, every guard is shown" : "FAILED");
    return held && shown ? 0 : 1;
}
