/* The Azure store in a world of a test's own; blobs_azure_open (blobs_backend.h) is the same in the real one. */
#pragma once

#include "blobs/azure_world.h"
#include "blobs/blobs_backend.h"

MUST_USE enum outcome blobs_azure_open_in(const struct azure_world *world, const struct blobs_config *config,
                                          const struct blobs_backend **ret_backend, void **ret_self, struct error *err);
