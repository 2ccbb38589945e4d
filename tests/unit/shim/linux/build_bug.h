/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SHIM_BUILD_BUG_H
#define SHIM_BUILD_BUG_H

#include <assert.h>

#undef static_assert
#define static_assert(expr) _Static_assert(expr, #expr)

#endif
