/* filesure backup: the store as it is at one instant, and every blob it names, in a folder that is a data folder of its
 * own.
 *
 *   store ──jobs_copy──> DIR/.partial ──its blobs──> DIR/blobs ──rename──> DIR/filesure.db ──> blobs of jobs that it
 * does not have are removed
 *
 * Until the rename DIR holds the backup from before, whole: a blob is only added, and replaced only when it is damaged.
 */
#include <stdio.h>
#include <stdlib.h>
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

enum { BLOBS_PAGE = 5000, AUDIT_PAGE = 500 };

struct backup {
    struct cli *cli;
    const char *dir;
    struct store_copy copy;
    int64_t began_ms, taken_at_ms, removed;
    bool complete; /* the new one is in its place */
};

/* ---- is it this store's backup? -------------------------------------------------------------- */
static enum outcome was_purged(struct jobs *live, const char *job_id, bool *ret, struct error *err) {
    char cursor[CURSOR_MAX] = "";
    *ret = false;
    do {
        struct audit_list page = {0};
        enum outcome outcome = jobs_list_audit(live, AUDIT_PAGE, *cursor ? cursor : NULL, &page, err);
        if (outcome != OK)
            return outcome;
        for (int i = 0; i < page.count; i++)
            *ret = *ret || (str_eq(page.items[i].action, "purge") && str_eq(page.items[i].job_id, job_id));
        str_copy(cursor, sizeof(cursor), page.next);
        audit_list_finish(&page);
    } while (!*ret && *cursor);
    return OK;
}

/* True when the store has, or had, the newest job of the backup, or the backup has none: an older store than the one
 * that was backed up does not know it. */
static enum outcome knows_newest(struct jobs *live, const struct job_list *newest, bool *ret, struct error *err) {
    struct job job;
    *ret = newest->count == 0;
    if (*ret)
        return OK;
    enum outcome outcome = jobs_get(live, newest->items[0].id, &job, err);
    *ret = outcome == OK;
    return outcome == GONE ? was_purged(live, newest->items[0].id, ret, err) : outcome;
}

static enum outcome check_store(const struct backup *backup, struct jobs *old, struct error *err) {
    char taken_at[MARK_TAKEN_MAX];
    struct job_list newest = {0};
    const struct jobs_filter filter = {.limit = 1};
    bool known = false;
    enum outcome outcome = store_copy_find_mark(old, taken_at, err);
    if (outcome == OK && !*taken_at)
        return error_set(err, INVALID, "not_a_backup",
                         "the store in %s is no backup, or was worked with since: it is left as it is", backup->dir);
    if (outcome == OK)
        outcome = jobs_list(old, &filter, &newest, err);
    if (outcome == OK)
        outcome = knows_newest(backup->copy.live, &newest, &known, err);
    job_list_finish(&newest);
    if (outcome == OK && !known && !cli_switch(backup->cli, "replace"))
        return error_set(err, INVALID, "other_backup",
                         "%s holds a backup with jobs that this store never had: use another folder, or --replace",
                         backup->dir);
    return outcome;
}

/* What is there is either nothing or an earlier backup of this store. Looking changes nothing. */
static enum outcome check_old(const struct backup *backup, struct error *err) {
    struct jobs *old = NULL;
    const struct jobs_config config = {.data_dir = backup->dir, .read_only = true};
    if (!folder_has(backup->dir, STORE_FILE))
        return OK;
    enum outcome outcome = jobs_open(&config, &old, err);
    if (outcome != OK)
        return error_prefix(err, "%s", backup->dir);
    outcome = check_store(backup, old, err);
    jobs_close(old);
    return outcome;
}

/* ---- making it ------------------------------------------------------------------------------- */
static enum outcome open_blob_stores(struct backup *backup, struct error *err) {
    const struct blobs_config config = {
        .data_dir = backup->dir,
        .container = settings_text(cli_settings(backup->cli), "AZURE_CONTAINER"),
        .create = true,
    };
    enum outcome outcome = cli_open_blobs(backup->cli, &backup->copy.from, err);
    if (outcome != OK && outcome != GONE) /* GONE: nothing was ever stored */
        return outcome;
    return blobs_open(&config, &backup->copy.to, err);
}

