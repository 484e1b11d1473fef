/* Bytes from the PDF reader's child: whatever comes, the host ends with an outcome and with JSON that parses, or
 * refuses. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "pdf/collect.h"

static void must(bool condition) {
    if (!condition)
        abort();
}

static void check(const struct pdf_reading *reading, enum pdf_outcome asked) {
    AUTO_JSON json_t *json = NULL;
    struct error err = {0};
    must(reading->outcome == asked || reading->outcome == PDF_OUTPUT);
    must(json_parse(buf_str(&reading->fields), reading->fields.size_bytes, &json, &err) == OK);
    const char *outcome = json_member_string(json, "outcome");
    must(outcome && strcmp(outcome, pdf_outcome_name(reading->outcome)) == 0);
    must(reading->pages >= 0);
    must(strlen(buf_str(&reading->text)) == reading->text.size_bytes);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    struct collect *collect = collect_create();
    const struct collect_source source = {.sha256 = "0", .size_bytes = size, .parser = "1"};
    bool good = true;
    size_t at = 0;
    while (good && size - at >= WIRE_HEADER_BYTES) {
        uint32_t type = 0;
        uint32_t payload = 0;
        const char *problem = NULL;
        wire_get_header(data + at, &type, &payload);
        at += WIRE_HEADER_BYTES;
        if (payload > wire_bytes_max(type) || payload > size - at)
            break;
        good = collect_frame(collect, type, data + at, payload, &problem);
        must(good || *problem);
        at += payload;
    }
    enum wire_end end = WIRE_END_OK;
    const char *detail = "";
    bool ended = good && collect_ended(collect, &end, &detail);
    struct pdf_reading reading;
    enum pdf_outcome outcome = ended && end == WIRE_END_OK ? PDF_OK : PDF_CRASHED;
    collect_finish(collect, &source, outcome, "detail", &reading);
    check(&reading, outcome);
    pdf_reading_finish(&reading);
    collect_destroy(collect);
    return 0;
}
