/* A copy of the embedded store: whole, of one instant while others write, on its own afterwards; or nothing at all. */
#include "jobs/jobs.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "contract/jobs_fixture.h"
#include "jobs/jobs_sqlite.h"

enum { PLACE_PATH_MAX = FOLDER_PATH_MAX + 64, MANY = ORDER_ITEMS_MAX /* several steps of a copy */ };

/* ---- short words ----------------------------------------------------------------------------- */
/* A folder beside the store's files, which is not there yet. */
static void place_of(const struct fixture *fixture, const char *name, char ret[PLACE_PATH_MAX]) {
    assert_true(str_format(ret, PLACE_PATH_MAX, "%s/%s", fixture->folder, name));
}

static bool exists(const char *folder, const char *name) {
    char path[PLACE_PATH_MAX + 32];
    assert_true(str_format(path, sizeof path, "%s/%s", folder, name));
    return access(path, F_OK) == 0;
}

static unsigned mode_of(const char *folder, const char *name) {
    char path[PLACE_PATH_MAX + 32];
    struct stat status;
    assert_true(str_format(path, sizeof path, "%s/%s", folder, name));
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

/* The copy as a store of its own: no other file of it is needed. */
static struct fixture open_copy(const struct fixture *fixture, const char *place) {
    struct fixture copy = {.implementation = fixture->implementation};
    assert_true(str_copy(copy.folder, sizeof copy.folder, place));
    must(fixture->implementation->open(&copy, &copy.jobs, &err));
    return copy;
}

static void assert_sound(const struct fixture *copy) {
    static const char bad_counts[] =
        "SELECT count(*) FROM counts WHERE jobs <> (SELECT count(*) FROM jobs WHERE jobs.status = counts.status)";
    assert_int_equal(
        fixture_sqlite_run(copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    assert_int_equal(fixture_sqlite_run(copy, bad_counts), 0);
    assert_int_equal(fixture_sqlite_run(copy, "PRAGMA user_version"), STORE_VERSION);
    assert_int_equal(fixture_sqlite_run(copy, "PRAGMA application_id"), 0x66737572);
}

static int64_t count_jobs(struct fixture *fixture) {
    struct jobs_counts counts;
    must(jobs_count(fixture->jobs, &counts, &err));
    return counts.total;
}

/* A store does not survive a fork: it is closed before and opened again after. */
static void close_jobs(struct fixture *fixture) {
    jobs_close(fixture->jobs);
    fixture->jobs = NULL;
}

static void open_jobs(struct fixture *fixture) {
    must(fixture->implementation->open(fixture, &fixture->jobs, &err));
}

static void order_many(struct fixture *fixture, int count) {
    struct company *companies = x_alloc((size_t)count * sizeof *companies);
    for (int i = 0; i < count; i++)
        companies[i] = a_company(i);
    const struct jobs_order order = {.companies = companies, .count = count, .force = true};
    struct jobs_placed placed;
    must(jobs_place(fixture->jobs, &order, &placed, &err));
    jobs_placed_finish(&placed);
    free(companies);
}

/* ---- a whole copy ---------------------------------------------------------------------------- */
static void a_copy_is_a_store_of_its_own(struct fixture *fixture) {
    char ids[3][OBJECT_ID_MAX], id[OBJECT_ID_MAX], place[PLACE_PATH_MAX];
    enum job_status status;
    struct totals totals, copied;
    for (int i = 0; i < 3; i++)
        order_one(fixture, i, 0, ids[i]);
    struct lease lease = run_job(fixture, ids[0]);
    put_filings(fixture, ids[0], 1);
    add_row(fixture, &lease, 1);
    end_run(fixture, &lease, RUN_COMPLETED);
    must(jobs_cancel(fixture->jobs, ids[1], "test", &status, &err));
    lease = run_job(fixture, ids[2]);
    place_of(fixture, "a/b", place); /* folders are made */
    must(jobs_copy(fixture->jobs, place, NULL, &err));
    assert_int_equal(folder_count(place), 1);
    assert_int_equal(mode_of(place, "filesure.db"), 0600);
    assert_int_equal(mode_of(place, "."), 0700);
    struct fixture copy = open_copy(fixture, place);
    assert_sound(&copy);
    for (int i = 0; i < 3; i++) {
        struct job before = get_job(fixture, ids[i]);
        assert_unchanged(&copy, before);
    }
    must(jobs_totals(fixture->jobs, &totals, &err));
    must(jobs_totals(copy.jobs, &copied, &err));
    assert_memory_equal(&copied, &totals, sizeof totals);
    assert_in_range(now_of(&copy), now_of(fixture) - 60000, now_of(fixture));
    struct audit_list list;
    must(jobs_list_audit(copy.jobs, 10, NULL, &list, &err));
    assert_int_equal(list.count, 4);
    audit_list_finish(&list);
    end_run(&copy, &lease, RUN_EXHAUSTED); /* each goes its own way */
    order_one(&copy, 7, 0, id);
    assert_int_equal(status_of(fixture, ids[2]), JOB_PROCESSING);
    assert_int_equal(count_jobs(fixture), 3);
    jobs_close(copy.jobs);
}

static void a_store_that_is_only_looked_at_is_copied(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], place[PLACE_PATH_MAX];
    const struct jobs_config config = {.data_dir = fixture->folder, .read_only = true};
    struct jobs *reader = NULL;
    order_one(fixture, 1, 0, id);
    must(jobs_open(&config, &reader, &err));
    place_of(fixture, "copy", place);
    must(jobs_copy(reader, place, NULL, &err));
    jobs_close(reader);
    struct fixture copy = open_copy(fixture, place);
    assert_int_equal(status_of(&copy, id), JOB_PENDING);
    jobs_close(copy.jobs);
}

/* ---- where no copy is made ------------------------------------------------------------------- */
static int stop_after, stop_calls;

static bool stop(void) {
    return ++stop_calls >= stop_after;
}

static void no_store_is_overwritten(struct fixture *fixture) {
    char id[OBJECT_ID_MAX], place[PLACE_PATH_MAX];
    order_many(fixture, MANY);
    must_fail(jobs_copy(fixture->jobs, fixture->folder, NULL, &err), INVALID, "store_exists");
    place_of(fixture, "copy", place);
    must(jobs_copy(fixture->jobs, place, NULL, &err));
    order_one(fixture, 1, 0, id);
    stop_after = 1, stop_calls = 0;
    must_fail(jobs_copy(fixture->jobs, place, stop, &err), INVALID, "store_exists");
    assert_int_equal(stop_calls, 0); /* before any work */
    struct fixture copy = open_copy(fixture, place);
    assert_int_equal(count_jobs(&copy), MANY);
    jobs_close(copy.jobs);
    assert_int_equal(count_jobs(fixture), MANY + 1);
    assert_false(exists(fixture->folder, "filesure.db.new"));
}

/* SQLite would take it for the copy's own and read old pages out of it. */
static void a_log_that_was_left_behind_is_no_copys(struct fixture *fixture) {
    static const char *const names[] = {"filesure.db-wal", "filesure.db-journal"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char place[PLACE_PATH_MAX];
        place_of(fixture, names[i] + 9, place);
        must(dir_make(place, &err));
        folder_write(place, names[i], "left behind", NULL);
        must_fail(jobs_copy(fixture->jobs, place, NULL, &err), INVALID, "store_exists");
        assert_int_equal(folder_count(place), 1);
    }
}

static void a_folder_that_cannot_be_is_said(struct fixture *fixture) {
    must_fail(jobs_copy(fixture->jobs, "", NULL, &err), INVALID, "bad_argument");
    must_fail(jobs_copy(fixture->jobs, NULL, NULL, &err), INVALID, "bad_argument");
    assert_int_not_equal(jobs_copy(fixture->jobs, "/dev/null/copy", NULL, &err), OK);
}

static void two_copies_do_not_meet_in_one_folder(struct fixture *fixture) {
    char place[PLACE_PATH_MAX], temp[PLACE_PATH_MAX + 32];
    place_of(fixture, "copy", place);
    must(dir_make(place, &err));
    assert_true(str_format(temp, sizeof temp, "%s/filesure.db.new", place));
    int fd = open(temp, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    assert_true(fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0 && write(fd, "mine", 4) == 4);
    must_fail(jobs_copy(fixture->jobs, place, NULL, &err), INVALID, "store_exists");
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, 4);
    assert_int_equal(status.st_nlink, 1);
    close(fd);
    must(jobs_copy(fixture->jobs, place, NULL, &err)); /* nobody makes that one any more */
    assert_int_equal(folder_count(place), 1);
    struct fixture copy = open_copy(fixture, place);
    assert_sound(&copy);
    jobs_close(copy.jobs);
}

static char meanwhile[PLACE_PATH_MAX];

static bool make_a_store_meanwhile(void) {
    folder_write(meanwhile, "filesure.db", "somebody's", NULL);
    return false;
}

static void a_store_made_meanwhile_is_not_overwritten(struct fixture *fixture) {
    char path[PLACE_PATH_MAX + 32];
    AUTO_BUF struct buf bytes = BUF_INIT(100);
    order_many(fixture, MANY);
    place_of(fixture, "copy", meanwhile);
    must_fail(jobs_copy(fixture->jobs, meanwhile, make_a_store_meanwhile, &err), INVALID, "store_exists");
    assert_int_equal(folder_count(meanwhile), 1);
    assert_true(str_format(path, sizeof path, "%s/filesure.db", meanwhile));
    must(file_read(path, &bytes, &err));
    assert_string_equal(buf_str(&bytes), "somebody's");
}

/* ---- another connection in the way ----------------------------------------------------------- */
static int busy_steps, busy_code; /* so many steps from now on answer that */

int sqlite3_backup_step(sqlite3_backup *backup, int pages) {
    static int (*real)(sqlite3_backup *, int);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_backup_step");
    return busy_steps > 0 && busy_steps-- > 0 ? busy_code : real(backup, pages);
}

static void a_copy_waits_and_is_whole(struct fixture *fixture) {
    static const int codes[] = {SQLITE_BUSY, SQLITE_LOCKED};
    char place[PLACE_PATH_MAX];
    order_many(fixture, 10);
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        place_of(fixture, i == 0 ? "busy" : "locked", place);
        busy_steps = 3, busy_code = codes[i];
        must(jobs_copy(fixture->jobs, place, NULL, &err));
        assert_int_equal(busy_steps, 0);
        struct fixture copy = open_copy(fixture, place);
        assert_int_equal(count_jobs(&copy), 10);
        jobs_close(copy.jobs);
    }
}

static void a_copy_that_waits_can_be_stopped(struct fixture *fixture) {
    char place[PLACE_PATH_MAX];
    place_of(fixture, "copy", place);
    busy_steps = 1000, busy_code = SQLITE_BUSY;
    stop_after = 3, stop_calls = 0;
    must_fail(jobs_copy(fixture->jobs, place, stop, &err), RETRY, "stopped");
    assert_int_equal(busy_steps, 997);
    busy_steps = 0;
    assert_int_not_equal(access(place, F_OK), 0);
}

/* ---- stopped, killed, no room ---------------------------------------------------------------- */
static void a_stopped_copy_leaves_nothing(struct fixture *fixture) {
    char place[PLACE_PATH_MAX];
    order_many(fixture, MANY);
    place_of(fixture, "copy", place);
    for (stop_after = 1; stop_after <= 2; stop_after++) {
        stop_calls = 0;
        must_fail(jobs_copy(fixture->jobs, place, stop, &err), RETRY, "stopped");
        assert_int_equal(stop_calls, stop_after);
        assert_int_not_equal(access(place, F_OK), 0);
    }
    must(dir_make(place, &err));
    folder_write(place, "other", "mine", NULL);
    stop_after = 1, stop_calls = 0;
    must_fail(jobs_copy(fixture->jobs, place, stop, &err), RETRY, "stopped");
    assert_int_equal(folder_count(place), 1); /* what was there stays */
    stop_after = 1000000;
    must(jobs_copy(fixture->jobs, place, stop, &err));
    assert_int_equal(folder_count(place), 2);
}

static void a_killed_copy_is_no_store_and_the_next_one_is(struct fixture *fixture) {
    static const char *const faults[] = {"kill:store_copying:1", "kill:store_copying:2", "kill:store_copied"};
    char place[PLACE_PATH_MAX];
    order_many(fixture, MANY);
    place_of(fixture, "copy", place);
    close_jobs(fixture);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        int status;
        setenv("FILESURE_FAULT", faults[i], 1);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            const struct jobs_config config = {.data_dir = fixture->folder, .read_only = true};
            struct jobs *jobs = NULL;
            _exit(jobs_open(&config, &jobs, &err) == OK && jobs_copy(jobs, place, NULL, &err) == OK ? 0 : 2);
        }
        unsetenv("FILESURE_FAULT");
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_false(exists(place, "filesure.db"));
    }
    open_jobs(fixture);
    must(jobs_copy(fixture->jobs, place, NULL, &err));
    assert_int_equal(folder_count(place), 1);
    struct fixture copy = open_copy(fixture, place);
    assert_sound(&copy);
    assert_int_equal(count_jobs(&copy), MANY);
    jobs_close(copy.jobs);
}

