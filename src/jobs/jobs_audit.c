/* The audit log, the part that is the same for every store. */
#include <stdlib.h>
#include <string.h>

#include "core/job_json.h"
#include "jobs/jobs_check.h"

void audit_list_finish(struct audit_list *list) {
    for (int i = 0; i < list->count; i++)
        free(list->items[i].detail);
    free(list->items);
    *list = (struct audit_list){0};
}

json_t *audit_entry_json(const struct audit_entry *entry) {
    json_t *detail = NULL;
    struct error ignored;
    if (json_parse(entry->detail, strlen(entry->detail), &detail, &ignored) != OK)
        detail = json_object(); /* a damaged entry still says who, when and what */
    return json_pack("{s:s, s:o, s:s, s:s, s:s?, s:o}", "id", entry->id, "at", time_json(entry->at_ms), "actor",
                     entry->actor, "action", entry->action, "jobId", entry->job_id[0] ? entry->job_id : NULL, "detail",
                     detail);
}

static enum outcome check_detail(const char *detail, struct error *err) {
    size_t size_bytes = strlen(detail);
    if (size_bytes > AUDIT_DETAIL_MAX)
        return error_set(err, INVALID, "bad_argument", "the detail of an audit entry has at most %d bytes",
                         AUDIT_DETAIL_MAX);
    AUTO_JSON json_t *value = NULL;
    enum outcome outcome = json_parse(detail, size_bytes, &value, err);
    if (outcome == OK && !json_is_object(value))
        return error_set(err, INVALID, "bad_argument", "the detail of an audit entry is a JSON object");
    return outcome;
}

enum outcome jobs_audit(struct jobs *jobs, const char *actor, const char *action, const char *detail,
                        struct error *err) {
    enum outcome outcome = jobs_check_actor(&actor, err);
    if (outcome == OK)
        outcome = jobs_check_word("what was done", action, AUDIT_ACTION_MAX, err);
    if (outcome == OK && detail)
        outcome = check_detail(detail, err);
    return outcome == OK ? jobs->backend->audit(jobs, actor, action, detail ? detail : "{}", err) : outcome;
}

enum outcome jobs_list_audit(struct jobs *jobs, int limit, const char *cursor, struct audit_list *ret,
                             struct error *err) {
    enum outcome outcome = jobs_check_limit(limit, err);
    return outcome == OK ? jobs->backend->list_audit(jobs, limit, cursor && cursor[0] != '\0' ? cursor : NULL, ret, err)
                         : outcome;
}
