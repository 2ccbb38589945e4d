/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output of top. */
#ifndef NBDCTL_TOP_PRINT_H
#define NBDCTL_TOP_PRINT_H

#include <stdio.h>

#include "top.h"

/**
 * struct top_page - what a table is printed on
 * @title: its first line
 * @none: what stands there if there is no device
 * @columns: the width, at least 1
 * @rows: lines that may be printed; 0 for any number
 * @newline: what ends a line
 */
struct top_page {
	const char *title;
	const char *none;
	unsigned int columns;
	unsigned int rows;
	const char *newline;
};

void top_print_text(FILE *out, const struct top *top,
		    const struct top_page *page);
void top_print_json(FILE *out, const struct top *top, double time);

#endif /* NBDCTL_TOP_PRINT_H */
