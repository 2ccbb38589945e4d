// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thread waits for events, knows the devices and writes the files; it never
 * waits for a server. Attempts to connect have threads of their own, which share
 * nothing with it: see attempt.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
#include "attempt.h"
#include "bounded.h"
#include "daemon.h"
#include "monitor.h"
#include "netns.h"
#include "nl-events.h"
#include "notify.h"
#include "persist.h"
#include "run-dir.h"
#include "transport.h"
#include "watch.h"

#define MAX_RUNNING	64
#define REPEAT_MS	60000	/* how often it is logged that it could not be */
#define AGAIN_MS	1000	/* when the kernel could not be asked */

/**
 * struct monitor - all of it, in the stack of the main thread
 * @lock: descriptor that keeps other monitors away
 * @events: netlink socket
 * @signals: those that end the program
 * @files: tells what changes in the run directory; -1 if nothing can
 * @done: pipe of the attempts that are done, see struct attempt; reading end first
 * @family: the family as it was last found, without a socket
 * @resync: look at all devices
 * @resync_at: but not before this, in the time of deadline_in()
 * @resync_said: when it was logged last that it failed, in the same time, or 0
 * @kept: what attach left for the devices
 * @watches: the devices that have or had dead connections; the list owns them
 * @running: attempts at work
 * @shown: devices in the last status for the service manager
 */
struct monitor {
	int lock;
	int events;
	int signals;
	int files;
	int done[2];
	struct nl family;
	bool resync;
	s64 resync_at;
	s64 resync_said;
	struct persist_kept *kept;
	struct watch *watches;
	unsigned int running;
	unsigned int shown;
};

static bool is_ours(const struct nl_device *d)
{
	return d->attach_flags & NBD_ATTACH_PERSIST && d->nr_conns &&
	       (d->state == NBD_STATE_LIVE || d->state == NBD_STATE_PARKED ||
		d->state == NBD_STATE_DEAD);
}

static bool is_complete(const struct nl_device *d)
{
	return nl_live(d) == d->nr_conns;
}

static bool is_retrying(const struct watch *w)
{
	return w->state == WATCH_WAITING || w->state == WATCH_TRYING;
}

/* --- one device ------------------------------------------------------ */

/* An attempt that is at work finds out by itself. */
static void update(struct watch *w, const struct nl_device *d)
{
	w->dirty = false;
	if (w->state == WATCH_TRYING)
		return;
	if (!watch_same(w, d))
		watch_anew(w);
	if (is_complete(d))
		watch_live(w, d);
	else if (!is_retrying(w))
		watch_lost(w, d);
}

/*
 * Returns false when there is no such device for us any more. Else @err says
 * whether the kernel answered.
 */
static bool get(struct monitor *m, u32 index, struct nl_devices *devices,
		struct err *err)
{
	struct nl_answer answer;
	char what[32];
	struct nl nl;

	memset(devices, 0, sizeof(*devices));
	err->status = ST_OK;
	if (m->family.family != NL_FAMILY_OURS)
		return false;
	snprintf(what, sizeof(what), "nbd%u", index);
	if (!nl_open_again(&nl, &m->family, err)) {
		nl_get(&nl, index, devices, &answer);
		if (answer.error)
			nl_error(&answer, what, err);
	}
	nl_done(&nl);
	if (err->status != ST_OK)
		return err->status != ST_NO_DEVICE;
	return is_ours(&devices->d[0]);
}

static void start(struct monitor *m, struct watch *w,
		  struct nl_devices *devices)
{
	const struct state_attach *kept = NULL;
	bool chosen;
	struct err err;
	struct uri uri;
	char *text;

