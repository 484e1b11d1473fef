/* pdf_read through the real filesure-pdf: outcomes, limits, threads, a helper that is killed, what is left behind. */
#include "pdf/pdf.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "pdf_sample.h"
#include "support/test.h"

enum { DEADLINE_MS = 30000 };

static char program[4096];
static struct pdf_reader *reader;

static struct pdf_reader *open_reader(int time_ms, int parallel) {
    const struct pdf_reader_config config = {.program = program, .time_ms = time_ms, .parallel = parallel};
    struct pdf_reader *opened = NULL;
    struct error err = {0};
    if (pdf_reader_open(&config, &opened, &err) != OK)
        fail_msg("%s", err.message);
    return opened;
}

static int setup(void **state) {
    (void)state;
    reader = open_reader(0, 4);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pdf_reader_close(reader);
    return 0;
}

/* ---- processes, by /proc ---- */

struct process {
    pid_t pid, parent;
    char state;
};

static bool process_read(pid_t pid, struct process *ret, char name[32]) {
    char path[64], line[512];
    str_format(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t size = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[size] = '\0';
    char *open = strchr(line, '(');
    char *close = strrchr(line, ')');
    if (!open || !close)
        return false;
    *close = '\0';
    str_copy(name, 32, open + 1);
    *ret = (struct process){.pid = pid, .state = close[2], .parent = (pid_t)strtol(close + 4, NULL, 10)};
    return true;
}

/* A process of that name with that parent; 0: none. */
static pid_t child_of(pid_t parent, const char *name) {
    DIR *proc = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; !found && (entry = readdir(proc));) {
        char process_name[32];
        struct process process;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && process_read(pid, &process, process_name) && process.parent == parent &&
            strcmp(process_name, name) == 0)
            found = pid;
    }
    closedir(proc);
    return found;
}

static pid_t wait_for_child_of(pid_t parent) {
    for (int64_t end = clock_monotonic_ms() + DEADLINE_MS; clock_monotonic_ms() < end; usleep(2000)) {
        pid_t pid = child_of(parent, "filesure-pdf");
        if (pid)
            return pid;
    }
    fail_msg("no filesure-pdf under %d", parent);
    return 0;
}

/* Gone, or dead and not yet collected by somebody who is not us. */
static void wait_for_end_of(pid_t pid) {
    struct process process;
    char name[32];
    for (int64_t end = clock_monotonic_ms() + DEADLINE_MS; clock_monotonic_ms() < end; usleep(2000)) {
        if (!process_read(pid, &process, name) || process.state == 'Z' || process.state == 'X')
            return;
    }
    fail_msg("process %d lives on", pid);
}

/* ---- reading ---- */

static void read_with(struct pdf_reader *with, const struct buf *bytes, struct pdf_reading *ret) {
    struct error err = {0};
    enum outcome outcome = pdf_read(with, bytes->data, bytes->size_bytes, ret, &err);
    if (outcome != OK)
        fail_msg("%s: %s", err.code, err.message);
    AUTO_JSON json_t *json = NULL;
    if (json_parse(buf_str(&ret->fields), ret->fields.size_bytes, &json, &err) != OK)
        fail_msg("%s", err.message);
    assert_string_equal(json_member_string(json, "outcome"), pdf_outcome_name(ret->outcome));
    assert_int_equal(*ret->detail == '\0', ret->outcome == PDF_OK);
}

static void expect(const struct buf *bytes, enum pdf_outcome expected) {
    struct pdf_reading reading;
    read_with(reader, bytes, &reading);
    if (reading.outcome != expected)
        fail_msg("%s (%s) instead of %s", pdf_outcome_name(reading.outcome), reading.detail,
                 pdf_outcome_name(expected));
    if (expected != PDF_OK)
        assert_int_equal(reading.text.size_bytes, 0);
    pdf_reading_finish(&reading);
}

static void a_page_is_read(void **state) {
    (void)state;
    struct pdf_sample sample;
    pdf_sample_page(&sample,
                    "BT /F1 12 Tf 72 720 Td (CIN: U72200MH2015PTC123456) Tj 0 -40 Td (Date: 31/12/2024) Tj ET");
    struct pdf_reading reading;
    read_with(reader, &sample.bytes, &reading);
    assert_int_equal(reading.outcome, PDF_OK);
    assert_int_equal(reading.pages, 1);
    assert_string_equal(buf_str(&reading.text), "CIN: U72200MH2015PTC123456\nDate: 31/12/2024");
    assert_string_equal(reading.cin, "U72200MH2015PTC123456");
    assert_string_equal(reading.form, "unknown");
    assert_non_null(strstr(buf_str(&reading.fields), "\"value\":\"2024-12-31\",\"label\":\"Date\""));
    assert_true(reading.peak_bytes > 0);
    pdf_reading_finish(&reading);
    buf_finish(&sample.bytes);
}

