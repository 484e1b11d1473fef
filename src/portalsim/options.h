/* What filesure-portal is told on its command line. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

enum options_action { OPTIONS_SERVE, OPTIONS_WRITE, OPTIONS_HELP, OPTIONS_VERSION };

struct options {
    enum options_action action;
    const char *listen; /* NULL: the setting PORTAL_LISTEN */
    int latency_from_ms, latency_to_ms;
    int64_t bytes_per_second; /* of each answer; 0: no limit */
    int max_parallel;         /* documents at once of one session; 0: no limit */
    int64_t session_ms;
    bool allow_faults;
    const char *faults; /* a file's name or the JSON itself */
    const char *write_cin, *write_to;
};

/* The strings stay argv's. INVALID "usage" naming the flag. */
MUST_USE enum outcome options_read(int argc, char **argv, struct options *ret, struct error *err);
extern const char options_help[];
