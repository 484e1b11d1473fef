#include "core/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "support/folder.h"
#include "support/test.h"

static char folder[FOLDER_PATH_MAX];
static char before[FOLDER_PATH_MAX];
static struct settings_values *values;
static struct error err;

static int setup(void **state) {
    (void)state;
    for (size_t i = 0; i < settings_table_count; i++)
        unsetenv(settings_table[i].name);
    assert_non_null(getcwd(before, sizeof(before)));
    folder_make(folder);
    assert_int_equal(chdir(folder), 0);
    values = NULL;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    settings_destroy(values);
    assert_int_equal(chdir(before), 0);
    folder_remove(folder);
    return 0;
}

static enum outcome load(void) {
    settings_destroy(values);
    values = NULL;
    err = (struct error){0};
    return core_settings_load(&values, &err);
}

static void refused(const char *message) {
    assert_int_equal(load(), INVALID);
    assert_null(values);
    assert_string_equal(err.code, "bad_setting");
    assert_string_equal(err.message, message);
}

static void table_is_well_formed(void **state) {
    (void)state;
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *row = &settings_table[i];
        assert_true(row->name && row->help && row->group);
        assert_true(str_ends_with(row->help, "."));
        assert_null(strchr(row->help, '|')); /* it would end a cell of docs/config.md */
        assert_true(row->type != SETTING_INT || row->min < row->max);
        assert_true((row->type == SETTING_CHOICE) == (row->choices != NULL));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(row->name, settings_table[k].name);
            bool same_group = str_eq(row->group, settings_table[k].group);
            assert_true(!same_group || str_eq(row->group, settings_table[i - 1].group));
        }
    }
}

static void defaults(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"FILESURE_DATA", "./data"},
                                          {"FILESURE_EMBEDDED", "yes"},
                                          {"MONGO_URI", NULL},
                                          {"AZURE_BLOB_CONN", NULL},
                                          {"AZURE_CONTAINER", "documents"},
                                          {"AZURE_CREATE_CONTAINER", "yes"},
                                          {"JOB_ID", NULL},
                                          {"LEASE_TOKEN", NULL},
                                          {"PORTAL_URL", "http://127.0.0.1:5080"},
                                          {"API_LISTEN", "127.0.0.1:5001"},
                                          {"API_OPEN", "no"},
                                          {"WORKER_METRICS_LISTEN", "0.0.0.0:9100"},
                                          {"LEASE_SECONDS", "60"},
                                          {"RUN_SECONDS", "1800"},
                                          {"BATCH_PERCENT", "35"},
                                          {"MAX_ATTEMPTS", "5"},
                                          {"MAX_WORKERS", NULL},
                                          {"RETENTION_DAYS", NULL},
                                          {"DOWNLOAD_PARALLEL", "4"},
                                          {"LOG_FORMAT", NULL},
                                          {"METRICS_LINGER_SECONDS", "0"}};
    assert_int_equal(load(), OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *text = settings_text(values, rows[i][0]);
        if (!str_eq(text, rows[i][1]))
            fail_msg("%s is %s", rows[i][0], text ? text : "not set");
    }
    assert_int_equal(core_settings_check_api(values, &err), OK);
    assert_in_range(core_settings_max_workers(values), 2, 200);
}

static void limits(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *least, *most, *below, *above;
    } rows[] = {{"LEASE_SECONDS", "2", "3600", "1", "3601"},        {"BATCH_PERCENT", "1", "100", "0", "101"},
                {"MAX_ATTEMPTS", "1", "1000", "0", "1001"},         {"MAX_WORKERS", "1", "200", "0", "201"},
                {"DOWNLOAD_PARALLEL", "1", "16", "0", "17"},        {"RUN_SECONDS", "1", "86400", "0", "86401"},
                {"PORTAL_TIMEOUT_SECONDS", "1", "600", "0", "601"}, {"METRICS_LINGER_SECONDS", "0", "300", "-1", "301"},
                {"RETENTION_DAYS", "1", "36500", "0", "36501"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const texts[] = {rows[i].least, rows[i].most, rows[i].below, rows[i].above};
        for (size_t k = 0; k < COUNT_OF(texts); k++) {
            setenv(rows[i].name, texts[k], 1);
            assert_int_equal(load(), k < 2 ? OK : INVALID);
        }
        unsetenv(rows[i].name);
    }
}

static void env_file_of_the_working_directory(void **state) {
    (void)state;
    folder_write(folder, ".env", "# x\nMAX_WORKERS=3\n", NULL);
    assert_int_equal(load(), OK);
    assert_int_equal(core_settings_max_workers(values), 3);
    folder_write(folder, ".env", "MAX_WORKERS=3\nMAX_WORKER=3\n", NULL);
    refused(".env:2: unknown setting MAX_WORKER");
    folder_write(folder, ".env", "MAX_WORKERS=many\n", NULL);
    refused(".env:1: MAX_WORKERS: \"many\" is not a whole number from 1 to 200");
}