static void the_same_bytes_give_the_same_json(void **state) {
    (void)state;
    struct pdf_sample sample;
    pdf_sample_page(&sample, "BT /F1 12 Tf 72 720 Td (SRN: AB1234567) Tj ET");
    struct pdf_reader *other = open_reader(0, 1);
    struct pdf_reading first, again, elsewhere;
    read_with(reader, &sample.bytes, &first);
    read_with(reader, &sample.bytes, &again);
    read_with(other, &sample.bytes, &elsewhere);
    assert_string_equal(buf_str(&first.fields), buf_str(&again.fields));
    assert_string_equal(buf_str(&first.fields), buf_str(&elsewhere.fields));
    pdf_reading_finish(&first);
    pdf_reading_finish(&again);
    pdf_reading_finish(&elsewhere);
    pdf_reader_close(other);
    buf_finish(&sample.bytes);
}

static struct buf bytes_of(const char *text) {
    struct buf bytes = BUF_INIT(1 << 20);
    buf_append_str(&bytes, text);
    return bytes;
}

static void what_is_no_pdf_is_refused(void **state) {
    (void)state;
    struct buf empty = BUF_INIT(16);
    buf_append(&empty, "", 0);
    expect(&empty, PDF_REFUSED);
    struct buf html = bytes_of("<html>Service unavailable</html>");
    expect(&html, PDF_REFUSED);
    buf_finish(&html);
    buf_finish(&empty);
    struct buf giant = BUF_INIT((size_t)60 << 20);
    static char block[1 << 20] = "%PDF-1.7\n";
    for (int i = 0; i < 51; i++)
        buf_append(&giant, block, sizeof(block));
    expect(&giant, PDF_REFUSED);
    buf_finish(&giant);
}

static void a_damaged_file_is_damaged(void **state) {
    (void)state;
    struct buf bytes = bytes_of("%PDF-1.7\nnothing of use follows");
    expect(&bytes, PDF_DAMAGED);
    buf_finish(&bytes);
}

