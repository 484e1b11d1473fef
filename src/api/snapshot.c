/* The thread that looks at the store for everybody (snapshot.h). */
#include "api/snapshot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/feed.h"
#include "api/json_views.h"
#include "api/threads.h"
#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/str.h"

enum {
    TICK_MS = 500,
    TOUCHED_TICK_MS = 200,
    TOTALS_EVERY_MS = 1000,
    TOTALS_SHARE = 10,
    STATS_AT_LEAST_MS = 10000,
    SAMPLES = 61
};

struct sample { /* of the sums, each second */
    int64_t taken_ms, created, finished, documents, failed_runs;
};

struct snapshot {
    struct store *store;
    struct api_metrics *metrics;
    struct sse_channel *events;
    struct feed *feed;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* under the lock */
    bool stopping, ended, valid, touched_any;
    struct feed_touched touched;
    struct snapshot_data data;
    int64_t contact_ms; /* monotonic; 0: never */
    bool tried;         /* to open the store: `opened` and `open_err` say how it went */
    enum outcome opened;
    struct error open_err;
    /* the thread's own */
    struct sample samples[SAMPLES];
    int samples_count;
    int64_t totals_ms, totals_pause_ms, published_ms;
    struct snapshot_data published;
    bool told_down;
};

static int64_t sum(const int64_t *values, int count) {
    int64_t all = 0;
    for (int i = 0; i < count; i++) {
        all += values[i];
    }
    return all;
}

/* Keeps a minute of samples; the rate is last minus first. */
static void add_sample(struct snapshot *own, const struct totals *totals, int64_t now_ms) {
    if (own->samples_count == SAMPLES) {
        memmove(&own->samples[0], &own->samples[1], (SAMPLES - 1) * sizeof(own->samples[0]));
        own->samples_count--;
    }
    own->samples[own->samples_count++] = (struct sample){
        .taken_ms = now_ms,
        .created = totals->jobs_placed,
        .finished = totals->runs[RUN_COMPLETED],
        .documents = sum(totals->documents, COUNT_OF(totals->documents)),
        .failed_runs = totals->runs[RUN_FAILED],
    };
}

static struct snapshot_rates rates_of(const struct snapshot *own, const struct totals *totals) {
    const struct sample *first = &own->samples[0], *last = &own->samples[own->samples_count - 1];
    struct snapshot_rates rates = {0};
    if (last->taken_ms > first->taken_ms) {
        int64_t length_ms = last->taken_ms - first->taken_ms;
        rates.created_per_minute = (last->created - first->created) * 60000 / length_ms;
        rates.finished_per_minute = (last->finished - first->finished) * 60000 / length_ms;
        rates.documents_per_minute = (last->documents - first->documents) * 60000 / length_ms;
        rates.failed_runs_per_minute = (last->failed_runs - first->failed_runs) * 60000 / length_ms;
    }
    int64_t runs = sum(totals->run.counts, TOTALS_BUCKETS + 1);
    rates.mean_run_ms = runs > 0 ? totals->run.sum_ms / runs : 0;
    return rates;
}

static void publish_stats(struct snapshot *own, const struct snapshot_data *data) {
    int64_t now_ms = clock_monotonic_ms();
    bool same = data->store_up == own->published.store_up &&
                memcmp(data->counts.by_status, own->published.counts.by_status, sizeof(data->counts.by_status)) == 0 &&
                data->counts.leased == own->published.counts.leased &&
                data->counts.claimable == own->published.counts.claimable &&
                memcmp(data->totals.documents, own->published.totals.documents, sizeof(data->totals.documents)) == 0;
    if (same && now_ms - own->published_ms < STATS_AT_LEAST_MS) {
        return;
    }
    AUTO_JSON json_t *view = view_stats(data);
    AUTO_BUF struct buf text = BUF_INIT(16 * 1024);
    if (json_append(&text, view)) {
        sse_publish(own->events, "stats", text.data);
        own->published = *data;
        own->published_ms = now_ms;
    }
}

