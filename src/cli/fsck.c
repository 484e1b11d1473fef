#include "cli/fsck.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/fault.h"

enum { PAGE = 200 };

void fsck_problem(struct fsck *fsck, const char *job_id, int number, const char *code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    findings_add(fsck->problems, &fsck->problem_count, job_id, number, code, format, arguments);
    va_end(arguments);
}

void fsck_note(struct fsck *fsck, const char *job_id, int number, const char *code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    findings_add(fsck->notes, &fsck->note_count, job_id, number, code, format, arguments);
    va_end(arguments);
}

/* What a purge takes away while it is looked at is no damage. */
static enum outcome check_job(struct fsck *fsck, const struct job *job, struct error *err) {
    const struct fsck before = *fsck;
    size_t problems = json_array_size(fsck->problems), notes = json_array_size(fsck->notes);
    struct job now;
    enum outcome outcome = fsck_job(fsck, job, err);
    if (outcome != OK || fsck->problem_count == before.problem_count)
        return outcome;
    outcome = jobs_get(fsck->jobs, job->id, &now, err);
    if (outcome != GONE)
        return outcome;
    *fsck = before;
    while (json_array_size(fsck->problems) > problems)
        json_array_remove(fsck->problems, problems);
    while (json_array_size(fsck->notes) > notes)
        json_array_remove(fsck->notes, notes);
    return OK;
}

static enum outcome check_all_jobs(struct fsck *fsck, struct error *err) {
    char cursor[CURSOR_MAX] = "";
    enum outcome outcome = OK;
    do {
        const struct jobs_filter filter = {.limit = PAGE, .cursor = *cursor ? cursor : NULL};
        struct job_list page = {0};
        outcome = jobs_list(fsck->jobs, &filter, &page, err);
        if (outcome != OK)
            return outcome;
        for (int i = 0; outcome == OK && i < page.count; i++)
            outcome = check_job(fsck, &page.items[i], err);
        str_copy(cursor, sizeof(cursor), page.next);
        job_list_finish(&page);
    } while (outcome == OK && *cursor);
    return outcome;
}

/* Names that the job's rows and its manifest carry. */
static enum outcome names_of(struct fsck *fsck, const struct job *job, json_t **ret, struct error *err) {
    struct document_list rows = {0};
    enum outcome outcome = jobs_list_documents(fsck->jobs, job->id, 0, 0, &rows, err);
    if (outcome != OK)
        return outcome;
    json_t *names = json_object();
    json_object_set_new(names, job->manifest_name, json_true());
    for (int i = 0; i < rows.count; i++) {
        json_object_set_new(names, rows.items[i].text_name, json_true());
        json_object_set_new(names, rows.items[i].original_name, json_true());
        json_object_set_new(names, rows.items[i].fields_name, json_true());
    }
    document_list_finish(&rows);
    *ret = names;
    return OK;
}

struct owner {
    char job_id[OBJECT_ID_MAX];
    json_t *names;
    bool unknown; /* the store has no such job */
    bool purged;  /* it had, and has removed it */
    bool final;   /* completed: its rows never change any more */
};

static bool is_there(struct fsck *fsck, const char *name) {
    int64_t size_bytes;
    return blobs_size(fsck->blobs, name, &size_bytes, NULL) != GONE;
}

/* A store that knows nothing of a job may be the wrong store: what it holds is never removed unasked. */
static enum outcome drop_unnamed(struct fsck *fsck, const char *name, const struct owner *owner, struct error *err) {
    if (owner->purged) {
        fsck_purged_blob(fsck, owner->job_id);
        return OK;
    }
    if (owner->unknown ? fsck->remove_unknown : owner->final && fsck->repair) {
        fsck->unnamed_removed++;
        return blobs_remove(fsck->blobs, name, err);
    }
    if (owner->unknown && is_there(fsck, name)) /* a purge may have come to its end meanwhile */
        fsck_problem(fsck, owner->job_id, 0, "unknown_job",
                     "%s belongs to a job that this store does not know (--remove-unknown removes it)", name);
    else if (owner->final)
        fsck_note(fsck, owner->job_id, 0, "unnamed_blob", "%s is named by nothing (--repair removes it)", name);
    return OK;
}

