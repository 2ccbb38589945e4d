// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which connections have unflushed writes, and how far a flush has got.
 */
#include "flush.h"

#define NBD_UNFLUSHED_WRITES	1	/* acknowledged, not flushed since */
#define NBD_UNFLUSHED_FLUSH	2	/* for each flush that is not over */

/**
 * nbd_flush_next() - where a flush has to go
 * @conns: the connections
 * @count: how many
 * @cmd: the flush; its place is moved on, so that it comes by each connection
 *	once however much is written meanwhile
 *
 * Context: any; the configuration must not go away.
 * Return: a connection that was live and had unflushed writes a moment ago, or
 * NULL at the end.
 */
struct nbd_conn *nbd_flush_next(struct nbd_conn **conns, unsigned int count,
				struct nbd_cmd *cmd)
{
	for (; cmd->flush_at < count; cmd->flush_at++) {
		struct nbd_conn *conn = conns[cmd->flush_at];

		if (atomic_read(&conn->unflushed) && nbd_conn_usable(conn))
			return conn;
	}
	return NULL;
}

static bool nbd_flush_orphan(struct nbd_conn *conn)
{
	if (!(atomic_read(&conn->unflushed) & NBD_UNFLUSHED_WRITES) ||
	    nbd_conn_usable(conn) ||
	    !(atomic_fetch_andnot(NBD_UNFLUSHED_WRITES, &conn->unflushed) &
	      NBD_UNFLUSHED_WRITES))
		return false;
	/* Another socket has come: they may be its own. */
	if (nbd_conn_usable(conn))
		atomic_or(NBD_UNFLUSHED_WRITES, &conn->unflushed);
	return true;
}

/**
 * nbd_flush_orphaned() - are there writes that no flush can reach any more?
 * @conns: the connections
 * @count: how many
 *
 * Those of a connection that is going down, which nobody has been told of yet; they
 * are forgotten.
 *
 * Context: any; the configuration must not go away.
 * Return: true if there were some.
 */
bool nbd_flush_orphaned(struct nbd_conn **conns, unsigned int count)
{
	bool orphaned = false;
	unsigned int i;

	for (i = 0; i < count; i++)
		orphaned |= nbd_flush_orphan(conns[i]);
	return orphaned;
}

/**
 * nbd_flush_begin() - a flush is about to be issued
 * @conn: the connection that is to carry it
 * @cmd: the flush; notes whether there is something that it covers, and gets the
 *	birth of @conn
 *
 * Fully ordered: writes whose replies were seen before are covered by it.
 *
 * Context: any.
 */
void nbd_flush_begin(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	int old = atomic_read(&conn->unflushed);

	/* Before that, so that a new socket in the slot shows: see nbd_loss_moved(). */
	cmd->birth = READ_ONCE(conn->birth);
	while (!atomic_try_cmpxchg(&conn->unflushed, &old,
				   (old & ~NBD_UNFLUSHED_WRITES) +
				   NBD_UNFLUSHED_FLUSH))
		;
	/* What another one is about, which is not over, is not clean. */
	cmd->flush_covers = old != 0;
}

/**
 * nbd_flush_undo() - a flush was not carried out
 * @conn: the connection, which can still be flushed
 * @cmd: the flush; what it covered is unflushed again
 *
 * Context: any.
 */
void nbd_flush_undo(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	int writes = cmd->flush_covers ? NBD_UNFLUSHED_WRITES : 0;
	int old = atomic_read(&conn->unflushed);

	while (!atomic_try_cmpxchg(&conn->unflushed, &old,
				   (old - NBD_UNFLUSHED_FLUSH) | writes))
		;
}

/**
 * nbd_flush_lost() - a flush was taken back from its connection
 * @conn: the connection, which may have another socket by now
 * @cmd: the flush; it begins again
 *
 * Context: any.
 * Return: true if it covered writes: nobody can flush them any more.
 */
bool nbd_flush_lost(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	/* Another socket has come, and may have acknowledged what it covered. */
	if (nbd_conn_usable(conn))
		nbd_flush_undo(conn, cmd);
	else
		atomic_sub(NBD_UNFLUSHED_FLUSH, &conn->unflushed);
	cmd->flush_at = 0;
	return cmd->flush_covers;
}

/**
 * nbd_flush_forget() - the connection is down, with all that was to be flushed
 * @conn: a connection that carries no command any more, without another socket yet
 *
 * A flush that was about to be sent there counts until it is taken back.
 *
 * Context: any.
 * Return: true if it had acknowledged writes since its last flush.
 */
bool nbd_flush_forget(struct nbd_conn *conn)
{
	return atomic_fetch_andnot(NBD_UNFLUSHED_WRITES, &conn->unflushed) &
	       NBD_UNFLUSHED_WRITES;
}

static bool nbd_flush_done(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	if (cmd->error) {
		nbd_flush_undo(conn, cmd);
		return false;
	}
	atomic_sub(NBD_UNFLUSHED_FLUSH, &conn->unflushed);
	cmd->flush_at++;
	return true;
}

/**
 * nbd_flush_answered() - a command was answered, the block layer not yet told
 * @conn: the connection
 * @cmd: the command
 *
 * Context: any.
 * Return: true for a flush that went well and may have to go on.
 */
bool nbd_flush_answered(struct nbd_conn *conn, struct nbd_cmd *cmd)
{
	switch (cmd->type & 0xffff) {
	case NBD_CMD_FLUSH:
		return nbd_flush_done(conn, cmd);
	case NBD_CMD_WRITE:
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		if (!cmd->error && !(cmd->type & NBD_CMD_FLAG_FUA) &&
		    !(atomic_read(&conn->unflushed) & NBD_UNFLUSHED_WRITES))
			atomic_or(NBD_UNFLUSHED_WRITES, &conn->unflushed);
		return false;
	default:
		return false;
	}
}
