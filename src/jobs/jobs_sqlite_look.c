/* Looking into the embedded store: one job, pages of jobs, runs, counts. Reads only, each by an index.
 *
 * A page is newest first by seq; its cursor is the last seq shown. Jobs whose CIN or name has a prefix: few matches are collected from
 * the two indexes and sorted here; many are found by walking back from the newest, which then meets one soon. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

enum { FEW_MATCHES = 2000 };

/* Counts of rows, true at this moment; finished jobs keep what their end counted. */
static enum outcome count_live(struct sql_conn *conn, struct job *job, struct error *err) {
    struct completeness rows;
    if (!job_status_open(job->status))
        return OK;
    enum outcome outcome = sqlite_count_rows(conn, job->id, &rows, err);
    if (outcome == OK)
        job_count_rows(job, &rows);
    return outcome;
}

enum outcome sqlite_get(struct jobs *jobs, const char *job_id, struct job *ret, struct error *err) {
    AUTO_READER struct sqlite_reader reader = {0};
    struct job job;
    int64_t seq;
    bool found = false;
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome == OK)
        outcome = sqlite_load_job(reader.conn, job_id, &job, &seq, &found, err);
    if (outcome == OK && !found)
        return error_set(err, GONE, "unknown_job", "there is no such job");
    if (outcome == OK)
        outcome = count_live(reader.conn, &job, err);
    if (outcome == OK)
        *ret = job;
    return outcome;
}

/* ---- pages --------------------------------------------------------------------------------------------------------- */
struct page {
    const struct jobs_filter *filter;
    int64_t before_seq;
    char cin_from[COMPANY_NAME_MAX], cin_to[COMPANY_NAME_MAX + 8];   /* the prefix as a range of CINs: [from, to) */
    char name_from[COMPANY_NAME_MAX], name_to[COMPANY_NAME_MAX + 8]; /* and of lower-cased names */
    struct job *items; /* limit of them */
    int count;
    int64_t last_seq;
    bool more; /* one more job than the limit matches */
};

static bool matches(const struct page *page, const struct job *job) {
    const struct jobs_filter *filter = page->filter;
    if (filter->status && !str_eq(filter->status, job_status_name(job->status)))
        return false;
    if (!filter->prefix)
        return true;
    char name[COMPANY_NAME_MAX];
    str_copy(name, sizeof name, job->company.name);
    str_lower(name);
    return str_starts_with(job->company.cin, page->cin_from) || str_starts_with(name, page->name_from);
}

static void add_to_page(struct page *page, const struct job *job, int64_t seq) {
    if (!matches(page, job))
        return;
    if (page->count == page->filter->limit) {
        page->more = true;
        return;
    }
    page->items[page->count++] = *job;
    page->last_seq = seq;
}

static enum outcome fill(struct page *page, struct sql *sql, struct error *err) {
    bool found = true;
    enum outcome outcome;
    while ((outcome = sql_row(sql, &found, err)) == OK && found && !page->more) {
        struct job job;
        int64_t seq;
        sqlite_get_job(sql, &job, &seq);
        add_to_page(page, &job, seq);
    }
    return outcome;
}

static enum outcome walk(struct page *page, struct sql_conn *conn, struct error *err) {
    static const char all[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE seq < ? ORDER BY seq DESC";
    static const char status[] = "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_status WHERE seq < ? AND status = ? ORDER BY seq DESC";
    static const char cin[] = "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_cin WHERE seq < ? AND cin = ? ORDER BY seq DESC";
    const struct jobs_filter *filter = page->filter;
    AUTO_SQL struct sql sql = sql_start(conn, filter->cin ? cin : filter->status ? status : all);
    sql_int(&sql, page->before_seq);
    if (filter->cin || filter->status)
        sql_text(&sql, filter->cin ? filter->cin : filter->status);
    return fill(page, &sql, err);
}

/* The same, past jobs that do not match without reading them whole. */
static enum outcome walk_prefix(struct page *page, struct sql_conn *conn, struct error *err) {
#define HAS_PREFIX "((cin >= ? AND cin < ?) OR (lower(company_name) >= ? AND lower(company_name) < ?))"
    static const char all[] = "SELECT " JOB_COLUMNS " FROM jobs NOT INDEXED WHERE seq < ? AND " HAS_PREFIX " ORDER BY seq DESC";
    static const char status[] = "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_status WHERE seq < ? AND " HAS_PREFIX
                                 " AND status = ? ORDER BY seq DESC";
    AUTO_SQL struct sql sql = sql_start(conn, page->filter->status ? status : all);
    sql_int(&sql, page->before_seq);
    sql_text(&sql, page->cin_from);
    sql_text(&sql, page->cin_to);
    sql_text(&sql, page->name_from);
    sql_text(&sql, page->name_to);
    if (page->filter->status)
        sql_text(&sql, page->filter->status);
    return fill(page, &sql, err);
}

/* ---- few matches of a prefix ------------------------------------------------------------------------------------------- */
struct matches {
    int64_t seqs[2 * (FEW_MATCHES + 1)];
    int count;
    bool many;
};

static enum outcome collect(struct sql_conn *conn, const char *constant_text, const char *from, const char *to, struct matches *matches,
                            struct error *err) {
    AUTO_SQL struct sql sql = sql_start(conn, constant_text);
    sql_text(&sql, from);
    sql_text(&sql, to);
    sql_int(&sql, FEW_MATCHES + 1);
    int count = 0;
    bool found = true;
    enum outcome outcome;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        matches->seqs[matches->count++] = sql_get_int(&sql);
        count++;
    }
    matches->many = matches->many || count > FEW_MATCHES;
    return outcome;
}