static enum outcome find_owner(struct fsck *fsck, const char *job_id, struct owner *owner, struct error *err) {
    struct job job;
    cleanup_json(&owner->names);
    owner->names = NULL;
    enum outcome outcome = jobs_get(fsck->jobs, job_id, &job, err);
    if (outcome != OK && outcome != GONE)
        return outcome;
    owner->unknown = outcome == GONE;
    owner->purged = false;
    owner->final = outcome == OK && job.status == JOB_COMPLETED;
    str_copy(owner->job_id, sizeof(owner->job_id), job_id);
    if (outcome == OK)
        return names_of(fsck, &job, &owner->names, err);
    owner->names = json_object();
    return fsck_is_purged(fsck, job_id, &owner->purged, err);
}

enum outcome fsck_unnamed(struct fsck *fsck, struct error *err) {
    struct owner owner = {0};
    char after[BLOB_NAME_MAX] = "";
    enum outcome outcome = OK;
    for (int more = 1; more && outcome == OK;) {
        struct blob_names names = {0};
        outcome = blobs_list(fsck->blobs, "jobs/", *after ? after : NULL, PAGE, &names, err);
        more = outcome == OK && names.count == PAGE;
        FAULT_POINT("fsck_blobs_listed");
        for (int i = 0; outcome == OK && i < names.count; i++) {
            char job_id[OBJECT_ID_MAX];
            str_copy(after, sizeof(after), names.items[i]);
            if (!blob_name_parse(after, job_id, NULL, NULL, NULL)) {
                fsck_note(fsck, "", 0, "foreign_blob", "%s is not a name of ours", after);
                continue;
            }
            if (!str_eq(job_id, owner.job_id))
                outcome = find_owner(fsck, job_id, &owner, err);
            if (outcome == OK && !json_object_get(owner.names, after))
                outcome = drop_unnamed(fsck, after, &owner, err);
        }
        blob_names_finish(&names);
    }
    cleanup_json(&owner.names);
    return outcome;
}

/* Counters that only grow: the same sums mean that nothing was inserted meanwhile. */
static bool same_facts(const struct totals *a, const struct totals *b) {
    return a->jobs_placed == b->jobs_placed && memcmp(a->documents, b->documents, sizeof(a->documents)) == 0 &&
           a->document_bytes == b->document_bytes && a->pages == b->pages;
}

static void compare(struct fsck *fsck, const char *what, int64_t said, int64_t counted) {
    if (said != counted)
        fsck_problem(fsck, "", 0, "totals", "the totals say %" PRId64 " %s, the rows %" PRId64, said, what, counted);
}

/* Of purged documents only the number is known, not their states, bytes and pages: the totals say no less than is
 * there. */
static void compare_purged(struct fsck *fsck, const struct totals *totals) {
    const int64_t *documents = totals->documents, *rows = fsck->rows_by_state;
    compare(fsck, "documents", documents[0] + documents[1] + documents[2],
            rows[0] + rows[1] + rows[2] + fsck->gone.documents);
    if (documents[0] < rows[0] || documents[1] < rows[1] || documents[2] < rows[2] ||
        totals->document_bytes < fsck->original_bytes || totals->pages < fsck->pages)
        fsck_problem(fsck, "", 0, "totals", "the totals say less than the rows that were not purged");
}

enum outcome fsck_totals(struct fsck *fsck, struct error *err) {
    struct totals totals;
    enum outcome outcome = jobs_totals(fsck->jobs, &totals, err);
    if (outcome != OK)
        return outcome;
    struct purged_totals gone;
    outcome = jobs_purged_totals(fsck->jobs, &gone, err);
    if (outcome != OK)
        return outcome;
    if (!same_facts(&totals, &fsck->before) || memcmp(&gone, &fsck->gone, sizeof(gone)) != 0) {
        fsck_note(fsck, "", 0, "written_to", "the store was written to meanwhile, so the totals were not compared");
        return OK;
    }
    compare(fsck, "jobs", totals.jobs_placed, fsck->jobs_taken_in + gone.jobs);
    if (gone.documents > 0) {
        compare_purged(fsck, &totals);
        return OK;
    }
    static const char *const what[] = {"documents stored", "documents unreadable", "documents missing"};
    for (size_t i = 0; i < COUNT_OF(what); i++)
        compare(fsck, what[i], totals.documents[i], fsck->rows_by_state[i]);
    compare(fsck, "bytes of originals", totals.document_bytes, fsck->original_bytes);
    compare(fsck, "pages", totals.pages, fsck->pages);
    return OK;
}

