/* filesure-pdf: reads PDFs handed over by filesure on a socket. Not for people to start. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "pdf/child/zygote.h"
#include "pdf/wire.h"

static bool control_is_socket(void) {
    int type = 0;
    socklen_t size = sizeof(type);
    return getsockopt(WIRE_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int main(int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "--zygote") != 0 || !control_is_socket()) {
        fprintf(stderr, "filesure-pdf is started by filesure and filesure-worker; it has no use of its own.\n"
                        "To read a file: filesure read FILE.pdf\n");
        return 64;
    }
    if (argc > 2 && strcmp(argv[2], "--die-with-parent") == 0) {
        /* the parent may be gone already; then the control socket is closed and the first read ends this process */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    }
    return zygote_run();
}