static enum outcome fill_copy(struct backup *backup, const char *partial, struct error *err) {
    const struct jobs_config config = {.data_dir = partial};
    enum outcome outcome = jobs_open(&config, &backup->copy.jobs, err);
    if (outcome == OK)
        outcome = open_blob_stores(backup, err);
    if (outcome == OK)
        outcome = store_copy_blobs(&backup->copy, err);
    FAULT_POINT("after_copy_blobs");
    if (outcome == OK)
        outcome = store_copy_mark(&backup->copy, backup->taken_at_ms, err);
    jobs_close(take_ptr(backup->copy.jobs));
    return outcome;
}

static enum outcome make(struct backup *backup, struct error *err) {
    char partial[PATH_MAX];
    struct jobs *live = backup->copy.live;
    enum outcome outcome = partial_begin(backup->dir, partial, err);
    if (outcome == OK)
        outcome = jobs_now_ms(live, &backup->taken_at_ms, err);
    if (outcome == OK)
        outcome = jobs_copy(live, partial, stop_requested, err);
    FAULT_POINT("after_copy_store");
    if (outcome == OK)
        outcome = fill_copy(backup, partial, err);
    if (outcome == OK && folder_has(backup->dir, STORE_FILE)) /* no log of the old one may be taken for the new one's */
        outcome = folder_fold_log(backup->dir, err);
    FAULT_POINT("before_copy_commit");
    if (outcome == OK)
        outcome = partial_commit(backup->dir, true, err);
    FAULT_POINT("after_copy_commit");
    if (outcome != OK)
        partial_drop(backup->dir);
    backup->complete = outcome == OK;
    return outcome;
}

/* ---- removing what it does not name any more ------------------------------------------------- */
/* The folder is the backup's own: what is not there was never copied. */
static enum outcome find_blobs(void *arg, const char *job_id, bool *ret_any, struct error *err) {
    (void)arg, (void)job_id, (void)err;
    *ret_any = true;
    return OK;
}

static enum outcome remove_blobs(void *arg, const char *job_id, struct error *err) {
    struct backup *backup = arg;
    char prefix[BLOB_NAME_MAX];
    int64_t removed = 0;
    blob_name_prefix(job_id, prefix);
    enum outcome outcome = blobs_remove_under(backup->copy.to, prefix, &removed, err);
    backup->removed += removed;
    return outcome;
}

/* The page's blobs of jobs that the store does not have. */
static enum outcome tidy_page(struct backup *backup, struct jobs *store, const struct blob_names *page,
                              char last_id[OBJECT_ID_MAX], struct error *err) {
    enum outcome outcome = OK;
    for (int i = 0; i < page->count && outcome == OK; i++) {
        char job_id[OBJECT_ID_MAX];
        struct job job;
        if (stop_requested())
            return error_set(err, RETRY, "stopped", "stopped: run it again and it goes on");
        if (!blob_name_parse(page->items[i], job_id, NULL, NULL, NULL) || str_eq(job_id, last_id))
            continue;
        str_copy(last_id, OBJECT_ID_MAX, job_id);
        outcome = jobs_get(store, job_id, &job, err);
        if (outcome == GONE)
            outcome = remove_blobs(backup, job_id, err);
    }
    return outcome;
}

static enum outcome tidy_blobs(struct backup *backup, struct jobs *store, struct error *err) {
    char after[BLOB_NAME_MAX] = "", last_id[OBJECT_ID_MAX] = "";
    enum outcome outcome = OK;
    for (bool more = true; more && outcome == OK;) {
        struct blob_names page = {0};
        outcome = blobs_list(backup->copy.to, "jobs/", *after ? after : NULL, BLOBS_PAGE, &page, err);
        more = outcome == OK && page.count == BLOBS_PAGE;
        if (more)
            str_copy(after, sizeof(after), page.items[page.count - 1]);
        if (outcome == OK)
            outcome = tidy_page(backup, store, &page, last_id, err);
        blob_names_finish(&page);
    }
    return outcome;
}

static enum outcome tidy(struct backup *backup, struct error *err) {
    struct jobs *store = NULL;
    const struct jobs_config config = {.data_dir = backup->dir};
    const struct purged_blobs blobs = {.find = find_blobs, .remove = remove_blobs, .arg = backup};
    int finished;
    enum outcome outcome = jobs_open(&config, &store, err);
    if (outcome != OK)
        return outcome;
    outcome = tidy_blobs(backup, store, err);
    if (outcome == OK)
        outcome = jobs_finish_purges(store, &blobs, NULL, &finished, err);
    jobs_close(store);
    return outcome;
}

