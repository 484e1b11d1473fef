/* Removing finished jobs, in every job store: listing those that may go, removing their blobs afterwards, and doing it
 * beside others. */
#include "jobs/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/jobs_purges.h"

/* ---- listing --------------------------------------------------------------------------------- */
static int list_purgeable(struct fixture *fixture, int64_t before_ms, int limit, char (*ids)[OBJECT_ID_MAX], int max) {
    char cursor[CURSOR_MAX] = "";
    int count = 0;
    int64_t ended_ms = 0;
    do {
        struct job_list list;
        must(jobs_list_purgeable(fixture->jobs, before_ms, limit, cursor, &list, &err));
        assert_true(list.count <= limit);
        assert_true(list.next[0] == '\0' || list.count == limit);
        for (int i = 0; i < list.count; i++) {
            assert_true(count < max);
            assert_true(list.items[i].updated_at_ms >= ended_ms && list.items[i].updated_at_ms < before_ms);
            ended_ms = list.items[i].updated_at_ms;
            str_copy(ids[count++], OBJECT_ID_MAX, list.items[i].id);
        }
        str_copy(cursor, sizeof cursor, list.next);
        job_list_finish(&list);
    } while (cursor[0] != '\0');
    return count;
}

static void those_that_may_go_are_listed_by_their_end(struct fixture *fixture) {
    char ids[8][OBJECT_ID_MAX], found[8][OBJECT_ID_MAX];
    enum job_status status;
    order_one(fixture, 0, 0, ids[0]); /* the first placed ends last */
    finish(fixture, 1, 1, ids[1]);
    jobs_shift_clock(fixture->jobs, 1000);
    fail_job(fixture, 2, ids[2]);
    jobs_shift_clock(fixture->jobs, 1000);
    cancel(fixture, ids[0]);
    int64_t third_ms = get_job(fixture, ids[0]).updated_at_ms;
    jobs_shift_clock(fixture->jobs, 1000);
    order_one(fixture, 3, 0, ids[3]); /* open */
    fail_job(fixture, 4, ids[4]);
    assert_int_equal(list_purgeable(fixture, INT64_MAX, 10, found, 8), 0); /* all too young */
    jobs_shift_clock(fixture->jobs, 23 * HOUR_MS);
    raise_watermark(fixture);
    must(jobs_retry(fixture->jobs, ids[4], "test", &status, &err)); /* open again, and then ended late */
    struct lease lease = run_job(fixture, ids[4]);
    end_run(fixture, &lease, RUN_EXHAUSTED);
    jobs_shift_clock(fixture->jobs, 2 * HOUR_MS);
    raise_watermark(fixture);
    for (int limit = 1; limit <= 4; limit++) {
        assert_int_equal(list_purgeable(fixture, INT64_MAX, limit, found, 8), 3);
        assert_string_equal(found[0], ids[1]);
        assert_string_equal(found[1], ids[2]);
        assert_string_equal(found[2], ids[0]);
    }
    assert_int_equal(list_purgeable(fixture, third_ms, 10, found, 8), 2);
    assert_int_equal(list_purgeable(fixture, third_ms + 1, 10, found, 8), 3);
    purge(fixture, ids[2]);
    assert_int_equal(list_purgeable(fixture, INT64_MAX, 10, found, 8), 2);
}

