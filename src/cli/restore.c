/* filesure restore: a backup becomes the data folder. Blobs first, the store last and in one step: what was interrupted
 * is no store, and running it again goes on. Nothing is written to the backup, which may lie where nothing can be
 * written. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/stop.h"
#include "base/str.h"
#include "cli/data_lock.h"
#include "cli/folders.h"
#include "cli/store_copy.h"
#include "core/fault.h"

struct restore {
    struct cli *cli;
    const char *dir, *data_dir;
    struct store_copy copy;
    int64_t began_ms;
    char taken_at[MARK_TAKEN_MAX]; /* "": nobody knows */
};

static enum outcome check_backup(const struct restore *restore, struct error *err) {
    if (!folder_has(restore->dir, STORE_FILE))
        return error_set(err, INVALID, "not_a_backup", "%s is not a complete backup: it holds no " STORE_FILE,
                         restore->dir);
    return folders_apart(restore->data_dir, restore->dir, err);
}

/* A log without its store would be taken for the restored one's. */
static enum outcome check_free(const struct restore *restore, struct error *err) {
    static const char *const names[] = {STORE_FILE, STORE_FILE "-wal", STORE_FILE "-journal"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (folder_has(restore->data_dir, names[i]))
            return error_set(
                err, INVALID, "store_exists",
                "%s/%s is there: a restore never replaces a store; move %s away, or restore with --data to "
                "another folder",
                restore->data_dir, names[i], restore->data_dir);
    return OK;
}

static enum outcome open_blob_stores(struct restore *restore, struct error *err) {
    struct blobs_config config = {
        .data_dir = restore->dir,
        .container = settings_text(cli_settings(restore->cli), "AZURE_CONTAINER"),
    };
    enum outcome outcome = blobs_open(&config, &restore->copy.from, err);
    if (outcome != OK && outcome != GONE) /* GONE: nothing was ever stored; if it was, every blob is a problem */
        return outcome;
    config.data_dir = restore->data_dir;
    config.create = true;
    return blobs_open(&config, &restore->copy.to, err);
}

static enum outcome enter_audit(const struct restore *restore, struct error *err) {
    AUTO_JSON json_t *detail = store_copy_json(&restore->copy);
    AUTO_BUF struct buf text = BUF_INIT(AUDIT_DETAIL_MAX);
    if (*restore->taken_at)
        json_object_set_new(detail, "takenAt", json_string(restore->taken_at));
    json_append(&text, detail);
    return jobs_audit(restore->copy.jobs, restore->copy.actor, "restore", buf_str(&text), err);
}

static enum outcome fill(struct restore *restore, const char *partial, struct error *err) {
    const struct jobs_config config = {.data_dir = partial};
    enum outcome outcome = jobs_open(&config, &restore->copy.jobs, err);
    if (outcome == OK)
        outcome = store_copy_find_mark(restore->copy.jobs, restore->taken_at, err);
    if (outcome == OK)
        outcome = open_blob_stores(restore, err);
    if (outcome == OK)
        outcome = store_copy_blobs(&restore->copy, err);
    FAULT_POINT("after_copy_blobs");
    if (outcome == OK)
        outcome = enter_audit(restore, err);
    jobs_close(take_ptr(restore->copy.jobs));
    return outcome;
}

static enum outcome make(struct restore *restore, struct error *err) {
    char partial[PATH_MAX];
    enum outcome outcome = folder_fold_log(restore->dir, err);
    if (outcome == OK)
        outcome = partial_begin(restore->data_dir, partial, err);
    if (outcome == OK)
        outcome = partial_take_file(restore->dir, restore->data_dir, stop_requested, err);
    FAULT_POINT("after_copy_store");
    if (outcome == OK)
        outcome = fill(restore, partial, err);
    FAULT_POINT("before_copy_commit");
    if (outcome == OK)
        outcome = partial_commit(restore->data_dir, false, err);
    FAULT_POINT("after_copy_commit");
    if (outcome != OK)
        partial_drop(restore->data_dir);
    return outcome;
}

static enum outcome run(struct restore *restore, int *data_fd, int *dir_fd, struct error *err) {
    enum outcome outcome = check_backup(restore, err);
    if (outcome == OK)
        outcome = check_free(restore, err);
    if (outcome == OK)
        outcome = dir_make(restore->data_dir, err);
    if (outcome == OK)
        outcome = data_lock(restore->data_dir, 0, data_fd, err);
    if (outcome == OK)
        outcome = check_free(restore, err); /* it may have come just now */
    if (outcome == OK)
        outcome = folder_lock_shared(restore->dir, dir_fd, err);
    return outcome == OK ? make(restore, err) : outcome;
}

static int report(const struct restore *restore) {
    const struct store_copy *copy = &restore->copy;
    int64_t took_ms = clock_monotonic_ms() - restore->began_ms;
    const char *taken_at = *restore->taken_at ? restore->taken_at : NULL;
    if (cli_json(restore->cli)) {
        AUTO_JSON json_t *value = store_copy_report(copy, restore->dir, taken_at, took_ms);
        cli_print_json(value);
    } else {
        store_copy_print(copy);
        printf(", %.1f s\n%s holds the backup taken %s%s\n", (double)took_ms / 1000, restore->data_dir,
               taken_at ? "at " : "", taken_at ? taken_at : "nobody knows when: the store was worked with since");
    }
    if (copy->problem_count > 0)
        fprintf(stderr, "filesure restore: the backup does not have every blob: see filesure fsck\n");
    return copy->problem_count > 0 ? CLI_FAILED : CLI_OK;
}

static int run_restore(struct cli *cli) {
    struct error err = {0};
    AUTO_CLOSE int data_fd = -1;
    AUTO_CLOSE int dir_fd = -1;
    AUTO_JSON json_t *problems = json_array();
    struct restore restore = {.cli = cli, .dir = cli_operand(cli, 0), .data_dir = cli_data_dir(cli)};
    restore.began_ms = clock_monotonic_ms();
    restore.copy = (struct store_copy){.actor = cli_actor(cli), .from_name = "the backup", .problems = problems};
    stop_install();
    enum outcome outcome = run(&restore, &data_fd, &dir_fd, &err);
    blobs_close(restore.copy.from);
    blobs_close(restore.copy.to);
    return outcome == OK ? report(&restore) : cli_fail(cli, &err);
}

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};

const struct cli_command command_restore = {
    .name = "restore",
    .operands = "DIR",
    .help = "Make the data folder, which must have no store, what the backup in DIR holds.",
    .options = no_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_restore,
};
