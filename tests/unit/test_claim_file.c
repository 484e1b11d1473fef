/* The file by which a claim is handed to the container that runs it. */
#include "support/test.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/str.h"
#include "worker/claim_file.h"

#define JOB "65a000000000000000000001"
#define TOKEN "0123456789abcdef0123456789abcdef"

static char folder[PATH_MAX];
static char path[PATH_MAX];

static int make_folder(void **state) {
    (void)state;
    const char *temp = getenv("TMPDIR");
    (void)str_format(folder, sizeof(folder), "%s/claim.XXXXXX", temp ? temp : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_true(str_format(path, sizeof(path), "%s/job.env", folder));
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left in it */
    return 0;
}

static void is_what_kubernetes_reads(void **state) {
    (void)state;
    struct claim_file claim = {.job_id = JOB, .token = TOKEN};
    struct error err = {0};
    AUTO_BUF struct buf text = BUF_INIT(1000);
    assert_int_equal(claim_file_write(path, &claim, &err), OK);
    assert_int_equal(file_read(path, &text, &err), OK);
    assert_string_equal(buf_str(&text), "JOB_ID='" JOB "'\nLEASE_TOKEN='" TOKEN "'\n");
    struct stat there;
    assert_int_equal(stat(path, &there), 0);
    assert_int_equal(there.st_mode & 0777, 0600);
    struct claim_file back = {0};
    assert_int_equal(claim_file_read(path, &back, &err), OK);
    assert_string_equal(back.job_id, JOB);
    assert_string_equal(back.token, TOKEN);
}

static void nothing_claimed_is_two_empty_values(void **state) {
    (void)state;
    struct claim_file claim = {.job_id = JOB, .token = TOKEN};
    struct claim_file nothing = {0};
    struct error err = {0};
    AUTO_BUF struct buf text = BUF_INIT(1000);
    assert_int_equal(claim_file_write(path, &claim, &err), OK);
    assert_int_equal(claim_file_write(path, &nothing, &err), OK); /* replaces */
    assert_int_equal(file_read(path, &text, &err), OK);
    assert_string_equal(buf_str(&text), "JOB_ID=''\nLEASE_TOKEN=''\n");
    struct claim_file back = claim;
    assert_int_equal(claim_file_read(path, &back, &err), OK);
    assert_string_equal(back.job_id, "");
    assert_string_equal(back.token, "");
}

static void other_files_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "JOB_ID=''\n",
        "JOB_ID='" JOB "'\n",
        "JOB_ID=" JOB "\nLEASE_TOKEN=" TOKEN "\n",
        "JOB_ID='xyz'\nLEASE_TOKEN='" TOKEN "'\n",
        "JOB_ID=''\nLEASE_TOKEN='" TOKEN "'\n",
        "LEASE_TOKEN='" TOKEN "'\nJOB_ID='" JOB "'\n",
        "JOB_ID='" JOB "'\nLEASE_TOKEN='" TOKEN "'\nPATH='/tmp'\n",
        "JOB_ID='" JOB "'\nLEASE_TOKEN='" TOKEN TOKEN "'\n",
        "JOB_ID='\nLEASE_TOKEN='\n",
        "JOB_ID='" JOB "' \nLEASE_TOKEN='" TOKEN "'\n",
        "JOB_ID='" JOB "'\nLEASE_TOKEN='" TOKEN "\n",
    };
    struct claim_file back = {.job_id = "untouched"};
    struct error err = {0};
    assert_int_equal(claim_file_read(path, &back, &err), GONE);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(file_replace(path, bad[i], strlen(bad[i]), 0600, &err), OK);
        if (claim_file_read(path, &back, &err) != INVALID) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    char *long_text = x_alloc(5000);
    memset(long_text, 'x', 4999);
    assert_int_equal(file_replace(path, long_text, 4999, 0600, &err), OK);
    free(long_text);
    assert_int_equal(claim_file_read(path, &back, &err), INVALID);
    assert_string_equal(back.job_id, "untouched");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_what_kubernetes_reads, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(nothing_claimed_is_two_empty_values, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_files_are_refused, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
