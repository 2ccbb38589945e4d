/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is there but must not be looked at. */
#ifndef HIDE_H
#define HIDE_H

#include <stddef.h>

#include <sanitizer/asan_interface.h>

/*
 * Until show_all(), whoever touches more than the first @known bytes of the
 * @size bytes at @buffer is reported, though the memory is there.
 */
static inline void hide_rest(const void *buffer, size_t known, size_t size)
{
	ASAN_POISON_MEMORY_REGION((const char *)buffer + known, size - known);
}

static inline void show_all(const void *buffer, size_t size)
{
	ASAN_UNPOISON_MEMORY_REGION(buffer, size);
}

#endif /* HIDE_H */
