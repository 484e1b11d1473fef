/* Connection strings of Azure Storage, and who a request comes from (Microsoft: "Configure Azure Storage connection
 * strings"). Pure.
 *
 *     AccountName=…;AccountKey=…[;EndpointSuffix=…][;DefaultEndpointsProtocol=…]      key of the account
 *     BlobEndpoint=https://…;SharedAccessSignature=sv=…&sig=…                         SAS, account's or container's
 *     BlobEndpoint=https://… (or AccountName=… alone)                                 identity of the machine or pod
 *     UseDevelopmentStorage=true                                                      the emulator on this machine */
#pragma once

#include "base/error.h"
#include "base/url.h"

enum { AZURE_ACCOUNT_MAX = 64, AZURE_KEY_MAX = 256, AZURE_SAS_MAX = 4096, AZURE_ENDPOINT_MAX = 1400 };

enum azure_auth { AZURE_SHARED_KEY, AZURE_SAS, AZURE_IDENTITY };

struct azure_conn {
    enum azure_auth auth;
    struct url endpoint;              /* of the blob service; the emulator's path names the account */
    char base[AZURE_ENDPOINT_MAX];    /* the same as text, without a '/' at its end */
    char account[AZURE_ACCOUNT_MAX];  /* "" when it is not said; never with a key */
    unsigned char key[AZURE_KEY_MAX]; /* AZURE_SHARED_KEY */
    size_t key_size;
    char sas[AZURE_SAS_MAX]; /* AZURE_SAS: a query without its '?' */
};

/* Segments "name=value" between semicolons, blanks and line ends around each fine, and a ';' at the end; names in any
 * case. BlobEndpoint wins over the other three; a key wins over a SAS. INVALID "bad_connection_string": the message
 * says which segment (from 1) is wrong and in what, and holds nothing of the text; *ret is left alone then. */
MUST_USE enum outcome azure_conn_parse(const char *text, struct azure_conn *ret, struct error *err);
/* Takes the secrets out of the memory. */
void azure_conn_finish(struct azure_conn *conn);
