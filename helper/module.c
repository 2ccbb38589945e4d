// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libkmod.h>

#include "module.h"

#define MODULE	"nbd"

static void no_log(void *data, int priority, const char *file, int line,
		   const char *fn, const char *format, va_list args)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)fn;
	(void)format;
	(void)args;
}

static int insert_all(struct kmod_list *list, struct err *err)
{
	struct kmod_list *item;

	kmod_list_foreach(item, list) {
		struct kmod_module *mod = kmod_module_get_module(item);
		int ret;

		ret = kmod_module_probe_insert_module(mod,
						      KMOD_PROBE_APPLY_BLACKLIST,
						      NULL, NULL, NULL, NULL);
		kmod_module_unref(mod);
		if (ret == KMOD_PROBE_APPLY_BLACKLIST)
			return err_set(err, ST_NO_MODULE,
				       "module %s is blacklisted in modprobe.d",
				       MODULE);
		if (ret < 0)
			return err_set(err, ST_NO_MODULE,
				       "cannot load module %s: %s", MODULE,
				       strerror(-ret));
	}
	return 0;
}

/**
 * module_load - load the module, as modprobe does
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int module_load(struct err *err)
{
	struct kmod_list *list = NULL;
	struct kmod_ctx *ctx;
	int ret;

	ctx = kmod_new(NULL, NULL);
	if (!ctx)
		return err_set(err, ST_FAILED, "out of memory");
	kmod_set_log_fn(ctx, no_log, NULL);
	ret = kmod_module_new_from_lookup(ctx, MODULE, &list);
	if (ret < 0)
		err_set(err, ST_NO_MODULE, "cannot look up module %s: %s",
			MODULE, strerror(-ret));
	else if (!list)
		ret = err_set(err, ST_NO_MODULE,
			      "module %s is not loaded and not installed for this kernel",
			      MODULE);
	else
		ret = insert_all(list, err);
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return ret < 0 ? -1 : 0;
}

/* Whether modprobe would load something else than the kernel's own module. */
static bool other_is_installed(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *mod = NULL;
	const char *path = NULL;
	bool other;

	if (!ctx)
		return false;
	kmod_set_log_fn(ctx, no_log, NULL);
	if (!kmod_module_new_from_name(ctx, MODULE, &mod))
		path = kmod_module_get_path(mod);
	other = path && !strstr(path, "/kernel/drivers/block/");
	kmod_module_unref(mod);
	kmod_unref(ctx);
	return other;
}

/**
 * module_is_stock - explain that the kernel's own driver is in the way
 * @err: filled
 *
 * Return: -1.
 */
int module_is_stock(struct err *err)
{
	struct utsname name;

	uname(&name);
	if (access("/sys/module/" MODULE "/initstate", F_OK))
		return err_set(err, ST_NO_MODULE,
			       "Linux %s has its own nbd driver built in, which lacks what nbdctl needs; boot a kernel that has it as a module",
			       name.release);
	return err_set(err, ST_NO_MODULE,
		       "the loaded module nbd is the one shipped with Linux %s, which lacks what nbdctl needs; to swap it: modprobe -r nbd && %s",
		       name.release, other_is_installed() ?
		       "modprobe nbd" :
		       "insmod nbd.ko of this project, which is not installed for this kernel");
}