/* ---- the command ----------------------------------------------------------------------------- */
static enum outcome enter_audit(const struct backup *backup, struct error *err) {
    char real[PATH_MAX];
    AUTO_JSON json_t *detail = store_copy_json(&backup->copy);
    json_object_set_new(detail, "directory", json_string(realpath(backup->dir, real) ? real : backup->dir));
    AUTO_BUF struct buf text = BUF_INIT(AUDIT_DETAIL_MAX);
    if (!json_append(&text, detail)) { /* a long path */
        buf_clear(&text);
        buf_append_str(&text, "{}");
    }
    return jobs_audit(backup->copy.live, backup->copy.actor, "backup", buf_str(&text), err);
}

static enum outcome run(struct backup *backup, int *lock_fd, struct error *err) {
    struct cli *cli = backup->cli;
    enum outcome outcome = cli_open_jobs(cli, false, &backup->copy.live, err);
    if (outcome == OK)
        outcome = folders_apart(cli_data_dir(cli), backup->dir, err);
    if (outcome == OK)
        outcome = folder_check_ours(backup->dir, err);
    if (outcome == OK)
        outcome = check_old(backup, err);
    bool first = !folder_has(backup->dir, STORE_FILE);
    if (outcome == OK)
        outcome = dir_make(backup->dir, err);
    if (outcome == OK)
        outcome = data_lock(backup->dir, 0, lock_fd, err);
    if (outcome == OK) /* again: nobody came between */
        outcome = check_old(backup, err);
    if (outcome == OK && folder_has(backup->dir, STORE_FILE))
        outcome = folder_fold_log(backup->dir, err);
    if (outcome == OK && first) /* later its owner may have let somebody in */
        outcome = folder_make_private(backup->dir, err);
    if (outcome == OK)
        outcome = make(backup, err);
    if (outcome == OK)
        outcome = tidy(backup, err);
    return outcome == OK ? enter_audit(backup, err) : outcome;
}

static int report(const struct backup *backup) {
    const struct store_copy *copy = &backup->copy;
    char taken_at[CLOCK_TEXT_MAX];
    int64_t took_ms = clock_monotonic_ms() - backup->began_ms;
    clock_format(backup->taken_at_ms, taken_at);
    if (cli_json(backup->cli)) {
        AUTO_JSON json_t *value = store_copy_report(copy, backup->dir, taken_at, took_ms);
        json_object_set_new(value, "blobsRemoved", json_integer(backup->removed));
        cli_print_json(value);
    } else {
        store_copy_print(copy);
        printf(", %.1f s\n%s is a complete backup of %s\n", (double)took_ms / 1000, backup->dir, taken_at);
    }
    if (copy->problem_count > 0)
        fprintf(stderr, "filesure backup: the data folder does not have every blob: see filesure fsck\n");
    return copy->problem_count > 0 ? CLI_FAILED : CLI_OK;
}

/* What a person has now, after a failure. */
static int fail(const struct backup *backup, struct error *err) {
    if (backup->complete)
        error_prefix(err, "%s is a complete backup, but", backup->dir);
    else if ((err->outcome == FATAL || err->outcome == RETRY) && folder_has(backup->dir, STORE_FILE))
        error_prefix(err, "the backup in %s is still the one from before", backup->dir);
    return cli_fail(backup->cli, err);
}

static int run_backup(struct cli *cli) {
    struct error err = {0};
    AUTO_CLOSE int lock_fd = -1;
    AUTO_JSON json_t *problems = json_array();
    struct backup backup = {.cli = cli, .dir = cli_operand(cli, 0), .began_ms = clock_monotonic_ms()};
    backup.copy = (struct store_copy){.actor = cli_actor(cli), .from_name = "the data folder", .problems = problems};
    stop_install();
    enum outcome outcome = run(&backup, &lock_fd, &err);
    blobs_close(backup.copy.to);
    return outcome == OK ? report(&backup) : fail(&backup, &err);
}

static const struct cli_option options[] = {
    {"replace", NULL, "also when DIR holds a backup with jobs that this store never had"},
    {NULL, NULL, NULL},
};

const struct cli_command command_backup = {
    .name = "backup",
    .operands = "DIR",
    .help = "Copy the store and every blob it names to a folder, also while it is worked with; only new blobs again.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_backup,
};
