// SPDX-License-Identifier: GPL-2.0-or-later
/* Which disk something is on, in a tree that looks like sysfs. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "root-disk.h"

#define BLOCK	"devices/virtual/block"

static char top[64];

static char *at(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

static void make_dir(const char *name)
{
	assert_int_equal(mkdir(at(name), 0700), 0);
}

/* A device, in the directory of its disk if it is a partition. */
static void make_device(const char *number, const char *disk, const char *part)
{
	char name[256], target[300];

	snprintf(name, sizeof(name), BLOCK "/%s%s%s", disk, part ? "/" : "",
		 part ? part : "");
	make_dir(name);
	snprintf(target, sizeof(target), "../../%s", name);
	snprintf(name, sizeof(name), "dev/block/%s", number);
	assert_int_equal(symlink(target, at(name)), 0);
	if (!part) {
		snprintf(name, sizeof(name), BLOCK "/%s/slaves", disk);
		make_dir(name);
		return;
	}
	snprintf(name, sizeof(name), BLOCK "/%s/%s/partition", disk, part);
	fclose(fopen(at(name), "w"));
}

/* @lower: below the directory of all devices; @name: the last part of that. */
static void put_upon(const char *upper, const char *lower, const char *name)
{
	char link[256], target[256];

	snprintf(link, sizeof(link), BLOCK "/%s/slaves/%s", upper, name);
	snprintf(target, sizeof(target), "../../%s", lower);
	assert_int_equal(symlink(target, at(link)), 0);
}

/* Its file is on a partition of nbd10, as far as the tree says. */
static void make_loop(const char *number)
{
	char name[64], target[64];
	struct stat st;
	FILE *file;

	make_device(number, "loop0", NULL);
	make_dir(BLOCK "/loop0/loop");
	assert_int_equal(stat(top, &st), 0);
	snprintf(name, sizeof(name), "dev/block/%u:%u", major(st.st_dev),
		 minor(st.st_dev));
	snprintf(target, sizeof(target), "../../" BLOCK "/nbd10/nbd10p1");
	assert_int_equal(symlink(target, at(name)), 0);
	file = fopen(at(BLOCK "/loop0/loop/backing_file"), "w");
	assert_non_null(file);
	fprintf(file, "%s/file\n", top);
	fclose(file);
	fclose(fopen(at("file"), "w"));
}

/* No major number of theirs is one that this machine has. */
static int make_tree(void **state)
{
	static const char * const dirs[] = {
		"dev", "dev/block", "devices", "devices/virtual", BLOCK,
	};
	size_t i;

	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-root-disk.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(dirs[i]);
	make_device("343:0", "nbd0", NULL);
	make_device("343:16", "nbd1", NULL);
	make_device("343:17", "nbd1", "nbd1p1");
	make_device("343:160", "nbd10", NULL);
	make_device("343:161", "nbd10", "nbd10p1");
	make_device("308:1", "sda", NULL);
	make_device("309:0", "md0", NULL);
	make_device("354:0", "dm-0", NULL);
	make_device("354:1", "dm-1", NULL);
	make_device("354:2", "dm-2", NULL);
	put_upon("dm-0", "nbd1/nbd1p1", "nbd1p1");
	put_upon("dm-1", "dm-0", "dm-0");
	put_upon("md0", "sda", "sda");
	put_upon("md0", "nbd10", "nbd10");
	make_loop("307:0");
	/* That cannot be, and must not be followed without end. */
	put_upon("dm-2", "dm-2", "dm-2");
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int remove_tree(void **state)
{
	(void)state;
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool below(unsigned int maj, unsigned int min, u32 index)
{
	return root_disk_below(top, makedev(maj, min), index);
}

static void test_disk(void **state)
{
	(void)state;
	assert_true(below(343, 0, 0));
	assert_false(below(343, 0, 1));
	assert_false(below(343, 160, 1));
	assert_false(below(308, 1, 0));
}

static void test_partition(void **state)
{
	(void)state;
	assert_true(below(343, 17, 1));
	assert_false(below(343, 17, 10));
	assert_true(below(343, 161, 10));
	assert_false(below(343, 161, 1));
}

static void test_built_upon(void **state)
{
	(void)state;
	assert_true(below(354, 0, 1));
	assert_true(below(354, 1, 1));
	assert_false(below(354, 1, 0));
	assert_true(below(309, 0, 10));
	assert_false(below(309, 0, 1));
	assert_false(below(354, 2, 1));
}

static void test_loop(void **state)
{
	(void)state;
	assert_true(below(307, 0, 10));
	assert_false(below(307, 0, 1));
	assert_int_equal(remove(at("file")), 0);
	assert_false(below(307, 0, 10));
}

static void test_none(void **state)
{
	(void)state;
	assert_false(below(0, 42, 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_partition),
		cmocka_unit_test(test_built_upon),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
