/* AcroForm fields with their values, export names and places, and signature fields. */
#pragma once

#include "pdf/child/reading.h"

void acroform_send(struct reading *reading);
