/* The claim file: written by the init container, read by the run. */
#include "worker/claim_file.h"

#include <string.h>

#include "base/fdio.h"
#include "base/str.h"

#define JOB_LINE "JOB_ID='"
#define TOKEN_LINE "LEASE_TOKEN='"
enum { CLAIM_FILE_BYTES_MAX = 1024 };

enum outcome claim_file_write(const char *path, const struct claim_file *claim, struct error *err) {
    AUTO_BUF struct buf text = BUF_INIT(CLAIM_FILE_BYTES_MAX);
    (void)buf_printf(&text, JOB_LINE "%s'\n" TOKEN_LINE "%s'\n", claim->job_id, claim->token);
    return file_replace(path, text.data, text.size_bytes, 0600, err);
}

/* NAME='value' up to the quote; false when the line is another. */
static bool read_line(char *line, const char *start, char *out, size_t out_size) {
    size_t length = strlen(line);
    if (!str_starts_with(line, start) || length <= strlen(start) || line[length - 1] != '\'') {
        return false;
    }
    line[length - 1] = '\0';
    return str_copy(out, out_size, line + strlen(start));
}

enum outcome claim_file_read(const char *path, struct claim_file *ret, struct error *err) {
    AUTO_BUF struct buf text = BUF_INIT(CLAIM_FILE_BYTES_MAX);
    enum outcome outcome = file_read(path, &text, err);
    if (outcome != OK) {
        return outcome;
    }
    struct claim_file claim = {0};
    char *rest = text.data;
    char *job_line = rest ? strsep(&rest, "\n") : NULL;
    char *token_line = rest ? strsep(&rest, "\n") : NULL;
    bool read = job_line && token_line && (!rest || !*rest) &&
                read_line(job_line, JOB_LINE, claim.job_id, sizeof(claim.job_id)) &&
                read_line(token_line, TOKEN_LINE, claim.token, sizeof(claim.token)) &&
                (*claim.job_id || !*claim.token) && (!*claim.job_id || object_id_valid(claim.job_id));
    if (!read) {
        return error_set(err, INVALID, "bad_claim_file", "%s is not a file made by filesure-worker claim", path);
    }
    *ret = claim;
    return OK;
}
