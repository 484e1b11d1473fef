/* SIGTERM and SIGINT as a descriptor that becomes readable, so that every wait can include it.
 * Process-wide. */
#pragma once

#include "base/macros.h"

/* Blocks nothing, starts no thread: installs handlers that write an eventfd. Returns that
 * descriptor; call once at start. */
int stop_install(void);
bool stop_requested(void);
void stop_request(void); /* as if the signal had come */
/* Waits until stop or until the time passed. True: stop was requested. */
bool stop_wait_ms(int64_t wait_ms);
