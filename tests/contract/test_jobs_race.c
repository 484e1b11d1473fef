/* Many threads and many processes at one job store: nothing doubled, nothing lost, also when a process is killed in a
 * write. */
#include "jobs/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "contract/jobs_fixture.h"
#include "core/retry.h"

/* ---- threads --------------------------------------------------------------------------------- */
enum { THREADS = 8 };

struct racer {
    struct jobs *jobs;
    int index;
    const struct lease *lease;
    char ids[400][OBJECT_ID_MAX];
    int count, won;
    struct error err; /* code "" : fine */
};

/* What a racer meets that it should not; cmocka's assertions belong to the main thread. */
static bool bad(struct racer *racer, enum outcome outcome) {
    if (outcome == OK)
        racer->err = (struct error){0};
    return outcome != OK;
}

static void race(struct fixture *fixture, struct racer racers[THREADS], void *(*run)(void *),
                 const struct lease *lease) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.jobs = fixture->jobs, .index = i, .lease = lease};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &racers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        if (racers[i].err.code[0] != '\0')
            fail_msg("racer %d: %s %s", i, racers[i].err.code, racers[i].err.message);
}

static int sum_won(const struct racer racers[THREADS]) {
    int won = 0;
    for (int i = 0; i < THREADS; i++)
        won += racers[i].won;
    return won;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(a, b);
}

static void assert_all_different(char (*ids)[OBJECT_ID_MAX], int count) {
    qsort(ids, (size_t)count, sizeof *ids, compare_ids);
    for (int i = 1; i < count; i++)
        assert_string_not_equal(ids[i], ids[i - 1]);
}

static void *claim_until_none(void *arg) {
    struct racer *racer = arg;
    char owner[32];
    for (;;) {
        struct lease lease;
        str_format(owner, sizeof owner, "racer-%d-%d", racer->index, racer->count);
        const struct jobs_claim_request request = {.owner = owner, .lease_seconds = LEASE_S};
        enum outcome outcome = jobs_claim(racer->jobs, &request, &lease, &racer->err);
        if (outcome == GONE)
            racer->err = (struct error){0};
        if (outcome == GONE || bad(racer, outcome))
            return NULL;
        str_copy(racer->ids[racer->count++], OBJECT_ID_MAX, lease.job_id);
    }
}

static void threads_claim_each_job_once(struct fixture *fixture) {
    enum { JOBS = 300 };
    static struct racer racers[THREADS];
    static char all[JOBS + 1][OBJECT_ID_MAX];
    char id[OBJECT_ID_MAX];
    for (int i = 0; i < JOBS; i++)
        order_one(fixture, i, i % 3, id);
    race(fixture, racers, claim_until_none, NULL);
    int count = 0;
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < racers[i].count; k++) {
            assert_true(count < JOBS);
            str_copy(all[count++], OBJECT_ID_MAX, racers[i].ids[k]);
        }
    assert_int_equal(count, JOBS);
    assert_all_different(all, count);
}

static void *adopt(void *arg) {
    struct racer *racer = arg;
    struct job job;
    char nonce[16];
    str_format(nonce, sizeof nonce, "n%d", racer->index);
    for (int i = 0; i < 20; i++) {
        enum outcome outcome =
            jobs_adopt(racer->jobs, racer->lease->job_id, racer->lease->token, nonce, &job, &racer->err);
        if (outcome == OK)
            racer->won = 1;
        if (outcome != GONE && bad(racer, outcome))
            return NULL;
    }
    racer->err = (struct error){0};
    return NULL;
}

static void one_process_of_many_adopts(struct fixture *fixture) {
    static struct racer racers[THREADS];
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease lease = claim(fixture, "pod");
    race(fixture, racers, adopt, &lease);
    assert_int_equal(sum_won(racers), 1);
    assert_int_equal(get_job(fixture, id).attempts, 1);
}

