/* URLs and addresses: what is accepted says the same when it is put together and read again. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/url.h"

enum { OUT_MAX = 1 << 20 };

static void must(bool condition) {
    if (!condition)
        abort();
}

static void check_url(const char *text) {
    struct url url;
    struct url again;
    if (url_parse(text, &url, NULL) != OK)
        return;
    must(url.port >= 1 && url.port <= 65535 && *url.host && !strpbrk(url.path, " ?#\r\n"));
    char built[2048];
    bool v6 = strchr(url.host, ':') != NULL;
    must(str_format(built, sizeof(built), "%s://%s%s%s:%d%s", url.scheme, v6 ? "[" : "", url.host, v6 ? "]" : "",
                    url.port, url.path));
    must(url_parse(built, &again, NULL) == OK);
    must(str_eq(url.host, again.host) && str_eq(url.path, again.path) && url.port == again.port);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    AUTO_FREE char *text = x_strndup((const char *)data, size);
    check_url(text);
    char host[64];
    int port = -1;
    if (address_parse(text, host, &port)) {
        must(port >= 0 && port <= 65535 && *host);
        (void)address_is_loopback(host);
    }
    AUTO_BUF struct buf escaped = BUF_INIT(OUT_MAX);
    if (url_escape(&escaped, text)) {
        AUTO_FREE char *back = x_strdup(buf_str(&escaped));
        must(url_unescape(back) && str_eq(back, text));
    }
    AUTO_FREE char *unescaped = x_strdup(text);
    must(!url_unescape(unescaped) || strlen(unescaped) <= strlen(text));
    return 0;
}
