// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach and detach write nbdN.json, the monitor writes monitor-nbdN.json: each
 * file has one kind of writer. Both may outlive what they are about, so a reader
 * compares with what the kernel says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "persist.h"
#include "run-dir.h"

#define ATTACH_PREFIX	"nbd"
#define TRIES_PREFIX	"monitor-nbd"

static char *attach_file(char *dst, u32 index)
{
	snprintf(dst, RUN_DIR_NAME_MAX, ATTACH_PREFIX "%u.json", index);
	return dst;
}

static char *tries_file(char *dst, u32 index)
{
	snprintf(dst, RUN_DIR_NAME_MAX, TRIES_PREFIX "%u.json", index);
	return dst;
}

static int write_text(const char *name, char *text, struct err *err)
{
	int ret;

	if (!text)
		return err_set(err, ST_FAILED, "out of memory");
	ret = run_dir_write(name, text, err);
	free(text);
	return ret;
}

static int write_locked(const struct nl_device *d, char * const *alternates,
			size_t n, struct err *err)
{
	struct state_attach s = {
		.backend = d->backend,
		.pid = d->pid,
		.serial = d->serial,
	};
	char name[RUN_DIR_NAME_MAX];

	while (s.n < n) {
		s.alternates[s.n] = alternates[s.n];
		s.n++;
	}
	return write_text(attach_file(name, d->index), state_write_attach(&s),
			  err);
}

/**
 * persist_write - leave for the monitor what it needs for a device
 * @nl: the socket
 * @index: the device, which this process has just attached
 * @serial: its serial, 0: an older driver has not said it
 * @alternates: further URIs
 * @n: their number, at most STATE_ALTERNATES; without any, the kernel knows all, and
 *	what an earlier device left is removed
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set: with ST_NO_DEVICE when it has been detached, be it
 * that somebody else has attached it since.
 */
int persist_write(struct nl *nl, u32 index, u32 serial,
		  char * const *alternates, size_t n, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	char name[RUN_DIR_NAME_MAX];
	int ret = 0;
	int lock;

	if (n && run_dir_make(err))
		return -1;
	lock = run_dir_lock();
	nl_get(nl, index, &devices, &answer);
	if (answer.error)
		ret = nl_error(&answer, "cannot ask for the device", err);
	else if (!nl_is_meant(&devices.d[0], serial))
		ret = err_set(err, ST_NO_DEVICE,
			      "nbd%u was detached before all was written down",
			      index);
	else if (n)
		ret = write_locked(&devices.d[0], alternates, n, err);
	else
		run_dir_remove(attach_file(name, index));
	nl_free_devices(&devices);
	if (lock >= 0)
		close(lock);
	return ret;
}

/**
 * persist_read - what attach left for the monitor
 * @d: the device as it is
 * @s: result; empty when there is nothing
 *
 * Return: whether it left something; then state_free_attach() @s.
 */
bool persist_read(const struct nl_device *d, struct state_attach *s)
{
	char name[RUN_DIR_NAME_MAX];
	char *text = run_dir_read(attach_file(name, d->index));
	bool read;

	*s = (struct state_attach){ .n = 0 };
	if (!text)
		return false;
	read = state_read_attach(s, text);
	free(text);
	if (read && !state_is_of(s->backend, s->pid, s->serial, d)) {
		state_free_attach(s);
		read = false;
	}
	return read;
}

static bool is_in_use(struct nl *nl, u32 index)
{
	struct nl_devices devices;
	struct nl_answer answer;
	struct state_attach s;
	bool in_use;

	nl_get(nl, index, &devices, &answer);
	if (answer.error)
		in_use = answer.error != ENODEV && answer.error != ENOENT;
	else
		in_use = persist_read(&devices.d[0], &s);
	if (in_use && !answer.error)
		state_free_attach(&s);
	nl_free_devices(&devices);
	return in_use;
}

/**
 * persist_clean - remove what was left for a device, unless it is attached again
 * @nl: the socket
 * @index: the device, which was detached
 */
void persist_clean(struct nl *nl, u32 index)
{
	char name[RUN_DIR_NAME_MAX];
	int lock = run_dir_lock();
	char *text;

	if (lock < 0)
		return;
	text = run_dir_read(attach_file(name, index));
	if (text && !is_in_use(nl, index))
		run_dir_remove(name);
	free(text);
	close(lock);
}