static void *place_the_same(void *arg) {
    struct racer *racer = arg;
    struct company company = a_company(5);
    for (int i = 0; i < 20; i++) {
        const struct jobs_order order = {.companies = &company, .count = 1};
        struct jobs_placed placed;
        if (bad(racer, jobs_place(racer->jobs, &order, &placed, &racer->err)))
            return NULL;
        racer->won += placed.items[0].created;
        str_copy(racer->ids[0], OBJECT_ID_MAX, placed.items[0].job_id);
        jobs_placed_finish(&placed);
    }
    return NULL;
}

static void one_open_job_a_company_however_many_order_it(struct fixture *fixture) {
    static struct racer racers[THREADS];
    race(fixture, racers, place_the_same, NULL);
    assert_int_equal(sum_won(racers), 1);
    for (int i = 1; i < THREADS; i++)
        assert_string_equal(racers[i].ids[0], racers[0].ids[0]);
}

static void *place_with_key(void *arg) {
    struct racer *racer = arg;
    struct company companies[3] = {a_company(1), a_company(2), a_company(3)};
    const struct jobs_order order = {
        .companies = companies, .count = 3, .force = true, .idempotency_key = "key", .body_sha256 = "body"};
    struct jobs_placed placed;
    if (bad(racer, jobs_place(racer->jobs, &order, &placed, &racer->err)))
        return NULL;
    racer->won = !placed.replayed;
    for (int i = 0; i < 3; i++)
        str_copy(racer->ids[i], OBJECT_ID_MAX, placed.items[i].job_id);
    jobs_placed_finish(&placed);
    return NULL;
}

static void one_order_a_key_however_many_repeat_it(struct fixture *fixture) {
    static struct racer racers[THREADS];
    race(fixture, racers, place_with_key, NULL);
    assert_int_equal(sum_won(racers), 1);
    for (int i = 1; i < THREADS; i++)
        assert_memory_equal(racers[i].ids, racers[0].ids, 3 * sizeof racers[0].ids[0]);
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total, 3);
}

static void *add_rows(void *arg) {
    struct racer *racer = arg;
    for (int n = 1; n <= 40; n++) {
        struct document document = a_document(racer->lease->job_id, n, racer->lease->token);
        bool inserted;
        if (bad(racer, jobs_add_document(racer->jobs, &document, &inserted, &racer->err)))
            return NULL;
        racer->won += inserted;
    }
    return NULL;
}

static void each_row_is_inserted_by_one_writer(struct fixture *fixture) {
    static struct racer racers[THREADS];
    char id[OBJECT_ID_MAX];
    order_one(fixture, 1, 0, id);
    struct lease lease = run_job(fixture, id);
    race(fixture, racers, add_rows, &lease);
    assert_int_equal(sum_won(racers), 40);
    assert_int_equal(get_job(fixture, id).downloaded_documents, 40);
}

static void *expire_or_take_over(void *arg) {
    struct racer *racer = arg;
    int expired = 0;
    if (racer->index % 2 == 0) {
        claim_until_none(racer);
        return NULL;
    }
    for (int i = 0; i < 10; i++) {
        if (bad(racer, jobs_expire(racer->jobs, &expired, &racer->err)))
            return NULL;
        racer->won += expired;
    }
    return NULL;
}

static void each_lost_lease_is_written_down_once(struct fixture *fixture) {
    enum { JOBS = 120 };
    static struct racer racers[THREADS];
    static char ids[JOBS][OBJECT_ID_MAX];
    for (int i = 0; i < JOBS; i++) {
        order_one(fixture, i, 0, ids[i]);
        run_job(fixture, ids[i]);
    }
    jobs_shift_clock(fixture->jobs, LEASE_MS);
    race(fixture, racers, expire_or_take_over, NULL);
    int recorded;
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    for (int i = 0; i < JOBS; i++) {
        struct run_list runs = {0};
        must(jobs_list_runs(fixture->jobs, ids[i], &runs, &err));
        assert_int_equal(runs.count, 1);
        assert_int_equal(runs.items[0].outcome, RUN_LOST);
        assert_int_equal(get_job(fixture, ids[i]).runs, 2); /* expired or not: claimed once more */
        run_list_finish(&runs);
    }
}