	if (m->files < 0 && !w->steps)
		persist_keep_of(&m->kept, &devices->d[0]);
	/* The alternates are other ways to where it was. */
	if (!devices->d[0].moved_to)
		kept = persist_kept(m->kept, &devices->d[0]);
	chosen = watch_choose(w, kept, &text);
	if (!chosen)
		err_set(&err, ST_FAILED, "out of memory");
	if (!chosen || (text && uri_parse(&uri, text, &err)) ||
	    attempt_start(&m->family, devices, text ? &uri : NULL, m->done[1],
			  &err)) {
		watch_failed(w, err.text);
	} else {
		w->state = WATCH_TRYING;
		m->running++;
	}
	free(text);
}

/* What could not be read without connections. */
static void keep_again(struct monitor *m, const struct nl_device *d)
{
	if (nl_live(d))
		persist_keep_of(&m->kept, d);
}

/* The kernel could not be asked. Nothing was tried, so nobody is told. */
static void look_later(struct monitor *m, struct watch *w)
{
	w->dirty = false;
	if (w->state == WATCH_WAITING) {
		w->steps = w->steps ? w->steps : 1;
		watch_later(w);
		return;
	}
	m->resync = true;
	m->resync_at = deadline_in(AGAIN_MS);
}

/* Its time has come, or something has happened. False: forget it. */
static bool look(struct monitor *m, struct watch *w)
{
	bool due = w->state == WATCH_WAITING && !deadline_left(w->due);
	struct nl_devices devices;
	struct err err;
	bool ours;

	ours = get(m, w->index, &devices, &err);
	if (ours && err.status != ST_OK) {
		look_later(m, w);
	} else if (ours) {
		update(w, &devices.d[0]);
		keep_again(m, &devices.d[0]);
		if (due && w->state == WATCH_WAITING)
			start(m, w, &devices);
	}
	nl_free_devices(&devices);
	return ours;
}

/* How an attempt of this device ended. False: forget it. */
static bool conclude(struct monitor *m, struct watch *w,
		     const struct attempt *a)
{
	struct nl_devices devices;
	struct err err;
	bool ours;

	ours = get(m, w->index, &devices, &err);
	if (!ours)
		goto out;
	if (err.status != ST_OK) {
		watch_later(w);
		goto out;
	}
	if (!watch_same(w, &devices.d[0])) {
		watch_anew(w);
		update(w, &devices.d[0]);
	} else if (is_complete(&devices.d[0])) {
		if (!a->ret)
			w->good = w->target;
		watch_live(w, &devices.d[0]);
	} else {
		watch_failed(w, a->ret ? a->err.text :
			     "a new connection was lost at once");
	}
	keep_again(m, &devices.d[0]);
out:
	nl_free_devices(&devices);
	return ours;
}

/* --- all devices ----------------------------------------------------- */

/* Where the list points to a watch, for watch_free(). */
static struct watch **place_of(struct monitor *m, const struct watch *w)
{
	struct watch **at = &m->watches;

	while (*at != w)
		at = &(*at)->next;
	return at;
}

/* Of a device that no watch is busy with. */
static void remove_relic(const char *name, void *arg)
{
	struct monitor *m = arg;
	struct watch *w;
	u32 index;

	if (!tries_name(name, &index))
		return;
	w = watch_find(m->watches, index);
	if (!w || !is_retrying(w))
		run_dir_remove(name);
}

static void take_all(struct monitor *m, const struct nl_devices *devices)
{
	const struct nl_device *d;
	struct watch *w, **at;
	size_t i;

	for (w = m->watches; w; w = w->next)
		w->seen = false;
	for (i = 0; i < devices->n; i++) {
		d = &devices->d[i];
		w = watch_find(m->watches, d->index);
		if (!is_ours(d) || (!w && is_complete(d)))
			continue;
		w = watch_add(&m->watches, d->index);
		if (!w) {
			m->resync = true;
			continue;
		}
		w->seen = true;
		update(w, d);
	}
	for (at = &m->watches; *at;) {
		if ((*at)->seen || (*at)->state == WATCH_TRYING)
			at = &(*at)->next;
		else
			watch_free(at);
	}
	run_dir_each(remove_relic, m);
}

