/* A run, top to bottom: lease → list → the first filings without a row, several at a time: download → read → blobs →
 * row → manifest when every filing has a row → end. The only place that joins the parts.
 *
 * Each step leaves facts that are written once, so a run that dies anywhere is taken up by the next one where it
 * stopped. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "core/batch.h"
#include "core/fault.h"
#include "worker/fetch.h"
#include "worker/run.h"

enum { PORTAL_RETRY_MS = 10000, CUT_MS = 500, EXIT_AFTER_STOP_MS = 1700 };
#define GIVE_UP_MS                                                                                                     \
    ((int64_t)120000) /* nothing could be had from the portal for so long: the rest waits for the next run */

/* ---- the filings list ---- */

static enum outcome open_portal(struct run *run, struct error *err) {
    const struct portal_config config = {
        .url = run->config->portal_url,
        .parallel = run->config->parallel,
        .request_timeout_ms = run->config->portal_timeout_ms,
        .retry_for_ms = PORTAL_RETRY_MS,
    };
    struct portal *portal = NULL;
    enum outcome outcome = portal_open(&config, &portal, err);
    if (outcome == OK) {
        (void)pthread_mutex_lock(&run->lock); /* the heartbeat reads its numbers */
        run->portal = portal;
        (void)pthread_mutex_unlock(&run->lock);
    }
    return outcome;
}

static void cut_portal(void *context) {
    struct run *run = context;
    portal_stop(run->portal);
}

/* The list that holds for this job: inserted by whichever run came first. */
static enum outcome get_list(struct run *run, struct error *err) {
    enum outcome outcome = jobs_get_filings(run->jobs, run->job.id, &run->list, err);
    if (outcome != GONE) {
        return run_note_store(run, outcome, err);
    }
    struct filing_list found = {0};
    outcome = portal_list(run->portal, run->job.company.cin, &found, err);
    if (outcome == OK) {
        outcome = run_check(run, err);
    }
    if (outcome == OK) {
        outcome = run_note_store(run, jobs_put_filings(run->jobs, run->job.id, &found, &run->list, err), err);
    }
    filing_list_finish(&found);
    return outcome;
}

/* A company ordered by its CIN alone gets the registry's name. */
static enum outcome name_company(struct run *run, struct error *err) {
    struct company *company = &run->job.company;
    if (!str_eq(company->name, company->cin)) {
        return OK;
    }
    struct portal_numbers before;
    struct portal_numbers after;
    struct portal_company found;
    portal_numbers(run->portal, &before);
    enum outcome outcome = portal_get_company(run->portal, company->cin, &found, err);
    portal_numbers(run->portal, &after);
    run->asides_answered = after.answered - before.answered;
    if (outcome != OK) { /* a name is no reason to fetch nothing: the next run asks again */
        log_warn("company not named", log_str("job", run->job.id), log_str("code", err->code),
                 log_str("error", err->message));
        return run_check(run, err);
    }
    found.name[utf8_cut(found.name, COMPANY_NAME_MAX - 1)] = '\0';
    outcome = jobs_name_company(run->jobs, run->job.id, run->token, found.name, err);
    if (outcome == OK) {
        (void)str_copy(company->name, sizeof(company->name), found.name);
    }
    return run_note_store(run, outcome, err);
}

static enum outcome find_rows(struct run *run, struct error *err) {
    if (!run->have) {
        run->have = x_alloc((size_t)run->list.count + 1);
    }
    return run_note_store(run, jobs_have_rows(run->jobs, run->job.id, run->have, run->list.count + 1, &run->rows, err),
                          err);
}

/* Store, portal, list, name, rows: what a run knows before it fetches. */
static enum outcome prepare(struct run *run, struct error *err) {
    const struct blobs_config blobs = {
        .data_dir = run->config->data_dir,
        .container = run->config->container,
        .create = run->config->create_container,
    };
    enum outcome outcome = run_note_store(run, blobs_open(&blobs, &run->blobs, err), err);
    if (outcome == OK) {
        outcome = open_portal(run, err);
    }
    if (outcome != OK) {
        return outcome;
    }
    halt_on(run->halt, cut_portal, run);
    outcome = get_list(run, err);
    if (outcome == OK) {
        FAULT_POINT("listed");
        heartbeat_step(run->heartbeat);
        outcome = name_company(run, err);
    }
    halt_off(run->halt);
    return outcome == OK ? find_rows(run, err) : outcome;
}