static void a_job_with_a_fact_above_the_watermark_is_not_listed(struct fixture *fixture) {
    char ids[3][OBJECT_ID_MAX], found[3][OBJECT_ID_MAX];
    bool inserted;
    int recorded;
    finish(fixture, 1, 1, ids[0]);
    order_one(fixture, 2, 0, ids[1]);
    raise_watermark(fixture);
    jobs_shift_clock(fixture->jobs, HOUR_MS);
    struct lease lease = run_job(fixture, ids[1]);
    end_run(fixture, &lease, RUN_EXHAUSTED);
    order_one(fixture, 3, 0, ids[2]);
    cancel(fixture, ids[2]);
    must(jobs_record_runs(fixture->jobs, &recorded, &err));
    jobs_shift_clock(fixture->jobs, 25 * HOUR_MS);
    assert_int_equal(list_purgeable(fixture, INT64_MAX, 10, found, 3), 1);
    assert_string_equal(found[0], ids[0]);
    struct document late = a_document(ids[0], 2, "a-late-writers-token");
    must(jobs_add_document(fixture->jobs, &late, &inserted, &err));
    assert_int_equal(list_purgeable(fixture, INT64_MAX, 10, found, 3), 0);
    raise_watermark(fixture);
    assert_int_equal(list_purgeable(fixture, INT64_MAX, 10, found, 3), 3);
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Many that ended in the same millisecond: each on one page. */
static void pages_take_each_job_once(struct fixture *fixture) {
    enum { MANY = 150, PAGE = 7 };
    static struct company companies[MANY];
    static char found[MANY + 1][OBJECT_ID_MAX];
    for (int i = 0; i < MANY; i++)
        companies[i] = a_company(i);
    const struct jobs_order order = {.companies = companies, .count = MANY};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    for (int i = 0; i < MANY; i++)
        cancel(fixture, placed.items[i].job_id);
    jobs_placed_finish(&placed);
    age(fixture);
    assert_int_equal(list_purgeable(fixture, INT64_MAX, PAGE, found, MANY + 1), MANY);
    qsort(found, MANY, sizeof found[0], compare_ids);
    for (int i = 1; i < MANY; i++)
        assert_string_not_equal(found[i], found[i - 1]);
    struct job_list list;
    static const char *const bad[] = {"x", "1", "1.", ".1", "1.x", "1.0", "-1.1", "1.1.1", "1 .1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        must_fail(jobs_list_purgeable(fixture->jobs, 1, 1, bad[i], &list, &err), INVALID, "bad_cursor");
    must_fail(jobs_list_purgeable(fixture->jobs, 1, 0, NULL, &list, &err), INVALID, "bad_limit");
    must_fail(jobs_list_purgeable(fixture->jobs, 1, LIST_LIMIT_MAX + 1, NULL, &list, &err), INVALID, "bad_limit");
}

/* ---- blobs follow ---------------------------------------------------------------------------- */
struct remover {
    char fails_at[OBJECT_ID_MAX];
    enum outcome failure; /* there */
    bool none;            /* no blob is found of any job */
    void (*looked)(void); /* after each look; NULL: nothing */
    char found[200][OBJECT_ID_MAX], seen[200][OBJECT_ID_MAX];
    int looks, count;
};
static struct remover remover;

static enum outcome find_blobs(void *arg, const char *job_id, bool *ret_any, struct error *error) {
    (void)error;
    struct remover *own = arg;
    assert_true(own->looks < (int)COUNT_OF(own->found));
    str_copy(own->found[own->looks++], OBJECT_ID_MAX, job_id);
    *ret_any = !own->none;
    if (own->looked)
        own->looked();
    return OK;
}

static enum outcome remove_blobs(void *arg, const char *job_id, struct error *error) {
    struct remover *own = arg;
    assert_true(own->count < (int)COUNT_OF(own->seen));
    str_copy(own->seen[own->count++], OBJECT_ID_MAX, job_id);
    if (str_eq(own->fails_at, job_id))
        return error_set(error, own->failure, "blobs_down", "as the test wants it");
    return OK;
}

static const struct purged_blobs blobs = {.find = find_blobs, .remove = remove_blobs, .arg = &remover};

static enum outcome finish_purges(struct fixture *fixture, char *after, int *ret_finished) {
    remover.looks = remover.count = 0;
    return jobs_finish_purges(fixture->jobs, &blobs, after, ret_finished, &err);
}

static void purge_all_that_may_go(struct fixture *fixture, int count) {
    struct job_list list;
    age(fixture);
    must(jobs_list_purgeable(fixture->jobs, INT64_MAX, 500, NULL, &list, &err));
    assert_int_equal(list.count, count);
    for (int i = 0; i < count; i++)
        purge(fixture, list.items[i].id);
    job_list_finish(&list);
}

/* Of jobs that had no blobs. */
static void purge_many(struct fixture *fixture, int count) {
    char id[OBJECT_ID_MAX];
    remover = (struct remover){0};
    for (int i = 0; i < count; i++) {
        order_one(fixture, i, 0, id);
        cancel(fixture, id);
    }
    purge_all_that_may_go(fixture, count);
}

/* Of jobs that had some. */
static void purge_stored(struct fixture *fixture, int count) {
    char id[OBJECT_ID_MAX];
    remover = (struct remover){0};
    for (int i = 0; i < count; i++)
        finish(fixture, i, 2, id);
    purge_all_that_may_go(fixture, count);
}

static struct purged_job first_purged(struct fixture *fixture) {
    struct purged_list list;
    must(jobs_list_purged(fixture->jobs, NULL, 1, &list, &err));
    assert_int_equal(list.count, 1);
    struct purged_job job = list.items[0];
    purged_list_finish(&list);
    return job;
}

static void purged_ids_are_listed_until_their_blobs_are_gone(struct fixture *fixture) {
    enum { MANY = 130 }; /* more than a page */
    char after[OBJECT_ID_MAX] = "";
    struct purged_list list;
    int finished = -1, seen = 0, found;
    purge_many(fixture, MANY);
    do {
        must(jobs_list_purged(fixture->jobs, after, 50, &list, &err));
        found = list.count;
        for (int i = 0; i < found; i++, seen++) {
            assert_true(strcmp(after, list.items[i].id) < 0);
            assert_true(list.items[i].blobs == 0 && !list.items[i].removing);
            str_copy(after, sizeof after, list.items[i].id);
        }
        purged_list_finish(&list);
    } while (found > 0);
    assert_int_equal(seen, MANY);
    must_fail(jobs_list_purged(fixture->jobs, NULL, 0, &list, &err), INVALID, "bad_limit");
    must_fail(jobs_list_purged(fixture->jobs, NULL, LIST_LIMIT_MAX + 1, &list, &err), INVALID, "bad_limit");
    must(finish_purges(fixture, NULL, &finished));
    assert_int_equal(finished, MANY);
    assert_int_equal(remover.count, MANY);
    assert_int_equal(remover.looks, 0); /* nobody expects any */
    assert_int_equal(count_purged(fixture), 0);
    struct jobs_purged purged;
    must_fail(try_purge(fixture, remover.seen[0], false, &purged), GONE, "unknown_job");
    must(finish_purges(fixture, NULL, &finished));
    assert_int_equal(finished, 0);
    assert_int_equal(remover.count, 0);
}

static void finishing_stops_where_the_blobs_are_away_and_goes_on_there(struct fixture *fixture) {
    char after[OBJECT_ID_MAX] = "";
    struct purged_list list;
    int finished = -1;
    purge_many(fixture, 5);
    must(jobs_list_purged(fixture->jobs, NULL, 500, &list, &err));
    str_copy(remover.fails_at, OBJECT_ID_MAX, list.items[2].id);
    remover.failure = RETRY;
    must_fail(finish_purges(fixture, after, &finished), RETRY, "blobs_down");
    assert_int_equal(finished, 2);
    assert_int_equal(remover.count, 3);
    assert_int_equal(count_purged(fixture), 3);
    assert_string_equal(after, list.items[1].id);
    remover.fails_at[0] = '\0';
    str_copy(after, sizeof after, list.items[2].id); /* whoever says where is obeyed */
    must(finish_purges(fixture, after, &finished));
    assert_int_equal(finished, 2);
    assert_string_equal(after, "");
    must(finish_purges(fixture, after, &finished));
    assert_int_equal(finished, 1);
    assert_string_equal(remover.seen[0], list.items[2].id);
    purged_list_finish(&list);
    assert_int_equal(count_purged(fixture), 0);
}

static void a_job_whose_blobs_do_not_go_holds_up_no_other(struct fixture *fixture) {
    enum { MANY = 130 };
    int finished = -1;
    purge_many(fixture, MANY);
    struct purged_job first = first_purged(fixture);
    str_copy(remover.fails_at, OBJECT_ID_MAX, first.id);
    remover.failure = FATAL;
    must_fail(finish_purges(fixture, NULL, &finished), FATAL, "blobs_down");
    assert_int_equal(finished, MANY - 1);
    assert_int_equal(remover.count, MANY);
    assert_int_equal(count_purged(fixture), 1);
    assert_string_equal(first_purged(fixture).id, first.id);
}

/* ---- is it the right blob store? ------------------------------------------------------------- */
static void without_any_blob_an_id_is_kept(struct fixture *fixture) {
    int finished = -1;
    purge_stored(fixture, 3);
    struct purged_job first = first_purged(fixture);
    assert_true(first.blobs >= 2 && !first.removing);
    remover.none = true;
    for (int i = 0; i < 2; i++) {
        must_fail(finish_purges(fixture, NULL, &finished), GONE, "blobs_not_found");
        assert_non_null(strstr(err.message, first.id));
        assert_int_equal(finished, 0);
        assert_int_equal(remover.looks, 3);
        assert_int_equal(remover.count, 0);
        assert_int_equal(count_purged(fixture), 3);
    }
    remover.none = false; /* the right one */
    must(finish_purges(fixture, NULL, &finished));
    assert_int_equal(finished, 3);
    assert_int_equal(count_purged(fixture), 0);
}

static void a_person_can_have_one_forgotten(struct fixture *fixture) {
    int finished = -1;
    purge_stored(fixture, 2);
    remover.none = true;
    must_fail(finish_purges(fixture, NULL, &finished), GONE, "blobs_not_found");
    struct purged_job first = first_purged(fixture);
    must(jobs_forget_purged(fixture->jobs, first.id, &err));
    must(jobs_forget_purged(fixture->jobs, first.id, &err));
    assert_int_equal(count_purged(fixture), 1);
    assert_string_not_equal(first_purged(fixture).id, first.id);
    assert_int_not_equal(jobs_forget_purged(fixture->jobs, "", &err), OK);
}

static void once_a_blob_was_seen_none_means_that_all_are_gone(struct fixture *fixture) {
    int finished = -1;
    purge_stored(fixture, 1);
    str_copy(remover.fails_at, OBJECT_ID_MAX, first_purged(fixture).id);
    remover.failure = FATAL;
    must_fail(finish_purges(fixture, NULL, &finished), FATAL, "blobs_down");
    assert_true(first_purged(fixture).removing);
    remover = (struct remover){.none = true};
    must(finish_purges(fixture, NULL, &finished));
    assert_int_equal(remover.looks, 0);
    assert_int_equal(remover.count, 1);
    assert_int_equal(count_purged(fixture), 0);
}

static struct fixture *raced;

static void let_another_finish(void) {
    int finished;
    remover.looked = NULL;
    remover.none = false;
    must(jobs_finish_purges(raced->jobs, &blobs, NULL, &finished, &err));
    remover.none = true;
}

static void what_another_removed_is_not_lost(struct fixture *fixture) {
    int finished = -1;
    purge_stored(fixture, 1);
    raced = fixture;
    remover.none = true;
    remover.looked = let_another_finish;
    must(finish_purges(fixture, NULL, &finished));
    assert_int_equal(count_purged(fixture), 0);
}

static void a_purge_that_was_killed_is_finished_by_another(struct fixture *fixture) {
    int status, finished = -1;
    purge_stored(fixture, 3);
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
    setenv("FILESURE_FAULT", "kill:purge_blobs_removed:2", 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (fixture->implementation->open(fixture, &fixture->jobs, &err) == OK)
            (void)!finish_purges(fixture, NULL, &finished);
        _exit(0);
    }
    unsetenv("FILESURE_FAULT");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    must(fixture->implementation->open(fixture, &fixture->jobs, &err));
    assert_int_equal(count_purged(fixture), 2); /* the second's blobs are gone, its id is not */
    must(jobs_forget_purged(fixture->jobs, "000000000000000000000000", &err));
    remover.none = true;
    must_fail(finish_purges(fixture, NULL, &finished), GONE, "blobs_not_found");
    assert_int_equal(finished, 1); /* the second; of the third nobody has seen any */
    assert_int_equal(remover.looks, 1);
    remover.none = false;
    must(finish_purges(fixture, NULL, &finished));
    assert_int_equal(count_purged(fixture), 0);
}

/* ---- races ----------------------------------------------------------------------------------- */
enum { RACED = 60 };
struct racer {
    struct jobs *jobs;
    char (*ids)[OBJECT_ID_MAX];
    bool done[RACED];
    struct error err; /* of what should not have happened */
};

static void *purge_all(void *arg) {
    struct racer *racer = arg;
    for (int i = 0; i < RACED; i++) {
        const struct jobs_purge request = {.job_id = racer->ids[i]};
        struct jobs_purged purged;
        struct error error = {0};
        racer->done[i] = jobs_purge(racer->jobs, &request, &purged, &error) == OK;
        if (!racer->done[i] && !str_eq(error.code, "not_purgeable"))
            racer->err = error;
    }
    return NULL;
}

static void *retry_all(void *arg) {
    struct racer *racer = arg;
    for (int i = RACED - 1; i >= 0; i--) {
        enum job_status status;
        struct error error = {0};
        racer->done[i] = jobs_retry(racer->jobs, racer->ids[i], "test", &status, &error) == OK;
        if (!racer->done[i] && !str_eq(error.code, "unknown_job"))
            racer->err = error;
    }
    return NULL;
}

static void a_job_is_retried_or_purged_and_never_both(struct fixture *fixture) {
    static char ids[RACED][OBJECT_ID_MAX];
    static struct racer purger, retrier;
    pthread_t threads[2];
    for (int i = 0; i < RACED; i++)
        fail_job(fixture, i, ids[i]);
    age(fixture);
    purger = retrier = (struct racer){.jobs = fixture->jobs, .ids = ids};
    assert_int_equal(pthread_create(&threads[0], NULL, purge_all, &purger), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, retry_all, &retrier), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_string_equal(purger.err.code, "");
    assert_string_equal(retrier.err.code, "");
    int purged = 0;
    for (int i = 0; i < RACED; i++) {
        assert_true(purger.done[i] != retrier.done[i]);
        purged += purger.done[i];
        if (retrier.done[i])
            assert_int_equal(status_of(fixture, ids[i]), JOB_PENDING);
        else
            assert_int_equal(fixture->implementation->count_traces(fixture, ids[i]), 0);
    }
    assert_int_equal(count_audit(fixture, "purge"), purged);
    assert_int_equal(count_audit(fixture, "retry"), RACED - purged);
}

enum { PAGED_JOBS = 20, PAGED_ROWS = 40, ROWS_A_PAGE = 10 };
struct pager {
    struct jobs *jobs;
    char (*ids)[OBJECT_ID_MAX];
    atomic_bool stop;
    int torn; /* pages with some of the rows they should have */
};

/* Every page has all its rows or, from the purge on, none. */
static void read_pages(struct pager *pager, const char *id) {
    bool gone = false;
    for (int after = 0; after < PAGED_ROWS; after += ROWS_A_PAGE) {
        struct document_list list;
        struct error error;
        if (jobs_list_documents(pager->jobs, id, after, ROWS_A_PAGE, &list, &error) != OK) {
            pager->torn++;
            return;
        }
        if (list.count != (gone ? 0 : ROWS_A_PAGE) && list.count != 0)
            pager->torn++;
        gone = list.count == 0;
        document_list_finish(&list);
    }
}

static void *page_until_told(void *arg) {
    struct pager *pager = arg;
    do {
        for (int i = 0; i < PAGED_JOBS; i++)
            read_pages(pager, pager->ids[i]);
    } while (!atomic_load(&pager->stop));
    return NULL;
}

static void a_reader_sees_all_rows_of_a_job_or_none(struct fixture *fixture) {
    static char ids[PAGED_JOBS][OBJECT_ID_MAX];
    static struct pager pager;
    pthread_t thread;
    for (int i = 0; i < PAGED_JOBS; i++)
        finish(fixture, i, PAGED_ROWS, ids[i]);
    age(fixture);
    pager = (struct pager){.jobs = fixture->jobs, .ids = ids};
    assert_int_equal(pthread_create(&thread, NULL, page_until_told, &pager), 0);
    for (int i = 0; i < PAGED_JOBS; i++)
        purge(fixture, ids[i]);
    atomic_store(&pager.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(pager.torn, 0);
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(those_that_may_go_are_listed_by_their_end),
        CASE(a_job_with_a_fact_above_the_watermark_is_not_listed),
        CASE(pages_take_each_job_once),
        CASE(purged_ids_are_listed_until_their_blobs_are_gone),
        CASE(finishing_stops_where_the_blobs_are_away_and_goes_on_there),
        CASE(a_job_whose_blobs_do_not_go_holds_up_no_other),
        CASE(without_any_blob_an_id_is_kept),
        CASE(a_person_can_have_one_forgotten),
        CASE(once_a_blob_was_seen_none_means_that_all_are_gone),
        CASE(what_another_removed_is_not_lost),
        CASE(a_purge_that_was_killed_is_finished_by_another),
        CASE(a_job_is_retried_or_purged_and_never_both),
        CASE(a_reader_sees_all_rows_of_a_job_or_none),
    };
    return RUN_CASES(cases);
}
