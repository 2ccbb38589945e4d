// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace events' own code, which trace.h describes.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
