// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device is held by a mount, by swap, by a device built upon it (dm, md,
 * loop), or by a process that has it open. The same goes for its partitions.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "holders.h"
#include "text.h"

#define MAX_PARTS	256	/* the disk and what max_part allows */

struct part {
	char name[32];
	dev_t dev;
};

struct disk {
	struct part parts[MAX_PARTS];
	size_t n;
};

static void add_part(struct disk *disk, const char *dir, const char *name)
{
	unsigned int major, minor;
	char path[600];
	FILE *file;

	if (disk->n == MAX_PARTS || strlen(name) >= sizeof(disk->parts[0].name))
		return;
	snprintf(path, sizeof(path), "%s/dev", dir);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%u:%u", &major, &minor) == 2) {
		memcpy(disk->parts[disk->n].name, name, strlen(name) + 1);
		disk->parts[disk->n++].dev = makedev(major, minor);
	}
	fclose(file);
}

static void find_parts(struct disk *disk, u32 index)
{
	char name[32], dir[64], sub[400];
	struct dirent *entry;
	DIR *d;

	disk->n = 0;
	snprintf(name, sizeof(name), "nbd%u", index);
	snprintf(dir, sizeof(dir), "/sys/block/%s", name);
	add_part(disk, dir, name);
	d = opendir(dir);
	if (!d)
		return;
	while ((entry = readdir(d))) {
		if (strncmp(entry->d_name, name, strlen(name)))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", dir, entry->d_name);
		add_part(disk, sub, entry->d_name);
	}
	closedir(d);
}

static const struct part *by_dev(const struct disk *disk, dev_t dev)
{
	size_t i;

	for (i = 0; i < disk->n; i++)
		if (disk->parts[i].dev == dev)
			return &disk->parts[i];
	return NULL;
}

static const struct part *by_path(const struct disk *disk, const char *path)
{
	struct stat st;

	/* Only there: elsewhere a dead file server may hold up stat(). */
	if (strncmp(path, "/dev/", 5) || stat(path, &st) ||
	    !S_ISBLK(st.st_mode))
		return NULL;
	return by_dev(disk, st.st_rdev);
}

/* Undo the octal escapes of the tables in /proc, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && isdigit((unsigned char)s[1]) &&
		    isdigit((unsigned char)s[2]) &&
		    isdigit((unsigned char)s[3])) {
			*to++ = (char)((s[1] - '0') << 6 |
				       (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static void say(char *dst, size_t size, const char *how, const char *where)
{
	char shown[400];

	text_escape(shown, sizeof(shown), where, strlen(where));
	snprintf(dst, size, "%s %s", how, shown);
}

/*
 * A line of mountinfo: id, parent, major:minor, root, mount point, options,
 * optional fields, "-", type, source. btrfs has a number of its own, so the
 * source counts too.
 */
static bool mount_line(const struct disk *disk, char *line, char *dst,
		       size_t size)
{
	char *save = NULL, *word, *target = NULL, *source = NULL;
	unsigned int major = 0, minor = 0, i, dash = 0;

	word = strtok_r(line, "\n ", &save);
	for (i = 0; word; word = strtok_r(NULL, "\n ", &save), i++) {
		if (i == 2 && sscanf(word, "%u:%u", &major, &minor) != 2)
			return false;
		if (i == 4)
			target = word;
		if (i > 5 && !dash && !strcmp(word, "-"))
			dash = i;
		if (dash && i == dash + 2)
			source = word;
	}
	if (!target || !source)
		return false;
	unescape(source);
	if (!by_dev(disk, makedev(major, minor)) && !by_path(disk, source))
		return false;
	unescape(target);
	say(dst, size, "mounted on", target);
	return true;
}

static bool find_mount(const struct disk *disk, char *dst, size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = false;
	char *line = NULL;
	size_t room = 0;

	if (!file)
		return false;
	while (!found && getline(&line, &room, file) > 0)
		found = mount_line(disk, line, dst, size);
	free(line);
	fclose(file);
	return found;
}