static void kept_remove(struct persist_kept **at)
{
	struct persist_kept *kept = *at;

	*at = kept->next;
	state_free_attach(&kept->s);
	free(kept);
}

static void kept_add(struct persist_kept **list, u32 index, const char *text)
{
	struct persist_kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return;
	if (!state_read_attach(&kept->s, text)) {
		free(kept);
		return;
	}
	kept->index = index;
	kept->next = *list;
	*list = kept;
}

/**
 * persist_keep - have in memory what attach left for a device
 * @list: what is kept
 * @name: a file of the run directory that was written or removed, of any kind
 *
 * One that cannot be read now changes nothing.
 *
 * For the monitor: what is in the file may have been swapped to the very device that
 * has lost its connections, so it cannot be read when it is needed.
 */
void persist_keep(struct persist_kept **list, const char *name)
{
	char file[RUN_DIR_NAME_MAX];
	struct persist_kept **at;
	char *text;
	u32 index;

	if (sscanf(name, ATTACH_PREFIX "%u.json", &index) != 1 ||
	    strcmp(name, attach_file(file, index)))
		return;
	text = run_dir_read(file);
	if (!text && run_dir_has(file))
		return;
	for (at = list; *at && (*at)->index != index;)
		at = &(*at)->next;
	if (*at)
		kept_remove(at);
	if (text)
		kept_add(list, index, text);
	free(text);
}

/**
 * persist_keep_of - the same for a device of which nothing is kept, if it left something
 * @list: what is kept
 * @d: the device as it is
 */
void persist_keep_of(struct persist_kept **list, const struct nl_device *d)
{
	char name[RUN_DIR_NAME_MAX];

	if (!persist_kept(*list, d))
		persist_keep(list, attach_file(name, d->index));
}

/**
 * persist_kept - what attach left for the monitor, from memory
 * @list: what is kept
 * @d: the device as it is
 *
 * Return: what it left, until the list changes, or NULL when it left nothing.
 */
const struct state_attach *persist_kept(const struct persist_kept *list,
					const struct nl_device *d)
{
	while (list && list->index != d->index)
		list = list->next;
	if (!list || !state_is_of(list->s.backend, list->s.pid, list->s.serial, d))
		return NULL;
	return &list->s;
}

/**
 * persist_forget - free all that is kept
 * @list: it
 */
void persist_forget(struct persist_kept **list)
{
	while (*list)
		kept_remove(list);
}

/**
 * tries_write - tell others how far the monitor is
 * @index: the device
 * @s: how far it is
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int tries_write(u32 index, const struct state_tries *s, struct err *err)
{
	char name[RUN_DIR_NAME_MAX];

	return write_text(tries_file(name, index), state_write_tries(s), err);
}

/**
 * tries_read - how far the monitor is
 * @d: the device as it is
 * @s: result; empty when there is nothing
 *
 * Return: whether it has tried in vain; then state_free_tries() @s.
 */
bool tries_read(const struct nl_device *d, struct state_tries *s)
{
	char name[RUN_DIR_NAME_MAX];
	char *text = run_dir_read(tries_file(name, d->index));
	bool read;

	*s = (struct state_tries){ .tries = 0 };
	if (!text)
		return false;
	read = state_read_tries(s, text);
	free(text);
	if (read && (!state_is_of(s->backend, s->pid, s->serial, d) ||
		     nl_live(d) == d->nr_conns)) {
		state_free_tries(s);
		read = false;
	}
	return read;
}

/**
 * tries_remove - there is nothing more to be told
 * @index: the device
 */
void tries_remove(u32 index)
{
	char name[RUN_DIR_NAME_MAX];

	run_dir_remove(tries_file(name, index));
}

/**
 * tries_name - whether a file is one that tries_write() writes
 * @name: its name
 * @index: result: the device
 *
 * Return: true when it is.
 */
bool tries_name(const char *name, u32 *index)
{
	return sscanf(name, TRIES_PREFIX "%u.json", index) == 1;
}

/**
 * tries_now - the clock of struct state_tries
 *
 * Return: milliseconds since the machine was started.
 */
u64 tries_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (u64)now.tv_sec * 1000 + (u64)now.tv_nsec / 1000000;
}
