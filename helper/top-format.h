/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers in at most five characters, for the table of top. */
#ifndef NBDCTL_TOP_FORMAT_H
#define NBDCTL_TOP_FORMAT_H

#include "common.h"

#define CELL_MAX	8

char *cell_count(char *dst, double value);
char *cell_rate(char *dst, double value);
char *cell_bytes(char *dst, double value);
char *cell_ms(char *dst, double ms);
char *cell_span(char *dst, u64 ms);

#endif /* NBDCTL_TOP_FORMAT_H */
