/* The walk over a parsed head, and request targets. The first byte says which: '1' an HTTP/1.1 head, '0' one of 1.0,
 * 't' a target. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "httpd/head.h"

static void must(bool condition) {
    if (!condition)
        abort();
}

static void check_head(const char *bytes, size_t size, bool http_1_0) {
    struct head_facts facts;
    struct refusal why = {0};
    if (!head_check(bytes, size, http_1_0, &facts, &why)) {
        must((why.status == 400 || why.status == 431) && why.code && why.detail);
        return;
    }
    must(size <= HEAD_MAX && facts.lines <= HEAD_LINES_MAX && facts.content_length >= -1);
    must(!facts.chunked || (facts.content_length == -1 && !http_1_0));
    must(facts.host_count == 1 || (http_1_0 && facts.host_count == 0));
    for (size_t i = 0; i < size; i++)
        must(bytes[i] == '\0' || bytes[i] == '\t' || ((unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f));
}

static void check_text(const char *text) {
    must(utf8_valid(text, strlen(text)));
    for (; *text; text++)
        must((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_target(char *text) {
    struct target target;
    struct refusal why = {0};
    if (!target_parse(text, &target, &why)) {
        must((why.status == 400 || why.status == 414) && why.code && why.detail);
        return;
    }
    must(target.asterisk || (target.segment_count >= 1 && target.segment_count <= TARGET_PARTS_MAX));
    must(target.query_count <= TARGET_PARTS_MAX);
    for (size_t i = 0; i < target.segment_count; i++)
        check_text(target.segments[i]);
    for (size_t i = 0; i < target.query_count; i++) {
        check_text(target.query[i].name);
        check_text(target.query[i].value);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (size == 0)
        return 0;
    char *text AUTO_FREE = x_strndup((const char *)data + 1, size - 1);
    char *bytes AUTO_FREE = malloc(size > 1 ? size - 1 : 1); /* exactly so long, so that reading past it is seen */
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data + 1, size - 1);
    if (data[0] == 't')
        check_target(text);
    else if (data[0] == '0' || data[0] == '1')
        check_head(bytes, size - 1, data[0] == '0');
    return 0;
}