static int newest_first(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? 1 : a > b ? -1 : 0;
}

static enum outcome show_matches(struct page *page, struct sql_conn *conn, struct matches *matches, struct error *err) {
    static const char load[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE seq = ?";
    qsort(matches->seqs, (size_t)matches->count, sizeof matches->seqs[0], newest_first);
    enum outcome outcome = OK;
    for (int i = 0; i < matches->count && outcome == OK && !page->more; i++) {
        bool repeated = i > 0 && matches->seqs[i] == matches->seqs[i - 1]; /* found by CIN and by name */
        if (repeated || matches->seqs[i] >= page->before_seq)
            continue;
        AUTO_SQL struct sql sql = sql_start(conn, load);
        sql_int(&sql, matches->seqs[i]);
        outcome = fill(page, &sql, err);
    }
    return outcome;
}

static enum outcome find_prefix(struct page *page, struct sql_conn *conn, struct error *err) {
    static const char by_cin[] = "SELECT seq FROM jobs INDEXED BY jobs_cin WHERE cin >= ? AND cin < ? LIMIT ?";
    static const char by_name[] =
        "SELECT seq FROM jobs INDEXED BY jobs_name WHERE lower(company_name) >= ? AND lower(company_name) < ? LIMIT ?";
    AUTO_FREE struct matches *matches = x_alloc(sizeof *matches);
    enum outcome outcome = collect(conn, by_cin, page->cin_from, page->cin_to, matches, err);
    if (outcome == OK && !matches->many)
        outcome = collect(conn, by_name, page->name_from, page->name_to, matches, err);
    if (outcome != OK)
        return outcome;
    return matches->many ? walk_prefix(page, conn, err) : show_matches(page, conn, matches, err);
}

static void upper(char *text) {
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
}

static enum outcome start_page(struct page *page, struct error *err) {
    static const char last_character[] = "\xf4\x8f\xbf\xbf";
    const struct jobs_filter *filter = page->filter;
    page->before_seq = INT64_MAX;
    if (filter->cursor && !num_parse(filter->cursor, 1, INT64_MAX, &page->before_seq))
        return error_set(err, INVALID, "bad_cursor", "the cursor is not one that a page gave");
    if (!filter->prefix)
        return OK;
    str_copy(page->cin_from, sizeof page->cin_from, filter->prefix);
    upper(page->cin_from);
    str_format(page->cin_to, sizeof page->cin_to, "%s%s", page->cin_from, last_character);
    str_copy(page->name_from, sizeof page->name_from, filter->prefix);
    str_lower(page->name_from);
    str_format(page->name_to, sizeof page->name_to, "%s%s", page->name_from, last_character);
    return OK;
}

enum outcome sqlite_list(struct jobs *jobs, const struct jobs_filter *filter, struct job_list *ret, struct error *err) {
    struct page page = {.filter = filter};
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = start_page(&page, err);
    if (outcome == OK)
        outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome != OK)
        return outcome;
    AUTO_FREE struct job *items = x_alloc((size_t)filter->limit * sizeof *items);
    page.items = items;
    outcome = filter->prefix && !filter->cin ? find_prefix(&page, reader.conn, err) : walk(&page, reader.conn, err);
    for (int i = 0; i < page.count && outcome == OK; i++)
        outcome = count_live(reader.conn, &items[i], err);
    if (outcome != OK)
        return outcome;
    *ret = (struct job_list){.items = take_ptr(items), .count = page.count};
    if (page.more)
        str_format(ret->next, sizeof ret->next, "%lld", (long long)page.last_seq);
    return OK;
}

