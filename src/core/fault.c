/* Named fault points; see fault.h. Empty in a release build. */
#include "core/fault.h"

#ifdef FILESURE_FAULT_POINTS
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

/* One write of one line: lines of several processes never mix. */
static void log_arrival(const char *name) {
    const char *path = getenv("FILESURE_FAULT_LOG");
    char line[128];
    if (!path || !str_format(line, sizeof line, "%d %s\n", (int)getpid(), name))
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t written = write(fd, line, strlen(line));
    (void)written;
    close(fd);
}

/* The signal that this arrival asks for; 0: none. */
static int signal_at(const char *name) {
    static atomic_int arrivals;
    const char *fault = getenv("FILESURE_FAULT");
    int signal_number = 0;
    if (fault && str_starts_with(fault, "kill:"))
        signal_number = SIGKILL;
    else if (fault && str_starts_with(fault, "stop:"))
        signal_number = SIGSTOP;
    if (signal_number == 0)
        return 0;
    const char *point = strchr(fault, ':') + 1;
    size_t length = strcspn(point, ":");
    if (strlen(name) != length || strncmp(point, name, length) != 0)
        return 0;
    int64_t hit = 1;
    if (point[length] == ':' && !num_parse(point + length + 1, 1, 1000000, &hit))
        return 0;
    return atomic_fetch_add(&arrivals, 1) + 1 == hit ? signal_number : 0;
}

void fault_point(const char *name) {
    log_arrival(name);
    int signal_number = signal_at(name);
    if (signal_number != 0)
        raise(signal_number);
}
#endif
