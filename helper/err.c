// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>

#include "err.h"

/**
 * err_set - record a failure
 * @err: where to
 * @status: exit status, one of enum nbdctl_status
 * @fmt: printf format of the text
 *
 * Control characters become '?', so that the text is always one line,
 * whatever was in the arguments. Text of a server goes through text_escape()
 * first.
 *
 * Return: -1, so that a caller can return what this returns.
 */
int err_set(struct err *err, int status, const char *fmt, ...)
{
	unsigned char *p;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err->status = status;
	for (p = (unsigned char *)err->text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	return -1;
}

/**
 * err_print - print a failure as one line on stderr
 * @err: the failure
 */
void err_print(const struct err *err)
{
	fprintf(stderr, "nbdctl: %s\n", err->text);
}

/**
 * err_keep_first - go on after a failure
 * @err: for all: gets the status of the first failure, and no text
 * @one: the failure, which is printed
 */
void err_keep_first(struct err *err, const struct err *one)
{
	err_print(one);
	if (err->status == ST_OK)
		err->status = one->status;
	err->text[0] = '\0';
}
