// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "show.h"
#include "top-look.h"

static bool is_wanted(u32 index, const u32 *wanted, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wanted[i] == index)
			return true;
	return !n;
}

static void drop_unwanted(struct nl_devices *devices, const u32 *wanted,
			  size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < devices->n; i++) {
		struct nl_device d = devices->d[i];

		if (is_wanted(d.index, wanted, n))
			devices->d[kept++] = d;
		else
			nl_free_device(&d);
	}
	devices->n = kept;
}

/* It may be gone by now; then nothing is known. */
static void read_stat(u32 index, struct top_stat *stat)
{
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/nbd%u/stat", index);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(line, sizeof(line), file))
		top_parse_stat(line, stat);
	fclose(file);
}

/**
 * top_look - look at all devices that are attached
 * @look: result; top_look_free() it, also after a failure
 * @wanted: those to look at
 * @n: their number; 0 for all
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int top_look(struct top_look *look, const u32 *wanted, size_t n,
	     struct err *err)
{
	struct timespec now;
	size_t i;

	memset(look, 0, sizeof(*look));
	clock_gettime(CLOCK_MONOTONIC, &now);
	look->at = now.tv_sec * 1000000000ULL + (u64)now.tv_nsec;
	if (show_attached(&look->devices, err))
		return -1;
	drop_unwanted(&look->devices, wanted, n);
	look->stats = calloc(look->devices.n + 1, sizeof(*look->stats));
	if (!look->stats)
		return err_set(err, ST_FAILED, "out of memory");
	for (i = 0; i < look->devices.n; i++)
		read_stat(look->devices.d[i].index, &look->stats[i]);
	return show_latency(&look->devices, err);
}

/**
 * top_look_free - free what top_look() found
 * @look: the look
 */
void top_look_free(struct top_look *look)
{
	nl_free_devices(&look->devices);
	free(look->stats);
	look->stats = NULL;
}
