/* Named points where a test build can be made to die, stop or stall. Compiled to nothing in a release build.
 * FILESURE_FAULT=kill:<point>[:<hit>] | stop:<point>[:<hit>]: at the hit-th arrival (default 1) of this process at the
 * point it sends itself SIGKILL or SIGSTOP. FILESURE_FAULT_LOG=<file>: every arrival appends "<pid> <point>\n". */
#pragma once

#ifdef FILESURE_FAULT_POINTS
void fault_point(const char *name);
#define FAULT_POINT(name) fault_point(name)
#else
#define FAULT_POINT(name) ((void)0)
#endif
