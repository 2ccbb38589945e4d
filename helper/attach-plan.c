// SPDX-License-Identifier: GPL-2.0-or-later
/* From what the server offers to what the kernel is told. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/nbd-netlink.h>
#include <linux/nbd.h>

#include "attach.h"

/*
 * What every server must take if it takes anything. Servers that have no limit
 * say 2^32 - 1, and often refuse what is far smaller.
 */
#define TAKEN_BY_ALL	(32U << 20)
/* proto.md, "Size constraints": the largest minimum; few kernels take blocks over a page. */
#define BLOCK_MAX	65536

/* proto.md, "Size constraints": more than that only if the user asks for it. */
static u32 payload_max(const struct attach_options *o, const struct export *e)
{
	u64 most = TAKEN_BY_ALL;

	if (o->max_request > most)
		most = o->max_request;
	return e->maximum < most ? e->maximum : (u32)most;
}

static int set_block_size(const struct attach_options *o, const char *server,
			  const struct export *e, struct nl_attach *a,
			  struct err *err)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE);
	u64 least = e->minimum < 512 ? 512 : e->minimum;
	u64 most = e->maximum < BLOCK_MAX ? e->maximum : BLOCK_MAX;

	if (e->maximum < page)
		return err_set(err, ST_REFUSED,
			       "%s: the server takes at most %u bytes in a request, this kernel needs %llu",
			       server, e->maximum, page);
	a->block_size = o->block_size ? o->block_size : least;
	if (a->block_size < least || a->block_size > most ||
	    a->block_size & (a->block_size - 1))
		return err_set(err, ST_USAGE,
			       "--block-size %llu: not a power of two from %llu (the least the server takes) to %llu",
			       o->block_size, least, most);
	return 0;
}

/**
 * attach_block_refused - say that the kernel does not take such large blocks
 * @o: what the user wants
 * @server: name of the server for messages
 * @a: what attach_plan() decided, and the kernel refused
 * @answer: how it did
 * @err: filled if that is the reason
 *
 * Which blocks it takes only the kernel knows: none over a page before 6.15.
 *
 * Return: 0 if the reason is another, or -1 with @err set.
 */
int attach_block_refused(const struct attach_options *o, const char *server,
			 const struct nl_attach *a,
			 const struct nl_answer *answer, struct err *err)
{
	static const char reason[] = "block size:";
	u64 page = (u64)sysconf(_SC_PAGESIZE);

	if (a->block_size <= page ||
	    strncmp(answer->text, reason, strlen(reason)))
		return 0;
	if (o->block_size)
		return err_set(err, ST_USAGE,
			       "--block-size %llu: this kernel takes no blocks larger than a page, %llu bytes",
			       o->block_size, page);
	return err_set(err, ST_REFUSED,
		       "%s: the server takes no blocks smaller than %llu bytes, this kernel none larger than %llu",
		       server, a->block_size, page);
}

static int set_size(const char *server, const struct export *e,
		    struct nl_attach *a, struct err *err)
{
	a->size = e->size - e->size % a->block_size;
	if (!e->size)
		return err_set(err, ST_REFUSED,
			       "%s: the export has size 0, there is nothing to attach",
			       server);
	if (!a->size)
		return err_set(err, ST_REFUSED,
			       "%s: the export has %llu bytes, less than one block of %llu",
			       server, e->size,
			       a->block_size);
	if (a->size != e->size)
		fprintf(stderr,
			"nbdctl: the last %llu bytes of the export are left out: its size is no multiple of %llu\n",
			(e->size - a->size),
			a->block_size);
	return 0;
}

