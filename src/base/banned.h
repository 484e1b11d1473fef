/* Functions that nobody may call: they write without a bound or cannot say that they failed
 * (tools/check-code knows more). What declares them is included first, since no header may name
 * them afterwards. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi gets scanf