/* ---- one filing, on one of the fetching threads ---- */

static enum outcome read_document(struct run *run, const struct buf *bytes, struct pdf_reading *ret,
                                  struct error *err) {
    enum outcome outcome = OK;
    (void)pthread_mutex_lock(&run->reader_lock);
    if (!run->reader) {
        const struct pdf_reader_config config = {.parallel = run->config->parallel};
        outcome = pdf_reader_open(&config, &run->reader, err);
    }
    (void)pthread_mutex_unlock(&run->reader_lock);
    return outcome == OK ? pdf_read(run->reader, bytes->data, bytes->size_bytes, ret, err) : outcome;
}

static void count_download(struct run *run, const struct buf *bytes) {
    (void)pthread_mutex_lock(&run->lock);
    run->numbers.downloaded++;
    run->numbers.downloaded_bytes += (int64_t)bytes->size_bytes;
    (void)pthread_mutex_unlock(&run->lock);
    worker_metric(run->metrics, METRIC_DOCUMENTS_DOWNLOADED, NULL, 1);
    heartbeat_step(run->heartbeat);
}

/* The portal's word about one filing: later, unless it turns everybody away. */
static enum fetch_verdict judge_download(const struct run *run, const struct filing *filing, const struct error *err) {
    if (str_eq(err->code, "stopped")) { /* cut by portal_stop */
        return FETCH_LATER;
    }
    log_warn("filing not to be had now", log_str("job", run->job.id), log_int("document", filing->number),
             log_str("srn", filing->srn), log_str("code", err->code), log_str("error", err->message));
    return err->outcome == FATAL || str_eq(err->code, "rate_limited") ? FETCH_OVER : FETCH_LATER;
}

static enum fetch_verdict fetch_filing(void *context, const struct filing *filing, struct error *err) {
    struct run *run = context;
    AUTO_BUF struct buf bytes = BUF_INIT((size_t)FILING_BYTES_MAX);
    CLEANUP(pdf_reading_finish) struct pdf_reading reading = {0};
    struct document_source source = {.filing = filing};
    int64_t started_ms = clock_monotonic_ms();

    FAULT_POINT("downloading");
    enum outcome outcome = portal_download(run->portal, filing, &bytes, err);
    source.download_ms = clock_monotonic_ms() - started_ms;
    if (outcome != OK && outcome != GONE) {
        return judge_download(run, filing, err);
    }
    FAULT_POINT("after_download");
    if (outcome == OK) {
        count_download(run, &bytes);
        started_ms = clock_monotonic_ms();
        if (read_document(run, &bytes, &reading, err) != OK) {
            return FETCH_OVER;
        }
        source.read_ms = clock_monotonic_ms() - started_ms;
        source.bytes = bytes.data;
        source.size_bytes = bytes.size_bytes;
        source.reading = &reading;
        FAULT_POINT("after_read");
    }
    bool inserted = false;
    if (document_store(run, &source, &inserted, err) != OK) {
        return FETCH_OVER;
    }
    heartbeat_step(run->heartbeat);
    log_debug("filing done", log_str("job", run->job.id), log_int("document", filing->number),
              log_int("inserted", inserted), log_int("bytes", (int64_t)source.size_bytes),
              log_int("pages", reading.pages));
    return FETCH_DONE;
}

static void fetch_filings(struct run *run, struct fetch_result *ret) {
    int batch = batch_size(run->list.count, run->config->batch_percent);
    const struct fetch_plan plan = {
        .list = &run->list,
        .have = run->have,
        .batch = batch,
        .parallel = run->config->parallel,
        .give_up_ms = GIVE_UP_MS,
        .halt = run->halt,
        .one = fetch_filing,
        .cut = cut_portal,
        .context = run,
        .cut_ms = CUT_MS,
    };
    worker_metric(run->metrics, METRIC_BATCH_SIZE, NULL, batch);
    fetch_run(&plan, ret);
    run->abandoned = ret->abandoned;
}

/* ---- the whole ---- */