/**
 * attach_plan - decide what to tell the kernel
 * @o: what the user wants
 * @server: name of the server for messages
 * @e: what the server offers
 * @a: result, but for sockets and backend
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int attach_plan(const struct attach_options *o, const char *server,
		const struct export *e, struct nl_attach *a, struct err *err)
{
	if (set_block_size(o, server, e, a, err) ||
	    set_size(server, e, a, err))
		return -1;
	a->has_index = o->has_device;
	a->index = o->device;
	a->timeout = o->timeout;
	a->dead_timeout = o->dead_timeout;
	a->fence = (u32)o->fence * 1000;
	a->server_flags = e->flags;
	if (o->read_only)
		a->server_flags |= NBD_FLAG_READ_ONLY;
	a->queue_depth = (u32)o->queue_depth;
	a->preferred = e->preferred;
	a->payload_max = payload_max(o, e);
	a->max_request = (u32)o->max_request;
	a->has_read_ahead = o->has_read_ahead;
	a->read_ahead = (u32)o->read_ahead;
	a->zeroes = o->zeroes;
	if (o->no_partscan)
		a->attach_flags |= NBD_ATTACH_NO_PARTSCAN;
	if (o->force_multi_conn)
		a->attach_flags |= NBD_ATTACH_FORCE_MULTI_CONN;
	if (o->loss_fails)
		a->attach_flags |= NBD_ATTACH_LOSS_FAILS;
	if (o->persist)
		a->attach_flags |= NBD_ATTACH_PERSIST;
	if (o->no_optgo)
		a->attach_flags |= NBD_ATTACH_NO_OPTGO;
	return 0;
}

static bool usable(const struct link *link)
{
	return link->state == LINK_DONE && link->neg.phase == NEG_TRANSMISSION;
}

/* Which of the failures to show: the server's own words before silence. */
static const struct err *worst(const struct session *s)
{
	const struct err *first = NULL;
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		const struct link *link = &s->links[i];

		if (link->state == LINK_DONE && !usable(link))
			return &link->neg.err;
		if (link->state == LINK_FAILED && !first)
			first = &link->err;
	}
	return first;
}

static int too_few(const struct attach_options *o, const struct session *s,
		   unsigned int have, struct err *err)
{
	const struct err *why = worst(s);

	if (!why)
		return err_set(err, ST_UNREACHABLE,
			       "%s: only %u of %u connections came about in time",
			       s->server, have, s->n);
	if (o->renewal)
		return err_set(err, why->status,
			       "%s accepted only %u of the %u connections that the device has (%s)",
			       s->server, have, s->n, why->text);
	return err_set(err, why->status,
		       "%s accepted only %u of %u connections, try -C %u (%s)",
		       s->server, have, s->n, have, why->text);
}

/* Of the connections that can be used, whose first one is @first. */
static int check_agreement(const struct session *s, unsigned int first,
			   struct err *err)
{
	unsigned int i;

	for (i = first + 1; i < s->n; i++)
		if (usable(&s->links[i]) &&
		    !export_same(&s->links[first].neg.export,
				 &s->links[i].neg.export))
			return err_set(err, ST_PROTOCOL,
				       "%s: connections %u and %u were offered different sizes, flags or block sizes",
				       s->server, first, i);
	return 0;
}

/* The export may have one connection only: @keep. End the others. */
static void keep_one(struct session *s, unsigned int keep)
{
	struct link swap = s->links[0];
	unsigned int i;

	s->links[0] = s->links[keep];
	s->links[keep] = swap;
	for (i = 1; i < s->n; i++) {
		session_drop(&s->links[i]);
		neg_release(&s->links[i].neg);
	}
	fprintf(stderr,
		"nbdctl: using 1 connection instead of %u: the server does not promise that they see each other's writes (multi-conn)\n",
		s->n);
	s->n = 1;
}

/**
 * attach_choose - decide which connections are used
 * @o: what the user wants
 * @s: the session, after session_run(); connections may be taken out
 * @export: what the server offers on them
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int attach_choose(const struct attach_options *o, struct session *s,
		  const struct export **export, struct err *err)
{
	unsigned int i, have = 0, first = 0;

	for (i = 0; i < s->n; i++) {
		if (!usable(&s->links[i]))
			continue;
		if (!have++)
			first = i;
	}
	if (!have) {
		*err = *worst(s);
		return -1;
	}
	if (check_agreement(s, first, err))
		return -1;
	if (s->n > 1 && !o->read_only && !o->force_multi_conn && !o->renewal &&
	    !export_shareable(&s->links[first].neg.export))
		keep_one(s, first);
	else if (have < s->n)
		return too_few(o, s, have, err);
	*export = &s->links[0].neg.export;
	return 0;
}

/**
 * attach_salvage - use the connections that the server accepted, if there are any
 * @s: the session, after session_run(); the others are taken out
 * @export: what the server offers on them
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int attach_salvage(struct session *s, const struct export **export,
		   struct err *err)
{
	unsigned int i, have = 0;
	struct link link;

	for (i = 0; i < s->n; i++) {
		if (!usable(&s->links[i]))
			continue;
		link = s->links[have];
		s->links[have++] = s->links[i];
		s->links[i] = link;
	}
	if (!have) {
		*err = *worst(s);
		return -1;
	}
	for (i = have; i < s->n; i++) {
		session_drop(&s->links[i]);
		neg_release(&s->links[i].neg);
	}
	s->n = have;
	*export = &s->links[0].neg.export;
	return check_agreement(s, 0, err);
}
