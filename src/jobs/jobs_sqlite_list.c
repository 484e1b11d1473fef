/* Pages of jobs in the embedded store: newest first by seq; the cursor is the last seq shown.
 *
 * Jobs whose CIN or name has a prefix: the matches are collected from the two indexes, which costs as much as there
 * are. When there are many, walking back from the newest meets enough of them soon; where it does not, all matches are
 * collected after all. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "jobs/jobs_sqlite.h"

enum { FEW_MATCHES = 2000, WINDOW = 20000 };

/* ---- pages ----------------------------------------------------------------------------------- */
struct page {
    const struct jobs_filter *filter;
    int64_t before_seq;
    char cin_from[COMPANY_NAME_MAX], cin_to[COMPANY_NAME_MAX + 8];   /* the prefix as a range of CINs: [from, to) */
    char name_from[COMPANY_NAME_MAX], name_to[COMPANY_NAME_MAX + 8]; /* and of lower-cased names */
    struct job *items;                                               /* limit of them */
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
    static const char status[] =
        "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_status WHERE seq < ? AND status = ? ORDER BY seq DESC";
    static const char cin[] =
        "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_cin WHERE seq < ? AND cin = ? ORDER BY seq DESC";
    const struct jobs_filter *filter = page->filter;
    AUTO_SQL struct sql sql = sql_start(conn, filter->cin ? cin : filter->status ? status : all);
    sql_int(&sql, page->before_seq);
    if (filter->cin || filter->status)
        sql_text(&sql, filter->cin ? filter->cin : filter->status);
    return fill(page, &sql, err);
}

/* ---- a prefix of CINs or names --------------------------------------------------------------- */
/* Back from the newest through at most WINDOW jobs, past those that do not match without reading them whole. */
static enum outcome walk_window(struct page *page, struct sql_conn *conn, int64_t from_seq, struct error *err) {
#define HAS_PREFIX "((cin >= ? AND cin < ?) OR (lower(company_name) >= ? AND lower(company_name) < ?))"
    static const char all[] =
        "SELECT " JOB_COLUMNS " FROM jobs NOT INDEXED WHERE seq < ? AND seq >= ? AND " HAS_PREFIX " ORDER BY seq DESC";
    static const char status[] =
        "SELECT " JOB_COLUMNS " FROM jobs INDEXED BY jobs_status WHERE seq < ? AND seq >= ? AND " HAS_PREFIX
        " AND status = ? ORDER BY seq DESC";
    AUTO_SQL struct sql sql = sql_start(conn, page->filter->status ? status : all);
    sql_int(&sql, page->before_seq);
    sql_int(&sql, from_seq);
    sql_text(&sql, page->cin_from);
    sql_text(&sql, page->cin_to);
    sql_text(&sql, page->name_from);
    sql_text(&sql, page->name_to);
    if (page->filter->status)
        sql_text(&sql, page->filter->status);
    return fill(page, &sql, err);
}

/* The newest matches of the page, newest first; one more than it shows tells whether there are more. */
struct newest {
    int64_t seqs[LIST_LIMIT_MAX + 1];
    int count, max;
    int left; /* matches that may still be looked at; below 0: too many */
};

static void insert_seq(struct newest *newest, int64_t seq) {
    int at = newest->count;
    while (at > 0 && newest->seqs[at - 1] < seq)
        at--;
    bool repeated = at > 0 && newest->seqs[at - 1] == seq; /* found by CIN and by name */
    if (repeated || at == newest->max)
        return;
    if (newest->count < newest->max)
        newest->count++;
    memmove(&newest->seqs[at + 1], &newest->seqs[at], (size_t)(newest->count - at - 1) * sizeof newest->seqs[0]);
    newest->seqs[at] = seq;
}

static enum outcome has_status(struct sql_conn *conn, int64_t seq, const char *status, bool *ret, struct error *err) {
    static const char look[] = "SELECT status FROM jobs WHERE seq = ?";
    AUTO_SQL struct sql sql = sql_start(conn, look);
    sql_int(&sql, seq);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    *ret = found && str_eq(sql_get_str(&sql), status);
    return outcome;
}

static enum outcome consider(struct page *page, struct sql_conn *conn, int64_t seq, struct newest *newest,
                             struct error *err) {
    bool old = newest->count == newest->max && seq <= newest->seqs[newest->max - 1];
    if (seq >= page->before_seq || old)
        return OK;
    bool wanted = true;
    enum outcome outcome = OK;
    if (page->filter->status)
        outcome = has_status(conn, seq, page->filter->status, &wanted, err);
    if (outcome == OK && wanted)
        insert_seq(newest, seq);
    return outcome;
}

