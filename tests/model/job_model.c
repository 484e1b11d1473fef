/* The job model for the search. */
#include "model/step.h"

static struct step step_of(struct search *search, const struct job_run *run) {
    return (struct step){.search = search, .config = &run->config, .layout = &run->layout};
}

static void start(struct search *search, const void *context) {
    struct step step = step_of(search, context);
    world_start(step.config, &step.from);
    step_begin(&step);
    step_emit(&step, ACTION(ACTION_START, 0, 0, FATE_ANSWERED));
}

static void expand(struct search *search, const void *context, const uint64_t *packed) {
    struct step step = step_of(search, context);
    layout_unpack(step.layout, packed, &step.from);
    for (int w = 0; w < step.config->workers; w++) {
        worker_steps(&step, w);
    }
    other_steps(&step);
}

static bool reached(const void *context, const uint64_t *packed) {
    const struct job_run *run = context;
    struct world world;
    layout_unpack(&run->layout, packed, &world);
    return run->config.goal == GOAL_COMPLETED ? world.job.status == JOB_COMPLETED : !job_status_open(world.job.status);
}

void job_model(const struct model_config *config, uint64_t guards_off, bool as_told, struct job_run *run,
               struct search_model *ret) {
    run->config = *config;
    run->config.off = guards_off;
    run->config.as_told = as_told;
    names_make();
    world_layout(&run->config, &run->layout);
    *ret = (struct search_model){
        .words = run->layout.words,
        .context = run,
        .start = start,
        .expand = expand,
        .goal = config->goal ? reached : NULL,
        .print_step = print_step,
    };
}
