/* One document's exchange with a helper played by the test: floods, lies, silence, a helper that dies. */
#include "pdf/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "pdf_frames.h"
#include "support/test.h"

enum { EXITED_0 = 0, LONG_MS = 60000 };

/* What a helper and its child do, in a thread. It owns copies of the descriptors. */
struct script {
    void (*play)(struct script *script);
    int out, status;
    int number;
};

static struct exchange exchange;
static struct collect *collect;
static struct exchange_result result;

static void *play(void *argument) {
    struct script *script = argument;
    script->play(script);
    if (script->out >= 0)
        close(script->out);
    if (script->status >= 0)
        close(script->status);
    return NULL;
}

static void say_ended(struct script *script, int wait_status, uint64_t cpu_ms) {
    struct wire_ended ended = {WIRE_MAGIC, wait_status, cpu_ms, 5 << 20};
    assert_int_equal(send(script->status, &ended, sizeof(ended), MSG_NOSIGNAL), sizeof(ended));
}

static void send_frame(struct script *script, struct frame *frame) {
    size_t size = frame_bytes(frame);
    (void)!write(script->out, frame->bytes, size);
}

/* As the real helper: waits until the host hangs up, then says that the child was killed. */
static void wait_for_hang_up(struct script *script) {
    struct pollfd wait = {.fd = script->status, .events = POLLIN | POLLRDHUP};
    assert_true(poll(&wait, 1, LONG_MS) > 0);
    say_ended(script, SIGKILL, 10);
}

static enum exchange_end run(void (*how)(struct script *), int time_ms) {
    struct error err;
    assert_int_equal(exchange_open(&exchange, "%PDF-", 5, &err), OK);
    collect = collect_create();
    struct script script = {how, dup(exchange.out_write), dup(exchange.status_peer), 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play, &script), 0);
    enum exchange_end end = exchange_run(&exchange, collect, time_ms, &result);
    exchange_finish(&exchange);
    pthread_join(thread, NULL);
    collect_destroy(collect);
    return end;
}

static void plays_well(struct script *script) {
    static struct frame frame;
    frame_document(&frame, 1);
    send_frame(script, &frame);
    frame_end(&frame, WIRE_END_OK, "");
    size_t size = frame_bytes(&frame);
    for (size_t i = 0; i < size; i++) /* byte by byte */
        assert_int_equal(write(script->out, frame.bytes + i, 1), 1);
    say_ended(script, EXITED_0, 3);
}

static void a_good_document(void **state) {
    (void)state;
    assert_int_equal(run(plays_well, LONG_MS), EXCHANGE_DONE);
    assert_int_equal(result.outcome, PDF_OK);
    assert_int_equal(result.cpu_ms, 3);
    assert_int_equal(result.peak_bytes, 5 << 20);
}

static void plays_flood(struct script *script) {
    static struct frame frame;
    frame_warning(&frame, "flood", "");
    signal(SIGPIPE, SIG_IGN);
    size_t size = frame_bytes(&frame);
    while (write(script->out, frame.bytes, size) > 0) { /* until the host hangs up */
    }
    wait_for_hang_up(script);
}

static void a_flood_of_frames_is_output(void **state) {
    (void)state;
    assert_int_equal(run(plays_flood, LONG_MS), EXCHANGE_DONE);
    assert_int_equal(result.outcome, PDF_OUTPUT);
}

static void plays_giant(struct script *script) {
    unsigned char header[WIRE_HEADER_BYTES];
    wire_put_header(header, WIRE_PAGE, UINT32_MAX);
    assert_int_equal(write(script->out, header, sizeof(header)), sizeof(header));
    wait_for_hang_up(script);
}

static void a_giant_frame_is_output_before_it_is_read(void **state) {
    (void)state;
    assert_int_equal(run(plays_giant, LONG_MS), EXCHANGE_DONE);
    assert_int_equal(result.outcome, PDF_OUTPUT);
}

static void plays_garbage(struct script *script) {
    (void)!write(script->out, "HTTP/1.1 200 OK\r\n\r\n", 19);
    wait_for_hang_up(script);
}

static void garbage_is_output(void **state) {
    (void)state;
    assert_int_equal(run(plays_garbage, LONG_MS), EXCHANGE_DONE);
    assert_int_equal(result.outcome, PDF_OUTPUT);
}

static void plays_late_garbage(struct script *script) {
    static struct frame frame;
    frame_end(&frame, WIRE_END_OK, "");
    send_frame(script, &frame);
    send_frame(script, &frame);
    say_ended(script, EXITED_0, 1);
}

static void a_second_end_is_output(void **state) {
    (void)state;
    assert_int_equal(run(plays_late_garbage, LONG_MS), EXCHANGE_DONE);
    assert_int_equal(result.outcome, PDF_OUTPUT);
}

static void the_wall_clock_is_kept(void **state) {
    (void)state;
    int64_t start = clock_monotonic_ms();
    assert_int_equal(run(wait_for_hang_up, 100), EXCHANGE_DONE);
    assert_int_equal(result.outcome, PDF_TIME);
    assert_true(clock_monotonic_ms() - start >= 100);
}

static void plays_closed_output(struct script *script) {
    close(script->out);
    script->out = -1;
    wait_for_hang_up(script);
}

static void a_child_that_closes_its_output_and_goes_on_is_killed(void **state) {
    (void)state;
    assert_int_equal(run(plays_closed_output, 100), EXCHANGE_DONE);
    assert_int_equal(result.outcome, PDF_TIME);
}