static enum outcome collect_range(struct page *page, struct sql_conn *conn, bool by_name, struct newest *newest,
                                  struct error *err) {
    static const char cins[] = "SELECT seq FROM jobs INDEXED BY jobs_cin WHERE cin >= ? AND cin < ?";
    static const char names[] =
        "SELECT seq FROM jobs INDEXED BY jobs_name WHERE lower(company_name) >= ? AND lower(company_name) < ?";
    AUTO_SQL struct sql sql = sql_start(conn, by_name ? names : cins);
    sql_text(&sql, by_name ? page->name_from : page->cin_from);
    sql_text(&sql, by_name ? page->name_to : page->cin_to);
    bool found = true;
    enum outcome outcome = OK;
    while (outcome == OK && newest->left >= 0 && (outcome = sql_row(&sql, &found, err)) == OK && found) {
        newest->left--;
        outcome = consider(page, conn, sql_get_int(&sql), newest, err);
    }
    return outcome;
}

static enum outcome show_newest(struct page *page, struct sql_conn *conn, const struct newest *newest,
                                struct error *err) {
    static const char load[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE seq = ?";
    enum outcome outcome = OK;
    page->count = 0;
    for (int i = 0; i < newest->count && outcome == OK; i++) {
        AUTO_SQL struct sql sql = sql_start(conn, load);
        sql_int(&sql, newest->seqs[i]);
        outcome = fill(page, &sql, err);
    }
    return outcome;
}

/* Looks at no more than that many matches; *ret_all false: there are more, and the page is as it was. */
static enum outcome search_ranges(struct page *page, struct sql_conn *conn, int most, bool *ret_all,
                                  struct error *err) {
    struct newest newest = {.max = page->filter->limit + 1, .left = most};
    enum outcome outcome = collect_range(page, conn, false, &newest, err);
    if (outcome == OK)
        outcome = collect_range(page, conn, true, &newest, err);
    *ret_all = newest.left >= 0;
    return outcome == OK && *ret_all ? show_newest(page, conn, &newest, err) : outcome;
}

static enum outcome newest_seq(struct sql_conn *conn, int64_t *ret, struct error *err) {
    static const char look[] = "SELECT max(seq) FROM jobs";
    AUTO_SQL struct sql sql = sql_start(conn, look);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome == OK)
        *ret = sql_get_int(&sql);
    return outcome;
}

static enum outcome count_status(struct sql_conn *conn, const char *status, int64_t *ret, struct error *err) {
    static const char look[] = "SELECT jobs FROM counts WHERE status = ?";
    AUTO_SQL struct sql sql = sql_start(conn, look);
    sql_text(&sql, status);
    bool found = false;
    enum outcome outcome = sql_row(&sql, &found, err);
    if (outcome == OK)
        *ret = found ? sql_get_int(&sql) : 0;
    return outcome;
}

static enum outcome search(struct page *page, struct sql_conn *conn, struct error *err) {
    bool all = false;
    int64_t newest = 0, of_status = INT64_MAX;
    enum outcome outcome = search_ranges(page, conn, FEW_MATCHES, &all, err);
    if (outcome == OK && !all && page->filter->status)
        outcome = count_status(conn, page->filter->status, &of_status, err);
    if (outcome != OK || all)
        return outcome;
    if (of_status <= WINDOW)
        return walk_window(page, conn, 0, err);
    outcome = newest_seq(conn, &newest, err);
    int64_t from_seq = (page->before_seq <= newest ? page->before_seq : newest + 1) - WINDOW;
    if (outcome == OK)
        outcome = walk_window(page, conn, from_seq, err);
    if (outcome != OK || page->more || from_seq <= 1)
        return outcome;
    return search_ranges(page, conn, INT_MAX, &all, err);
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
    outcome = filter->prefix && !filter->cin ? search(&page, reader.conn, err) : walk(&page, reader.conn, err);
    for (int i = 0; i < page.count && outcome == OK; i++)
        outcome = sqlite_count_live(reader.conn, &items[i], err);
    if (outcome != OK)
        return outcome;
    *ret = (struct job_list){.items = take_ptr(items), .count = page.count};
    if (page.more)
        str_format(ret->next, sizeof ret->next, "%lld", (long long)page.last_seq);
    return OK;
}
