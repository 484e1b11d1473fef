/* XFA datasets: every element under xfa:datasets/xfa:data that holds no other element is a field. */
#pragma once

#include "pdf/child/reading.h"

void xfa_send(struct reading *reading);
