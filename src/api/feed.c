/* Which jobs changed since the last look (feed.h). */
#include "api/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

enum { PROCESSING_MAX = 200, NEWEST_MAX = 50, PROGRESS_MAX = 20, FULL_LOOK_MS = 5000, EVENT_MAX_BYTES = 32 * 1024 };

struct seen {
    char id[OBJECT_ID_MAX];
    uint64_t digest;
    bool processing;
};

struct seen_list {
    struct seen *items;
    int count;
};

struct feed {
    struct sse_channel *events;
    struct seen_list seen;
    struct jobs_counts counts;
    bool primed;
    int64_t looked_ms;
};

struct feed *feed_create(struct sse_channel *events) {
    struct feed *feed = x_alloc(sizeof(*feed));
    feed->events = events;
    return feed;
}

void feed_destroy(struct feed *feed) {
    if (feed) {
        free(feed->seen.items);
        free(feed);
    }
}

void feed_fill_progress(struct jobs *jobs, struct job *job) {
    if (job->status != JOB_PROCESSING) {
        return;
    }
    struct error ignored;
    if (job->total_documents == 0 && job->run.listed > 0) {
        job->total_documents = job->run.listed;
    }
    struct filing_list filings = {0};
    if (job->total_documents == 0 && jobs_get_filings(jobs, job->id, &filings, &ignored) == OK) {
        job->total_documents = filings.count;
        filing_list_finish(&filings);
    }
    bool have[FILINGS_MAX + 1];
    int count = 0;
    if (job->total_documents > 0 && jobs_have_rows(jobs, job->id, have, (int)COUNT_OF(have), &count, &ignored) == OK &&
        count > job->downloaded_documents) {
        job->downloaded_documents = count;
    }
}

static uint64_t digest_add(uint64_t digest, int64_t value) {
    return (digest ^ (uint64_t)value) * 1099511628211u; /* FNV-1a's prime */
}

static uint64_t digest_of(const struct job *job) {
    uint64_t digest = 14695981039346656037u;
    digest = digest_add(digest, (int64_t)job->status);
    digest = digest_add(digest, job->updated_at_ms);
    digest = digest_add(digest, job->total_documents);
    digest = digest_add(digest, job->downloaded_documents);
    digest = digest_add(digest, job->runs);
    digest = digest_add(digest, job->available_at_ms);
    return digest_add(digest, job->cancel_requested);
}

static const struct seen *find(const struct seen_list *list, const char *id) {
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].id, id) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

/* Enters the job into the new list and publishes it when it differs from the old one. */
static void look_at(struct feed *feed, struct seen_list *now, const struct job *job, const struct view_clock *clock) {
    if (find(now, job->id)) {
        return;
    }
    struct seen *entry = &now->items[now->count++];
    *entry = (struct seen){.digest = digest_of(job), .processing = job->status == JOB_PROCESSING};
    (void)str_copy(entry->id, sizeof(entry->id), job->id);
    const struct seen *before = find(&feed->seen, job->id);
    if (!feed->primed || (before && before->digest == entry->digest)) {
        return;
    }
    AUTO_JSON json_t *view = view_job(job, clock);
    AUTO_BUF struct buf data = BUF_INIT(EVENT_MAX_BYTES);
    if (json_append(&data, view)) {
        sse_publish(feed->events, "job", data.data);
    }
}

static enum outcome look_at_list(struct feed *feed, struct jobs *jobs, const char *status, int limit,
                                 struct seen_list *now, const struct view_clock *clock, struct error *err) {
    struct job_list list = {0};
    const struct jobs_filter filter = {.status = status, .limit = limit};
    enum outcome outcome = jobs_list(jobs, &filter, &list, err);
    for (int i = 0; outcome == OK && i < list.count; i++) {
        if (i < PROGRESS_MAX) {
            feed_fill_progress(jobs, &list.items[i]);
        }
        look_at(feed, now, &list.items[i], clock);
    }
    if (outcome == OK) {
        job_list_finish(&list);
    }
    return outcome;
}

static enum outcome look_at_one(struct feed *feed, struct jobs *jobs, const char *id, struct seen_list *now,
                                const struct view_clock *clock, struct error *err) {
    if (find(now, id)) {
        return OK;
    }
    struct job job;
    enum outcome outcome = jobs_get(jobs, id, &job, err);
    if (outcome == OK) {
        look_at(feed, now, &job, clock);
    }
    return outcome == GONE ? OK : outcome;
}

static bool nothing_changed(const struct feed *feed, const struct jobs_counts *counts,
                            const struct feed_touched *touched) {
    return feed->primed && touched->count == 0 && counts->by_status[JOB_PROCESSING] == 0 &&
           memcmp(counts->by_status, feed->counts.by_status, sizeof(counts->by_status)) == 0 &&
           clock_monotonic_ms() - feed->looked_ms < FULL_LOOK_MS;
}

enum outcome feed_tick(struct feed *feed, struct jobs *jobs, const struct jobs_counts *counts,
                       const struct view_clock *clock, const struct feed_touched *touched, struct error *err) {
    if (nothing_changed(feed, counts, touched)) {
        return OK;
    }
    size_t most = PROCESSING_MAX + NEWEST_MAX + FEED_TOUCHED_MAX + (size_t)feed->seen.count;
    struct seen_list now = {.items = x_alloc(most * sizeof(*now.items))};
    enum outcome outcome = look_at_list(feed, jobs, "processing", PROCESSING_MAX, &now, clock, err);
    if (outcome == OK) {
        outcome = look_at_list(feed, jobs, NULL, NEWEST_MAX, &now, clock, err);
    }
    for (int i = 0; outcome == OK && i < touched->count; i++) {
        outcome = look_at_one(feed, jobs, touched->ids[i], &now, clock, err);
    }
    for (int i = 0; outcome == OK && i < feed->seen.count; i++) {
        if (feed->seen.items[i].processing) {
            outcome = look_at_one(feed, jobs, feed->seen.items[i].id, &now, clock, err);
        }
    }
    if (outcome != OK) {
        free(now.items); /* what was published already is published once more next time: harmless */
        return outcome;
    }
    free(feed->seen.items);
    feed->seen = now;
    feed->counts = *counts;
    feed->primed = true;
    feed->looked_ms = clock_monotonic_ms();
    return OK;
}
