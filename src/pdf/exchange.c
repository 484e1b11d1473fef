/* States: running → (END and reaped) done
 *                 → (deadline or bad frame) hung up → (reaped) done
 *                                                  → (not reaped within GRACE_MS) helper gone */
#include "pdf/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/str.h"

enum { GRACE_MS = 3000, READ_BYTES = 64 * 1024, CPU_LIMIT_MS = 19500 };

static void close_fd(int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

void exchange_finish(struct exchange *exchange) {
    close_fd(&exchange->document_fd);
    close_fd(&exchange->out_read);
    close_fd(&exchange->out_write);
    close_fd(&exchange->status_fd);
    close_fd(&exchange->status_peer);
}

static bool make_document(struct exchange *exchange, const void *bytes, size_t size_bytes) {
    struct error err;
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    exchange->document_fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return exchange->document_fd >= 0 && fd_write_all(exchange->document_fd, bytes, size_bytes, &err) == OK &&
           fcntl(exchange->document_fd, F_ADD_SEALS, seals) == 0;
}

enum outcome exchange_open(struct exchange *ret, const void *bytes, size_t size_bytes, struct error *err) {
    struct exchange exchange = EXCHANGE_NONE;
    int out[2] = {-1, -1};
    int status[2] = {-1, -1};
    bool ok = make_document(&exchange, bytes, size_bytes) && pipe2(out, O_CLOEXEC) == 0;
    ok = ok && fcntl(out[0], F_SETFL, O_NONBLOCK) == 0;
    ok = ok && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, status) == 0;
    exchange.out_read = out[0];
    exchange.out_write = out[1];
    exchange.status_fd = status[0];
    exchange.status_peer = status[1];
    if (!ok) {
        int reason = errno;
        exchange_finish(&exchange);
        return error_set(err, FATAL, "no_descriptors", "a document cannot be handed to the PDF reader: %s",
                         strerrordesc_np(reason));
    }
    *ret = exchange;
    return OK;
}

struct run {
    struct exchange *exchange;
    struct collect *collect;
    struct buf pending; /* bytes of the pipe that are no whole frame yet */
    struct exchange_facts facts;
    struct wire_ended ended;
    size_t ended_bytes;
    int64_t deadline_ms;
    bool reaped, helper_gone;
};

/* Tells the helper to kill the document's process. Frames are not looked at any more. */
static void hang_up(struct run *run, enum pdf_outcome why, const char *problem) {
    if (run->facts.killed == PDF_OK) {
        run->facts.killed = why;
        run->facts.problem = problem;
        run->deadline_ms = clock_monotonic_ms() + GRACE_MS;
        close_fd(&run->exchange->out_read);
        shutdown(run->exchange->status_fd, SHUT_WR);
    }
}

static void take_frames(struct run *run) {
    size_t at = 0;
    const unsigned char *bytes = (const unsigned char *)run->pending.data;
    while (run->pending.size_bytes - at >= WIRE_HEADER_BYTES) {
        uint32_t type = 0;
        uint32_t payload_bytes = 0;
        const char *problem = "the reader broke the protocol";
        wire_get_header(bytes + at, &type, &payload_bytes);
        if (payload_bytes > wire_bytes_max(type)) {
            hang_up(run, PDF_OUTPUT, problem);
            return;
        }
        if (run->pending.size_bytes - at - WIRE_HEADER_BYTES < payload_bytes) {
            break;
        }
        if (!collect_frame(run->collect, type, bytes + at + WIRE_HEADER_BYTES, payload_bytes, &problem)) {
            hang_up(run, PDF_OUTPUT, problem);
            return;
        }
        at += WIRE_HEADER_BYTES + payload_bytes;
    }
    if (at > 0) {
        memmove(run->pending.data, run->pending.data + at, run->pending.size_bytes - at);
        run->pending.size_bytes -= at;
    }
}

/* Reads what is there. */
static void read_out(struct run *run) {
    char bytes[READ_BYTES];
    while (run->exchange->out_read >= 0) {
        ssize_t got = read(run->exchange->out_read, bytes, sizeof(bytes));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            close_fd(&run->exchange->out_read);
            return;
        }
        if (!buf_append(&run->pending, bytes, (size_t)got)) {
            hang_up(run, PDF_OUTPUT, "the reader gave more than is kept");
            return;
        }
        take_frames(run);
    }
}

