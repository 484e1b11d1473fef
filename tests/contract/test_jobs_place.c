/* Placing orders, in every job store. */
#include "jobs/jobs.h"

#include "contract/jobs_fixture.h"

enum { MANY = 50 };

static void fill(struct company *companies, int count, int first) {
    for (int i = 0; i < count; i++)
        companies[i] = a_company(first + i);
}

static struct jobs_placed place(struct fixture *fixture, const struct jobs_order *order) {
    struct jobs_placed placed = {0};
    must(jobs_place(fixture->jobs, order, &placed, &err));
    assert_int_equal(placed.count, order->count);
    return placed;
}

static int64_t total(struct fixture *fixture) {
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    return counts.total;
}

static void every_company_of_an_order_gets_a_job(struct fixture *fixture) {
    struct company companies[MANY];
    fill(companies, MANY, 0);
    const struct jobs_order order = {.companies = companies, .count = MANY, .priority = 4};
    int64_t before_ms = now_of(fixture);
    struct jobs_placed placed = place(fixture, &order);
    assert_false(placed.replayed);
    for (int i = 0; i < MANY; i++) {
        assert_true(placed.items[i].created);
        assert_string_equal(placed.items[i].company.cin, companies[i].cin);
        struct job job = get_job(fixture, placed.items[i].job_id);
        assert_string_equal(job.company.cin, companies[i].cin);
        assert_string_equal(job.company.name, companies[i].name);
        assert_int_equal(job.status, JOB_PENDING);
        assert_int_equal(job.priority, 4);
        assert_in_range(job.at_ms, before_ms, now_of(fixture));
        assert_int_equal(job.available_at_ms, job.created_at_ms);
        assert_int_equal(job.runs, 0);
    }
    assert_int_equal(total(fixture), MANY);
    jobs_placed_finish(&placed);
}

static void a_company_without_a_name_is_called_by_its_cin(struct fixture *fixture) {
    struct company company = a_company(1);
    company.name[0] = '\0';
    const struct jobs_order order = {.companies = &company, .count = 1};
    struct jobs_placed placed = place(fixture, &order);
    assert_string_equal(placed.items[0].company.name, company.cin);
    assert_string_equal(get_job(fixture, placed.items[0].job_id).company.name, company.cin);
    jobs_placed_finish(&placed);
}

static void an_open_job_of_the_company_is_the_answer(struct fixture *fixture) {
    struct company companies[3];
    fill(companies, 3, 0);
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    const struct jobs_order order = {.companies = companies, .count = 3};
    struct jobs_placed placed = place(fixture, &order);
    assert_true(placed.items[0].created);
    assert_false(placed.items[1].created);
    assert_string_equal(placed.items[1].job_id, id);
    assert_true(placed.items[2].created);
    jobs_placed_finish(&placed);
    struct lease lease = run_job(fixture, id); /* processing is open too */
    char again[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, again);
    assert_string_equal(again, id);
    assert_int_equal(end_run(fixture, &lease, RUN_EXHAUSTED), JOB_FAILED);
    order_one(fixture, 1, 0, again); /* finished: a new one */
    assert_string_not_equal(again, id);
    assert_int_equal(total(fixture), 4);
}

static void a_company_twice_in_one_order_gets_one_job(struct fixture *fixture) {
    struct company companies[3] = {a_company(1), a_company(2), a_company(1)};
    const struct jobs_order order = {.companies = companies, .count = 3};
    struct jobs_placed placed = place(fixture, &order);
    assert_true(placed.items[0].created);
    assert_false(placed.items[2].created);
    assert_string_equal(placed.items[2].job_id, placed.items[0].job_id);
    assert_int_equal(total(fixture), 2);
    jobs_placed_finish(&placed);
}

static void force_makes_a_job_beside_the_open_one(struct fixture *fixture) {
    struct company companies[2] = {a_company(1), a_company(1)};
    char first[OBJECT_ID_MAX], after[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, first);
    const struct jobs_order order = {.companies = companies, .count = 2, .force = true};
    struct jobs_placed placed = place(fixture, &order);
    assert_true(placed.items[0].created && placed.items[1].created);
    assert_string_not_equal(placed.items[0].job_id, placed.items[1].job_id);
    assert_int_equal(total(fixture), 3);
    order_one(fixture, 1, 0, after); /* the unforced one stays the company's */
    assert_string_equal(after, first);
    jobs_placed_finish(&placed);
}

/* ---- idempotency keys ------------------------------------------------------------------------ */
static void a_key_repeats_its_first_answer(struct fixture *fixture) {
    struct company companies[3];
    fill(companies, 3, 0);
    char open[OBJECT_ID_MAX];
    order_one(fixture, 2, 0, open);
    const struct jobs_order order = {.companies = companies, .count = 3, .idempotency_key = "k1", .body_sha256 = "abc"};
    struct jobs_placed first = place(fixture, &order);
    struct lease lease = run_job(fixture, first.items[0].job_id);
    assert_int_equal(end_run(fixture, &lease, RUN_EXHAUSTED), JOB_FAILED); /* what happens later changes no answer */
    struct jobs_placed again = place(fixture, &order);
    assert_false(first.replayed);
    assert_true(again.replayed);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(again.items[i].job_id, first.items[i].job_id);
        assert_string_equal(again.items[i].company.cin, first.items[i].company.cin);
        assert_string_equal(again.items[i].company.name, first.items[i].company.name);
        assert_false(again.items[i].created);
    }
    assert_int_equal(total(fixture), 3);
    jobs_placed_finish(&first);
    jobs_placed_finish(&again);
}

