/* filesure read: what the reader makes of one PDF. */
#include <stdio.h>

#include "base/fdio.h"
#include "cli/cli.h"
#include "core/filing.h"
#include "pdf/pdf.h"

static int print_reading(const struct cli *cli, const struct pdf_reading *reading) {
    struct error err = {0};
    if (cli_switch(cli, "text")) {
        fwrite(buf_str(&reading->text), 1, reading->text.size_bytes, stdout);
        return reading->outcome == PDF_OK ? CLI_OK : CLI_FAILED;
    }
    AUTO_JSON json_t *fields = NULL;
    if (json_parse(buf_str(&reading->fields), reading->fields.size_bytes, &fields, &err) != OK)
        return cli_fail(cli, &err);
    cli_print_json(fields);
    return reading->outcome == PDF_OK ? CLI_OK : CLI_FAILED;
}

static int run_read(struct cli *cli) {
    AUTO_BUF struct buf bytes = BUF_INIT((size_t)FILING_BYTES_MAX);
    struct error err = {0};
    if (file_read(cli_operand(cli, 0), &bytes, &err) != OK)
        return cli_fail(cli, &err);
    char program[PROGRAM_PATH_MAX];
    if (cli_program_path("filesure-pdf", program, &err) != OK)
        return cli_fail(cli, &err);
    const struct pdf_reader_config config = {.program = program, .parallel = 1};
    struct pdf_reader *reader = NULL;
    if (pdf_reader_open(&config, &reader, &err) != OK)
        return cli_fail(cli, &err);
    struct pdf_reading reading = {0};
    enum outcome outcome = pdf_read(reader, buf_str(&bytes), bytes.size_bytes, &reading, &err);
    int status = outcome == OK ? print_reading(cli, &reading) : cli_fail(cli, &err);
    pdf_reading_finish(&reading);
    pdf_reader_close(reader);
    return status;
}

static const struct cli_option options[] = {
    {"text", NULL, "print the text only"},
    {NULL, NULL, NULL},
};

const struct cli_command command_read = {
    .name = "read",
    .operands = "FILE.pdf",
    .help = "Read one PDF and print what was found as JSON; exit 1 when its outcome is not ok.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .no_settings = true,
    .run = run_read,
};
