/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHECK_TEXT_H
#define CHECK_TEXT_H

#include <assert.h>
#include <string.h>

#include "text.h"

/* One line for a terminal, whatever the input put into it. */
static inline void check_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	assert(*p);
	assert(text_is_utf8(text, strlen(text)));
	for (; *p; p++)
		assert(*p >= 0x20 && *p != 0x7f);
}

#endif /* CHECK_TEXT_H */