static void a_key_with_another_body_is_refused(struct fixture *fixture) {
    struct company company = a_company(1), other = a_company(2);
    struct jobs_order order = {.companies = &company, .count = 1, .idempotency_key = "k1", .body_sha256 = "abc"};
    struct jobs_placed placed = place(fixture, &order);
    jobs_placed_finish(&placed);
    order.companies = &other;
    order.body_sha256 = "abd";
    must_fail(jobs_place(fixture->jobs, &order, &placed, &err), INVALID, "idempotency_mismatch");
    assert_int_equal(total(fixture), 1);
    order.idempotency_key = "k2"; /* another key is another order */
    placed = place(fixture, &order);
    assert_true(placed.items[0].created);
    jobs_placed_finish(&placed);
}

static void a_key_lives_for_a_day(struct fixture *fixture) {
    struct company company = a_company(1);
    struct jobs_order order = {
        .companies = &company, .count = 1, .idempotency_key = "k1", .body_sha256 = "abc", .force = true};
    struct jobs_placed placed = place(fixture, &order);
    jobs_placed_finish(&placed);
    int finished = -1;
    jobs_shift_clock(fixture->jobs, ORDER_KEY_LIFE_MS - 60000);
    must(jobs_finish_orders(fixture->jobs, &finished, &err));
    placed = place(fixture, &order);
    assert_true(placed.replayed);
    jobs_placed_finish(&placed);
    jobs_shift_clock(fixture->jobs, 120000);
    order.body_sha256 = "another"; /* forgotten, whether or not the keeper has come by */
    placed = place(fixture, &order);
    assert_false(placed.replayed);
    jobs_placed_finish(&placed);
    placed = place(fixture, &order); /* and used anew */
    assert_true(placed.replayed);
    jobs_placed_finish(&placed);
    jobs_shift_clock(fixture->jobs, ORDER_KEY_LIFE_MS);
    const struct jobs_order young = {
        .companies = &company, .count = 1, .idempotency_key = "k2", .body_sha256 = "abc", .force = true};
    placed = place(fixture, &young);
    jobs_placed_finish(&placed);
    must(jobs_finish_orders(fixture->jobs, &finished, &err));
    placed = place(fixture, &young);
    assert_true(placed.replayed);
    jobs_placed_finish(&placed);
    placed = place(fixture, &order);
    assert_false(placed.replayed);
    jobs_placed_finish(&placed);
}

static void bad_orders_are_refused_whole(struct fixture *fixture) {
    struct company companies[2] = {a_company(1), {.cin = ""}};
    struct jobs_placed placed;
    struct jobs_order order = {.companies = companies, .count = 2};
    must_fail(jobs_place(fixture->jobs, &order, &placed, &err), INVALID, "bad_order");
    order.count = 0;
    must_fail(jobs_place(fixture->jobs, &order, &placed, &err), INVALID, "bad_order");
    order.count = ORDER_ITEMS_MAX + 1;
    must_fail(jobs_place(fixture->jobs, &order, &placed, &err), INVALID, "bad_order");
    order.count = 1;
    order.idempotency_key = "k";
    must_fail(jobs_place(fixture->jobs, &order, &placed, &err), INVALID, "bad_order");
    order.idempotency_key = "";
    order.body_sha256 = "abc";
    must_fail(jobs_place(fixture->jobs, &order, &placed, &err), INVALID, "bad_order");
    assert_int_equal(total(fixture), 0);
}

static void the_largest_order_is_placed(struct fixture *fixture) {
    struct company *companies = x_alloc((ORDER_ITEMS_MAX + 1) * sizeof *companies);
    for (int i = 0; i <= ORDER_ITEMS_MAX; i++)
        companies[i] = a_company(i);
    const struct jobs_order order = {
        .companies = companies, .count = ORDER_ITEMS_MAX, .idempotency_key = "big", .body_sha256 = "b"};
    struct jobs_placed placed = place(fixture, &order), again = place(fixture, &order);
    assert_true(again.replayed);
    assert_string_equal(placed.items[ORDER_ITEMS_MAX - 1].job_id, again.items[ORDER_ITEMS_MAX - 1].job_id);
    assert_int_equal(total(fixture), ORDER_ITEMS_MAX);
    jobs_placed_finish(&placed);
    jobs_placed_finish(&again);
    const struct jobs_order larger = {.companies = companies, .count = ORDER_ITEMS_MAX + 1};
    must_fail(jobs_place(fixture->jobs, &larger, &placed, &err), INVALID, "bad_order");
    free(companies);
}

static void placed_orders_are_there_after_opening_again(struct fixture *fixture) {
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    jobs_close(fixture->jobs);
    must(fixture->implementation->open(fixture, &fixture->jobs, &err));
    assert_int_equal(status_of(fixture, id), JOB_PENDING);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(every_company_of_an_order_gets_a_job),
        CASE(a_company_without_a_name_is_called_by_its_cin),
        CASE(an_open_job_of_the_company_is_the_answer),
        CASE(a_company_twice_in_one_order_gets_one_job),
        CASE(force_makes_a_job_beside_the_open_one),
        CASE(a_key_repeats_its_first_answer),
        CASE(a_key_with_another_body_is_refused),
        CASE(a_key_lives_for_a_day),
        CASE(bad_orders_are_refused_whole),
        CASE(the_largest_order_is_placed),
        CASE(placed_orders_are_there_after_opening_again),
    };
    return RUN_CASES(cases);
}