static void a_full_disk_leaves_no_half_copy(struct fixture *fixture) {
    char place[PLACE_PATH_MAX];
    order_many(fixture, MANY);
    place_of(fixture, "copy", place);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t size_bytes = 1000; size_bytes < 1000000; size_bytes *= 10) {
        struct rlimit limit = {.rlim_cur = size_bytes, .rlim_max = RLIM_INFINITY};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum outcome outcome = jobs_copy(fixture->jobs, place, NULL, &err);
        limit.rlim_cur = RLIM_INFINITY;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(outcome, FATAL);
        assert_string_equal(err.code, "disk_full");
        assert_int_not_equal(access(place, F_OK), 0);
    }
    must(jobs_copy(fixture->jobs, place, NULL, &err));
}

/* ---- while others write ---------------------------------------------------------------------- */
static struct fixture *written;

/* Between two steps of the copy another connection commits. */
static bool write_meanwhile(void) {
    char id[OBJECT_ID_MAX];
    order_one(written, 100000 + stop_calls++, 0, id);
    return stop_calls > 200;
}

static void a_copy_is_of_one_instant(struct fixture *fixture) {
    char place[PLACE_PATH_MAX];
    order_many(fixture, MANY);
    int64_t pages = fixture_sqlite_run(fixture, "PRAGMA page_count");
    place_of(fixture, "copy", place);
    written = fixture, stop_calls = 0;
    must(jobs_copy(fixture->jobs, place, write_meanwhile, &err));
    assert_in_range(stop_calls, 2, pages / 256 + 1); /* and it never started over */
    assert_int_equal(count_jobs(fixture), MANY + stop_calls);
    struct fixture copy = open_copy(fixture, place);
    assert_sound(&copy);
    assert_int_equal(count_jobs(&copy), MANY);
    jobs_close(copy.jobs);
}

