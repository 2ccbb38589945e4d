/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor knows about a device that has, or had, dead connections. */
#ifndef NBDCTL_WATCH_H
#define NBDCTL_WATCH_H

#include "state.h"

#define WATCH_TARGETS	(1 + STATE_ALTERNATES)

enum watch_state {
	WATCH_NEW,		/* nothing is known yet */
	WATCH_LIVE,		/* all connections are */
	WATCH_WAITING,		/* for the next try */
	WATCH_TRYING,		/* an attempt is at work */
};

/**
 * struct watch - one device
 * @next: the list owns the watches in it: watch_free()
 * @index: the device
 * @state: only watches that are TRYING have an attempt, and that one is theirs
 * @dirty: something has happened: look at it
 * @seen: by the look at all devices that is at work
 * @steps: tries in a row, for the time between them
 * @flaps: losses in a row that came soon after all were live
 * @target: the next one to be tried: 0 the backend, then the alternates
 * @good: the one that was tried with success last
 * @due: WAITING: when, in the time of deadline_in()
 * @live_since: LIVE: since when, in the same time
 * @said: by target: which reason was last logged
 * @said_at: when one was
 * @tries: what is told to others; its strings are the watch's
 */
struct watch {
	struct watch *next;
	u32 index;
	enum watch_state state;
	bool dirty;
	bool seen;
	unsigned int steps;
	unsigned int flaps;
	unsigned int target;
	unsigned int good;
	s64 due;
	s64 live_since;
	u32 said[WATCH_TARGETS];
	s64 said_at;
	struct state_tries tries;
};

struct watch *watch_find(struct watch *list, u32 index);
struct watch *watch_add(struct watch **list, u32 index);
void watch_free(struct watch **at);
bool watch_is_calm(const struct watch *w);
bool watch_same(const struct watch *w, const struct nl_device *d);
void watch_anew(struct watch *w);

void watch_lost(struct watch *w, const struct nl_device *d);
void watch_live(struct watch *w, const struct nl_device *d);
void watch_failed(struct watch *w, const char *reason);
void watch_later(struct watch *w);
bool watch_choose(struct watch *w, const struct state_attach *s, char **uri);

#endif /* NBDCTL_WATCH_H */
