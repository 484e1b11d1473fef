/* The one table of every setting, and the rules that hold between settings. Its order is the order
 * of env.example. */
#pragma once

#include "base/settings.h"

extern const struct setting settings_table[];
extern const size_t settings_table_count;

/* Environment and `.env` in the working directory, then core_settings_check. *ret is the caller's
 * (settings_destroy). */
MUST_USE enum outcome core_settings_load(struct settings_values **ret, struct error *err);
/* Rules between settings; call it again after flags have overridden something. INVALID
 * "bad_setting" naming the setting. */
MUST_USE enum outcome core_settings_check(const struct settings_values *values, struct error *err);
/* What holds for filesure-api only: who may reach it. */
MUST_USE enum outcome core_settings_check_api(const struct settings_values *values, struct error *err);

bool core_settings_yes(const struct settings_values *values, const char *name); /* of a yes|no setting */
/* MAX_WORKERS, or twice the number of cores when it is not set. */
int core_settings_max_workers(const struct settings_values *values);
/* log_start as LOG_LEVEL and LOG_FORMAT say; LOG_FORMAT not set: JSON when stderr is not a
 * terminal. */
void core_settings_start_log(const struct settings_values *values, const char *program);
