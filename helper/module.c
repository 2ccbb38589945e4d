// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading the module. libkmod brings libcrypto and two compressors along, which
 * takes longer to load than everything else that nbdctl does, so it is loaded
 * only when it is needed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libkmod.h>

#include "module.h"

#define MODULE	"nbd"
#define LIBRARY	"libkmod.so.2"

/* Its name and that of its type do not fit in a line. */
#define insert	kmod_module_probe_insert_module

/* What is used of libkmod; each member has the name of its function. */
struct kmod {
	__typeof__(kmod_new) *kmod_new;
	__typeof__(kmod_unref) *kmod_unref;
	__typeof__(kmod_set_log_fn) *kmod_set_log_fn;
	__typeof__(kmod_list_next) *kmod_list_next;
	__typeof__(kmod_module_new_from_lookup) *kmod_module_new_from_lookup;
	__typeof__(kmod_module_new_from_name) *kmod_module_new_from_name;
	__typeof__(kmod_module_get_module) *kmod_module_get_module;
	__typeof__(kmod_module_get_path) *kmod_module_get_path;
	__typeof__(insert) *kmod_module_probe_insert_module;
	__typeof__(kmod_module_unref) *kmod_module_unref;
	__typeof__(kmod_module_unref_list) *kmod_module_unref_list;
};

#define FUNCTION(name) { #name, offsetof(struct kmod, name) }

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	FUNCTION(kmod_new),
	FUNCTION(kmod_unref),
	FUNCTION(kmod_set_log_fn),
	FUNCTION(kmod_list_next),
	FUNCTION(kmod_module_new_from_lookup),
	FUNCTION(kmod_module_new_from_name),
	FUNCTION(kmod_module_get_module),
	FUNCTION(kmod_module_get_path),
	FUNCTION(kmod_module_probe_insert_module),
	FUNCTION(kmod_module_unref),
	FUNCTION(kmod_module_unref_list),
};

/* It stays loaded until the program ends. */
static int open_library(struct kmod *k, struct err *err)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	void *function;
	size_t i;

	for (i = 0; library && i < ARRAY_SIZE(functions); i++) {
		function = dlsym(library, functions[i].name);
		if (!function)
			library = NULL;
		memcpy((char *)k + functions[i].offset, &function,
		       sizeof(function));
	}
	if (library)
		return 0;
	return err_set(err, ST_NO_MODULE,
		       "module %s is not loaded, and %s cannot be used to load it",
		       MODULE, LIBRARY);
}

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

static int insert_all(const struct kmod *k, struct kmod_list *list,
		      struct err *err)
{
	struct kmod_list *item;

	for (item = list; item; item = k->kmod_list_next(list, item)) {
		struct kmod_module *mod = k->kmod_module_get_module(item);
		int ret;

		ret = k->kmod_module_probe_insert_module(mod,
							 KMOD_PROBE_APPLY_BLACKLIST,
							 NULL, NULL, NULL,
							 NULL);
		k->kmod_module_unref(mod);
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
	struct kmod k;
	int ret;

	if (open_library(&k, err))
		return -1;
	ctx = k.kmod_new(NULL, NULL);
	if (!ctx)
		return err_set(err, ST_FAILED, "out of memory");
	k.kmod_set_log_fn(ctx, no_log, NULL);
	ret = k.kmod_module_new_from_lookup(ctx, MODULE, &list);
	if (ret < 0)
		err_set(err, ST_NO_MODULE, "cannot look up module %s: %s",
			MODULE, strerror(-ret));
	else if (!list)
		ret = err_set(err, ST_NO_MODULE,
			      "module %s is not loaded and not installed for this kernel",
			      MODULE);
	else
		ret = insert_all(&k, list, err);
	k.kmod_module_unref_list(list);
	k.kmod_unref(ctx);
	return ret < 0 ? -1 : 0;
}

/* Whether modprobe would load something else than the kernel's own module. */
static bool other_is_installed(void)
{
	struct kmod_ctx *ctx;
	struct kmod_module *mod = NULL;
	const char *path = NULL;
	struct err ignored;
	struct kmod k;
	bool other;

	if (open_library(&k, &ignored))
		return false;
	ctx = k.kmod_new(NULL, NULL);
	if (!ctx)
		return false;
	k.kmod_set_log_fn(ctx, no_log, NULL);
	if (!k.kmod_module_new_from_name(ctx, MODULE, &mod))
		path = k.kmod_module_get_path(mod);
	other = path && !strstr(path, "/kernel/drivers/block/");
	k.kmod_module_unref(mod);
	k.kmod_unref(ctx);
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