static void claim_file_is_an_env_file(void **state) {
    (void)state;
    folder_write(folder, ".env", "JOB_ID='65a1b2c3d4e5f6a7b8c9d0e1'\nLEASE_TOKEN='abc'\n", NULL);
    assert_int_equal(load(), OK);
    assert_string_equal(settings_text(values, "JOB_ID"), "65a1b2c3d4e5f6a7b8c9d0e1");
    folder_write(folder, ".env", "JOB_ID=''\nLEASE_TOKEN=''\n", NULL);
    assert_int_equal(load(), OK);
    assert_true(settings_is_set(values, "JOB_ID"));
    assert_string_equal(settings_text(values, "JOB_ID"), "");
}

static void without_embedded_both_stores_are_needed(void **state) {
    (void)state;
    setenv("FILESURE_EMBEDDED", "no", 1);
    refused("FILESURE_EMBEDDED=no needs MONGO_URI, which is not set");
    setenv("MONGO_URI", "mongodb://x", 1);
    refused("FILESURE_EMBEDDED=no needs AZURE_BLOB_CONN, which is not set");
    unsetenv("MONGO_URI");
    setenv("AZURE_BLOB_CONN", "x", 1);
    refused("FILESURE_EMBEDDED=no needs MONGO_URI, which is not set");
}

static void stores_that_are_not_built_in(void **state) {
    (void)state;
    setenv("MONGO_URI", "mongodb://user:s3cret@x", 1);
    refused("MONGO_URI is set, but this build has the embedded stores only (FILESURE_DATA): unset it");
    setenv("MONGO_URI", "", 1);
    refused("MONGO_URI is set but empty");
    unsetenv("MONGO_URI");
    setenv("AZURE_BLOB_CONN", "x", 1);
    refused("AZURE_BLOB_CONN is set, but this build has the embedded stores only (FILESURE_DATA): unset it");
    setenv("FILESURE_EMBEDDED", "no", 1);
    setenv("MONGO_URI", "mongodb://x", 1);
    refused("MONGO_URI is set, but this build has the embedded stores only (FILESURE_DATA): unset it");
}

static void container_names(void **state) {
    (void)state;
    static const char *const bad[] = {"ab", "Documents", "../up", "a/b", "-ab", "ab-", "a--b", "a.b", "a_b"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        setenv("AZURE_CONTAINER", bad[i], 1);
        assert_int_equal(load(), INVALID);
        assert_true(str_starts_with(err.message, "AZURE_CONTAINER: "));
    }
    char name[65];
    memset(name, 'a', 64);
    name[64] = '\0';
    setenv("AZURE_CONTAINER", name, 1);
    assert_int_equal(load(), INVALID);
    setenv("AZURE_CONTAINER", name + 1, 1);
    assert_int_equal(load(), OK);
    setenv("AZURE_CONTAINER", "a-1", 1);
    assert_int_equal(load(), OK);
}

static void open_address_needs_a_decision(void **state) {
    (void)state;
    static const char *const open[] = {"0.0.0.0:5001", "[::]:0", "10.0.0.1:80", "example.org:80"};
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        setenv("API_LISTEN", open[i], 1);
        setenv("API_OPEN", "no", 1);
        assert_int_equal(load(), OK); /* the other programs do not care */
        assert_int_equal(core_settings_check_api(values, &err), INVALID);
        assert_non_null(strstr(err.message, "API_LISTEN"));
        assert_non_null(strstr(err.message, "API_TOKENS_FILE"));
        assert_non_null(strstr(err.message, "API_OPEN=yes"));
        setenv("API_OPEN", "yes", 1);
        assert_int_equal(load(), OK);
        assert_int_equal(core_settings_check_api(values, &err), OK);
    }
    static const char *const closed[] = {"127.0.0.1:0", "[::1]:5001", "localhost:5001"};
    unsetenv("API_OPEN");
    for (size_t i = 0; i < COUNT_OF(closed); i++) {
        setenv("API_LISTEN", closed[i], 1);
        assert_int_equal(load(), OK);
        assert_int_equal(core_settings_check_api(values, &err), OK);
    }
}

static void tokens_are_refused_until_they_protect(void **state) {
    (void)state;
    static const char *const names[] = {"API_TOKENS_FILE", "METRICS_TOKEN_FILE"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        setenv(names[i], "tokens", 1);
        assert_int_equal(load(), OK);
        assert_int_equal(core_settings_check_api(values, &err), INVALID);
        assert_true(str_starts_with(err.message, names[i]));
        assert_non_null(strstr(err.message, "no access control yet"));
        unsetenv(names[i]);
    }
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_well_formed),
        with_folder(defaults),
        with_folder(limits),
        with_folder(env_file_of_the_working_directory),
        with_folder(claim_file_is_an_env_file),
        with_folder(without_embedded_both_stores_are_needed),
        with_folder(stores_that_are_not_built_in),
        with_folder(container_names),
        with_folder(open_address_needs_a_decision),
        with_folder(tokens_are_refused_until_they_protect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