static void read_status(struct run *run) {
    ssize_t got = recv(run->exchange->status_fd, (char *)&run->ended + run->ended_bytes,
                       sizeof(run->ended) - run->ended_bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    run->ended_bytes += got > 0 ? (size_t)got : 0;
    run->reaped = run->ended_bytes == sizeof(run->ended);
    run->helper_gone = !run->reaped && got <= 0;
    if (run->reaped && run->ended.magic != WIRE_MAGIC) {
        run->reaped = false;
        run->helper_gone = true;
    }
}

static void wait_for_end(struct run *run) {
    while (!run->reaped && !run->helper_gone) {
        int64_t left = run->deadline_ms - clock_monotonic_ms();
        if (left <= 0 && run->facts.killed != PDF_OK) {
            run->helper_gone = true;
            return;
        }
        if (left <= 0) {
            hang_up(run, PDF_TIME, NULL);
            continue;
        }
        struct pollfd polls[2] = {
            {.fd = run->exchange->status_fd, .events = POLLIN},
            {.fd = run->exchange->out_read, .events = POLLIN}, /* -1 once closed: not watched */
        };
        int ready = poll(polls, 2, (int)left);
        if (ready > 0 && polls[1].revents) {
            read_out(run);
        }
        if (ready > 0 && polls[0].revents) {
            read_status(run);
        }
    }
    read_out(run); /* what was written before the end */
}

enum exchange_end exchange_run(struct exchange *exchange, struct collect *collect, int time_ms,
                               struct exchange_result *ret) {
    struct run run = {.exchange = exchange, .collect = collect};
    run.pending = BUF_INIT(WIRE_HEADER_BYTES + WIRE_FRAME_BYTES_MAX + READ_BYTES);
    run.deadline_ms = clock_monotonic_ms() + time_ms;
    close_fd(&exchange->document_fd);
    close_fd(&exchange->out_write);
    close_fd(&exchange->status_peer);
    wait_for_end(&run);
    buf_finish(&run.pending);
    if (!run.reaped) {
        return EXCHANGE_HELPER_GONE;
    }
    run.facts.wait_status = run.ended.wait_status;
    run.facts.cpu_ms = (int64_t)(run.ended.cpu_ms & INT32_MAX);
    run.facts.ended = collect_ended(collect, &run.facts.end, &run.facts.end_detail);
    exchange_judge(&run.facts, ret);
    ret->cpu_ms = run.facts.cpu_ms;
    ret->peak_bytes = (int64_t)(run.ended.peak_bytes & INT64_MAX);
    return EXCHANGE_DONE;
}

static void say(struct exchange_result *ret, enum pdf_outcome outcome, const char *detail) {
    ret->outcome = outcome;
    (void)str_copy(ret->detail, sizeof(ret->detail), detail);
}

static void judge_signal(int number, int64_t cpu_ms, struct exchange_result *ret) {
    if (number == SIGXCPU || (number == SIGKILL && cpu_ms >= CPU_LIMIT_MS)) {
        say(ret, PDF_TIME, "reading the file takes more computing time than is allowed");
    } else if (number == SIGKILL) {
        say(ret, PDF_MEMORY, "the system ended the reader: out of memory");
    } else if (number == SIGSYS) {
        say(ret, PDF_CRASHED, "the reader tried what the sandbox forbids");
    } else {
        say(ret, PDF_CRASHED, "");
        (void)str_format(ret->detail, sizeof(ret->detail), "the reader crashed (%s)",
                         sigabbrev_np(number) ? sigabbrev_np(number) : "unknown signal");
    }
}

void exchange_judge(const struct exchange_facts *facts, struct exchange_result *ret) {
    static const enum pdf_outcome ends[WIRE_END_COUNT] = {
        [WIRE_END_OK] = PDF_OK,         [WIRE_END_DAMAGED] = PDF_DAMAGED, [WIRE_END_PASSWORD] = PDF_PASSWORD,
        [WIRE_END_MEMORY] = PDF_MEMORY, [WIRE_END_REFUSED] = PDF_REFUSED,
    };
    *ret = (struct exchange_result){.outcome = PDF_CRASHED};
    if (facts->killed == PDF_TIME) {
        say(ret, PDF_TIME, "reading the file takes longer than is allowed");
    } else if (facts->killed != PDF_OK) {
        say(ret, PDF_OUTPUT, facts->problem);
    } else if (facts->wait_status == -1) {
        say(ret, PDF_MEMORY, "no process could be started for the file");
    } else if (WIFSIGNALED(facts->wait_status)) {
        judge_signal(WTERMSIG(facts->wait_status), facts->cpu_ms, ret);
    } else if (WIFEXITED(facts->wait_status) && WEXITSTATUS(facts->wait_status) == 0 && facts->ended) {
        say(ret, ends[facts->end], facts->end_detail);
    } else {
        say(ret, PDF_CRASHED, "the reader ended without a result");
    }
}
