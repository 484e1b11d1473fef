/* Findings: bounded, always UTF-8. */
#include "cli/findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

void findings_add(json_t *list, int64_t *count, const char *job_id, int number, const char *code, const char *format,
                  va_list arguments) {
    char message[512];
    vsnprintf(message, sizeof(message), format, arguments);
    if (!utf8_valid(message, strlen(message))) /* a damaged row may hold any byte, and a long message is cut anywhere */
        for (char *at = message; *at; at++)
            *at = (unsigned char)*at < 0x80 ? *at : '?';
    if (++*count <= FINDINGS_LISTED_MAX)
        json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:s}", "job", job_id, "document", number, "code", code,
                                              "message", message));
}

void findings_print(const char *heading, const json_t *list, int64_t count) {
    size_t index;
    json_t *item;
    json_array_foreach (list, index, item) {
        const char *job = json_member_string(item, "job");
        int64_t number = json_member_int(item, "document", 0);
        printf("%s:", heading);
        if (*job)
            printf(" job %s", job);
        if (number)
            printf(" document %" PRId64, number);
        printf("%s [%s] %s\n", *job ? ":" : "", json_member_string(item, "code"), json_member_string(item, "message"));
    }
    if (count > FINDINGS_LISTED_MAX)
        printf("%s: %" PRId64 " more\n", heading, count - FINDINGS_LISTED_MAX);
}
