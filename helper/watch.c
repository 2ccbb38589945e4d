// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "daemon.h"
#include "persist.h"
#include "transport.h"
#include "watch.h"

#define SOON_MS		2000	/* live for less: it has to wait before a try */
#define REPEAT_MS	60000	/* how often the same reason is logged */

/**
 * watch_find - find the watch of a device
 * @list: the watches
 * @index: the device
 *
 * Return: the watch, or NULL.
 */
struct watch *watch_find(struct watch *list, u32 index)
{
	while (list && list->index != index)
		list = list->next;
	return list;
}

/**
 * watch_add - find the watch of a device or make one
 * @list: the watches, which own it
 * @index: the device
 *
 * Return: the watch, or NULL when memory ran out.
 */
struct watch *watch_add(struct watch **list, u32 index)
{
	struct watch *w = watch_find(*list, index);

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->index = index;
	w->next = *list;
	*list = w;
	return w;
}

/**
 * watch_free - forget a device, also what others were told about it
 * @at: where the list points to it
 */
void watch_free(struct watch **at)
{
	struct watch *w = *at;

	*at = w->next;
	tries_remove(w->index);
	state_free_tries(&w->tries);
	free(w);
}

static bool live_for_long(const struct watch *w)
{
	return deadline_in(0) - w->live_since > SOON_MS;
}

/**
 * watch_is_calm - whether a device has been live for so long that nothing of the
 * last loss matters any more, nor is it anywhere but where it was attached
 * @w: the watch
 *
 * Return: true when it has.
 */
bool watch_is_calm(const struct watch *w)
{
	return w->state == WATCH_LIVE && !w->dirty && !w->good && live_for_long(w);
}

/**
 * watch_same - whether a device is attached as when it lost connections
 * @w: the watch
 * @d: the device as it is
 *
 * Return: true when it is, or nothing is known.
 */
bool watch_same(const struct watch *w, const struct nl_device *d)
{
	return !w->tries.backend ||
	       state_is_of(w->tries.backend, w->tries.pid, w->tries.serial, d);
}

/**
 * watch_anew - the device is another attachment than the one that was known
 * @w: the watch
 */
void watch_anew(struct watch *w)
{
	w->state = WATCH_NEW;
	w->good = 0;
}

static void wait_from_now(struct watch *w, s64 milliseconds)
{
	w->state = WATCH_WAITING;
	w->due = deadline_in(milliseconds);
}

/**
 * watch_later - choose when to try again
 * @w: the watch
 */
void watch_later(struct watch *w)
{
	wait_from_now(w, backoff_ms(w->steps, backoff_random()));
}

/* A new loss, or one that another monitor has begun to work on. */
static void begin(struct watch *w, const struct nl_device *d)
{
	state_free_tries(&w->tries);
	if (tries_read(d, &w->tries))
		return;
	w->tries.backend = d->backend ? strdup(d->backend) : NULL;
	w->tries.pid = d->pid;
	w->tries.serial = d->serial;
	w->tries.lost = tries_now();
}

/**
 * watch_lost - connections of a device are dead, which was not known before
 * @w: the watch
 * @d: the device as it is
 *
 * The first try is made at once, to where the last one led, unless it has just got
 * others: some servers take connections only to end them.
 */
void watch_lost(struct watch *w, const struct nl_device *d)
{
	bool again = w->state == WATCH_LIVE && !live_for_long(w);

	w->dirty = false;
	begin(w, d);
	daemon_log("nbd%u: connection lost, reconnecting", w->index);
	if (again) {
		w->steps = ++w->flaps;
		w->target++;
		watch_later(w);
		return;
	}
	w->steps = 0;
	w->flaps = 0;
	w->target = w->good;
	memset(w->said, 0, sizeof(w->said));
	wait_from_now(w, 0);
}

static void say_live(const struct watch *w, const struct nl_device *d)
{
	u64 ms = tries_now() - w->tries.lost;
	u64 tries = w->tries.tries;

	daemon_log("nbd%u: %u of %zu connections are live again after %llu %s (%llu.%llu s)",
		   w->index, nl_live(d), d->nr_conns, tries,
		   tries == 1 ? "try" : "tries", ms / 1000, ms % 1000 / 100);
}

/**
 * watch_live - all connections of a device are live
 * @w: the watch
 * @d: the device as it is
 */
void watch_live(struct watch *w, const struct nl_device *d)
{
	if (w->state == WATCH_WAITING || w->state == WATCH_TRYING) {
		tries_remove(w->index);
		say_live(w, d);
	}
	if (w->state != WATCH_LIVE)
		w->live_since = deadline_in(0);
	w->state = WATCH_LIVE;
	w->dirty = false;
}

static u32 hash(const char *s)
{
	u32 h = 2166136261U;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619U;
	return h ? h : 1;
}

/* When the reason is new for this target, or was not said for long: then true. */
static bool say_failed(struct watch *w, const char *reason)
{
	unsigned int target = w->target % WATCH_TARGETS;
	s64 next = deadline_left(w->due);
	u32 h = hash(reason);

	if (w->said[target] == h && deadline_in(0) - w->said_at < REPEAT_MS)
		return false;
	w->said[target] = h;
	w->said_at = deadline_in(0);
	daemon_log("nbd%u: cannot reconnect: %s (try %llu, next in %lld.%lld s)",
		   w->index, reason, w->tries.tries, next / 1000,
		   next % 1000 / 100);
	return true;
}

/**
 * watch_failed - a try failed: tell it, and choose when to try again
 * @w: the watch
 * @reason: why
 */
void watch_failed(struct watch *w, const char *reason)
{
	struct err err;
	bool said;

	free(w->tries.error);
	w->tries.error = strdup(reason);
	w->tries.last = tries_now();
	watch_later(w);
	said = say_failed(w, reason);
	w->target++;
	if (w->tries.backend && w->tries.error &&
	    tries_write(w->index, &w->tries, &err) && said)
		daemon_log("%s", err.text);
}

/**
 * watch_choose - where the next try goes
 * @w: the watch; the try is counted
 * @s: what attach left, or NULL
 * @uri: result, to be freed; NULL: to where the device was attached
 *
 * Return: false when memory ran out.
 */
bool watch_choose(struct watch *w, const struct state_attach *s, char **uri)
{
	size_t n = s ? s->n : 0;

	w->steps++;
	w->tries.tries++;
	w->target %= 1 + n;
	*uri = w->target ? strdup(s->alternates[w->target - 1]) : NULL;
	return !w->target || *uri;
}
