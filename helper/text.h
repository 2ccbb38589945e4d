/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that came from elsewhere, made fit for a terminal. */
#ifndef NBDCTL_TEXT_H
#define NBDCTL_TEXT_H

#include <stdio.h>

#include "common.h"

char *text_escape(char *dst, size_t size, const void *src, size_t len);
bool text_is_utf8(const void *src, size_t len);
void text_print_json(FILE *out, const char *json);
char *text_size(char *dst, size_t size, u64 bytes);

#endif /* NBDCTL_TEXT_H */
