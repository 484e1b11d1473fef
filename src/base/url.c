/* URLs and listening addresses. */
#include "base/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

static bool is_alnum(char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_unreserved(char byte) {
    return is_alnum(byte) || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static bool is_ipv6(const char *text) {
    struct in6_addr address;
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_ipv4(const char *text) {
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_host_name(const char *text) {
    if (!is_alnum(*text)) {
        return false;
    }
    for (const char *at = text; *at; at++) {
        if (!is_alnum(*at) && *at != '-' && *at != '.' && *at != '_') {
            return false;
        }
    }
    /* digits and dots only: somebody meant an IPv4 address */
    return text[strspn(text, "0123456789.")] != '\0' || is_ipv4(text);
}

/* "host", "host:port", "[v6]", "[v6]:port" → host and what stands after the colon (NULL: no colon). */
static bool split_host(const char *text, size_t length, char *host, size_t host_size, char port[6],
                       bool *ret_has_port) {
    const char *end = text + length;
    const char *after = NULL;
    bool bracketed = length > 0 && *text == '[';
    const char *start = text + bracketed;
    if (bracketed) {
        const char *bracket = memchr(start, ']', (size_t)(end - start));
        if (!bracket) {
            return false;
        }
        after = bracket + 1;
    } else {
        const char *colon = memchr(start, ':', length);
        after = colon ? colon : end;
    }
    size_t host_length = (size_t)(after - start) - bracketed;
    if (host_length == 0 || host_length >= host_size || (after < end && *after != ':')) {
        return false;
    }
    memcpy(host, start, host_length);
    host[host_length] = '\0';
    *ret_has_port = after < end;
    size_t port_length = *ret_has_port ? (size_t)(end - after) - 1 : 0;
    if (port_length > 5) {
        return false;
    }
    if (port_length > 0) {
        memcpy(port, after + 1, port_length);
    }
    port[port_length] = '\0';
    return bracketed ? is_ipv6(host) : is_host_name(host);
}

static enum outcome bad_url(struct error *err, const char *what) {
    return error_set(err, INVALID, "bad_url", "%s", what);
}

static bool read_path(const char *text, struct url *url) {
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '/') {
        length--;
    }
    if (length >= sizeof(url->path)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!is_unreserved(text[i]) && !strchr("%!$&'()*+,;=:@/", text[i])) {
            return false;
        }
        if (text[i] == '%' && !(i + 2 < length && strspn(text + i + 1, "0123456789abcdefABCDEF") >= 2)) {
            return false;
        }
    }
    memcpy(url->path, text, length);
    url->path[length] = '\0';
    return true;
}

enum outcome url_parse(const char *text, struct url *ret, struct error *err) {
    struct url url = {.port = 80};
    const char *at = text ? text : "";
    if (strncasecmp(at, "http://", 7) == 0) {
        (void)str_copy(url.scheme, sizeof(url.scheme), "http");
        at += 7;
    } else if (strncasecmp(at, "https://", 8) == 0) {
        (void)str_copy(url.scheme, sizeof(url.scheme), "https");
        url.port = 443;
        at += 8;
    } else {
        return bad_url(err, "it must start with http:// or https://");
    }
    size_t authority = strcspn(at, "/?#");
    if (memchr(at, '@', authority)) {
        return bad_url(err, "a user name or password must not stand in a URL");
    }
    char port[6] = "";
    bool has_port = false;
    if (!split_host(at, authority, url.host, sizeof(url.host), port, &has_port)) {
        return bad_url(err, "its host is malformed");
    }
    str_lower(url.host);
    int64_t number = url.port;
    if (has_port && !num_parse(port, 1, 65535, &number)) {
        return bad_url(err, "its port must be a number from 1 to 65535");
    }
    url.port = (int)number;
    at += authority;
    if (strpbrk(at, "?#")) {
        return bad_url(err, "it must not have a query or a fragment");
    }
    if (!read_path(at, &url)) {
        return bad_url(err, "its path is malformed or too long");
    }
    *ret = url;
    return OK;
}

bool url_escape(struct buf *out, const char *text) {
    for (; *text; text++) {
        bool fits =
            is_unreserved(*text) ? buf_append_char(out, *text) : buf_printf(out, "%%%02X", (unsigned char)*text);
        if (!fits) {
            return false;
        }
    }
    return true;
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool url_unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++, to++) {
        *to = *from;
        if (*from == '%') {
            int high = hex_value(from[1]);
            int low = high < 0 ? -1 : hex_value(from[2]);
            if (low < 0 || (high == 0 && low == 0)) {
                return false;
            }
            *to = (char)(high * 16 + low);
            from += 2;
        }
    }
    *to = '\0';
    return true;
}

bool address_parse(const char *text, char host[64], int *ret_port) {
    char name[64];
    char port[6] = "";
    bool has_port = false;
    int64_t number = 0;
    if (!text || !split_host(text, strlen(text), name, sizeof(name), port, &has_port) || !has_port ||
        !num_parse(port, 0, 65535, &number)) {
        return false;
    }
    (void)str_copy(host, 64, name);
    *ret_port = (int)number;
    return true;
}

bool address_is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
    }
    return strcasecmp(host, "localhost") == 0;
}
