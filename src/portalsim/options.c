/* The command line: see options.h. */
#include "portalsim/options.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"

const char options_help[] =
    "usage: filesure-portal [options]\n"
    "       filesure-portal --write CIN --to DIR\n"
    "\n"
    "A simulated company registry: companies, filings and every byte of every PDF follow from the CIN.\n"
    "docs/portal.md describes its HTTP interface, what it makes and the faults it plays.\n"
    "\n"
    "  --listen ADDRESS:PORT   where to listen (PORTAL_LISTEN, 127.0.0.1:5080; port 0: a free one)\n"
    "  --latency-ms A-B        every answer waits A to B ms (150-600; 0-0: none)\n"
    "  --bytes-per-second N    speed of each answer (no limit)\n"
    "  --max-parallel N        documents at once of one session, more are answered 429 (no limit)\n"
    "  --session-minutes N     how long a session lives (30)\n"
    "  --allow-faults          answer GET and PUT /_faults\n"
    "  --faults FILE|JSON      faults from the start\n"
    "  --write CIN --to DIR    write the company's PDFs, listing.json and truth.json, then end\n"
    "  --help, --version\n";

struct flag {
    const char *name;
    enum outcome (*read)(const char *value, struct options *ret, struct error *err); /* NULL: takes no value */
};

static enum outcome bad(struct error *err, const char *flag, const char *expected) {
    return error_set(err, INVALID, "usage", "%s: %s", flag, expected);
}

static enum outcome read_latency(const char *value, struct options *ret, struct error *err) {
    char from[16] = "";
    int64_t a, b;
    const char *dash = strchr(value, '-');
    if (!dash || !str_format(from, sizeof from, "%.*s", (int)(dash - value), value) ||
        !num_parse(from, 0, 600000, &a) || !num_parse(dash + 1, a, 600000, &b)) {
        return bad(err, "--latency-ms", "two numbers of milliseconds A-B are expected, A not above B");
    }
    ret->latency_from_ms = (int)a;
    ret->latency_to_ms = (int)b;
    return OK;
}

static enum outcome read_pace(const char *value, struct options *ret, struct error *err) {
    return num_parse(value, 1, 1000000000, &ret->bytes_per_second)
               ? OK
               : bad(err, "--bytes-per-second", "a number from 1 to 1000000000 is expected");
}

static enum outcome read_parallel(const char *value, struct options *ret, struct error *err) {
    int64_t number;
    if (!num_parse(value, 1, 1000, &number)) {
        return bad(err, "--max-parallel", "a number from 1 to 1000 is expected");
    }
    ret->max_parallel = (int)number;
    return OK;
}

static enum outcome read_session(const char *value, struct options *ret, struct error *err) {
    int64_t minutes;
    if (!num_parse(value, 1, 100000, &minutes)) {
        return bad(err, "--session-minutes", "a number from 1 to 100000 is expected");
    }
    ret->session_ms = minutes * 60000;
    return OK;
}

static enum outcome read_listen(const char *value, struct options *ret, struct error *err) {
    (void)err;
    ret->listen = value;
    return OK;
}

static enum outcome read_faults(const char *value, struct options *ret, struct error *err) {
    (void)err;
    ret->faults = value;
    return OK;
}

static enum outcome read_write(const char *value, struct options *ret, struct error *err) {
    (void)err;
    ret->write_cin = value;
    ret->action = OPTIONS_WRITE;
    return OK;
}

static enum outcome read_to(const char *value, struct options *ret, struct error *err) {
    (void)err;
    ret->write_to = value;
    return OK;
}

static const struct flag flags[] = {
    {"--listen", read_listen},
    {"--latency-ms", read_latency},
    {"--bytes-per-second", read_pace},
    {"--max-parallel", read_parallel},
    {"--session-minutes", read_session},
    {"--faults", read_faults},
    {"--write", read_write},
    {"--to", read_to},
    {"--allow-faults", NULL},
    {"--help", NULL},
    {"--version", NULL},
};

/* "--flag value" or "--flag=value": *ret_value is NULL when the value is the next argument. */
static const struct flag *find_flag(const char *argument, const char **ret_value) {
    size_t length = strcspn(argument, "=");
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (strlen(flags[i].name) == length && strncmp(flags[i].name, argument, length) == 0) {
            *ret_value = argument[length] ? argument + length + 1 : NULL;
            return &flags[i];
        }
    }
    return NULL;
}

static enum outcome set_switch(const struct flag *flag, const char *value, struct options *options, struct error *err) {
    if (value) {
        return bad(err, flag->name, "no value is expected");
    }
    if (str_eq(flag->name, "--allow-faults")) {
        options->allow_faults = true;
    } else {
        options->action = str_eq(flag->name, "--help") ? OPTIONS_HELP : OPTIONS_VERSION;
    }
    return OK;
}

enum outcome options_read(int argc, char **argv, struct options *ret, struct error *err) {
    struct options options = {.latency_from_ms = 150, .latency_to_ms = 600, .session_ms = 30 * 60000};
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        const struct flag *flag = find_flag(argv[i], &value);
        if (!flag) {
            return error_set(err, INVALID, "usage", "%s: unknown; --help shows what there is", argv[i]);
        }
        if (flag->read && !value && i + 1 == argc) {
            return bad(err, flag->name, "a value is expected");
        }
        if (flag->read && !value) {
            value = argv[++i];
        }
        enum outcome outcome = flag->read ? flag->read(value, &options, err) : set_switch(flag, value, &options, err);
        if (outcome != OK) {
            return outcome;
        }
        if (options.action == OPTIONS_HELP || options.action == OPTIONS_VERSION) {
            break;
        }
    }
    if (options.action != OPTIONS_HELP && options.action != OPTIONS_VERSION &&
        !options.write_cin != !options.write_to) {
        return error_set(err, INVALID, "usage", "--write CIN and --to DIR belong together");
    }
    *ret = options;
    return OK;
}