static void a_page_count_that_is_a_lie_is_found_out(void **state) {
    (void)state;
    struct pdf_sample sample;
    pdf_sample_start(&sample);
    pdf_sample_object(&sample, "<</Type/Catalog/Pages 2 0 R>>");
    pdf_sample_object(&sample, "<</Type/Pages/Kids[3 0 R]/Count 1400000000>>");
    pdf_sample_object(&sample, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>");
    pdf_sample_end(&sample);
    struct pdf_reading reading;
    read_with(reader, &sample.bytes, &reading);
    assert_int_equal(reading.outcome, PDF_OK);
    assert_int_equal(reading.pages, 1);
    assert_non_null(strstr(buf_str(&reading.fields), "the file claims 1400000000 pages and has 1"));
    pdf_reading_finish(&reading);
    buf_finish(&sample.bytes);
}

static void trees_that_loop_or_fan_out_are_cut(void **state) {
    (void)state;
    struct pdf_sample sample;
    pdf_sample_start(&sample);
    pdf_sample_object(&sample,
                      "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>/Names<</EmbeddedFiles 15 0 R>>>>");
    pdf_sample_object(&sample, "<</Type/Pages/Kids[3 0 R 2 0 R]/Count 1>>");
    pdf_sample_object(&sample, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>");
    for (int i = 4; i < 15; i++) /* every field has the next one as its child ten times */
        pdf_sample_object(&sample, "<</FT/Tx/T(a)/V(x)/Kids[%d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R %d 0 R]>>",
                          i + 1, i + 1, i + 1, i + 1, i + 1, i + 1, i + 1, i + 1);
    pdf_sample_object(&sample, "<</T(b)/FT/Tx/Kids[15 0 R 4 0 R]>>");
    pdf_sample_end(&sample);
    struct pdf_reading reading;
    read_with(reader, &sample.bytes, &reading);
    assert_int_equal(reading.outcome, PDF_OK);
    assert_int_equal(reading.pages, 1);
    assert_non_null(strstr(buf_str(&reading.fields), "acroform_cut"));
    pdf_reading_finish(&reading);
    buf_finish(&sample.bytes);
}

static void the_wall_clock_ends_an_endless_document(void **state) {
    (void)state;
    struct pdf_sample sample;
    pdf_sample_endless(&sample);
    struct pdf_reader *quick = open_reader(300, 1);
    struct pdf_reading reading;
    int64_t start = clock_monotonic_ms();
    read_with(quick, &sample.bytes, &reading);
    assert_int_equal(reading.outcome, PDF_TIME);
    assert_true(clock_monotonic_ms() - start < 15000);
    pdf_reading_finish(&reading);
    struct pdf_sample good;
    pdf_sample_page(&good, "BT /F1 12 Tf 72 720 Td (next) Tj ET"); /* the helper goes on */
    read_with(quick, &good.bytes, &reading);
    assert_string_equal(buf_str(&reading.text), "next");
    pdf_reading_finish(&reading);
    assert_int_equal(child_of(wait_for_child_of(getpid()), "filesure-pdf"), 0);
    pdf_reader_close(quick);
    buf_finish(&good.bytes);
    buf_finish(&sample.bytes);
}

/* Reads the endless document in a thread, so that the test can do something to it. */
struct background {
    pthread_t thread;
    struct pdf_sample sample;
    struct pdf_reading reading;
    struct error err;
    enum outcome outcome;
};

static void *read_endless(void *argument) {
    struct background *background = argument;
    background->outcome = pdf_read(reader, background->sample.bytes.data, background->sample.bytes.size_bytes,
                                   &background->reading, &background->err);
    return NULL;
}

static void start_endless(struct background *background) {
    pdf_sample_endless(&background->sample);
    assert_int_equal(pthread_create(&background->thread, NULL, read_endless, background), 0);
}

static void a_document_that_kills_its_process_is_a_result(void **state) {
    (void)state;
    static struct background background;
    start_endless(&background);
    pid_t zygote = wait_for_child_of(getpid());
    kill(wait_for_child_of(zygote), SIGQUIT); /* a sanitizer build catches SIGSEGV */
    pthread_join(background.thread, NULL);
    assert_int_equal(background.outcome, OK);
    assert_int_equal(background.reading.outcome, PDF_CRASHED);
    assert_string_equal(background.reading.detail, "the reader crashed (QUIT)");
    assert_int_equal(child_of(getpid(), "filesure-pdf"), zygote); /* the same helper */
    pdf_reading_finish(&background.reading);
    buf_finish(&background.sample.bytes);
}

static void a_killed_helper_is_replaced(void **state) {
    (void)state;
    struct pdf_sample sample;
    pdf_sample_page(&sample, "BT /F1 12 Tf 72 720 Td (again) Tj ET");
    for (int i = 0; i < 5; i++) {
        pid_t zygote = wait_for_child_of(getpid());
        kill(zygote, i % 2 ? SIGKILL : SIGTERM);
        wait_for_end_of(zygote);
        struct pdf_reading reading;
        read_with(reader, &sample.bytes, &reading);
        assert_int_equal(reading.outcome, PDF_OK);
        pdf_reading_finish(&reading);
    }
    buf_finish(&sample.bytes);
}

static void a_helper_killed_in_mid_document_is_replaced_once(void **state) {
    (void)state;
    static struct background background;
    start_endless(&background);
    pid_t first = wait_for_child_of(getpid());
    pid_t first_child = wait_for_child_of(first);
    kill(first, SIGKILL);
    wait_for_end_of(first_child); /* the document's process ends with its helper */
    pid_t second = first;
    for (int64_t end = clock_monotonic_ms() + DEADLINE_MS; second == first && clock_monotonic_ms() < end;
         usleep(2000)) {
        pid_t now = child_of(getpid(), "filesure-pdf");
        second = now ? now : first;
    }
    (void)wait_for_child_of(second);
    kill(second, SIGKILL);
    pthread_join(background.thread, NULL);
    assert_int_equal(background.outcome, FATAL);
    assert_string_equal(background.err.code, "reader_unavailable");
    buf_finish(&background.sample.bytes);
}

static void a_program_that_is_none_is_unavailable(void **state) {
    (void)state;
    static const char *const programs[] = {"/no/such/filesure-pdf", "/bin/true", "/dev/null"};
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        const struct pdf_reader_config config = {.program = programs[i], .parallel = 1};
        struct pdf_reader *opened = NULL;
        struct error err = {0};
        assert_int_equal(pdf_reader_open(&config, &opened, &err), FATAL);
        assert_string_equal(err.code, "reader_unavailable");
        assert_null(opened);
    }
}

/* ---- threads ---- */

struct many {
    const struct buf *bytes;
    int failures;
};

static void *read_many(void *argument) {
    struct many *many = argument;
    for (int i = 0; i < 40; i++) {
        struct pdf_reading reading;
        struct error err;
        if (pdf_read(reader, many->bytes->data, many->bytes->size_bytes, &reading, &err) != OK) {
            many->failures++;
            continue;
        }
        many->failures += reading.outcome != PDF_OK;
        pdf_reading_finish(&reading);
    }
    return NULL;
}

static int open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void many_threads_read_while_helpers_are_killed(void **state) {
    (void)state;
    struct pdf_sample sample;
    pdf_sample_page(&sample, "BT /F1 12 Tf 72 720 Td (parallel) Tj ET");
    struct pdf_reading reading;
    read_with(reader, &sample.bytes, &reading);
    pdf_reading_finish(&reading);
    int descriptors = open_descriptors();
    pthread_t threads[8];
    struct many many[8];
    for (int i = 0; i < 8; i++) {
        many[i] = (struct many){&sample.bytes, 0};
        pthread_create(&threads[i], NULL, read_many, &many[i]);
    }
    kill(wait_for_child_of(getpid()), SIGKILL); /* each reading may lose one helper and be tried again */
    int failures = 0;
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        failures += many[i].failures;
    }
    assert_int_equal(failures, 0);
    assert_int_equal(open_descriptors(), descriptors);
    buf_finish(&sample.bytes);
}

