/* The reader: one helper, any number of threads. A helper that is found dead or stuck is replaced by the first thread
 * that notices; `generation` tells the others that it has been done. */
#include "pdf/pdf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "pdf/collect.h"
#include "pdf/exchange.h"
#include "pdf/helper.h"

enum { TIME_MS = 30000, TIME_MS_MAX = 600000, TRIES = 2 };

struct pdf_reader {
    char program[4096];
    int time_ms;
    char parser[WIRE_PARSER_MAX]; /* of the first helper; later ones are the same program */
    pthread_mutex_t lock;         /* of everything below */
    pthread_cond_t freed;
    int free_places;
    struct helper helper;
    unsigned generation;
};

const char *pdf_outcome_name(enum pdf_outcome outcome) {
    static const char *const names[] = {
        [PDF_OK] = "ok",         [PDF_DAMAGED] = "damaged", [PDF_PASSWORD] = "password", [PDF_TIME] = "time",
        [PDF_MEMORY] = "memory", [PDF_OUTPUT] = "output",   [PDF_CRASHED] = "crashed",   [PDF_REFUSED] = "refused",
    };
    return (size_t)outcome < COUNT_OF(names) ? names[outcome] : "crashed";
}

void pdf_reading_finish(struct pdf_reading *reading) {
    if (reading) {
        buf_finish(&reading->text);
        buf_finish(&reading->fields);
        *reading = (struct pdf_reading){0};
    }
}

enum outcome pdf_reader_open(const struct pdf_reader_config *config, struct pdf_reader **ret, struct error *err) {
    struct pdf_reader *reader = x_alloc(sizeof(*reader));
    reader->helper = HELPER_NONE;
    reader->time_ms = config->time_ms > 0 && config->time_ms <= TIME_MS_MAX ? config->time_ms : TIME_MS;
    reader->free_places = config->parallel < 1                   ? 1
                          : config->parallel > WIRE_PARALLEL_MAX ? WIRE_PARALLEL_MAX
                                                                 : config->parallel;
    pthread_mutex_init(&reader->lock, NULL);
    pthread_cond_init(&reader->freed, NULL);
    enum outcome outcome = OK;
    if (!config->program) {
        outcome = helper_find(reader->program, sizeof(reader->program), err);
    } else if (!str_copy(reader->program, sizeof(reader->program), config->program)) {
        outcome = error_set(err, FATAL, "reader_unavailable", "the path of filesure-pdf is too long");
    }
    outcome = outcome == OK ? helper_start(reader->program, &reader->helper, err) : outcome;
    if (outcome != OK) {
        pdf_reader_close(reader);
        return outcome;
    }
    (void)str_copy(reader->parser, sizeof(reader->parser), reader->helper.parser);
    *ret = reader;
    return OK;
}

void pdf_reader_close(struct pdf_reader *reader) {
    if (!reader) {
        return;
    }
    helper_stop(&reader->helper);
    pthread_cond_destroy(&reader->freed);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

static void take_place(struct pdf_reader *reader) {
    pthread_mutex_lock(&reader->lock);
    while (reader->free_places == 0) {
        pthread_cond_wait(&reader->freed, &reader->lock);
    }
    reader->free_places--;
    pthread_mutex_unlock(&reader->lock);
}

static void give_place(struct pdf_reader *reader) {
    pthread_mutex_lock(&reader->lock);
    reader->free_places++;
    pthread_cond_signal(&reader->freed);
    pthread_mutex_unlock(&reader->lock);
}

/* Hands the document to a helper that is not of generation `dead` (0: any). */
static enum outcome ask(struct pdf_reader *reader, const struct exchange *exchange, unsigned dead,
                        unsigned *ret_generation, struct error *err) {
    const int fds[WIRE_REQUEST_FDS] = {exchange->document_fd, exchange->out_write, exchange->status_peer};
    enum outcome outcome = OK;
    pthread_mutex_lock(&reader->lock);
    for (int try = 0; try < TRIES && outcome == OK; try++) {
        if (reader->helper.control_fd < 0 || reader->generation == dead || try > 0) {
            helper_stop(&reader->helper);
            outcome = helper_start(reader->program, &reader->helper, err);
            reader->generation += outcome == OK;
        }
        if (outcome == OK && helper_ask(&reader->helper, fds)) {
            *ret_generation = reader->generation;
            pthread_mutex_unlock(&reader->lock);
            return OK;
        }
    }
    pthread_mutex_unlock(&reader->lock);
    return outcome != OK ? outcome : error_set(err, FATAL, "reader_unavailable", "the PDF reader takes no documents");
}

/* One try. GONE: the helper of *generation died or is stuck. */
static enum outcome try_read(struct pdf_reader *reader, const void *bytes, const struct collect_source *source,
                             unsigned *generation, struct pdf_reading *ret, struct error *err) {
    struct exchange exchange = EXCHANGE_NONE;
    enum outcome outcome = exchange_open(&exchange, bytes, source->size_bytes, err);
    if (outcome != OK) {
        return outcome;
    }
    struct collect *collect = collect_create();
    struct exchange_result result;
    outcome = ask(reader, &exchange, *generation, generation, err);
    if (outcome == OK && exchange_run(&exchange, collect, reader->time_ms, &result) != EXCHANGE_DONE) {
        outcome = error_set(err, GONE, "reader_gone", "the PDF reader's process is gone");
    }
    if (outcome == OK) {
        collect_finish(collect, source, result.outcome, result.detail, ret);
        ret->cpu_ms = result.cpu_ms;
        ret->peak_bytes = result.peak_bytes;
    }
    collect_destroy(collect);
    exchange_finish(&exchange);
    return outcome;
}

static void refuse(const struct collect_source *source, const char *why, struct pdf_reading *ret) {
    collect_finish(NULL, source, PDF_REFUSED, why, ret);
}

enum outcome pdf_read(struct pdf_reader *reader, const void *bytes, size_t size_bytes, struct pdf_reading *ret,
                      struct error *err) {
    struct collect_source source = {.size_bytes = size_bytes};
    hash_hex(HASH_SHA256, bytes, size_bytes, source.sha256);
    (void)str_copy(source.parser, sizeof(source.parser), reader->parser);
    if (size_bytes == 0 || size_bytes > WIRE_DOCUMENT_BYTES_MAX) {
        refuse(&source, size_bytes ? "the file is larger than 50 MiB" : "the file is empty", ret);
        return OK;
    }
    take_place(reader);
    unsigned generation = UINT32_MAX; /* of no helper */
    enum outcome outcome = GONE;
    for (int try = 0; try < TRIES && outcome == GONE; try++) {
        outcome = try_read(reader, bytes, &source, &generation, ret, err);
    }
    give_place(reader);
    if (outcome == GONE) {
        outcome = error_set(err, FATAL, "reader_unavailable", "the PDF reader's process ended again and again");
    }
    return outcome;
}
