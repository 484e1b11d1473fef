/* Lines of progress fit the terminal, whatever the company is called. */
#include "cli/progress.h"

#include <string.h>

#include "base/str.h"
#include "support/test.h"

static struct job make_job(enum job_status status, int downloaded, int total, const char *name) {
    struct job job = {.status = status, .downloaded_documents = downloaded, .total_documents = total, .runs = 2};
    str_copy(job.id, sizeof(job.id), "0123456789abcdef01234567");
    str_copy(job.company.cin, sizeof(job.company.cin), "U45232GJ2000PTC696276");
    str_copy(job.company.name, sizeof(job.company.name), name);
    return job;
}

static int filled(const char *line) {
    int count = 0;
    for (; *line; line++)
        count += *line == '#';
    return count;
}

static void test_bar_shows_the_share(void **state) {
    (void)state;
    static const struct {
        enum job_status status;
        int downloaded, total, filled;
    } cases[] = {
        {JOB_PENDING, 0, 0, 0},       {JOB_PROCESSING, 0, 40, 0},   {JOB_PROCESSING, 20, 40, 15},
        {JOB_PROCESSING, 39, 40, 29}, {JOB_COMPLETED, 40, 40, 30},  {JOB_COMPLETED, 0, 0, 30},
        {JOB_FAILED, 10, 40, 7},      {JOB_PROCESSING, 80, 40, 30},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct job job = make_job(cases[i].status, cases[i].downloaded, cases[i].total, "Avobelin Agro Limited");
        char line[PROGRESS_LINE_MAX];
        progress_line(&job, 200, line);
        assert_int_equal(filled(line), cases[i].filled);
        assert_non_null(strstr(line, job_status_name(cases[i].status)));
        assert_non_null(strstr(line, "Avobelin Agro Limited"));
    }
}

static void test_line_fits_every_width(void **state) {
    (void)state;
    char name[COMPANY_NAME_MAX] = "";
    for (size_t at = 0; at + 3 < sizeof(name); at += 3)
        memcpy(name + at, "ह", 3);
    struct job job = make_job(JOB_PROCESSING, 12, 34, name);
    for (int columns = 0; columns < 400; columns++) {
        char line[PROGRESS_LINE_MAX];
        progress_line(&job, columns, line);
        assert_true(strlen(line) < (size_t)(columns > 2 ? columns : 2));
        assert_true(utf8_valid(line, strlen(line)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bar_shows_the_share),
        cmocka_unit_test(test_line_fits_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
