/* The protocol model: docs/model.md. Without arguments the configurations that every test run searches, one test each,
 * and one test a guard. --all: every configuration and the trace of every guard, as tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
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

static bool documented(const char *page, const char *name) {
    char quoted[TEST_NAME_MAX];
    (void)str_format(quoted, sizeof(quoted), "\n| %s |", name);
    bool found = strstr(page, quoted) != NULL;
    if (!found) {
        (void)printf("# docs/model.md has no row of %s\n", name);
    }
    return found;
}

static bool every_row_is_documented(const char *page) {
    bool good = true;
    for (int i = 0; i < cases_count(); i++) {
        struct model_case at = case_at(i);
        good = documented(page, case_name(&at)) && good;
    }
    for (int i = 0; i < guards_count(); i++) {
        good = documented(page, guard_at(i)->name) && good;
    }
    for (int i = 0; i < invariants_count(); i++) {
        good = documented(page, invariant_name(i)) && good;
    }
    return good;
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

static void test_documented(void **state) {
    (void)state;
    const char *root = getenv("FILESURE_ROOT");
    char path[4096];
    AUTO_BUF struct buf page = BUF_INIT(1 << 20);
    struct error err = {0};
    (void)str_format(path, sizeof(path), "%s/docs/model.md", root ? root : ".");
    assert_int_equal(file_read(path, &page, &err), OK);
    assert_true(every_row_is_documented(buf_str(&page)));
}

static const char *named(char *out, const char *what, const char *name, const char *text) {
    (void)str_format(out, TEST_NAME_MAX, "%s %s%s%s", what, name, *text ? ": " : "", text);
    return out;
}

static int run_all(void) {
    size_t most = (size_t)(cases_count() + guards_count()) + 2;
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
    tests[count++] = (struct CMUnitTest){"docs/model.md has every row", test_documented, NULL, NULL, NULL};
    return _cmocka_run_group_tests("model", tests, count, NULL, NULL);
}

/* ---- as tables, in the form of docs/model.md ---- */

static bool table_of_cases(bool all) {
    bool good = true;
    (void)printf("| configuration | covers | states | transitions | depth | MB | seconds |\n"
                 "|---|---|---:|---:|---:|---:|---:|\n");
    for (int i = 0; i < cases_count(); i++) {
        struct model_case at = case_at(i);
        struct search_result result;
        if (at.large && !all) {
            continue;
        }
        bool held = holds(&at, &result);
        good = good && held;
        (void)printf("| %s | %s | %u | %llu | %u | %zu | %.1f |%s\n", case_name(&at), case_covers(&at), result.states,
                     (unsigned long long)result.transitions, result.depth, result.bytes >> 20, result.seconds,
                     held ? "" : " BROKEN");
        (void)fflush(stdout);
    }
    return good;
}

static void table_of_invariants(void) {
    (void)printf("\n| invariant | says |\n|---|---|\n");
    for (int i = 0; i < invariants_count(); i++) {
        (void)printf("| %s | %s |\n", invariant_name(i), invariant_text(invariant_name(i)));
    }
}

static int by_depth(const void *a, const void *b) {
    const uint32_t *one = a;
    const uint32_t *other = b;
    return one[0] != other[0] ? (one[0] > other[0]) - (one[0] < other[0]) : (one[1] > other[1]) - (one[1] < other[1]);
}

static void print_guards(size_t count, uint32_t (*order)[2]) {
    (void)printf("\n| removed guard | what it is | in | breaks | steps |\n|---|---|---|---|---:|\n");
    for (size_t i = 0; i < count; i++) {
        const struct guard_case *guard = guard_at((int)order[i][1]);
        if (guard->breaks) {
            (void)printf("| %s | %s | %s | %s | %u |\n", guard->name, guard->text, guard->where, guard->breaks,
                         order[i][0]);
        }
    }
    (void)printf("\n| redundant guard | what it is | in | why nothing breaks |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const struct guard_case *guard = guard_at((int)order[i][1]);
        if (guard->redundant) {
            (void)printf("| %s | %s | %s | %s |\n", guard->name, guard->text, guard->where, guard->redundant);
        }
    }
}

/* Shortest traces first. */
static bool tables_of_guards(void) {
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
    print_guards(count, order);
    for (size_t i = 0; i < count && order[i][0] != UINT32_MAX; i++) {
        const struct guard_case *guard = guard_at((int)order[i][1]);
        (void)printf("\nwithout %s, in %s: %s\n", guard->name, guard->where, guard->breaks);
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
    table_of_invariants();
    bool shown = tables_of_guards();
    (void)printf("\n%s\n", held && shown ? "every invariant holds, every guard is shown" : "FAILED");
    return held && shown ? 0 : 1;
}