/* ---- totals while everything moves ----------------------------------------------------------- */
static void *work_orders(struct racer *racer) {
    for (int i = 0; i < 25; i++) {
        struct company company = a_company(racer->index * 1000 + i);
        const struct jobs_order order = {.companies = &company, .count = 1};
        struct jobs_placed placed;
        if (bad(racer, jobs_place(racer->jobs, &order, &placed, &racer->err)))
            return NULL;
        char owner[32];
        str_format(owner, sizeof owner, "w%d-%d", racer->index, i);
        struct jobs_claim_request request = {
            .owner = owner, .job_id = placed.items[0].job_id, .lease_seconds = LEASE_S};
        struct lease lease;
        bool failed = bad(racer, jobs_claim(racer->jobs, &request, &lease, &racer->err));
        jobs_placed_finish(&placed);
        for (int n = 1; n <= 3 && !failed; n++) {
            struct document document = a_document(lease.job_id, n, lease.token);
            bool inserted;
            failed = bad(racer, jobs_add_document(racer->jobs, &document, &inserted, &racer->err));
        }
        const struct jobs_end end = {.outcome = RUN_EXHAUSTED};
        enum job_status status;
        if (failed || bad(racer, jobs_end(racer->jobs, lease.job_id, lease.token, &end, &status, &racer->err)))
            return NULL;
    }
    return NULL;
}

static void *keep(struct racer *racer) {
    bool advanced;
    int number;
    for (int i = 0; i < 120; i++)
        if (bad(racer, jobs_record_runs(racer->jobs, &number, &racer->err)) ||
            bad(racer, jobs_advance_totals(racer->jobs, &advanced, &racer->err)))
            return NULL;
    return NULL;
}

/* No counter ever goes down. */
static void *watch(struct racer *racer) {
    struct totals before = {0}, now;
    for (int i = 0; i < 150; i++) {
        if (bad(racer, jobs_totals(racer->jobs, &now, &racer->err)))
            return NULL;
        const int64_t *old = &before.jobs_placed, *new = &now.jobs_placed;
        for (size_t k = 0; k < (sizeof now - offsetof(struct totals, jobs_placed)) / sizeof *old; k++)
            if (new[k] < old[k])
                racer->won = -1;
        before = now;
    }
    return NULL;
}

static void *work_keep_or_watch(void *arg) {
    struct racer *racer = arg;
    return racer->index < 4 ? work_orders(racer) : racer->index < 6 ? keep(racer) : watch(racer);
}

static void totals_stay_exact_while_the_watermark_moves(struct fixture *fixture) {
    static struct racer racers[THREADS];
    jobs_set_watermark_lag(fixture->jobs, 0);
    race(fixture, racers, work_keep_or_watch, NULL);
    assert_int_equal(sum_won(racers), 0);
    int recorded;
    bool advanced;
    struct totals totals;
    for (int i = 0; i < 2; i++) { /* with facts on both sides, then with as many below as can be */
        must(jobs_record_runs(fixture->jobs, &recorded, &err));
        must(jobs_totals(fixture->jobs, &totals, &err));
        assert_int_equal(totals.jobs_placed, 100);
        assert_int_equal(totals.documents[DOCUMENT_STORED], 300);
        assert_int_equal(totals.store.sum_ms, 600);
        assert_int_equal(totals.document_bytes, 100 * (100 + 200 + 300));
        assert_int_equal(totals.runs[RUN_EXHAUSTED], 100);
        jobs_shift_clock(fixture->jobs, 1000);
        must(jobs_advance_totals(fixture->jobs, &advanced, &err));
    }
    assert_true(totals.up_to_ms > 0);
}

/* ---- processes ------------------------------------------------------------------------------- */
enum { PROCESSES = 4 };

/* Each child has a store of its own (a store does not survive a fork) and writes job ids, 24 bytes each, to its pipe.
 */
typedef void child_body(struct jobs *jobs, int index, int out);

static void write_id(int out, const char *id) {
    if (write(out, id, OBJECT_ID_MAX - 1) != OBJECT_ID_MAX - 1)
        _exit(3);
}

