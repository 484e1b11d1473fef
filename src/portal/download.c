/* One document: fetched, resumed where it was cut, checked against the list.
 *
 * What has come is kept only while a strong ETag says that it is a part of the same document: the next request asks for
 * the rest with Range and If-Range (RFC 9110 sections 13.1.5 and 14.2), and a 206 is used only when it is exactly that
 * rest. */
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/str.h"
#include "portal/internal.h"

enum { SNIFF_BYTES = 1024 };

struct download {
    struct portal *portal;
    const struct filing *filing;
    struct buf *out;
    struct attempts attempts;
    struct http_response response; /* of the exchange under way */
    char etag[256];                /* of the bytes in out; empty: they cannot be resumed */
    int64_t asked_from;            /* > 0: the exchange asks for a rest */
    bool decided, taken;           /* the first byte of the body has come; the body is wanted */
    const char *fault;
};

static bool is_pdf_type(const char *content_type) {
    static const char type[] = "application/pdf";
    size_t size = sizeof(type) - 1;
    return strncasecmp(content_type, type, size) == 0 && strchr("; ", content_type[size]) != NULL;
}

static void forget(struct download *download) {
    buf_clear(download->out);
    download->etag[0] = '\0';
}

static const char *whole_fault(const struct download *download) {
    const struct http_response *response = &download->response;
    if (!is_pdf_type(response->content_type)) {
        return "it is not a PDF";
    }
    if (response->content_length >= 0 && response->content_length != download->filing->size_bytes) {
        return "its length is not the one listed";
    }
    return NULL;
}

static bool is_the_rest(const struct download *download) {
    const struct http_response *response = &download->response;
    int64_t first = 0;
    int64_t last = 0;
    int64_t total = 0;
    return download->asked_from > 0 && strcmp(response->etag, download->etag) == 0 &&
           portal_parse_content_range(response->content_range, &first, &last, &total) &&
           first == download->asked_from && total == download->filing->size_bytes && last == total - 1;
}

/* At the first byte: is this the whole document, or the rest that was asked for? */
static void decide(struct download *download, int status) {
    download->decided = true;
    if (status == 200) {
        forget(download);
        download->fault = whole_fault(download);
        download->taken = download->fault == NULL;
        if (download->response.etag[0] == '"') {
            (void)str_copy(download->etag, sizeof(download->etag), download->response.etag);
        }
    } else {
        download->taken = is_the_rest(download);
        download->fault = download->taken ? NULL : "a part is not the one asked for";
    }
}

static bool take_bytes(void *context, int status, const void *bytes, size_t size_bytes) {
    struct download *download = context;
    if (status != 200 && status != 206) {
        return true; /* what a refusal says does not matter */
    }
    if (!download->decided) {
        decide(download, status);
    }
    if (!download->taken) {
        return false;
    }
    portal_count_bytes(download->portal, size_bytes);
    if ((int64_t)(download->out->size_bytes + size_bytes) > download->filing->size_bytes ||
        !buf_append(download->out, bytes, size_bytes)) {
        download->fault = "it is longer than listed";
        return false;
    }
    return true;
}

static bool is_pdf(const struct buf *out) {
    size_t size = out->size_bytes < SNIFF_BYTES ? out->size_bytes : SNIFF_BYTES;
    return size > 0 && memmem(out->data, size, "%PDF-", 5) != NULL;
}

static const char *content_fault(const struct download *download) {
    char md5[HASH_HEX_MAX];
    if ((int64_t)download->out->size_bytes != download->filing->size_bytes) {
        return "its length is not the one listed";
    }
    if (!is_pdf(download->out)) {
        return "it is not a PDF";
    }
    hash_hex(HASH_MD5, download->out->data, download->out->size_bytes, md5);
    return strcmp(md5, download->filing->md5) == 0 ? NULL : "its MD5 is not the one listed";
}

static enum outcome bad_answer(struct download *download, const char *what, struct error *err) {
    forget(download);
    return portal_bad_answer(&download->attempts, err, what);
}

static enum outcome judge(struct download *download, struct error *err) {
    int status = download->response.status;
    enum outcome outcome = portal_status(&download->response, err);
    if (outcome != OK) {
        return outcome;
    }
    if (status == 404 || status == 410) {
        bool final = portal_count_missing(download->portal, download->filing->srn) >= MISSING_ANSWERS;
        return error_set(err, final ? GONE : RETRY, "filing_missing", "the portal has no document for this filing (%d)",
                         status);
    }
    if (status == 416) {
        return bad_answer(download, "the rest of it is refused", err);
    }
    if (!download->decided) {
        decide(download, status); /* an empty body */
    }
    const char *fault = download->fault ? download->fault : content_fault(download);
    return fault ? bad_answer(download, fault, err) : OK;
}

static enum outcome judge_failure(struct download *download, enum outcome outcome, struct error *err) {
    if (download->fault) {
        return bad_answer(download, download->fault, err);
    }
    if (outcome == INVALID && str_eq(err->code, "too_large")) {
        return download->decided ? bad_answer(download, "it is longer than listed", err) : judge(download, err);
    }
    return outcome;
}

static enum outcome attempt(struct download *download, struct error *err) {
    char range[64];
    char if_range[300];
    struct portal_call call = {.headers = {"Accept: application/pdf"}, .on_body = take_bytes, .context = download};
    char path[96];
    (void)str_format(path, sizeof(path), "/filings/%s/document", download->filing->srn);
    call.path = path;
    call.max_body_bytes = (size_t)download->filing->size_bytes;
    if (download->etag[0] == '\0') {
        forget(download);
    }
    download->decided = download->taken = false;
    download->fault = NULL;
    download->asked_from = (int64_t)download->out->size_bytes;
    if (download->asked_from > 0) {
        (void)str_format(range, sizeof(range), "Range: bytes=%lld-", (long long)download->asked_from);
        (void)str_format(if_range, sizeof(if_range), "If-Range: %s", download->etag);
        call.headers[1] = range;
        call.headers[2] = if_range;
    }
    enum outcome outcome = portal_exchange(download->portal, &call, &download->attempts, &download->response, err);
    outcome = outcome == OK ? judge(download, err) : judge_failure(download, outcome, err);
    http_response_finish(&download->response);
    return outcome;
}

enum outcome portal_download(struct portal *portal, const struct filing *filing, struct buf *out, struct error *err) {
    struct download download = {.portal = portal, .filing = filing, .out = out, .attempts = attempts_start(portal)};
    struct error own;
    err = err ? err : &own;
    if (!srn_valid(filing->srn) || filing->size_bytes < 1 || filing->size_bytes > FILING_BYTES_MAX) {
        return error_set(err, INVALID, "portal_answer", "the filing is listed with an unusable number or size");
    }
    buf_clear(out);
    while (true) {
        enum outcome outcome = attempt(&download, err);
        if (outcome == OK) {
            return OK;
        }
        outcome = portal_pause(portal, &download.attempts, err);
        if (outcome != OK) {
            buf_clear(out);
            return outcome;
        }
    }
}
