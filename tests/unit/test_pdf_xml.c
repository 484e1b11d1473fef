/* XFA datasets: leaves with their paths; everything malformed or endless ends the walk. */
#include "pdf/child/xml_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "support/test.h"

static void note(void *argument, const struct xml_leaf *leaf) {
    struct buf *out = argument;
    buf_printf(out, "%s=%.*s%s;", leaf->path, (int)leaf->text_bytes, leaf->text, leaf->cut ? "…" : "");
}

static void walk(const char *xml, enum xml_result expected_result, const char *expected) {
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    enum xml_result result = xml_walk_datasets(xml, strlen(xml), note, &out);
    if (result != expected_result || strcmp(buf_str(&out), expected) != 0)
        fail_msg("%.300s\nresult %d, \"%.300s\" instead of \"%.300s\"", xml, result, buf_str(&out), expected);
}

#define IN(xml) "<xfa:datasets xmlns:xfa=\"x\"><xfa:data>" xml "</xfa:data></xfa:datasets>"

static void leaves(void **state) {
    (void)state;
    walk(IN("<a><b>1</b><c/></a>"), XML_DONE, "a[0].b[0]=1;a[0].c[0]=;");
    walk(IN("<data><FORM><CIN>U1</CIN></FORM></data>"), XML_DONE, "data[0].FORM[0].CIN[0]=U1;");
    walk(IN("<r><row>1</row><row>2</row><x/><row>3</row></r>"), XML_DONE,
         "r[0].row[0]=1;r[0].row[1]=2;r[0].x[0]=;r[0].row[2]=3;");
    walk(IN("<r><s><v>1</v></s><s><v>2</v><v>3</v></s></r>"), XML_DONE,
         "r[0].s[0].v[0]=1;r[0].s[1].v[0]=2;r[0].s[1].v[1]=3;");
    walk(IN("<n:a xmlns:n=\"y\" n:z='>'><n:b\n>x</n:b></n:a>"), XML_DONE, "a[0].b[0]=x;");
    walk(IN("<a> \n two words\t</a>"), XML_DONE, "a[0]=two words;");
}

static void only_data_counts(void **state) {
    (void)state;
    walk("<?xml version=\"1.0\"?><xdp><template><field>no</field></template>" IN("<a>1</a>") "</xdp>", XML_DONE,
         "a[0]=1;");
    walk("<datasets><dd:dataDescription><a>no</a></dd:dataDescription><data><a>1</a></data></datasets>", XML_DONE,
         "a[0]=1;");
    walk("<data><a>no</a></data>", XML_DONE, "");
    walk("<x:datasets><x:data/></x:datasets>", XML_DONE, "");
}

static void references_comments_cdata(void **state) {
    (void)state;
    walk(IN("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x20ac;</a>"), XML_DONE, "a[0]=<&>\"'A\xe2\x82\xac;");
    walk(IN("<a>&unknown; &#0; &#xD800; &#99999999; & &#x;</a>"), XML_DONE,
         "a[0]=&unknown; &#0; &#xD800; &#99999999; & &#x;;");
    walk(IN("<a>1<!-- <b>no</b> -->2<![CDATA[<&]]>3<?pi x?></a>"), XML_DONE, "a[0]=12<&3;");
}

static void malformed_ends_the_walk(void **state) {
    (void)state;
    walk(IN("<a>1</a>") "</more>", XML_BROKEN, "a[0]=1;");
    walk("<!DOCTYPE lolz [<!ENTITY a \"b\">]>" IN("<a>&a;</a>"), XML_BROKEN, "");
    walk("<datasets><data><a>1</a><b", XML_BROKEN, "a[0]=1;");
    walk("<datasets><data><a>1</a><b x=\"", XML_BROKEN, "a[0]=1;");
    walk("<datasets><data><a>1</a><!--", XML_BROKEN, "a[0]=1;");
    walk("<datasets><data><a>1</a><![CDATA[x", XML_BROKEN, "a[0]=1;");
    walk("<datasets><data><a>1</a>< >", XML_BROKEN, "a[0]=1;");
    walk("<", XML_BROKEN, "");
    walk("", XML_DONE, "");
    walk("&", XML_DONE, "");
}

static void depth_size_and_steps_are_limited(void **state) {
    (void)state;
    AUTO_BUF struct buf xml = BUF_INIT(64 << 20);
    AUTO_BUF struct buf out = BUF_INIT(256 << 20);
    buf_append_str(&xml, "<datasets><data>");
    for (int i = 0; i < XML_DEPTH_MAX - 1; i++) /* well-formed, one level too deep */
        buf_append_str(&xml, "<a>");
    for (int i = 0; i < XML_DEPTH_MAX - 1; i++)
        buf_append_str(&xml, "</a>");
    buf_append_str(&xml, "</data></datasets>");
    assert_int_equal(xml_walk_datasets(xml.data, xml.size_bytes, note, &out), XML_BROKEN);
    buf_clear(&xml);
    buf_append_str(&xml, "<datasets><data><a>");
    for (int i = 0; i < XML_STEPS_MAX; i++)
        buf_append_str(&xml, "<b/>");
    assert_int_equal(xml_walk_datasets(xml.data, xml.size_bytes, note, &out), XML_LIMITED);
    buf_clear(&xml);
    buf_clear(&out);
    buf_append_str(&xml, "<datasets><data><a>");
    for (int i = 0; i < XML_TEXT_MAX; i++)
        buf_append_str(&xml, "xy");
    buf_append_str(&xml, "</a></data></datasets>");
    assert_int_equal(xml_walk_datasets(xml.data, xml.size_bytes, note, &out), XML_DONE);
    assert_int_equal(out.size_bytes, strlen("a[0]=") + XML_TEXT_MAX + strlen("…;"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves),
        cmocka_unit_test(only_data_counts),
        cmocka_unit_test(references_comments_cdata),
        cmocka_unit_test(malformed_ends_the_walk),
        cmocka_unit_test(depth_size_and_steps_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
