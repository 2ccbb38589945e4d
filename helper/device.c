// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "bounded.h"
#include "device.h"
#include "transport.h"

#define WBT_ATTRIBUTE	"queue/wbt_lat_usec"

#define APPEAR_MS	5000	/* for the node and the size */
#define SCAN_MS		60000	/* for reading the partition table */
#define FLUSH_MS	60000	/* for writing back what is dirty */
#define WBT_MS		1000	/* for reading or changing a setting */

/**
 * device_path - name of a device's node
 * @dst: where to, DEVICE_PATH_MAX bytes
 * @index: the device
 *
 * Return: @dst.
 */
char *device_path(char *dst, u32 index)
{
	snprintf(dst, DEVICE_PATH_MAX, "/dev/nbd%u", index);
	return dst;
}

static FILE *open_attribute(u32 index, const char *name, const char *mode)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/nbd%u/%s", index, name);
	return fopen(path, mode);
}

static bool read_attribute(u32 index, const char *name, u64 *value)
{
	FILE *file = open_attribute(index, name, "re");
	bool read;

	if (!file)
		return false;
	read = fscanf(file, "%llu", value) == 1;
	fclose(file);
	return read;
}

static bool has_size(u32 index, u64 size)
{
	u64 sectors;

	return read_attribute(index, "size", &sectors) && sectors == size / 512;
}

/**
 * device_wait - wait until a device's node is there and has its size
 * @index: the device
 * @size: the size it should have, in bytes
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int device_wait(u32 index, u64 size, struct err *err)
{
	s64 deadline = deadline_in(APPEAR_MS);
	char path[DEVICE_PATH_MAX];
	unsigned int nap = 1;
	bool node, sized;
	struct stat st;

	device_path(path, index);
	do {
		node = !stat(path, &st) && S_ISBLK(st.st_mode);
		sized = has_size(index, size);
		if (node && sized)
			return 0;
		if (signals_pending())
			return err_set(err, ST_FAILED, "interrupted");
		pause_ms(nap);
		if (nap < 32)
			nap *= 2;
	} while (deadline_left(deadline));
	return err_set(err, ST_FAILED, node ? "%s did not get its size" :
		       "%s did not appear", path);
}

static int read_wbt(void *arg)
{
	u32 *index = arg;
	u64 usec;

	if (!read_attribute(*index, WBT_ATTRIBUTE, &usec))
		return -ENOENT;
	return usec > INT_MAX ? INT_MAX : (int)usec;
}

/**
 * device_wbt - what write-back throttling allows a read to take
 * @index: the device
 * @usec: result in microseconds, 0 when it is off
 *
 * The kernel may not say while somebody changes a setting of the disk and
 * requests do not end; that is not waited for.
 *
 * Return: true unless nothing is known, or this kernel has none.
 */
bool device_wbt(u32 index, u64 *usec)
{
	int result = bounded_call(read_wbt, &index, WBT_MS, NULL);

	if (result < 0)
		return false;
	*usec = (u64)result;
	return true;
}

static int switch_wbt_off(void *arg)
{
	u32 *index = arg;
	FILE *file;
	u64 usec;

	if (!read_attribute(*index, WBT_ATTRIBUTE, &usec) || !usec)
		return 0;
	file = open_attribute(*index, WBT_ATTRIBUTE, "we");
	if (!file)
		return -errno;
	fputs("0", file);
	return fclose(file) ? -errno : 0;
}

/**
 * device_wbt_off - switch write-back throttling off
 * @index: the device
 *
 * It takes two milliseconds for a read as a sign that the disk is overloaded,
 * and then lets a few writes through at a time: a server far away would never
 * have many in flight. A kernel without it has nothing to switch off. The
 * kernel waits for requests in flight; we do not wait longer than a moment.
 */
void device_wbt_off(u32 index)
{
	bounded_call(switch_wbt_off, &index, WBT_MS, NULL);
}

static int open_once(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/**
 * device_scan - have the kernel look for partitions
 * @index: the device
 * @err: filled on failure
 *
 * The first open does it, and has done it when it returns.
 *
 * Return: 0, or -1 with @err set.
 */
int device_scan(u32 index, struct err *err)
{
	char path[DEVICE_PATH_MAX];
	int error;

	error = bounded_call(open_once, device_path(path, index), SCAN_MS,
			     NULL);
	if (!error)
		return 0;
	if (error == -EINTR)
		return err_set(err, ST_FAILED, "interrupted");
	if (error == -ETIMEDOUT)
		return err_set(err, ST_UNREACHABLE,
			       "%s: the server did not serve the partition table in %d s",
			       path, SCAN_MS / 1000);
	return err_set(err, ST_FAILED, "cannot open %s: %s", path,
		       strerror(-error));
}

/**
 * device_announce - have udev take the disk for one that was added
 * @index: the device
 *
 * Rules that bring up what is on a disk when it is added, such as LVM's, do nothing
 * for one that has been there without a server and has changed.
 */
void device_announce(u32 index)
{
	FILE *file = open_attribute(index, "uevent", "we");

	if (!file)
		return;
	fputs("add", file);
	fclose(file);
}

static int flush_once(void *arg)
{
	int fd = open(arg, O_RDONLY | O_EXCL | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) || ioctl(fd, BLKFLSBUF))
		error = -errno;
	close(fd);
	return error;
}

/**
 * device_flush - write back what is dirty and empty the cache
 * @index: the device
 *
 * When it takes a while the user is told what is waited for.
 *
 * Return: 0 or -errno: -EBUSY when somebody holds the device, -ETIMEDOUT when it
 * takes too long.
 */
int device_flush(u32 index)
{
	char path[DEVICE_PATH_MAX], notice[128];

	snprintf(notice, sizeof(notice),
		 "nbd%u: waiting for the server to write what is dirty, %d s at most; --force does not wait",
		 index, FLUSH_MS / 1000);
	return bounded_call(flush_once, device_path(path, index), FLUSH_MS,
			    notice);
}

static int sync_once(void *arg)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		error = -errno;
	close(fd);
	return error;
}

/**
 * device_sync - have the server flush what it has
 * @index: the device, which may be in use
 *
 * Return: 0 or -errno: -ETIMEDOUT when it takes too long.
 */
int device_sync(u32 index)
{
	char path[DEVICE_PATH_MAX];

	return bounded_call(sync_once, device_path(path, index), FLUSH_MS,
			    NULL);
}

struct reading {
	char path[DEVICE_PATH_MAX];
	u64 size;
};

static int read_once(void *arg)
{
	const struct reading *r = arg;
	int fd, error = 0;
	void *data;

	if (posix_memalign(&data, r->size, r->size))
		return -ENOMEM;
	fd = open(r->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || pread(fd, data, r->size, 0) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	free(data);
	return error;
}

/**
 * device_read - have the server read the device's first bytes
 * @index: the device, which may be in use
 * @size: how many bytes, one block
 * @seconds: how long to wait for it
 *
 * Return: 0 or -errno: -ETIMEDOUT when it takes too long.
 */
int device_read(u32 index, u64 size, unsigned int seconds)
{
	struct reading r = { .size = size };

	device_path(r.path, index);
	return bounded_call(read_once, &r, (s64)seconds * 1000, NULL);
}