/* The group first, so that nothing happens between the answer and the events. */
static int resync_family(struct monitor *m, struct nl *nl, struct err *err)
{
	struct nl_devices devices = { .n = 0 };
	struct nl_answer answer = { .error = 0 };
	bool ours = nl->family == NL_FAMILY_OURS;

	if (nl->family == NL_FAMILY_STOCK && nl->id != m->family.id)
		daemon_log("module nbd is the kernel's own: nothing can be watched");
	m->family = *nl;
	m->family.sock = NULL;
	if (ours && nl_events_join(m->events, nl->group, err))
		return -1;
	if (ours)
		nl_get_all(nl, &devices, &answer);
	if (!answer.error)
		take_all(m, &devices);
	nl_free_devices(&devices);
	/* It went meanwhile, which is an event, too. */
	if (!answer.error || answer.error == ENOENT)
		return 0;
	return nl_error(&answer, "cannot list the devices", err);
}

static void say_unasked(struct monitor *m, const char *reason)
{
	s64 now = deadline_in(0);

	if (m->resync_said && now - m->resync_said < REPEAT_MS)
		return;
	m->resync_said = now;
	daemon_log("%s", reason);
}

static void resync(struct monitor *m)
{
	struct err err;
	struct nl nl;
	int ret;

	m->resync = false;
	ret = nl_open_quietly(&nl, &err);
	if (!ret)
		ret = resync_family(m, &nl, &err);
	nl_done(&nl);
	if (ret) {
		say_unasked(m, err.text);
		m->resync = true;
	} else {
		m->resync_said = 0;
	}
	m->resync_at = m->resync ? deadline_in(AGAIN_MS) : 0;
}

/* --- the loop -------------------------------------------------------- */

static void on_event(enum nl_event event, u32 index, void *arg)
{
	struct monitor *m = arg;
	struct watch *w = NULL;

	if (event == NL_EVENT_LINK_DEAD)
		w = watch_add(&m->watches, index);
	/* One that is retried looks at the device before and after that. */
	if (w && !is_retrying(w))
		w->dirty = true;
	if (!w)
		m->resync = true;
}

static void on_file(const char *name, void *arg)
{
	struct monitor *m = arg;

	persist_keep(&m->kept, name);
}

static void take_done(struct monitor *m)
{
	struct attempt *a;
	struct watch *w;

	while ((a = attempt_take(m->done[0]))) {
		m->running--;
		w = watch_find(m->watches, attempt_index(a));
		if (w && !conclude(m, w, a))
			watch_free(place_of(m, w));
		attempt_free(a);
	}
}

/* The one that has waited longest for its turn. */
static struct watch *next_due(struct monitor *m)
{
	struct watch *w, *first = NULL;

	for (w = m->watches; w; w = w->next)
		if (w->state == WATCH_WAITING && !deadline_left(w->due) &&
		    (!first || w->due < first->due))
			first = w;
	return first;
}

static void look_at_dirty(struct monitor *m)
{
	struct watch **at = &m->watches;

	while (*at) {
		struct watch *w = *at;

		if (watch_is_calm(w) || (w->dirty && !look(m, w)))
			watch_free(at);
		else
			at = &w->next;
	}
}

static void work(struct monitor *m)
{
	struct watch *w;

	if (m->resync && !deadline_left(m->resync_at))
		resync(m);
	look_at_dirty(m);
	while (m->running < MAX_RUNNING && (w = next_due(m)))
		if (!look(m, w))
			watch_free(place_of(m, w));
}

/* Until something has to be done; -1 when that is up to others. */
static int timeout(const struct monitor *m)
{
	const struct watch *w;
	s64 least = INT_MAX;
	bool any = m->resync;

	if (m->resync)
		least = deadline_left(m->resync_at);
	for (w = m->watches; w; w = w->next) {
		if (w->state != WATCH_WAITING || m->running == MAX_RUNNING)
			continue;
		any = true;
		if (deadline_left(w->due) < least)
			least = deadline_left(w->due);
	}
	return any ? (int)least : -1;
}

