// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The root file system is on a disk, on a partition of it, or on something that is
 * built upon these (dm, md, loop). An overlay has that at each of its layers.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "root-disk.h"

#define MAX_DEPTH	16	/* devices one upon the other */

/**
 * struct search - what is looked for, and where
 * @sysfs: where sysfs is mounted
 * @disk: the name of the disk
 */
struct search {
	const char *sysfs;
	const char *disk;
};

static bool stands_on(const struct search *s, const char *path,
		      unsigned int depth);

/* What a path leads to: a block device, or what a file is on. */
static dev_t device_of(const struct stat *st)
{
	return S_ISBLK(st->st_mode) ? st->st_rdev : st->st_dev;
}

static bool number_stands_on(const struct search *s, dev_t dev,
			     unsigned int depth)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u", s->sysfs, major(dev),
		 minor(dev));
	return stands_on(s, path, depth);
}

static bool slaves_stand_on(const struct search *s, const char *dir,
			    unsigned int depth)
{
	char slaves[PATH_MAX + 8], path[PATH_MAX + 272];
	struct dirent *entry;
	bool found = false;
	DIR *d;

	snprintf(slaves, sizeof(slaves), "%s/slaves", dir);
	d = opendir(slaves);
	if (!d)
		return false;
	while (!found && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", slaves, entry->d_name);
		found = stands_on(s, path, depth + 1);
	}
	closedir(d);
	return found;
}

/* A loop device stands on what the file system of its file is on. */
static bool loop_stands_on(const struct search *s, const char *dir,
			   unsigned int depth)
{
	char name[PATH_MAX + 24], path[PATH_MAX] = "";
	struct stat st;
	FILE *file;

	snprintf(name, sizeof(name), "%s/loop/backing_file", dir);
	file = fopen(name, "re");
	if (!file)
		return false;
	if (fgets(path, sizeof(path), file))
		path[strcspn(path, "\n")] = '\0';
	fclose(file);
	return !stat(path, &st) &&
	       number_stands_on(s, device_of(&st), depth + 1);
}

/* @path leads to the directory of a block device in sysfs. */
static bool stands_on(const struct search *s, const char *path,
		      unsigned int depth)
{
	char dir[PATH_MAX], partition[PATH_MAX + 16];

	if (depth > MAX_DEPTH || !realpath(path, dir))
		return false;
	snprintf(partition, sizeof(partition), "%s/partition", dir);
	/* A partition is in the directory of its disk. */
	if (!access(partition, F_OK))
		*strrchr(dir, '/') = '\0';
	if (!strcmp(strrchr(dir, '/') + 1, s->disk))
		return true;
	return slaves_stand_on(s, dir, depth) || loop_stands_on(s, dir, depth);
}

/**
 * root_disk_below - whether a block device is a disk or stands on it
 * @sysfs: where sysfs is mounted
 * @dev: the number of the block device
 * @index: the disk
 *
 * Return: true when it does; false for a number that is no block device's.
 */
bool root_disk_below(const char *sysfs, dev_t dev, u32 index)
{
	char disk[32];
	const struct search s = { sysfs, disk };

	snprintf(disk, sizeof(disk), "nbd%u", index);
	return number_stands_on(&s, dev, 0);
}

static bool path_is_on(const char *path, u32 index)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	return root_disk_below("/sys", device_of(&st), index);
}

/* The layers of an overlay, among the options of its superblock. */
static bool layers_are_on(char *options, u32 index)
{
	char *option, *paths, *path;

	while ((option = strsep(&options, ","))) {
		paths = strchr(option, '=');
		if (!paths || (strncmp(option, "lowerdir", 8) &&
			       strncmp(option, "upperdir", 8)))
			continue;
		paths++;
		while ((path = strsep(&paths, ":")))
			if (*path == '/' && path_is_on(path, index))
				return true;
	}
	return false;
}

/*
 * A line of mountinfo, as for holders: those of "/" have the source, which counts
 * for btrfs, and the options of the superblock.
 */
static bool line_is_on(char *line, u32 index)
{
	char *type, *source, *options, *save = NULL;
	char *tail = strstr(line, " - ");
	char target[8];

	if (!tail || sscanf(line, "%*s %*s %*s %*s %7s", target) != 1 ||
	    strcmp(target, "/"))
		return false;
	type = strtok_r(tail + 3, "\n ", &save);
	source = strtok_r(NULL, "\n ", &save);
	options = strtok_r(NULL, "\n ", &save);
	if (source && !strncmp(source, "/dev/", 5) &&
	    path_is_on(source, index))
		return true;
	return type && options && !strcmp(type, "overlay") &&
	       layers_are_on(options, index);
}

/**
 * root_disk_is - whether the root file system is on a disk
 * @index: the disk
 *
 * Return: true when it is, be it by way of other devices.
 */
bool root_disk_is(u32 index)
{
	bool found = path_is_on("/", index);
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	file = fopen("/proc/self/mountinfo", "re");
	if (!file)
		return found;
	while (!found && getline(&line, &room, file) > 0)
		found = line_is_on(line, index);
	free(line);
	fclose(file);
	return found;
}