void fsck_report(const struct cli *cli, const struct fsck *fsck) {
    if (cli_json(cli)) {
        AUTO_JSON json_t *value =
            json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "clean", fsck->problem_count == 0, "jobs",
                      (json_int_t)fsck->jobs_seen, "rows", (json_int_t)fsck->rows_seen, "blobs",
                      (json_int_t)fsck->blobs_read, "bytes", (json_int_t)fsck->bytes_read, "removed",
                      (json_int_t)fsck->unnamed_removed, "problemCount", (json_int_t)fsck->problem_count, "noteCount",
                      (json_int_t)fsck->note_count, "problems", fsck->problems, "notes", fsck->notes);
        cli_print_json(value);
        return;
    }
    findings_print("problem", fsck->problems, fsck->problem_count);
    findings_print("note", fsck->notes, fsck->note_count);
    printf("%" PRId64 " jobs, %" PRId64 " rows, %" PRId64 " blobs re-read: %" PRId64 " problems, %" PRId64 " notes",
           fsck->jobs_seen, fsck->rows_seen, fsck->blobs_read, fsck->problem_count, fsck->note_count);
    if (fsck->repair || fsck->remove_unknown)
        printf(", %" PRId64 " unnamed blobs removed", fsck->unnamed_removed);
    putchar('\n');
}

enum outcome fsck_all(struct fsck *fsck, struct cli *cli, struct error *err) {
    enum outcome outcome = cli_open_jobs(cli, false, &fsck->jobs, err);
    if (outcome == OK)
        outcome = jobs_totals(fsck->jobs, &fsck->before, err);
    if (outcome != OK)
        return outcome;
    bool nothing_stored = fsck->before.documents[0] + fsck->before.documents[1] + fsck->before.documents[2] == 0;
    outcome = cli_open_blobs(cli, &fsck->blobs, err);
    if (outcome != OK && !(outcome == GONE && nothing_stored))
        return outcome;
    fsck->purged = json_object();
    outcome = fsck_purged(fsck, err);
    if (outcome == OK)
        outcome = check_all_jobs(fsck, err);
    if (outcome == OK && fsck->blobs)
        outcome = fsck_unnamed(fsck, err);
    if (outcome == OK)
        outcome = fsck_purged_notes(fsck, err);
    if (outcome == OK)
        outcome = fsck_totals(fsck, err);
    json_decref(take_ptr(fsck->purged));
    return outcome;
}

/* Who removed something is in the log, as of every change. */
static enum outcome enter_repair(struct cli *cli, const struct fsck *fsck, struct error *err) {
    char detail[128];
    if (fsck->unnamed_removed == 0)
        return OK;
    str_format(detail, sizeof(detail), "{\"blobs\": %" PRId64 ", \"unknown\": %s}", fsck->unnamed_removed,
               fsck->remove_unknown ? "true" : "false");
    return jobs_audit(fsck->jobs, cli_actor(cli), "repair", detail, err);
}

static int run_fsck(struct cli *cli) {
    struct error err = {0};
    AUTO_JSON json_t *problems = json_array();
    AUTO_JSON json_t *notes = json_array();
    struct fsck fsck = {.repair = cli_switch(cli, "repair"),
                        .remove_unknown = cli_switch(cli, "remove-unknown"),
                        .problems = problems,
                        .notes = notes};
    enum outcome outcome = fsck_all(&fsck, cli, &err);
    enum outcome entered = enter_repair(cli, &fsck, outcome == OK ? &err : NULL); /* also of a check cut short */
    if (outcome != OK || entered != OK)
        return cli_fail(cli, &err);
    fsck_report(cli, &fsck);
    return fsck.problem_count ? CLI_FAILED : CLI_OK;
}

static const struct cli_option options[] = {
    {"repair", NULL, "remove blobs of completed jobs that nothing names, and finish purges that were cut short"},
    {"remove-unknown", NULL,
     "remove blobs of jobs that this store does not know (a wrong or restored store knows few)"},
    {NULL, NULL, NULL},
};

const struct cli_command command_fsck = {
    .name = "fsck",
    .operands = "",
    .help = "Check that rows, blobs, manifests, lists and totals agree, re-reading every byte; exit 1 on problems.",
    .options = options,
    .run = run_fsck,
};