static struct view_clock clock_of(const struct snapshot_data *data) {
    return (struct view_clock){.now_ms = data->counts.now_ms,
                               .active_leases = data->counts.leased,
                               .claimable = data->counts.claimable,
                               .mean_run_ms = data->rates.mean_run_ms,
                               .no_worker_after_ms = VIEW_NO_WORKER_AFTER_MS};
}

static enum outcome look(struct snapshot *own, struct jobs *jobs, const struct feed_touched *touched,
                         struct error *err) {
    struct snapshot_data data;
    (void)pthread_mutex_lock(&own->lock);
    data = own->data;
    bool valid = own->valid;
    (void)pthread_mutex_unlock(&own->lock);

    enum outcome outcome = jobs_count(jobs, &data.counts, err);
    int64_t now_ms = clock_monotonic_ms();
    bool totals_due = !valid || now_ms - own->totals_ms >= own->totals_pause_ms;
    if (outcome == OK && totals_due) {
        outcome = jobs_totals(jobs, &data.totals, err);
    }
    if (outcome != OK) {
        return outcome;
    }
    if (totals_due) { /* a sum that takes long, with very many facts above the watermark, is made less often */
        int64_t took_ms = clock_monotonic_ms() - now_ms;
        own->totals_ms = now_ms;
        own->totals_pause_ms = took_ms * TOTALS_SHARE > TOTALS_EVERY_MS ? took_ms * TOTALS_SHARE : TOTALS_EVERY_MS;
        add_sample(own, &data.totals, now_ms);
        data.rates = rates_of(own, &data.totals);
    }
    data.store_up = true;
    (void)pthread_mutex_lock(&own->lock);
    own->data = data;
    own->valid = true;
    own->contact_ms = now_ms;
    (void)pthread_mutex_unlock(&own->lock);
    const struct view_clock clock = clock_of(&data);
    outcome = feed_tick(own->feed, jobs, &data.counts, &clock, touched, err);
    publish_stats(own, &data);
    return outcome;
}

/* Says once that the store went away, and once that it is back. */
static void tell(struct snapshot *own, enum outcome outcome, const struct error *err) {
    bool down = outcome != OK;
    api_metrics_store_up(own->metrics, !down);
    if (down) {
        store_set_down(own->store);
        (void)pthread_mutex_lock(&own->lock);
        own->data.store_up = false;
        struct snapshot_data data = own->data;
        bool valid = own->valid;
        (void)pthread_mutex_unlock(&own->lock);
        if (valid) {
            publish_stats(own, &data);
        }
    }
    if (down && !own->told_down) {
        log_warn("the job store cannot be read", log_str("code", err->code), log_str("error", err->message));
    } else if (!down && own->told_down) {
        log_info("the job store answers again");
    }
    own->told_down = down;
}

/* Until the next look is due: soon after a touch, but never at once, so that a flood of orders costs five looks a
 * second. True: stop. */
static bool wait_for_tick(struct snapshot *own, struct feed_touched *ret_touched) {
    int64_t looked_ms = clock_monotonic_ms();
    (void)pthread_mutex_lock(&own->lock);
    for (;;) {
        int64_t due_ms = looked_ms + (own->touched_any ? TOUCHED_TICK_MS : TICK_MS);
        if (own->stopping || clock_monotonic_ms() >= due_ms) {
            break;
        }
        cond_wait_until_ms(&own->wake, &own->lock, due_ms);
    }
    *ret_touched = own->touched;
    own->touched.count = 0;
    own->touched_any = false;
    bool stopping = own->stopping;
    (void)pthread_mutex_unlock(&own->lock);
    return stopping;
}

static void note_open(struct snapshot *own, enum outcome outcome, const struct error *err) {
    (void)pthread_mutex_lock(&own->lock);
    own->tried = true;
    own->opened = outcome;
    own->open_err = *err;
    (void)pthread_cond_broadcast(&own->wake);
    (void)pthread_mutex_unlock(&own->lock);
}