static pid_t start_child(struct fixture *fixture, int index, child_body *body, int *ret_in) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct jobs *jobs = NULL;
        close(ends[0]);
        if (fixture->implementation->open(fixture, &jobs, &err) != OK)
            _exit(2);
        body(jobs, index, ends[1]);
        jobs_close(jobs);
        _exit(0);
    }
    close(ends[1]);
    *ret_in = ends[0];
    return child;
}

/* All ids until the child closes its end; a half one at the end belongs to a write that was cut by a kill. */
static int read_ids(int in, char (*ids)[OBJECT_ID_MAX], int count, int max) {
    struct buf bytes = BUF_INIT(1 << 20);
    must(fd_read_to_end(in, &bytes, &err));
    close(in);
    for (size_t at = 0; at + OBJECT_ID_MAX - 1 <= bytes.size_bytes; at += OBJECT_ID_MAX - 1) {
        assert_true(count < max);
        memcpy(ids[count], bytes.data + at, OBJECT_ID_MAX - 1);
        ids[count++][OBJECT_ID_MAX - 1] = '\0';
    }
    buf_finish(&bytes);
    return count;
}

static void leave_store(struct fixture *fixture) {
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
}

static void enter_store(struct fixture *fixture) {
    must(fixture->implementation->open(fixture, &fixture->jobs, &err));
}

static void claim_and_end(struct jobs *jobs, int index, int out) {
    char owner[32];
    for (int i = 0;; i++) {
        struct lease lease;
        enum job_status status;
        str_format(owner, sizeof owner, "process-%d-%d", index, i);
        const struct jobs_claim_request request = {.owner = owner, .lease_seconds = LEASE_S};
        enum outcome outcome = jobs_claim(jobs, &request, &lease, &err);
        if (outcome == GONE)
            return;
        const struct jobs_end end = {.outcome = RUN_EXHAUSTED};
        if (outcome != OK || jobs_end(jobs, lease.job_id, lease.token, &end, &status, &err) != OK)
            _exit(4);
        write_id(out, lease.job_id);
    }
}

static void processes_claim_each_job_once(struct fixture *fixture) {
    enum { JOBS = 300 };
    static char all[JOBS + 1][OBJECT_ID_MAX];
    char id[OBJECT_ID_MAX];
    pid_t children[PROCESSES];
    int ins[PROCESSES], status, count = 0;
    for (int i = 0; i < JOBS; i++)
        order_one(fixture, i, 0, id);
    leave_store(fixture);
    for (int i = 0; i < PROCESSES; i++)
        children[i] = start_child(fixture, i, claim_and_end, &ins[i]);
    for (int i = 0; i < PROCESSES; i++)
        count = read_ids(ins[i], all, count, JOBS + 1);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    enter_store(fixture);
    assert_int_equal(count, JOBS);
    assert_all_different(all, count);
    struct totals totals;
    int recorded;
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    must(jobs_totals(fixture->jobs, &totals, &err));
    assert_int_equal(totals.runs[RUN_EXHAUSTED], JOBS);
}

static void open_only(struct jobs *jobs, int index, int out) {
    struct company company = a_company(index);
    const struct jobs_order order = {.companies = &company, .count = 1};
    struct jobs_placed placed;
    if (jobs_place(jobs, &order, &placed, &err) != OK)
        _exit(4);
    write_id(out, placed.items[0].job_id);
    jobs_placed_finish(&placed);
}

static void processes_set_up_a_new_store_at_once(struct fixture *fixture) {
    static char all[PROCESSES + 1][OBJECT_ID_MAX];
    pid_t children[PROCESSES];
    int ins[PROCESSES], status;
    leave_store(fixture);
    folder_remove(fixture->folder);
    int count = 0;
    for (int i = 0; i < PROCESSES; i++)
        children[i] = start_child(fixture, i, open_only, &ins[i]);
    for (int i = 0; i < PROCESSES; i++)
        count = read_ids(ins[i], all, count, PROCESSES + 1);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    enter_store(fixture);
    assert_int_equal(count, PROCESSES);
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(status_of(fixture, all[i]), JOB_PENDING);
}

/* ---- kill -9 --------------------------------------------------------------------------------- */
enum { ORDER_OF = 3 };

