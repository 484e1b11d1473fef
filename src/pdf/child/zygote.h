/* The warm process that forks one confined child per document. */
#pragma once

/* Says hello on WIRE_CONTROL_FD and serves requests until the host closes it; then every child is killed.
 * Returns the process's exit code. */
int zygote_run(void);