/* ---- what is left behind ---- */

static void closing_leaves_no_process(void **state) {
    (void)state;
    struct pdf_reader *other = open_reader(0, 1);
    pdf_reader_close(other);
    pid_t zygote = wait_for_child_of(getpid());
    pdf_reader_close(reader);
    struct process process;
    char name[32];
    assert_false(process_read(zygote, &process, name)); /* not even a zombie */
    assert_int_equal(child_of(getpid(), "filesure-pdf"), 0);
    reader = open_reader(0, 4);
}

static void *open_in_thread(void *argument) {
    *(struct pdf_reader **)argument = open_reader(0, 1);
    return NULL;
}

/* A host that dies by SIGKILL, with a document being read: nothing of the helper stays. */
static void helpers_end_with(bool from_main_thread, bool stopped) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t host = fork();
    if (host == 0) {
        struct pdf_reader *own = NULL;
        pthread_t thread;
        if (from_main_thread)
            own = open_reader(0, 1);
        else if (pthread_create(&thread, NULL, open_in_thread, &own) != 0 || pthread_join(thread, NULL) != 0)
            _exit(1);
        struct pdf_sample sample;
        pdf_sample_endless(&sample);
        struct pdf_reading reading;
        struct error err;
        (void)!write(ready[1], "x", 1);
        (void)!pdf_read(own, sample.bytes.data, sample.bytes.size_bytes, &reading, &err);
        _exit(0);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    pid_t zygote = wait_for_child_of(host);
    pid_t child = wait_for_child_of(zygote);
    if (stopped)
        kill(zygote, SIGSTOP);
    kill(host, SIGKILL);
    assert_int_equal(waitpid(host, NULL, 0), host);
    wait_for_end_of(zygote);
    wait_for_end_of(child);
}

static void helpers_end_when_the_host_is_killed(void **state) {
    (void)state;
    helpers_end_with(true, false);
    helpers_end_with(true, true);
    helpers_end_with(false, false);
}

int main(void) {
    const char *folder = getenv("FILESURE_BIN");
    str_format(program, sizeof(program), "%s/filesure-pdf", folder ? folder : "build/test/bin");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read),
        cmocka_unit_test(the_same_bytes_give_the_same_json),
        cmocka_unit_test(what_is_no_pdf_is_refused),
        cmocka_unit_test(a_damaged_file_is_damaged),
        cmocka_unit_test(a_page_count_that_is_a_lie_is_found_out),
        cmocka_unit_test(trees_that_loop_or_fan_out_are_cut),
        cmocka_unit_test(a_document_that_kills_its_process_is_a_result),
        cmocka_unit_test(a_killed_helper_is_replaced),
        cmocka_unit_test(a_helper_killed_in_mid_document_is_replaced_once),
        cmocka_unit_test(a_program_that_is_none_is_unavailable),
        cmocka_unit_test(many_threads_read_while_helpers_are_killed),
        cmocka_unit_test(closing_leaves_no_process),
        cmocka_unit_test(helpers_end_when_the_host_is_killed),
    };
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(the_wall_clock_ends_an_endless_document),
    };
    int failed = cmocka_run_group_tests_name("reader", tests, setup, teardown);
    return failed + cmocka_run_group_tests_name("clock", alone, NULL, NULL);
}