enum outcome snapshot_wait_open(struct snapshot *own, int64_t wait_ms, struct error *err) {
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    (void)pthread_mutex_lock(&own->lock);
    while (!own->tried && clock_monotonic_ms() < until_ms) {
        cond_wait_until_ms(&own->wake, &own->lock, until_ms);
    }
    enum outcome outcome = own->tried ? own->opened : RETRY;
    if (own->tried) {
        *err = own->open_err;
    } else {
        (void)error_set(err, RETRY, "store_timeout", "the job store has not answered yet");
    }
    (void)pthread_mutex_unlock(&own->lock);
    return outcome;
}

static void *run(void *context) {
    struct snapshot *own = context;
    struct feed_touched touched = {.count = 0};
    bool first = true;
    do {
        struct error err = {0};
        enum outcome outcome = store_open(own->store, &err);
        note_open(own, outcome, &err);
        bool hopeless = first && outcome != OK && outcome != RETRY; /* main ends the program and says why */
        first = false;
        if (hopeless) {
            continue;
        }
        if (outcome == OK) {
            outcome = look(own, store_background(own->store), &touched, &err);
        }
        tell(own, outcome, &err);
    } while (!wait_for_tick(own, &touched));
    (void)pthread_mutex_lock(&own->lock);
    own->ended = true;
    (void)pthread_cond_broadcast(&own->wake);
    (void)pthread_mutex_unlock(&own->lock);
    return NULL;
}

struct snapshot *snapshot_start(struct store *store, struct api_metrics *metrics, struct sse_channel *events) {
    struct snapshot *own = x_alloc(sizeof(*own));
    own->store = store;
    own->metrics = metrics;
    own->events = events;
    own->feed = feed_create(events);
    (void)pthread_mutex_init(&own->lock, NULL);
    cond_init_monotonic(&own->wake);
    if (pthread_create(&own->thread, NULL, run, own) != 0) {
        abort();
    }
    return own;
}

void snapshot_ask_to_stop(struct snapshot *own) {
    (void)pthread_mutex_lock(&own->lock);
    own->stopping = true;
    (void)pthread_cond_broadcast(&own->wake);
    (void)pthread_mutex_unlock(&own->lock);
}

bool snapshot_stop(struct snapshot *own, int64_t wait_ms) {
    if (!own) {
        return true;
    }
    snapshot_ask_to_stop(own);
    if (!thread_join_within(own->thread, &own->lock, &own->wake, &own->ended, wait_ms)) {
        return false;
    }
    feed_destroy(own->feed);
    (void)pthread_cond_destroy(&own->wake);
    (void)pthread_mutex_destroy(&own->lock);
    free(own);
    return true;
}

bool snapshot_get(struct snapshot *own, struct snapshot_data *ret) {
    (void)pthread_mutex_lock(&own->lock);
    bool valid = own->valid;
    if (valid) {
        *ret = own->data;
    }
    (void)pthread_mutex_unlock(&own->lock);
    return valid;
}

int64_t snapshot_now_ms(struct snapshot *own) {
    (void)pthread_mutex_lock(&own->lock);
    int64_t now_ms = own->valid ? own->data.counts.now_ms + clock_monotonic_ms() - own->contact_ms : clock_real_ms();
    (void)pthread_mutex_unlock(&own->lock);
    return now_ms;
}

int64_t snapshot_contact_age_ms(struct snapshot *own) {
    (void)pthread_mutex_lock(&own->lock);
    int64_t age_ms = own->valid ? clock_monotonic_ms() - own->contact_ms : -1;
    (void)pthread_mutex_unlock(&own->lock);
    return age_ms;
}

void snapshot_touch(struct snapshot *own, const char *job_id) {
    (void)pthread_mutex_lock(&own->lock);
    bool news = !own->touched_any || job_id;
    own->touched_any = true;
    if (job_id && own->touched.count < FEED_TOUCHED_MAX) {
        (void)str_copy(own->touched.ids[own->touched.count++], OBJECT_ID_MAX, job_id);
    }
    if (news) {
        (void)pthread_cond_signal(&own->wake);
    }
    (void)pthread_mutex_unlock(&own->lock);
}
