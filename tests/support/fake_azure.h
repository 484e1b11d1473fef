/* A blob service in the test's own process: one container in memory, with the conditions, codes and headers of Azure
 * Blob Storage that the client relies on, and a script of what goes wrong. It checks no signatures (Azurite does). */
#pragma once

#include "support/fake_http.h"

enum { FAKE_SEEN_MAX = 256, FAKE_BLOBS_MAX = 16 };

/* What happens to the next request. All zero: the service answers. */
struct fake_step {
    int status;          /* answered in the place of the service; 0: not */
    const char *code;    /* with x-ms-error-code and <Code>; NULL: neither */
    const char *headers; /* more of them: "Name: value\r\n"… */
    const char *body;    /* NULL: the service's XML */
    size_t body_size;    /* of a body that is no text */
    bool no_length;      /* the answer has no Content-Length (of HEAD, or without a body) */
    bool foreign;        /* no header of the service: a proxy answers */
    bool lost;           /* the service does what is asked, and the connection closes without an answer */
    bool reset;          /* the connection is reset, nothing is done */
    bool hang;           /* no answer, nothing is done */
    bool stuck;          /* half the body comes, and then nothing */
    bool cut;            /* the service answers, and the connection closes in the middle of the body */
};

/* A request as it came. */
struct fake_seen {
    char method[16];
    char target[4096];
    char client_request_id[64];
    char date[64];
    char authorization[256];
    char if_none_match[64];
    char if_match[64];
    char content_md5[64];
    char content_type[64];
    char range[64];
    int connection;
};

struct fake_azure;
struct fake_azure *fake_azure_start(void);
void fake_azure_stop(struct fake_azure *fake);
const char *fake_azure_url(const struct fake_azure *fake); /* with the account in its path */
/* The steps of the next requests, one each, in place of what is left of an earlier script; the array stays the test's.
 */
void fake_azure_script(struct fake_azure *fake, const struct fake_step *steps, size_t count);
void fake_azure_set_container(struct fake_azure *fake, bool there);
/* Puts a blob there as somebody else would. md5: as Content-MD5; NULL: none. */
void fake_azure_set_blob(struct fake_azure *fake, const char *name, const char *bytes, const char *md5);
/* The blob's bytes and how often it was written; NULL: not there. Until the next request. */
const char *fake_azure_blob(struct fake_azure *fake, const char *name, int *ret_writes);
int fake_azure_blob_count(struct fake_azure *fake);
bool fake_azure_container(struct fake_azure *fake);
void fake_azure_shift_clock(struct fake_azure *fake, int64_t ahead_ms); /* of its Date header */
/* What came since the last fake_azure_forget. */
int fake_azure_seen_count(struct fake_azure *fake);
const struct fake_seen *fake_azure_seen(struct fake_azure *fake, int index);
void fake_azure_forget(struct fake_azure *fake);
