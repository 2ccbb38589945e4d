/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal that top redraws. */
#ifndef NBDCTL_TOP_SCREEN_H
#define NBDCTL_TOP_SCREEN_H

#include "common.h"

void screen_begin(void);
void screen_end(void);
void screen_size(unsigned int *columns, unsigned int *rows);
bool screen_wait(s64 deadline);

#endif /* NBDCTL_TOP_SCREEN_H */