static void plays_dead_helper(struct script *script) {
    static struct frame frame;
    frame_end(&frame, WIRE_END_OK, "");
    send_frame(script, &frame);
}

static void a_helper_that_dies_is_noticed(void **state) {
    (void)state;
    assert_int_equal(run(plays_dead_helper, LONG_MS), EXCHANGE_HELPER_GONE);
}

static void plays_half_status(struct script *script) {
    uint32_t magic = WIRE_MAGIC;
    assert_int_equal(send(script->status, &magic, sizeof(magic), MSG_NOSIGNAL), sizeof(magic));
}

static void half_a_status_is_a_dead_helper(void **state) {
    (void)state;
    assert_int_equal(run(plays_half_status, LONG_MS), EXCHANGE_HELPER_GONE);
}

static void plays_other_status(struct script *script) {
    const struct wire_ended ended = {.magic = WIRE_MAGIC + 1};
    assert_int_equal(send(script->status, &ended, sizeof(ended), MSG_NOSIGNAL), sizeof(ended));
}

static void a_status_that_is_none_is_a_dead_helper(void **state) {
    (void)state;
    assert_int_equal(run(plays_other_status, LONG_MS), EXCHANGE_HELPER_GONE);
}

static void plays_stuck(struct script *script) {
    struct pollfd wait = {.fd = script->status, .events = POLLIN | POLLRDHUP};
    assert_true(poll(&wait, 1, LONG_MS) > 0);
    struct pollfd closed = {.fd = script->status, .events = POLLHUP};
    while (poll(&closed, 1, LONG_MS) > 0 && !(closed.revents & POLLHUP)) { /* says nothing until the host gives up */
    }
}

static void a_helper_that_does_not_kill_is_given_up(void **state) {
    (void)state;
    int64_t start = clock_monotonic_ms();
    assert_int_equal(run(plays_stuck, 50), EXCHANGE_HELPER_GONE);
    assert_true(clock_monotonic_ms() - start < LONG_MS / 2);
}

static void the_document_is_sealed(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(exchange_open(&exchange, "%PDF-1.7", 8, &err), OK);
    struct stat stat;
    assert_int_equal(fstat(exchange.document_fd, &stat), 0);
    assert_int_equal(stat.st_size, 8);
    assert_int_equal(ftruncate(exchange.document_fd, 4), -1);
    assert_int_equal(pwrite(exchange.document_fd, "x", 1, 0), -1);
    assert_true(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, exchange.document_fd, 0) == MAP_FAILED);
    exchange_finish(&exchange);
}

static void judge(int wait_status, int64_t cpu_ms, bool ended, enum wire_end end, enum pdf_outcome expected) {
    const struct exchange_facts facts = {
        .wait_status = wait_status, .cpu_ms = cpu_ms, .ended = ended, .end = end, .end_detail = "why"};
    exchange_judge(&facts, &result);
    if (result.outcome != expected)
        fail_msg("wait status 0x%x: %s instead of %s", wait_status, pdf_outcome_name(result.outcome),
                 pdf_outcome_name(expected));
    assert_true(*result.detail != 0);
}

static void every_end_has_its_outcome(void **state) {
    (void)state;
    judge(0, 1, true, WIRE_END_OK, PDF_OK);
    judge(0, 1, true, WIRE_END_DAMAGED, PDF_DAMAGED);
    judge(0, 1, true, WIRE_END_PASSWORD, PDF_PASSWORD);
    judge(0, 1, true, WIRE_END_MEMORY, PDF_MEMORY);
    judge(0, 1, true, WIRE_END_REFUSED, PDF_REFUSED);
    judge(0, 1, false, WIRE_END_OK, PDF_CRASHED);
    judge(1 << 8, 1, true, WIRE_END_OK, PDF_CRASHED);
    judge(SIGSEGV, 1, false, WIRE_END_OK, PDF_CRASHED);
    judge(SIGSEGV, 1, true, WIRE_END_OK, PDF_CRASHED);
    judge(SIGSYS, 1, false, WIRE_END_OK, PDF_CRASHED);
    assert_non_null(strstr(result.detail, "sandbox"));
    judge(SIGABRT, 1, false, WIRE_END_OK, PDF_CRASHED);
    judge(SIGXCPU, 20000, false, WIRE_END_OK, PDF_TIME);
    judge(SIGKILL, 20900, false, WIRE_END_OK, PDF_TIME);
    judge(SIGKILL, 10, false, WIRE_END_OK, PDF_MEMORY);
    judge(-1, 0, false, WIRE_END_OK, PDF_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_document),
        cmocka_unit_test(a_flood_of_frames_is_output),
        cmocka_unit_test(a_giant_frame_is_output_before_it_is_read),
        cmocka_unit_test(garbage_is_output),
        cmocka_unit_test(a_second_end_is_output),
        cmocka_unit_test(the_wall_clock_is_kept),
        cmocka_unit_test(a_child_that_closes_its_output_and_goes_on_is_killed),
        cmocka_unit_test(a_helper_that_dies_is_noticed),
        cmocka_unit_test(half_a_status_is_a_dead_helper),
        cmocka_unit_test(a_status_that_is_none_is_a_dead_helper),
        cmocka_unit_test(a_helper_that_does_not_kill_is_given_up),
        cmocka_unit_test(the_document_is_sealed),
        cmocka_unit_test(every_end_has_its_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
