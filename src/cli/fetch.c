/* filesure fetch: copies a job's documents to a folder. */
#include <stdio.h>

#include "base/fdio.h"
#include "base/hash.h"
#include "base/str.h"
#include "cli/cli.h"

enum { PAGE = 200 };

struct fetch {
    struct blobs *blobs;
    const char *folder;
    int files;
    int64_t bytes;
};

/* The name says what the bytes must be. */
static enum outcome check_content(const char *name, const struct buf *bytes, struct error *err) {
    char sha256[HASH_HEX_MAX];
    hash_hex(HASH_SHA256, buf_str(bytes), bytes->size_bytes, sha256);
    if (blob_name_matches(name, sha256))
        return OK;
    return error_set(err, FATAL, "blob_damaged", "%s holds other bytes than its name says: see filesure fsck", name);
}

/* The local name is made of the number and the kind only. */
static enum outcome fetch_blob(struct fetch *fetch, const char *name, const char *local_name, struct error *err) {
    if (!*name)
        return OK;
    AUTO_BUF struct buf bytes = BUF_INIT(BLOB_BYTES_MAX);
    char path[4096];
    if (!str_format(path, sizeof(path), "%s/%s", fetch->folder, local_name))
        return error_set(err, INVALID, "path_too_long", "%s: the path is too long", fetch->folder);
    enum outcome outcome = blobs_get(fetch->blobs, name, &bytes, err);
    if (outcome == OK)
        outcome = check_content(name, &bytes, err);
    if (outcome == OK)
        outcome = file_replace(path, buf_str(&bytes), bytes.size_bytes, 0644, err);
    if (outcome != OK)
        return error_prefix(err, "%s", local_name);
    fetch->files++;
    fetch->bytes += (int64_t)bytes.size_bytes;
    return OK;
}

static enum outcome fetch_document(struct fetch *fetch, const struct document *document, struct error *err) {
    const char *names[] = {document->original_name, document->text_name, document->fields_name};
    const char *extensions[] = {"pdf", "txt", "json"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char local[64];
        document_file_name(document->number, extensions[i], local);
        enum outcome outcome = fetch_blob(fetch, names[i], local, err);
        if (outcome != OK)
            return outcome;
    }
    return OK;
}

static enum outcome fetch_job(struct cli *cli, const char *job_id, struct fetch *fetch, struct error *err) {
    struct jobs *jobs;
    struct job job;
    enum outcome outcome = cli_open_jobs(cli, false, &jobs, err);
    if (outcome == OK)
        outcome = jobs_get(jobs, job_id, &job, err);
    if (outcome == OK)
        outcome = cli_open_blobs(cli, &fetch->blobs, err);
    if (outcome == OK)
        outcome = dir_make(fetch->folder, err);
    for (int after = 0, more = 1; outcome == OK && more;) {
        struct document_list rows = {0};
        outcome = jobs_list_documents(jobs, job_id, after, PAGE, &rows, err);
        more = outcome == OK && rows.count == PAGE;
        for (int i = 0; outcome == OK && i < rows.count; i++) {
            outcome = fetch_document(fetch, &rows.items[i], err);
            after = rows.items[i].number;
        }
        document_list_finish(&rows);
    }
    if (outcome == OK)
        outcome = fetch_blob(fetch, job.manifest_name, "manifest.json", err);
    return outcome;
}

static int run_fetch(struct cli *cli) {
    const char *id = cli_operand(cli, 0);
    struct fetch fetch = {.folder = cli_option(cli, "to")};
    if (!cli_job_id(cli, id))
        return CLI_USAGE;
    if (!fetch.folder)
        return cli_usage_error(cli, "--to DIR is needed");
    struct error err = {0};
    if (fetch_job(cli, id, &fetch, &err) != OK)
        return cli_fail(cli, &err);
    if (cli_json(cli)) {
        AUTO_JSON json_t *value = json_pack("{s:s, s:s, s:i, s:I}", "jobId", id, "folder", fetch.folder, "files",
                                            fetch.files, "bytes", (json_int_t)fetch.bytes);
        cli_print_json(value);
    } else {
        printf("%d files, %lld bytes in %s\n", fetch.files, (long long)fetch.bytes, fetch.folder);
    }
    return CLI_OK;
}

static const struct cli_option options[] = {
    {"to", "DIR", "folder to write document_<n>.pdf, .txt, .json and manifest.json to"},
    {NULL, NULL, NULL},
};

const struct cli_command command_fetch = {
    .name = "fetch",
    .operands = "JOB --to DIR",
    .help = "Copy a job's documents to a folder.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = run_fetch,
};
