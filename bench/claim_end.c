/* Claims and ends of bench/run, straight on the job store: claim_end DATA THREADS SECONDS
 *
 * Each thread claims the best job and ends the run again as "filings left", which is on disk before the next claim.
 * Prints one JSON line. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "jobs/jobs.h"

enum { THREADS_MAX = 64 };

static struct jobs *jobs;
static int64_t end_at_ms;
static atomic_llong done, nothing, failed;

static bool claim_and_end(const char *owner) {
    const struct jobs_claim_request request = {.owner = owner, .lease_seconds = 60};
    const struct jobs_end end = {.outcome = RUN_PENDING};
    struct lease lease;
    enum job_status status;
    struct error err = {0};
    enum outcome outcome = jobs_claim(jobs, &request, &lease, &err);
    if (outcome == GONE) {
        nothing++;
        return true;
    }
    if (outcome == OK)
        outcome = jobs_end(jobs, lease.job_id, lease.token, &end, &status, &err);
    if (outcome == OK && status == JOB_PENDING)
        return true;
    fprintf(stderr, "claim_end: %s\n", err.message);
    return false;
}

static void *work(void *context) {
    int number = *(int *)context;
    while (clock_monotonic_ms() < end_at_ms) {
        char owner[OWNER_MAX];
        str_format(owner, sizeof(owner), "bench:%d", number);
        if (claim_and_end(owner))
            done += 1;
        else
            failed++;
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: claim_end DATA THREADS SECONDS\n");
        return 2;
    }
    int threads = (int)strtol(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    const struct jobs_config config = {.data_dir = argv[1]};
    struct error err = {0};
    if (threads < 1 || threads > THREADS_MAX)
        return 2;
    if (jobs_open(&config, &jobs, &err) != OK) {
        fprintf(stderr, "claim_end: %s\n", err.message);
        return 1;
    }
    pthread_t ids[THREADS_MAX];
    int numbers[THREADS_MAX];
    int64_t began_ms = clock_monotonic_ms();
    end_at_ms = began_ms + (int64_t)(seconds * 1000);
    for (int i = 0; i < threads; i++) {
        numbers[i] = i;
        if (pthread_create(&ids[i], NULL, work, &numbers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    printf("{\"done\": %lld, \"nothing\": %lld, \"failed\": %lld, \"seconds\": %.3f}\n", (long long)done,
           (long long)nothing, (long long)failed, (double)(clock_monotonic_ms() - began_ms) / 1000);
    jobs_close(jobs);
    return failed ? 1 : 0;
}
