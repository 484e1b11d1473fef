/* A small workbook: a ZIP archive (PKWARE APPNOTE, stored entries) with the parts of an Office Open XML file. */
#pragma once

#include "base/buf.h"
#include "portalsim/registry.h"

void workbook_make(const struct sim_company *company, const struct sim_filing *filing, struct buf *out);