static bool wait_past_deadline(void) {
    static int64_t end_ms;
    if (stop_calls++ == 0)
        end_ms = clock_monotonic_ms() + 300;
    while (clock_monotonic_ms() < end_ms)
        sqlite_nap(0);
    return false;
}

static void a_copy_has_no_deadline(struct fixture *fixture) {
    char place[PLACE_PATH_MAX];
    const struct jobs_config config = {.data_dir = fixture->folder, .deadline_ms = 200};
    struct jobs *hasty = NULL;
    order_many(fixture, MANY);
    must(jobs_open(&config, &hasty, &err));
    place_of(fixture, "copy", place);
    stop_calls = 0;
    must(jobs_copy(hasty, place, wait_past_deadline, &err));
    jobs_close(hasty);
}

/* Orders one company each, cancels every second job and ends every third, until it is killed. */
static void write_for_ever(struct fixture *fixture, int index) {
    struct jobs *jobs = NULL;
    if (fixture->implementation->open(fixture, &jobs, &err) != OK)
        _exit(2);
    for (int i = 0;; i++) {
        struct company company = a_company(index * 100000 + i);
        const struct jobs_order order = {.companies = &company, .count = 1};
        struct jobs_placed placed;
        enum job_status status;
        struct lease lease;
        if (jobs_place(jobs, &order, &placed, &err) != OK)
            _exit(3);
        const char *id = placed.items[0].job_id;
        const struct jobs_claim_request request = {.owner = "o", .job_id = id, .lease_seconds = LEASE_S};
        const struct jobs_end end = {.outcome = RUN_EXHAUSTED};
        if (i % 2 == 0 && jobs_cancel(jobs, id, "test", &status, &err) != OK)
            _exit(4);
        if (i % 3 == 0 && i % 2 != 0 && jobs_claim(jobs, &request, &lease, &err) == OK &&
            jobs_end(jobs, id, lease.token, &end, &status, &err) != OK)
            _exit(5);
        jobs_placed_finish(&placed);
    }
}

