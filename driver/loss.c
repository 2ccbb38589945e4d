// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which acknowledged writes a flush comes too late for.
 */
#include "loss.h"

/**
 * nbd_loss_reset() - a new configuration: nothing was written
 * @loss: of a queue without requests
 *
 * Context: any.
 */
void nbd_loss_reset(struct nbd_loss *loss)
{
	loss->births = 0;
	atomic_set(&loss->since, 0);
	loss->gone = false;
	atomic_set(&loss->count, 0);
}

/**
 * nbd_loss_birth() - the device gets a lot of sockets
 * @loss: of its queue
 * @conns: connections that are DOWN, with sockets
 * @count: how many
 *
 * nbd_loss_born() ends it, when they are LIVE: what is acknowledged in between
 * counts as older than they are, which at worst gives a false alarm.
 *
 * Context: process; the caller excludes other changes of the configuration.
 */
void nbd_loss_birth(struct nbd_loss *loss, struct nbd_conn **conns,
		    unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		conns[i]->birth = loss->births + 1;
}

/**
 * nbd_loss_born() - the end of nbd_loss_birth()
 * @loss: of the queue
 *
 * Context: as nbd_loss_birth().
 */
void nbd_loss_born(struct nbd_loss *loss)
{
	WRITE_ONCE(loss->births, loss->births + 1);
}

/**
 * nbd_loss_written() - the server answered a command without an error
 * @loss: of its queue
 * @cmd: the command; the block layer was not told yet
 *
 * A flush that is sent after this is after the command for the server, too, even if
 * what is noted here was noted before and is taken by that flush at the same time.
 *
 * Context: any.
 */
void nbd_loss_written(struct nbd_loss *loss, const struct nbd_cmd *cmd)
{
	if (nbd_cmd_changes_data(cmd) && !(cmd->type & NBD_CMD_FLAG_FUA) &&
	    !atomic_read(&loss->since))
		atomic_cmpxchg(&loss->since, 0, READ_ONCE(loss->births));
}

/**
 * nbd_loss_flush() - a flush is about to be issued
 * @loss: of its queue
 * @cmd: the flush; notes what it covers
 * @conn: the connection that is to carry it
 * @each: each connection is flushed by itself: then only @loss->gone says what went
 *	with one
 *
 * Context: any.
 * Return: true if it may come too late for a write; told once.
 */
bool nbd_loss_flush(struct nbd_loss *loss, struct nbd_cmd *cmd,
		    const struct nbd_conn *conn, bool each)
{
	bool late = READ_ONCE(loss->gone) && xchg(&loss->gone, false);
	u32 since = atomic_xchg(&loss->since, 0);

	/* What it covers already, on its way over several connections, is older. */
	if (!cmd->covers)
		cmd->covers = since;
	if (!each && cmd->covers && (s32)(conn->birth - cmd->covers) > 0)
		late = true;
	if (likely(!late))
		return false;
	cmd->covers = 0;
	atomic_inc(&loss->count);
	return true;
}

/**
 * nbd_loss_unflushed() - a flush did not do what it was for
 * @loss: of its queue
 * @cmd: the flush; what it was to cover is unflushed again
 *
 * Context: any.
 */
void nbd_loss_unflushed(struct nbd_loss *loss, struct nbd_cmd *cmd)
{
	int old = atomic_read(&loss->since);

	while (cmd->covers && (!old || (s32)(cmd->covers - old) < 0)) {
		if (atomic_try_cmpxchg(&loss->since, &old, cmd->covers))
			break;
	}
	cmd->covers = 0;
}
