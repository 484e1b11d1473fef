/* Connection strings of Azure Storage: what is accepted is usable as it is, and no message holds a piece of the text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "blobs/azure_conn.h"

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static void check_conn(const struct azure_conn *conn) {
    struct url again;
    must(url_parse(conn->base, &again, NULL) == OK && !str_ends_with(conn->base, "/"));
    must(str_eq(again.host, conn->endpoint.host) && str_eq(again.path, conn->endpoint.path) &&
         str_eq(again.scheme, conn->endpoint.scheme) && again.port == conn->endpoint.port);
    must(!strpbrk(conn->base, " \t\r\n?#") && !strpbrk(conn->account, " \t\r\n:/;"));
    must((conn->auth == AZURE_SHARED_KEY) == (conn->key_size > 0));
    must((conn->auth == AZURE_SAS) == (conn->sas[0] != '\0'));
    must(!strpbrk(conn->sas, " \t\r\n#\"<>\\^`{|}"));
    must(conn->auth != AZURE_SHARED_KEY || conn->account[0]);
}

/* The messages are the parser's own words, so each has a beginning that no text can change. */
static void check_message(const struct error *err) {
    static const char start[] = "the storage connection string: ";
    must(str_eq(err->code, "bad_connection_string") && str_starts_with(err->message, start));
    for (const char *at = err->message; *at; at++) {
        must((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    AUTO_FREE char *text = x_strndup((const char *)data, size);
    struct azure_conn conn;
    struct error err = {0};
    if (azure_conn_parse(text, &conn, &err) == OK) {
        check_conn(&conn);
        azure_conn_finish(&conn);
    } else {
        check_message(&err);
    }
    return 0;
}