static void note_start(struct run *run) {
    (void)pthread_mutex_lock(&run->lock);
    run->numbers.listed = run->list.count;
    run->numbers.had_rows = run->rows;
    (void)pthread_mutex_unlock(&run->lock);
}

static void run_steps(struct run *run, struct ending *ending) {
    struct fetch_result fetched = {0};
    enum outcome outcome = prepare(run, &ending->error);
    if (outcome == OK) {
        note_start(run);
        if (run->rows < run->list.count) {
            fetch_filings(run, &fetched);
            outcome = find_rows(run, &ending->error);
        }
    }
    int batch = batch_size(run->list.count, run->config->batch_percent);
    if (run_end_halted(run, ending)) {
        return;
    }
    if (outcome == OK && run->rows == run->list.count) {
        outcome = run_end_completed(run, ending);
    } else if (outcome == OK && (fetched.over || (fetched.failed > 0 && fetched.done < batch))) {
        ending->error = fetched.error;
        outcome = fetched.error.outcome;
    } else if (outcome == OK) {
        ending->outcome = RUN_PENDING;
    }
    if (outcome != OK && !run_end_halted(run, ending)) {
        run_end_failed(run, ending);
    }
}

static void after_beat(void *context, struct jobs *jobs) {
    struct run *run = context;
    struct jobs_counts counts;
    struct error err = {0};
    if (jobs_count(jobs, &counts, &err) == OK) {
        worker_metrics_counts(run->metrics, &counts);
    }
}

static void start_heartbeat(struct run *run) {
    const struct heartbeat_config config = {
        .data_dir = run->config->data_dir,
        .job_id = run->job.id,
        .token = run->token,
        .lease_seconds = run->job.lease_seconds,
        .halt = run->halt,
        .numbers = run_get_numbers,
        .after = after_beat,
        .context = run,
    };
    run->heartbeat = heartbeat_start(&config);
}

static void serve_metrics(struct run *run) {
    struct error err = {0};
    worker_metric(run->metrics, METRIC_ACTIVE_JOBS, NULL, 1);
    if (worker_metrics_serve(run->metrics, run->config->metrics_listen, &err) != OK) {
        log_warn("metrics not served", log_str("error", err.message));
        return;
    }
    log_info("metrics", log_str("address", worker_metrics_address(run->metrics)));
}

static int run_job(struct run *run, const struct worker_task *task) {
    struct ending ending = {0};
    int code = WORKER_OK;
    if (!run_take_lease(run, task, &code)) {
        return code;
    }
    FAULT_POINT("adopted");
    run->numbers.claim_wait_ms = run->job.run.claim_wait_ms;
    start_heartbeat(run);
    serve_metrics(run);
    if (run->job.attempts > run->config->max_attempts) {
        run_end_exhausted(run, &ending);
    } else {
        run_steps(run, &ending);
    }
    code = run_give_lease(run, &ending);
    if (run->abandoned || !heartbeat_stop(run->heartbeat, CUT_MS)) {
        run->abandoned = true; /* threads may still tell the heartbeat of their steps */
    }
    worker_metric(run->metrics, METRIC_ACTIVE_JOBS, NULL, 0);
    return code;
}

static void run_finish(struct run *run) {
    pdf_reader_close(run->reader);
    portal_close(run->portal);
    blobs_close(run->blobs);
    jobs_close(run->jobs);
    filing_list_finish(&run->list);
    free(run->have);
    worker_metrics_destroy(run->metrics);
    halt_destroy(run->halt);
    (void)pthread_mutex_destroy(&run->lock);
    (void)pthread_mutex_destroy(&run->reader_lock);
    free(run);
}

int worker_run(const struct worker_config *config, const struct worker_task *task, bool *ret_abandoned) {
    struct run *run = x_alloc(sizeof(*run));
    run->config = config;
    run->metrics = worker_metrics_create();
    (void)pthread_mutex_init(&run->lock, NULL);
    (void)pthread_mutex_init(&run->reader_lock, NULL);
    run->halt = halt_create(config->stop_fd, EXIT_AFTER_STOP_MS);
    int code = run_job(run, task);
    if (config->linger_seconds > 0 && !run->abandoned) {
        worker_metrics_linger(run->metrics, config->linger_seconds);
    }
    *ret_abandoned = run->abandoned;
    if (!run->abandoned) {
        run_finish(run);
    }
    return code;
}