/* Orders of three; the first id is written once the order is acknowledged. */
static void place_for_ever(struct jobs *jobs, int index, int out) {
    for (int i = 0; i < 3000; i++) {
        struct company companies[ORDER_OF];
        for (int k = 0; k < ORDER_OF; k++)
            companies[k] = a_company(index * 10000 + i * ORDER_OF + k);
        const struct jobs_order order = {.companies = companies, .count = ORDER_OF};
        struct jobs_placed placed;
        if (jobs_place(jobs, &order, &placed, &err) != OK)
            _exit(4);
        for (int k = 0; k < ORDER_OF; k++)
            write_id(out, placed.items[k].job_id);
        jobs_placed_finish(&placed);
    }
}

/* What was acknowledged is there; an order is there whole or not at all; and the store takes the next order. */
static void check_after_kill(struct fixture *fixture, char (*ids)[OBJECT_ID_MAX], int count, int64_t *total) {
    struct jobs_counts counts;
    struct totals totals;
    char id[OBJECT_ID_MAX];
    enter_store(fixture);
    for (int i = 0; i < count; i++)
        assert_int_equal(status_of(fixture, ids[i]), JOB_PENDING);
    must(jobs_count(fixture->jobs, &counts, &err));
    assert_int_equal(counts.total % ORDER_OF, 0);
    assert_in_range(counts.total - *total, count, count + ORDER_OF);
    must(jobs_totals(fixture->jobs, &totals, &err));
    assert_int_equal(totals.jobs_placed, counts.total);
    for (int i = 0; i < ORDER_OF; i++)
        order_one(fixture, 999000 - (int)counts.total - i, 0, id);
    *total = counts.total + ORDER_OF;
    leave_store(fixture);
}

static void a_process_killed_in_a_write_leaves_whole_orders(struct fixture *fixture) {
    static char ids[9100][OBJECT_ID_MAX];
    const char *const faults[] = {"kill:store_before_commit:1", "kill:store_before_commit:2",
                                  "kill:store_before_commit:9", "kill:store_after_commit:1",
                                  "kill:store_after_commit:30"};
    int64_t total = 0;
    leave_store(fixture);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        int in, status;
        setenv("FILESURE_FAULT", faults[i], 1);
        pid_t child = start_child(fixture, (int)i, place_for_ever, &in);
        unsetenv("FILESURE_FAULT");
        int count = read_ids(in, ids, 0, 9100);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        check_after_kill(fixture, ids, count, &total);
    }
    enter_store(fixture);
}

static void a_process_killed_at_any_time_leaves_whole_orders(struct fixture *fixture) {
    static char ids[9100][OBJECT_ID_MAX];
    int64_t total = 0;
    leave_store(fixture);
    for (int i = 0; i < 25; i++) {
        int in, status;
        pid_t child = start_child(fixture, i, place_for_ever, &in);
        int count = 0, wanted = 1 + (int)random_below(40);
        while (count < wanted) { /* then at whatever it is doing */
            must(fd_read_exact(in, ids[count], OBJECT_ID_MAX - 1, &err));
            ids[count++][OBJECT_ID_MAX - 1] = '\0';
        }
        kill(child, SIGKILL);
        count = read_ids(in, ids, count, 9100);
        assert_int_equal(waitpid(child, &status, 0), child);
        check_after_kill(fixture, ids, count, &total);
    }
    enter_store(fixture);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(threads_claim_each_job_once),
        CASE(one_process_of_many_adopts),
        CASE(one_open_job_a_company_however_many_order_it),
        CASE(one_order_a_key_however_many_repeat_it),
        CASE(each_row_is_inserted_by_one_writer),
        CASE(each_lost_lease_is_written_down_once),
        CASE(totals_stay_exact_while_the_watermark_moves),
        CASE(processes_claim_each_job_once),
        CASE(processes_set_up_a_new_store_at_once),
        CASE(a_process_killed_in_a_write_leaves_whole_orders),
        CASE(a_process_killed_at_any_time_leaves_whole_orders),
    };
    return RUN_CASES(cases);
}