/* What one transaction wrote is in the copy as a whole or not at all. */
static void assert_consistent(const struct fixture *copy) {
    assert_sound(copy);
    assert_int_equal(fixture_sqlite_run(copy, "SELECT count(*) FROM jobs WHERE id NOT IN "
                                              "(SELECT job_id FROM audit WHERE action = 'order') AND seq > 3000"),
                     0);
    assert_int_equal(fixture_sqlite_run(copy, "SELECT count(*) FROM jobs WHERE id NOT IN "
                                              "(SELECT open_job FROM companies) AND seq > 3000"),
                     0);
    assert_int_equal(fixture_sqlite_run(copy, "SELECT (SELECT count(*) FROM jobs WHERE status = 'cancelled') - "
                                              "(SELECT count(*) FROM audit WHERE action = 'cancel')"),
                     0);
    assert_int_equal(fixture_sqlite_run(copy, "SELECT (SELECT count(*) FROM jobs WHERE status IN ('cancelled', "
                                              "'failed')) - (SELECT count(*) FROM runs)"),
                     0);
}

static void a_copy_of_a_busy_store_is_consistent(struct fixture *fixture) {
    enum { WRITERS = 3, COPIES = 6 };
    pid_t writers[WRITERS];
    int status;
    int64_t jobs = 3000;
    order_many(fixture, (int)jobs);
    close_jobs(fixture);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = fork();
        assert_true(writers[i] >= 0);
        if (writers[i] == 0)
            write_for_ever(fixture, i + 1);
    }
    open_jobs(fixture);
    for (int i = 0; i < COPIES; i++) {
        char name[16], place[PLACE_PATH_MAX];
        int64_t end_ms = clock_monotonic_ms() + 60000;
        while (count_jobs(fixture) < jobs + 20 && clock_monotonic_ms() < end_ms)
            sqlite_nap(0);
        str_format(name, sizeof name, "copy%d", i);
        place_of(fixture, name, place);
        must(jobs_copy(fixture->jobs, place, NULL, &err));
        struct fixture copy = open_copy(fixture, place);
        assert_consistent(&copy);
        assert_true(count_jobs(&copy) >= jobs + 20);
        jobs = count_jobs(&copy);
        jobs_close(copy.jobs);
    }
    for (int i = 0; i < WRITERS; i++) {
        kill(writers[i], SIGKILL);
        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
        assert_true(WIFSIGNALED(status)); /* it never gave up */
    }
}

int main(void) {
    static const struct jobs_case cases[] = {
        CASE(a_copy_is_a_store_of_its_own),
        CASE(a_store_that_is_only_looked_at_is_copied),
        CASE(no_store_is_overwritten),
        CASE(a_log_that_was_left_behind_is_no_copys),
        CASE(a_folder_that_cannot_be_is_said),
        CASE(two_copies_do_not_meet_in_one_folder),
        CASE(a_store_made_meanwhile_is_not_overwritten),
        CASE(a_copy_waits_and_is_whole),
        CASE(a_copy_that_waits_can_be_stopped),
        CASE(a_stopped_copy_leaves_nothing),
        CASE(a_killed_copy_is_no_store_and_the_next_one_is),
        CASE(a_full_disk_leaves_no_half_copy),
        CASE(a_copy_is_of_one_instant),
        CASE(a_copy_has_no_deadline),
        CASE(a_copy_of_a_busy_store_is_consistent),
    };
    return run_cases_of("sqlite", cases, COUNT_OF(cases));
}
