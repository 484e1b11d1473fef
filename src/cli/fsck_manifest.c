#include <string.h>

#include "cli/fsck.h"
#include "core/manifest.h"

void fsck_manifest(struct fsck *fsck, const struct job *job, const struct filing_list *list,
                   const struct document_list *rows) {
    AUTO_BUF struct buf stored = BUF_INIT(MANIFEST_MAX_BYTES);
    AUTO_BUF struct buf expected = BUF_INIT(MANIFEST_MAX_BYTES);
    if (!job->manifest_name[0]) {
        fsck_problem(fsck, job->id, 0, "no_manifest", "completed, but no manifest is named");
        return;
    }
    if (!fsck_read_blob(fsck, job->id, 0, job->manifest_name, &stored))
        return;
    struct error incomplete = {0};
    if (manifest_build(job->id, job->company.cin, list, rows->items, rows->count, &expected, &incomplete) != OK)
        fsck_problem(fsck, job->id, 0, "manifest", "no manifest can be made: %s", incomplete.message);
    else if (stored.size_bytes != expected.size_bytes ||
             memcmp(buf_str(&stored), buf_str(&expected), stored.size_bytes) != 0)
        fsck_problem(fsck, job->id, 0, "manifest", "%s is not what list and rows say", job->manifest_name);
}