static void show(struct monitor *m)
{
	unsigned int n = 0;
	struct watch *w;

	for (w = m->watches; w; w = w->next)
		n += is_retrying(w);
	if (n == m->shown)
		return;
	m->shown = n;
	if (n)
		notify("STATUS=%u %s connections", n,
		       n == 1 ? "device lacks" : "devices lack");
	else
		notify("STATUS=all connections are live");
}

static void loop(struct monitor *m)
{
	struct pollfd p[] = {
		{ .fd = m->signals, .events = POLLIN },
		{ .fd = m->events, .events = POLLIN },
		{ .fd = m->done[0], .events = POLLIN },
		{ .fd = m->files, .events = POLLIN },
	};
	struct signalfd_siginfo signal;

	work(m);
	notify("READY=1\nSTATUS=all connections are live");
	for (;;) {
		show(m);
		if (poll(p, ARRAY_SIZE(p), timeout(m)) < 0)
			continue;
		if (p[0].revents)
			break;
		if (p[3].revents)
			run_dir_changes(m->files, on_file, m);
		if (p[1].revents)
			nl_events_read(m->events, m->family.id, on_event, m);
		if (p[2].revents)
			take_done(m);
		work(m);
	}
	/* Taken, it does not end the program in its own way. */
	while (read(m->signals, &signal, sizeof(signal)) > 0)
		;
	notify("STOPPING=1");
}

/* The devices are looked after: who waits for us need not. */
static void say_waiting(void)
{
	notify("READY=1\nSTATUS=waiting for the end of another monitor");
}

/* It may be needed when the disk that it is on is already gone: harden first. */
static int prepare(struct monitor *m, bool wait, struct err *err)
{
	daemon_harden();
	/* Those that are left to themselves, see bounded_call(). */
	signal(SIGCHLD, SIG_IGN);
	m->lock = run_dir_claim(RUN_DIR_MONITOR, "nbdctl monitor",
				wait ? say_waiting : NULL, err);
	if (m->lock < 0)
		return -1;
	netns_tell(m->lock);
	m->signals = signals_open();
	if (m->signals < 0 || pipe2(m->done, O_CLOEXEC))
		return err_set(err, ST_FAILED, "cannot open a descriptor: %s",
			       strerror(errno));
	fcntl(m->done[0], F_SETFL, O_NONBLOCK);
	m->files = run_dir_watch(err);
	if (m->files < 0) {
		daemon_log("%s; alternates are read when they are needed",
			   err->text);
		err->status = ST_OK;
	}
	run_dir_each(on_file, m);
	m->events = nl_events_open(err);
	return m->events < 0 ? -1 : 0;
}

/* What others were told stays: the next monitor goes on from there. */
static void end(struct monitor *m)
{
	struct watch *w;

	/* Threads use what exit() would tear down. */
	if (m->running)
		_exit(ST_OK);
	while ((w = m->watches)) {
		m->watches = w->next;
		state_free_tries(&w->tries);
		free(w);
	}
	persist_forget(&m->kept);
}

/**
 * monitor_run - give devices new connections until a signal ends it
 * @wait: if another monitor runs, wait until it has ended
 * @err: filled on failure
 *
 * Signals that end the program are held on return.
 *
 * Return: 0, or -1 with @err set; then it has not begun.
 */
int monitor_run(bool wait, struct err *err)
{
	struct monitor m = {
		.lock = -1, .events = -1, .signals = -1, .files = -1,
		.done = { -1, -1 }, .resync = true,
	};
	int *fds[] = { &m.lock, &m.events, &m.signals, &m.files, m.done,
		       m.done + 1 };
	size_t i;
	int ret;

	if (admin_check("watch devices", err))
		return -1;
	ret = prepare(&m, wait, err);
	if (!ret) {
		loop(&m);
		end(&m);
	}
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	return ret;
}
