/* The small XML reader: what it takes, what it hands over, and what it refuses. */
#include "support/test.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "blobs/azure_xml.h"

static bool note(void *context, const char *path, const char *text) {
    return buf_printf(context, "%s=%s|", path, text);
}

static bool stop(void *context, const char *path, const char *text) {
    (void)buf_printf(context, "%s=%s|", path, text);
    return false;
}

static void expect_leaves(const char *xml, bool good, const char *leaves) {
    AUTO_BUF struct buf seen = BUF_INIT(1 << 16);
    if (azure_xml_read(xml, strlen(xml), note, &seen) != good || !str_eq(buf_str(&seen), leaves)) {
        fail_msg("%s: %s", xml, buf_str(&seen));
    }
}

static void takes(void **state) {
    (void)state;
    expect_leaves("<a>x</a>", true, "/a=x|");
    expect_leaves("<a/>", true, "/a=|");
    expect_leaves("<a></a>", true, "/a=|");
    expect_leaves("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a>x</a>\r\n ", true, "/a=x|");
    expect_leaves("<r><a>1</a><b><c>2</c></b><a>3</a></r>", true, "/r/a=1|/r/b/c=2|/r/a=3|");
    expect_leaves("<r> <a>1</a> text <b/>\n</r>", true, "/r/a=1|/r/b=|");
    expect_leaves("<r x='1' y=\"a>b\" ><a  z = \"\" />t</r >", true, "/r/a=|");
    expect_leaves("<a>&lt;b&gt; &amp;amp; &quot;&apos;</a>", true, "/a=<b> &amp; \"'|");
    expect_leaves("<a>&#65;&#x42;&#x20aC;&#128512;&#xe9;</a>", true, "/a=AB\u20ac\U0001F600\u00e9|");
    expect_leaves("<a-b.c_d:e>\xc3\xa9</a-b.c_d:e>", true, "/a-b.c_d:e=\u00e9|");
    expect_leaves("<r>&amp;<a>1</a>&amp;</r>", true, "/r/a=1|");
}

static void refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "x",
        " ",
        "<",
        "<a",
        "<a>",
        "<a>x",
        "<a>x</",
        "<a>x</a",
        "<a>x</b>",
        "<a>x</ab>",
        "<ab>x</a>",
        "<a b>x</a>",
        "<a b=c>x</a>",
        "<a b=\"c>x</a>",
        "<a b=\"<\">x</a>",
        "<a b=\"c\"d=\"e\">x</a>",
        "<a\"b\">x</a>",
        "<a/ >",
        "<a / x>",
        "<1a>x</1a>",
        "</a>",
        "<?xml version=\"1.0\"",
        "<!DOCTYPE a><a>x</a>",
        "<a><!-- x --></a>",
        "<a><![CDATA[x]]></a>",
        "<a><?x?></a>",
        "<a>&x;</a>",
        "<a>&amp</a>",
        "<a>& </a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#x110000;</a>",
        "<a>&#99999999999999999999;</a>",
        "<a>&#xd800;</a>",
        "<a>&#0;</a>",
        "<a>&#1a;</a>",
        "<a>&#xg;</a>",
        "<a>&#65",
        "&amp;",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_BUF struct buf seen = BUF_INIT(1 << 16);
        if (azure_xml_read(bad[i], strlen(bad[i]), note, &seen)) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    expect_leaves("<a>x</a><a>y</a>", false, "/a=x|"); /* one element only */
    expect_leaves("<a>x</a>y", false, "/a=x|");
    AUTO_BUF struct buf seen = BUF_INIT(1 << 16);
    assert_false(azure_xml_read("<a>x\0y</a>", 10, note, &seen));
    assert_false(azure_xml_read("<a>x</a>\0", 9, note, &seen));
}

/* What came before the fault is known: a body that was cut still says its code. */
static void hands_over_until_the_fault(void **state) {
    (void)state;
    expect_leaves("<Error><Code>ServerBusy</Code><Message>cu", false, "/Error/Code=ServerBusy|");
    AUTO_BUF struct buf seen = BUF_INIT(1 << 16);
    const char *xml = "<r><a>1</a><a>2</a></r>";
    assert_false(azure_xml_read(xml, strlen(xml), stop, &seen));
    assert_string_equal(buf_str(&seen), "/r/a=1|");
}

static void bounds(void **state) {
    (void)state;
    AUTO_BUF struct buf xml = BUF_INIT(1 << 20);
    AUTO_BUF struct buf seen = BUF_INIT(1 << 20);
    for (int depth = AZURE_XML_DEPTH_MAX; depth <= AZURE_XML_DEPTH_MAX + 1; depth++) {
        buf_clear(&xml);
        for (int i = 0; i < depth; i++) {
            assert_true(buf_append_str(&xml, "<a>"));
        }
        for (int i = 0; i < depth; i++) {
            assert_true(buf_append_str(&xml, "</a>"));
        }
        assert_int_equal(azure_xml_read(buf_str(&xml), xml.size_bytes, note, &seen), depth == AZURE_XML_DEPTH_MAX);
    }
    for (int size = AZURE_XML_TEXT_MAX; size <= AZURE_XML_TEXT_MAX + 1; size++) {
        buf_clear(&xml);
        (void)buf_append_str(&xml, "<a>");
        for (int i = 0; i < size - 1; i++) {
            (void)buf_append_char(&xml, 'x');
        }
        (void)buf_append_str(&xml, "&amp;</a>");
        assert_int_equal(azure_xml_read(buf_str(&xml), xml.size_bytes, note, &seen), size == AZURE_XML_TEXT_MAX);
    }
    buf_clear(&xml);
    (void)buf_append_str(&xml, "<a");
    for (int i = 0; i < AZURE_XML_PATH_MAX; i++) {
        (void)buf_append_char(&xml, 'a');
    }
    (void)buf_append_str(&xml, "/>");
    assert_false(azure_xml_read(buf_str(&xml), xml.size_bytes, note, &seen));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(hands_over_until_the_fault),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
