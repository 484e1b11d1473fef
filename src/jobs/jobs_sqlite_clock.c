/* The embedded store's clock. Every process of one boot of this machine sees the same time, whatever its wall clock is
 * made to say: store time = anchor + CLOCK_BOOTTIME, the anchor being written once a boot: max(wall clock, last store
 * time seen). */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/fdio.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

/* A raw system call: libraries that fake a process's clock stand before libc's functions. */
static int64_t kernel_ms(clockid_t clock) {
    struct timespec now = {0};
    syscall(SYS_clock_gettime, clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sqlite_boot_ms(void) {
    return kernel_ms(CLOCK_BOOTTIME);
}

void sqlite_wait_ms(pthread_cond_t *changed, pthread_mutex_t *lock, int64_t wait_ms) {
    const struct timespec until = cond_deadline(wait_ms > 0 ? wait_ms : 0);
    pthread_cond_timedwait(changed, lock, &until);
}

int64_t sqlite_now_ms(struct sqlite_store *store) {
    return atomic_load(&store->anchor_ms) + atomic_load(&store->shift_ms) + sqlite_boot_ms();
}

static enum outcome read_boot_id(struct buf *ret, struct error *err) {
    enum outcome outcome = file_read("/proc/sys/kernel/random/boot_id", ret, err);
    if (outcome != OK)
        return error_set(err, FATAL, "no_boot_id",
                         "the kernel does not say which boot this is (/proc is not mounted?)");
    str_trim(ret->data);
    return OK;
}

static enum outcome write_anchor(struct sql_conn *conn, const char *boot_id, int64_t anchor_ms, int64_t seen_ms,
                                 struct error *err) {
    static const char write[] = "UPDATE store SET boot_id = ?, anchor_ms = ?, last_seen_ms = ?";
    AUTO_SQL struct sql sql = sql_start(conn, write);
    sql_text(&sql, boot_id);
    sql_int(&sql, anchor_ms);
    sql_int(&sql, seen_ms);
    return sql_run(&sql, err);
}

enum outcome sqlite_clock_start(struct sqlite_store *store, struct sql_conn *conn, struct error *err) {
    static const char read[] = "SELECT boot_id, anchor_ms, last_seen_ms FROM store";
    AUTO_BUF struct buf boot_id = BUF_INIT(128);
    enum outcome outcome = read_boot_id(&boot_id, err);
    if (outcome != OK)
        return outcome;
    bool found = false;
    int64_t anchor_ms = 0, last_seen_ms = 0;
    bool same_boot = false;
    {
        AUTO_SQL struct sql sql = sql_start(conn, read);
        outcome = sql_row(&sql, &found, err);
        if (outcome != OK)
            return outcome;
        if (found) {
            same_boot = str_eq(sql_get_str(&sql), buf_str(&boot_id));
            anchor_ms = sql_get_int(&sql);
            last_seen_ms = sql_get_int(&sql);
        }
    }
    if (!same_boot) {
        int64_t wall_ms = kernel_ms(CLOCK_REALTIME);
        int64_t start_ms = wall_ms > last_seen_ms ? wall_ms : last_seen_ms;
        anchor_ms = start_ms - sqlite_boot_ms();
        if (!store->read_only)
            outcome = write_anchor(conn, buf_str(&boot_id), anchor_ms, start_ms, err);
    }
    if (outcome == OK)
        atomic_store(&store->anchor_ms, anchor_ms);
    return outcome;
}

enum outcome sqlite_clock_note(struct sqlite_store *store, struct sql_conn *conn, struct error *err) {
    static const char note[] = "UPDATE store SET last_seen_ms = ?1 WHERE last_seen_ms < ?1";
    AUTO_SQL struct sql sql = sql_start(conn, note);
    sql_int(&sql, sqlite_now_ms(store));
    return sql_run(&sql, err);
}