/* ---- runs and counts --------------------------------------------------------------------------------------------------- */
enum outcome sqlite_list_runs(struct jobs *jobs, const char *job_id, struct run_list *ret, struct error *err) {
    static const char read[] = "SELECT " RUN_COLUMNS " FROM runs WHERE job_id = ? ORDER BY seq";
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome != OK)
        return outcome;
    AUTO_SQL struct sql sql = sql_start(reader.conn, read);
    sql_text(&sql, job_id);
    struct run_list list = {0};
    bool found = true;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        list.items = x_realloc(list.items, (size_t)list.count + 1, sizeof *list.items);
        sqlite_get_run(&sql, &list.items[list.count++]);
    }
    if (outcome == OK)
        *ret = list;
    else
        run_list_finish(&list);
    return outcome;
}

static enum outcome read_counts(struct sql_conn *conn, struct jobs_counts *ret, int64_t *ret_in_progress, struct error *err) {
    static const char read[] = "SELECT status, jobs FROM counts";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    bool found = true;
    enum outcome outcome;
    while ((outcome = sql_row(&sql, &found, err)) == OK && found) {
        const char *word = sql_get_str(&sql);
        bool in_progress = str_eq(word, "in_progress"); /* another program's word for processing */
        enum job_status status = JOB_PROCESSING;
        bool known = in_progress || job_status_parse(word, &status);
        int64_t jobs = sql_get_int(&sql);
        ret->total += jobs;
        if (known)
            ret->by_status[status] += jobs;
        if (in_progress)
            *ret_in_progress = jobs;
    }
    return outcome;
}

struct due {
    int64_t later, foreign; /* not due yet; not taken in yet */
    int64_t oldest_ms;      /* of those that are due; 0: none */
};

static enum outcome read_due(struct sql_conn *conn, enum job_status status, int64_t now_ms, struct due *ret, struct error *err) {
#define OF_STATUS " FROM jobs INDEXED BY jobs_due WHERE status IN ('pending', 'processing') AND status = ?1 "
    static const char read[] = "SELECT (SELECT count(*)" OF_STATUS "AND available_at > ?2), "
                               "(SELECT count(*)" OF_STATUS "AND available_at IS NULL), "
                               "(SELECT available_at" OF_STATUS "AND available_at <= ?2 ORDER BY available_at LIMIT 1)";
    AUTO_SQL struct sql sql = sql_start(conn, read);
    sql_text(&sql, job_status_name(status));
    sql_int(&sql, now_ms);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome != OK)
        return outcome;
    ret->later = sql_get_int(&sql);
    ret->foreign = sql_get_int(&sql);
    ret->oldest_ms = sql_get_int(&sql);
    return OK;
}

enum outcome sqlite_count(struct jobs *jobs, struct jobs_counts *ret, struct error *err) {
    struct jobs_counts counts = {0};
    int64_t in_progress = 0;
    AUTO_READER struct sqlite_reader reader = {0};
    enum outcome outcome = sqlite_reader_take(jobs, &reader, err);
    if (outcome == OK)
        outcome = sqlite_snapshot_begin(reader.conn, err);
    if (outcome == OK)
        outcome = read_counts(reader.conn, &counts, &in_progress, err);
    counts.now_ms = sqlite_now_ms(sqlite_store(jobs));
    struct due pending = {0}, processing = {0};
    if (outcome == OK)
        outcome = read_due(reader.conn, JOB_PENDING, counts.now_ms, &pending, err);
    if (outcome == OK)
        outcome = read_due(reader.conn, JOB_PROCESSING, counts.now_ms, &processing, err);
    if (outcome != OK)
        return outcome;
    counts.leased = processing.later;
    counts.claimable = counts.by_status[JOB_PENDING] - pending.later - pending.foreign;
    counts.claimable += counts.by_status[JOB_PROCESSING] - in_progress - processing.later - processing.foreign;
    int64_t oldest_ms = counts.now_ms;
    if (pending.oldest_ms)
        oldest_ms = pending.oldest_ms;
    if (processing.oldest_ms && processing.oldest_ms < oldest_ms)
        oldest_ms = processing.oldest_ms;
    counts.oldest_waiting_ms = counts.now_ms - oldest_ms;
    *ret = counts;
    return OK;
}