static bool find_swap(const struct disk *disk, char *dst, size_t size)
{
	FILE *file = fopen("/proc/swaps", "re");
	const struct part *part = NULL;
	char *line = NULL;
	size_t room = 0;

	if (!file)
		return false;
	while (!part && getline(&line, &room, file) > 0) {
		line[strcspn(line, " \t\n")] = '\0';
		unescape(line);
		part = by_path(disk, line);
	}
	free(line);
	fclose(file);
	if (part)
		snprintf(dst, size, "%s is in use as swap", part->name);
	return part;
}

/* Devices built upon this one: device mapper, md, bcache. */
static bool find_upper(const struct disk *disk, char *dst, size_t size)
{
	bool found = false;
	struct dirent *entry;
	char dir[128];
	size_t i;
	DIR *d;

	for (i = 0; i < disk->n && !found; i++) {
		snprintf(dir, sizeof(dir), "/sys/class/block/%s/holders",
			 disk->parts[i].name);
		d = opendir(dir);
		if (!d)
			continue;
		while (!found && (entry = readdir(d))) {
			if (entry->d_name[0] == '.')
				continue;
			say(dst, size, "used by device", entry->d_name);
			found = true;
		}
		closedir(d);
	}
	return found;
}

static bool loop_uses(const struct disk *disk, const char *name)
{
	const struct part *part = NULL;
	char path[400], *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		part = by_path(disk, line);
	}
	free(line);
	fclose(file);
	return part;
}

static bool find_loop(const struct disk *disk, char *dst, size_t size)
{
	struct dirent *entry;
	bool found = false;
	DIR *d;

	d = opendir("/sys/block");
	if (!d)
		return false;
	while (!found && (entry = readdir(d))) {
		if (strncmp(entry->d_name, "loop", 4) ||
		    !loop_uses(disk, entry->d_name))
			continue;
		say(dst, size, "used by loop device", entry->d_name);
		found = true;
	}
	closedir(d);
	return found;
}

/**
 * holder_find - find a use of a device that will not end by itself
 * @index: the device
 * @dst: says what it is, as in "mounted on /mnt"
 * @size: size of @dst
 *
 * Return: whether there is one.
 */
bool holder_find(u32 index, char *dst, size_t size)
{
	struct disk disk;

	find_parts(&disk, index);
	return find_mount(&disk, dst, size) || find_swap(&disk, dst, size) ||
	       find_upper(&disk, dst, size) || find_loop(&disk, dst, size);
}

static bool process_uses(const struct disk *disk, const char *pid)
{
	char path[600], target[256];
	struct dirent *entry;
	bool found = false;
	ssize_t len;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid,
			 entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		found = by_path(disk, target);
	}
	closedir(d);
	return found;
}

static void name_process(const char *pid, char *dst, size_t size)
{
	char path[300], comm[64] = "?", shown[300];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(comm, sizeof(comm), file))
			comm[strcspn(comm, "\n")] = '\0';
		fclose(file);
	}
	snprintf(dst, size, "open in process %s (%s)", pid,
		 text_escape(shown, sizeof(shown), comm, strlen(comm)));
}

/**
 * holder_find_process - find a process that has a device open
 * @index: the device
 * @dst: says which, as in "open in process 42 (dd)"
 * @size: size of @dst
 *
 * Return: whether there is one.
 */
bool holder_find_process(u32 index, char *dst, size_t size)
{
	struct dirent *entry;
	bool found = false;
	struct disk disk;
	DIR *d;

	find_parts(&disk, index);
	d = opendir("/proc");
	if (!d)
		return false;
	while (!found && (entry = readdir(d))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    atoi(entry->d_name) == getpid() ||
		    !process_uses(&disk, entry->d_name))
			continue;
		name_process(entry->d_name, dst, size);
		found = true;
	}
	closedir(d);
	return found;
}
